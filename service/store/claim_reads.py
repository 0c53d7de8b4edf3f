"""What a refund is priced on, and claims as they are listed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, bindparam, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.calendars import shanghai_date
from ledger.entitlement import Contract
from ledger.money import Money, total
from ledger.refunds import Charge, Standing
from ledger.rules.debts import Debt
from service.store import approvals, enrolment_reads, rows
from service.store.contracts import contract_of
from service.store.facts import Facts, Record
from service.store.tables import Claim, ClaimEvidence, ClaimNote, Refund
from service.store.unit import Unit

REGULAR: Final = "REGULAR"
PAYING: Final = ("AGREED", "DECIDED", "APPROVED")
"""States in which a claim has a last day to be paid."""

_HISTORY: Final = text(
    """
    SELECT wanted.enrolment_id,
        (SELECT coalesce(sum(value_fen), 0) FROM escrow.lesson
         WHERE lesson.journal_id = :journal AND lesson.enrolment_id = wanted.enrolment_id
           AND state = 'CONFIRMED') AS released,
        (SELECT max(book_on) FROM escrow.bank_entry
         WHERE bank_entry.journal_id = :journal AND bank_entry.enrolment_id = wanted.enrolment_id
           AND kind IN ('PAYMENT', 'CHANNEL_CAPTURE', 'CASH_REPORT')) AS paid_on
    FROM unnest(:enrolments) AS wanted(enrolment_id)
    """
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))


@dataclass(frozen=True, slots=True)
class History:
    """What an enrolment's confirmed lessons released, and when the last payment was booked."""

    released: Money
    paid_on: date | None


async def read_standing(unit: Unit, enrolments: Iterable[Record]) -> None:
    """Read, under the head, everything that a refund of these enrolments is priced on."""
    known = list(enrolments)
    journal, wanted = unit.facts.journal, sorted(row.enrolment_id for row in known)
    found = await unit.query(_HISTORY, journal=journal, enrolments=wanted)
    histories: dict[UUID, History] = unit.facts.extra.setdefault("histories", {})
    histories.update(
        {
            row["enrolment_id"]: History(Money.from_fen(int(row["released"])), row["paid_on"])
            for row in found
        }
    )
    unit.facts.extra["slots"] = await enrolment_reads.slots_taken(unit.connection, journal, wanted)
    await unit.balances([account for row in known for account in accounts_of(row)])


def accounts_of(enrolment: Record) -> list[Account]:
    """Return the accounts that ending an enrolment may touch, refunds apart."""
    contract = contract_of(enrolment)
    accounts = [contract.prepaid, contract.pending, contract.disputed]
    accounts += [contract.interest, contract.payable, contract.held]
    for reason in (Reason.PAID, Reason.GIFT):
        accounts += [contract.units_contracted(reason), contract.units_granted(reason)]
    if enrolment.origin != REGULAR:
        accounts += [contract.legacy, contract.diversion]
    return accounts


def charge_of(enrolment: Record) -> Charge:
    """Make the ledger's charge from an enrolment's row: what was agreed at first."""
    listed = enrolment.list_lesson_fen
    return Charge(
        price=Money.from_fen(enrolment.price_fen),
        lessons_paid=enrolment.lessons_paid,
        lessons_gift=enrolment.lessons_gift,
        starts_on=enrolment.starts_on,
        ends_on=enrolment.ends_on,
        list_lesson=None if listed is None else Money.from_fen(listed),
        materials=Money.from_fen(enrolment.materials_fen),
        time_card=enrolment.time_card,
    )


def standing_of(facts: Facts, enrolment: Record) -> Standing:
    """Return how an enrolment stands now, lessons that wait counted as not taken."""
    contract = contract_of(enrolment)
    held = (contract.prepaid, contract.pending, contract.disputed)
    return Standing(
        delivered=enrolment.lessons_confirmed,
        released=history_of(facts, enrolment).released,
        held=total([facts.book.balance(account) for account in held]),
        interest=facts.book.balance(contract.interest),
    )


def history_of(facts: Facts, enrolment: Record) -> History:
    """Return what an enrolment has been through."""
    histories: dict[UUID, History] = facts.extra["histories"]
    return histories[enrolment.enrolment_id]


def unfunded_of(facts: Facts, enrolment: Record, contract: Contract) -> tuple[Debt, ...]:
    """Return what the institution still owes on this very contract (legacy, diversion)."""
    if enrolment.origin == REGULAR:
        return ()
    return tuple(
        Debt(account, facts.book.balance(account), enrolment.contract_on)
        for account in (contract.legacy, contract.diversion)
        if facts.book.quantity(account)
    )


def units_left(facts: Facts, contract: Contract) -> dict[Reason, int]:
    """Return the lessons granted and not taken (U1), paid and gift."""
    return {
        reason: facts.book.quantity(contract.units_granted(reason))
        for reason in (Reason.PAID, Reason.GIFT)
    }


# --- lists --------------------------------------------------------------------------------------


async def business_dates(connection: AsyncConnection, journals: Sequence[int]) -> dict[int, date]:
    """Return the business date of journals."""
    clocks = await approvals.business_clocks(connection, journals)
    return {journal: shanghai_date(clock) for journal, clock in clocks.items()}


def overdue(today: Mapping[int, date]) -> ColumnElement[bool]:
    """Condition on claims that should have been paid before these journals' business dates."""
    claim = rows.table_of(Claim)
    by_day: dict[date, list[int]] = {}
    for journal, on in today.items():
        by_day.setdefault(on, []).append(journal)
    late = [
        and_(claim.c.journal_id.in_(journals), claim.c.pay_due_on < on)
        for on, journals in by_day.items()
    ]
    return and_(claim.c.state.in_(PAYING), or_(*late))


def is_overdue(claim: Record, today: date) -> bool:
    """Tell whether a claim should have been paid before this day."""
    due = claim.pay_due_on
    return claim.state in PAYING and due is not None and due < today


async def parts_of(
    connection: AsyncConnection, journal: int, claim: UUID
) -> dict[str, list[Record]]:
    """Return a claim's evidence, notes and refunds, as the connection's caller may see them."""
    found: dict[str, list[Record]] = {}
    described: tuple[tuple[str, type[Any], str], ...] = (
        ("evidence", ClaimEvidence, "claim_id"),
        ("notes", ClaimNote, "subject_id"),
        ("refunds", Refund, "source_id"),
    )
    for name, table, column in described:
        source = rows.table_of(table)
        statement = (
            select(source)
            .where(source.c.journal_id == journal, source.c[column] == claim)
            .order_by(source.c[rows.key_columns(table)[0]])
        )
        told = await rows.fetch_opened(connection, table, statement)
        found[name] = [Record(row) for row in told]
    return found
