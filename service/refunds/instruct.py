"""Instruct refunds (E24, E26): at most what is funded and in the bank; the rest waits visibly.

A refund of a claim is paid up to what backs its enrolment (E27); a dividend is cash of the pool,
backed whole, unless a placement is going to carry it. Nothing is paid to a payee who is not known
or whose cool-off has not passed. A FENCE stops every refund, a freeze those of claims; a HOLD keeps
money back; PAYOUT_STOP stops none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, AccountKind
from ledger.money import ZERO, Money, total
from ledger.refusals import (
    AccountFenced,
    InstitutionFrozen,
    PayeeCoolingOff,
    PayeeMissing,
    Refusal,
    WrongState,
)
from ledger.rules import refunds
from service.store import ids, placements, porting_arrivals, refund_orders, refund_reads, rows
from service.store.claim_progress import CLAIM
from service.store.context import Context
from service.store.contracts import contract_of, place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.refund_orders import MONEY, PAYEE
from service.store.standing import FROZEN, restrained
from service.store.tables import CustodyAccount, Enrolment, Institution, Refund, Restraint
from service.store.transact import UseCase
from service.store.unit import Unit

BACKED: Final = frozenset({CLAIM, porting_arrivals.SOURCE})
"""Sources whose refunds are paid up to what backs their enrolment; the pool backs the others."""

_RETURNED: Final = "returned_orders"
_PLACED: Final = "placed_refunds"
_IN_BANK: Final = (AccountKind.CUSTODY_BANK, AccountKind.RISK_DEPOSIT_BANK)
_LEAVING: Final = (AccountKind.PAYOUT_IN_TRANSIT, AccountKind.REFUND_IN_TRANSIT)


@dataclass(frozen=True, slots=True)
class Instruct:
    """Pay what can be paid of a refund by a new order."""

    journal: int
    refund: UUID
    order: UUID


async def find_refunds(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[Instruct]
) -> list[Instruct | Refusal]:
    """Take refunds as they were found to be due."""
    return list(commands)


async def load_refunds(unit: Unit, commands: Sequence[Instruct]) -> None:
    """Lock institutions, accounts and enrolments, shared, then the refunds."""
    journal, wanted = unit.facts.journal, {command.refund for command in commands}
    named = rows.table_of(Refund)
    found = await rows.fetch(
        unit.connection,
        rows.keyed(Refund, journal, wanted, "refund_id").with_only_columns(
            named.c.institution_id, named.c.custody_account_id, named.c.enrolment_id, named.c.source
        ),
    )
    await unit.lock(Institution, {row["institution_id"] for row in found}, share=True)
    await unit.lock(CustodyAccount, {row["custody_account_id"] for row in found}, share=True)
    of_claims = {row["enrolment_id"] for row in found if row["source"] in BACKED}
    await unit.lock(Enrolment, of_claims, share=True)
    await unit.lock(Refund, wanted)


async def read_refunds(unit: Unit, commands: Sequence[Instruct]) -> None:
    """Read under the head what backs the refunds, and what stops them."""
    facts = unit.facts
    known = [_refund(facts, command.refund) for command in commands]
    await unit.restraints(
        {t for r in known for t in (r["institution_id"], r["custody_account_id"])}
    )
    await unit.custody_totals({row["custody_account_id"] for row in known})
    of_claims = {row["enrolment_id"] for row in known if row["source"] in BACKED}
    await unit.read(Refund, rows.keyed(Refund, facts.journal, of_claims, "enrolment_id"))
    back = {row["refund_id"] for row in known if row["returned_fen"]}
    facts.extra[_PLACED] = await placements.placed_refunds(
        unit, {row["refund_id"] for row in known}
    )
    facts.extra[_RETURNED] = await refund_reads.last_returned(unit.connection, facts.journal, back)
    accounts: list[Account] = []
    for command, row in zip(commands, known, strict=True):
        place = place_of(row)
        accounts.append(place.refund_payable(row["refund_id"]))
        accounts.append(place.refund_returned(row["refund_id"]))
        accounts.append(place.refund_in_transit(command.order))
    for enrolment in of_claims:
        accounts += _backing(_enrolment(facts, enrolment))
    await unit.balances(accounts)


def decide_instruct(facts: Facts, command: Instruct) -> Decision:
    """Make an order for what can be paid now, or let the refund wait for money.

    Refused in order: `WrongState` (nothing is left to pay), `PayeeMissing`, `PayeeCoolingOff`,
    `InstitutionFrozen`, `AccountFenced`.
    """
    row = _refund(facts, command.refund)
    _require_payable(facts, row)
    again, part, amount = payable_now(facts, row)
    waits = {
        "waiting_for": MONEY if amount.fen < part else None,
        "seq": facts.moment.next_seq,
    }
    if not amount:
        return Decision(
            answer=_briefly(facts, row, waits),
            changes=(Update(Refund, (row["refund_id"],), waits),),
        )
    account = facts.get(CustodyAccount, row["custody_account_id"])
    assert account is not None, "the custody account was locked"
    step = refund_orders.refund_order(
        facts, row, account, order=command.order, amount=amount, reissued=again
    )
    return Decision(
        answer=_briefly(facts, row, waits),
        transactions=step.transactions,
        changes=(*step.changes, Update(Refund, (row["refund_id"],), waits)),
    )


INSTRUCT: Final = UseCase[Instruct, Instruct](
    "instruct_refunds", find_refunds, load_refunds, decide_instruct, read_refunds
)


def payable_now(facts: Facts, row: Record) -> tuple[UUID | None, int, Money]:
    """Return what comes next of a refund: the order it reissues, the part in fen, what can be paid.

    What came back is paid before what was never sent.
    """
    again = facts.extra[_RETURNED].get(row["refund_id"]) if row["returned_fen"] else None
    part = row["payable_fen"] if again is None else row["returned_fen"]
    amount = min(Money.from_fen(part), _cash(facts, row))
    return again, part, amount if again is not None else min(amount, _funded(facts, row))


def _briefly(facts: Facts, row: Record, waits: dict[str, Any]) -> dict[str, Any]:
    """Name the refund and what it waits for: thousands are answered at once."""
    return {
        "id": ids.public("rfd", facts.journal, row["refund_id"]),
        "waiting_for": waits["waiting_for"],
    }


def _require_payable(facts: Facts, row: Record) -> None:
    if not row["payable_fen"] and not row["returned_fen"]:
        raise WrongState(object="refund", state=refund_reads.state_of(row).value)
    if row["payee_party_id"] is None or row["waiting_for"] == PAYEE:
        raise PayeeMissing
    if row["refund_id"] in facts.extra[_PLACED]:
        raise WrongState(object="refund", state="PLACED")
    until = row["payee_hold_until"]
    if until is not None and until > facts.moment.today:
        raise PayeeCoolingOff(until=until.isoformat())
    institution = facts.get(Institution, row["institution_id"])
    assert institution is not None, "the institution was locked"
    frozen = institution.state in FROZEN or restrained(facts, row["institution_id"], "FREEZE")
    if row["source"] in BACKED and frozen and not _sent_before(facts, row):
        raise InstitutionFrozen
    if restrained(facts, row["custody_account_id"], "FENCE"):
        raise AccountFenced


def _sent_before(facts: Facts, row: Record) -> bool:
    """Tell whether a claim's refund was on its way at the freeze, and so stays its payer's by name.

    The register of a wind-down takes back all that was not sent; what is payable of an enrolment
    that stands in one was rejected or came back later.
    """
    return bool(_enrolment(facts, row["enrolment_id"]).state == "IN_WIND_DOWN")


def _cash(facts: Facts, row: Record) -> Money:
    """Return what is in the bank and neither held nor promised to another order."""
    custody = row["custody_account_id"]
    held = total(
        [
            Money.from_fen(each["amount_fen"] or 0)
            for each in facts.all(Restraint)
            if each["kind"] == "HOLD" and each["target_id"] == custody and each["to_seq"] is None
        ]
    )
    in_bank = sum(facts.totals.get((custody, kind, ""), 0) for kind in _IN_BANK)
    free = in_bank - sum(facts.totals.get((custody, kind, ""), 0) for kind in _LEAVING)
    return max(Money.from_fen(free) - held, ZERO)


def _funded(facts: Facts, row: Record) -> Money:
    """Return how much of a refund is backed by money and not on its way already (E27)."""
    if row["source"] not in BACKED:
        return Money.from_fen(row["payable_fen"])
    contract = contract_of(_enrolment(facts, row["enrolment_id"]))
    own = list(facts.each_by(Refund, "enrolment_id", row["enrolment_id"]))
    leaving = Money.from_fen(sum(each["in_transit_fen"] for each in own))
    owed = Money.from_fen(sum(each["payable_fen"] for each in own))
    book = facts.book
    backed = refunds.funded(
        claims=(
            *(book.balance(a) for a in (contract.prepaid, contract.pending, contract.disputed)),
            owed,
            leaving,
        ),
        unfunded=(book.balance(contract.legacy), book.balance(contract.diversion)),
    )
    return max(backed - leaving, ZERO)


def _backing(enrolment: Record) -> tuple[Account, ...]:
    contract = contract_of(enrolment)
    return (
        contract.prepaid,
        contract.pending,
        contract.disputed,
        contract.legacy,
        contract.diversion,
    )


def _refund(facts: Facts, refund: UUID) -> Record:
    row = facts.get(Refund, refund)
    assert row is not None, "the refund was locked"
    return row


def _enrolment(facts: Facts, enrolment: UUID) -> Record:
    row = facts.get(Enrolment, enrolment)
    assert row is not None, "the enrolment was locked"
    return row
