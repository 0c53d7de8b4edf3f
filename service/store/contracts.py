"""From rows to the ledger's facts: contracts, places and debts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger.accounts import Account
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules.debts import Debt
from ledger.rules.places import Place, place_at
from service.store import rows
from service.store.facts import Facts, Record, Update
from service.store.tables import Enrolment
from service.store.unit import Unit

_REMEMBERED: Final = 16_384
"""Contracts that are kept: those of a batch are asked for by each of its commands."""


def contract_of(enrolment: Record) -> Contract:
    """Make the ledger's contract from an enrolment's row, with the schedule that runs now.

    From version 2 on the schedule has a price and lessons of its own; what was charged stays.
    """
    later = enrolment["schedule_version"] > 1
    return _contract(
        enrolment["enrolment_id"],
        enrolment["institution_id"],
        enrolment["custody_account_id"],
        enrolment["schedule_fen" if later else "price_fen"],
        enrolment["schedule_paid" if later else "lessons_paid"],
        enrolment["schedule_gift" if later else "lessons_gift"],
        enrolment["gift_in_schedule"],
    )


@lru_cache(maxsize=_REMEMBERED)
def _contract(  # noqa: PLR0913, PLR0917 - what a contract is made of, as a cache is asked
    enrolment: UUID,
    institution: UUID,
    custody: UUID,
    price_fen: int,
    lessons_paid: int,
    lessons_gift: int,
    gift_in_schedule: bool,  # noqa: FBT001
) -> Contract:
    """Make a contract once, with the accounts it comes to have."""
    return Contract(
        enrolment=enrolment,
        institution=institution,
        custody=custody,
        price=Money.from_fen(price_fen),
        lessons_paid=lessons_paid,
        lessons_gift=lessons_gift,
        gift_in_schedule=gift_in_schedule,
    )


def confirmed_of(enrolment: Record) -> int:
    """Return how many lessons were confirmed under the schedule that runs now."""
    later = enrolment["schedule_version"] > 1
    return int(enrolment["schedule_confirmed"] if later else enrolment["lessons_confirmed"])


def confirmed_change(enrolment: Record, by: int) -> dict[str, int]:
    """Count lessons confirmed, of the whole contract and of its schedule from version 2 on."""
    counted = {"lessons_confirmed": enrolment["lessons_confirmed"] + by}
    if enrolment["schedule_version"] > 1:
        counted["schedule_confirmed"] = enrolment["schedule_confirmed"] + by
    return counted


FIRST_SCHEDULE: Final[Mapping[str, int | None]] = {
    "schedule_version": 1,
    "schedule_fen": None,
    "schedule_paid": None,
    "schedule_gift": None,
    "schedule_confirmed": None,
}
"""The schedule of a new enrolment: that of its charge."""


def place_of(row: Record) -> Place:
    """Make the ledger's place from a row with an institution and a custody account.

    The purpose of a custody account, or of a payment order, says whether the bank's money there is
    the risk deposit (风险保证金).
    """
    purpose = row.get("purpose")
    if purpose is None or not purpose.startswith("DEPOSIT"):
        return place_at(row["institution_id"], row["custody_account_id"])
    return place_at(row["institution_id"], row["custody_account_id"], deposit=True)


def received_change(enrolment: Record, matched: Money) -> Update:
    """Count what was received towards the price; at the whole price the enrolment is ACTIVE."""
    received = enrolment["received_fen"] + matched.fen
    values: dict[str, Any] = {"received_fen": received}
    if enrolment["state"] == "AWAITING_PAYMENT" and received >= enrolment["price_fen"]:
        values |= {"state": "ACTIVE", "lapses_on": None}
    return Update(Enrolment, (enrolment["enrolment_id"],), values)


async def read_debts(unit: Unit, custodies: Iterable[UUID]) -> None:
    """Read what institutions owe in these custody accounts, with the contract dates behind it.

    Runs under the head; `debts_of` then gives the debts as they stand after each decision.
    """
    wanted = set(custodies)
    await unit.open_debts(wanted)
    owners = {
        account.owner
        for custody in wanted
        for account in unit.facts.debts[custody]
        if account.owner != account.institution
    }
    if not owners:
        return
    source = rows.table_of(Enrolment)
    found = await unit.query(
        select(source.c.enrolment_id, source.c.contract_on, source.c.contract_number).where(
            source.c.journal_id == unit.facts.journal, source.c.enrolment_id.in_(sorted(owners))
        )
    )
    dates: dict[UUID, date] = unit.facts.extra.setdefault("contract_dates", {})
    dates.update({row["enrolment_id"]: row["contract_on"] for row in found})


def debts_of(facts: Facts, custody: UUID) -> list[Debt]:
    """Return the debts above zero in a custody account as they stand now."""
    dates: dict[UUID, date] = facts.extra.get("contract_dates", {})
    accounts: Sequence[Account] = facts.debts.get(custody, [])
    return [
        Debt(account, facts.book.balance(account), dates.get(account.owner))
        for account in accounts
        if facts.book.quantity(account) > 0
    ]
