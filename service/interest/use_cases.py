"""Use cases of interest: a credit is allocated, once, to those whose money bore it (E34, I-40)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refusals import InterestUnknown, Refusal, WrongState
from ledger.rules import interest as rules
from ledger.rules.interest import DayProduct
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store import ids, interest_reads, rows
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import CustodyAccount, Institution, InterestCredit, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit

SHARES_MAX: Final = 1_000
"""How many students' shares one transaction of an allocation holds."""

BEFORE_REGISTER: Final = frozenset({"FROZEN", "OPENED", "LESSONS_SETTLED", "LIFTED"})
"""States of a wind-down in which entitlements, interest included, are not in its register yet."""


@dataclass(frozen=True, slots=True)
class Allocate:
    """Give a credit to the students whose money bore it."""

    journal: int
    interest: UUID


@dataclass(frozen=True, slots=True)
class FoundCredit:
    """A credit in the caller's scope, and where it stands."""

    command: Allocate
    institution: UUID
    custody: UUID


async def find_credits(
    connection: AsyncConnection, caller: Context, commands: Sequence[Allocate]
) -> list[FoundCredit | Refusal]:
    """Find the credits in the caller's scope."""
    wanted = {command.interest for command in commands}
    seen = await interest_reads.credits_seen(connection, caller, commands[0].journal, wanted)
    return [
        FoundCredit(
            command,
            seen[command.interest].institution_id,
            seen[command.interest].custody_account_id,
        )
        if command.interest in seen
        else InterestUnknown()
        for command in commands
    ]


async def load_credits(unit: Unit, found: Sequence[FoundCredit]) -> None:
    """Lock the credits and read their day-products: a period that is over no longer changes."""
    await unit.lock(Institution, {item.institution for item in found}, share=True)
    await unit.lock(CustodyAccount, {item.custody for item in found}, share=True)
    products: dict[UUID, list[DayProduct]] = {}
    for credit in await unit.lock(InterestCredit, {item.command.interest for item in found}):
        if credit.state == "CREDITED":
            products[credit.interest_id] = await _day_products(unit, credit)
    unit.facts.extra["day_products"] = products


async def read_credits(unit: Unit, found: Sequence[FoundCredit]) -> None:
    """Read the balances that an allocation touches, and how far a wind-down is."""
    journal = unit.facts.journal
    wanted = {item.institution for item in found}
    await unit.read(WindDown, rows.keyed(WindDown, journal, wanted, "institution_id"))
    products: dict[UUID, list[DayProduct]] = unit.facts.extra["day_products"]
    places = [_place(unit.facts, item) for item in found]
    await unit.balances(
        [
            *(place.interest_unallocated for place in places),
            *(product.contract.interest for every in products.values() for product in every),
        ]
    )


def decide_allocate(facts: Facts, found: FoundCredit) -> Decision:
    """Allocate a credit, all of it; what is allocated already is answered again.

    Raises `WrongState` while its period is not over, when nobody's money bore it (it then stays
    unallocated, in sight), and once a wind-down has registered what everybody is owed.
    """
    credit = facts.get(InterestCredit, found.command.interest)
    assert credit is not None, "the credit was found and locked"
    place = _place(facts, found)
    if credit.state == "ALLOCATED":
        return Decision(answer=answer_of(facts.journal, credit), duplicate=True)
    if credit.to_on >= facts.moment.today:
        raise WrongState(object="interest_credit", state="PERIOD_OPEN")
    _require_no_register(facts, found.institution)
    amount = Money.from_fen(credit.amount_fen)
    shares = rules.shares_of_interest(amount, facts.extra["day_products"][credit.interest_id])
    if not shares:
        raise WrongState(object="interest_credit", state=credit.state, wanted="DAY_PRODUCTS")
    values = {"state": "ALLOCATED", "allocated_fen": credit.amount_fen}
    allocated = Record({**credit, **values})
    return Decision(
        answer=answer_of(facts.journal, allocated) | {"students": len(shares)},
        transactions=tuple(_posted(place, credit.interest_id, shares)),
        changes=(Update(InterestCredit, (credit.interest_id,), values),),
        shows={"interest_unallocated": place.interest_unallocated},
    )


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a credit."""
    return {
        "id": ids.public("int", journal, row.interest_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "bank": row.bank_code,
        "from_on": row.from_on.isoformat(),
        "to_on": row.to_on.isoformat(),
        "amount": str(Money.from_fen(row.amount_fen)),
        "allocated": str(Money.from_fen(row.allocated_fen)),
        "state": row.state,
        "credited_on": row.credited_on.isoformat(),
    }


ALLOCATE: Final[UseCase[Allocate, FoundCredit]] = UseCase(
    "allocate_interest", find_credits, load_credits, decide_allocate, read_credits
)


async def _day_products(unit: Unit, credit: Record) -> list[DayProduct]:
    found = await unit.query(
        interest_reads.DAY_PRODUCTS,
        journal=unit.facts.journal,
        custody=credit.custody_account_id,
        from_on=credit.from_on,
        to_on=credit.to_on,
    )
    return [
        DayProduct(
            _books(row["enrolment_id"], row["institution_id"], credit.custody_account_id),
            row["fen_days"],
            row["contract_on"],
            row["contract_number"],
        )
        for row in found
    ]


def _books(enrolment: UUID, institution: UUID, custody: UUID) -> Contract:
    """Name the books of an enrolment in the account that bore interest; its price plays no part."""
    return Contract(enrolment, institution, custody, ZERO, 1)


def _posted(
    place: Place, credit: UUID, shares: Sequence[tuple[Contract, Money]]
) -> Iterator[Transaction]:
    for start in range(0, len(shares), SHARES_MAX):
        part = shares[start : start + SHARES_MAX]
        yield rules.interest_allocated(place, credit=credit, shares=part)


def _require_no_register(facts: Facts, institution: UUID) -> None:
    for row in facts.all(WindDown):
        if row.institution_id == institution and row.state not in BEFORE_REGISTER:
            raise WrongState(object="wind_down", state=row.state)


def _place(facts: Facts, found: FoundCredit) -> Place:
    account = facts.get(CustodyAccount, found.custody)
    assert account is not None, "the custody account was locked"
    return place_of(account)
