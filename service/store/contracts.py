"""From rows to the ledger's facts: contracts, places and debts."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from ledger.accounts import Account
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from service.store import rows
from service.store.facts import Facts, Record
from service.store.tables import Enrolment
from service.store.unit import Unit


def contract_of(enrolment: Record) -> Contract:
    """Make the ledger's contract from an enrolment's row."""
    return Contract(
        enrolment=enrolment.enrolment_id,
        institution=enrolment.institution_id,
        custody=enrolment.custody_account_id,
        price=Money.from_fen(enrolment.price_fen),
        lessons_paid=enrolment.lessons_paid,
        lessons_gift=enrolment.lessons_gift,
        gift_in_schedule=enrolment.gift_in_schedule,
    )


def place_of(row: Record) -> Place:
    """Make the ledger's place from a row with an institution and a custody account.

    The purpose of a custody account, or of a payment order, says whether the bank's money there is
    the risk deposit (风险保证金).
    """
    deposit = (row.get("purpose") or "").startswith("DEPOSIT")
    return Place(institution=row.institution_id, custody=row.custody_account_id, deposit=deposit)


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
