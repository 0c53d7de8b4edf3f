"""What belongs to a guardian's data, and what keeps it from being erased.

Erasing destroys the keys of the guardian, of students who are nobody else's, of accounts that were
theirs, of what banks wrote beside their receipts, and of what was written in their cases. Amounts,
dates and opaque ids stay: the ledger balances as before, and names nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text

from service.store import rows
from service.store.parties import guardian_payee
from service.store.tables import (
    BankNarrative,
    ClaimNote,
    DataRequest,
    GuardianLink,
    Parent,
    Party,
    PartyVersion,
    UnmaskGrant,
)
from service.store.unit import Unit

KEPT_YEARS: Final = 3
"""Years that personal data of a prepaid contract is kept after its end (domain.md section 5.3)."""

_ENROLMENTS: Final = "SELECT enrolment_id FROM escrow.enrolment WHERE {own}"
_OWN: Final = "journal_id = :journal AND guardian_id = :guardian"

_STUDENTS: Final = text(
    f"""
    SELECT student_id AS party_id FROM escrow.enrolment AS own WHERE {_OWN}
      AND NOT EXISTS (
        SELECT 1 FROM escrow.enrolment AS other WHERE other.journal_id = :journal
          AND other.student_id = own.student_id AND other.guardian_id <> :guardian)
    UNION SELECT student_id FROM escrow.objection AS own WHERE {_OWN} AND student_id IS NOT NULL
      AND NOT EXISTS (
        SELECT 1 FROM escrow.enrolment AS other WHERE other.journal_id = :journal
          AND other.student_id = own.student_id AND other.guardian_id <> :guardian)
    """  # noqa: S608 - our own text
)
_ENTRIES: Final = text(
    f"""
    SELECT bank_entry_id FROM escrow.bank_entry
    WHERE journal_id = :journal AND enrolment_id IN ({_ENROLMENTS.format(own=_OWN)})
    """  # noqa: S608
)
_PAYEES: Final = text(
    f"""
    SELECT payee_party_id AS party_id FROM escrow.refund
    WHERE {_OWN} AND payee_party_id IS NOT NULL
    UNION SELECT payee_party_id FROM escrow.payment_order
    WHERE journal_id = :journal AND payee_party_id IS NOT NULL AND bank_entry_id IN (
        SELECT bank_entry_id FROM escrow.bank_entry
        WHERE journal_id = :journal AND enrolment_id IN ({_ENROLMENTS.format(own=_OWN)}))
    """  # noqa: S608
)

_OPEN_CONTRACTS: Final = text(
    f"""
    SELECT count(*) FROM escrow.enrolment
    WHERE {_OWN} AND state NOT IN ('COMPLETED', 'REFUNDED', 'PORTED', 'LAPSED')
    """  # noqa: S608
)
_OPEN_CASES: Final = text(
    f"""
    SELECT (SELECT count(*) FROM escrow.claim
            WHERE {_OWN} AND state NOT IN ('PAID', 'WITHDRAWN', 'DISMISSED'))
         + (SELECT count(*) FROM escrow.objection WHERE {_OWN} AND state = 'FILED')
         + (SELECT count(*) FROM escrow.entitlement AS own
            JOIN escrow.wind_down USING (journal_id, wind_down_id)
            WHERE own.journal_id = :journal AND own.guardian_id = :guardian
              AND wind_down.state NOT IN ('CLOSED', 'LIFTED'))
         + (SELECT count(*) FROM escrow.porting
            WHERE {_OWN} AND state IN ('CHOSEN', 'INSTRUCTED', 'SENT'))
    """  # noqa: S608
)
_OPEN_MONEY: Final = text(
    f"""
    WITH owners AS (
        SELECT enrolment_id AS owner_id FROM escrow.enrolment WHERE {_OWN}
        UNION SELECT refund_id FROM escrow.refund WHERE {_OWN}
        UNION SELECT porting_id FROM escrow.porting WHERE {_OWN}
        UNION SELECT entitlement_id FROM escrow.entitlement WHERE {_OWN}
        UNION SELECT bank_entry_id FROM escrow.bank_entry WHERE journal_id = :journal
          AND enrolment_id IN ({_ENROLMENTS.format(own=_OWN)})
        UNION SELECT order_id FROM escrow.payment_order WHERE journal_id = :journal
          AND refund_id IN (SELECT refund_id FROM escrow.refund WHERE {_OWN}))
    SELECT count(*) FROM owners
    JOIN escrow.account ON account.journal_id = :journal AND account.owner_id = owners.owner_id
     AND account.unit = 'CNY'
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE head.balance_after <> 0
    """  # noqa: S608
)
_ENDED: Final = text(
    f"""
    SELECT greatest(
        (SELECT max(greatest(ends_on, charged_on, contract_on)) FROM escrow.enrolment WHERE {_OWN}),
        (SELECT max(greatest(created_on, paid_on, returned_on)) FROM escrow.refund WHERE {_OWN}),
        (SELECT max(greatest(filed_on, paid_on)) FROM escrow.claim WHERE {_OWN})) AS ended_on
    """  # noqa: S608
)
_LINKED: Final = text("SELECT journal_id, party_id FROM escrow.linked_parties(:parent)")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why data cannot be erased now; `earliest_on` is the day from which it can, if known."""

    reason: str
    earliest_on: date | None = None


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whom and what erasing a guardian's data is about: parties, and bank entries."""

    parties: frozenset[UUID]
    entries: frozenset[UUID]


async def obstacle(unit: Unit, guardian: UUID) -> Obstacle | None:
    """Return the first thing that keeps a guardian's data, None when it can go; under the head."""
    about = {"journal": unit.facts.journal, "guardian": guardian}
    for reason, statement in (
        ("OPEN_CONTRACT", _OPEN_CONTRACTS),
        ("OPEN_CASE", _OPEN_CASES),
        ("OPEN_MONEY", _OPEN_MONEY),
    ):
        if await unit.connection.scalar(statement, about):
            return Obstacle(reason)
    ended = await unit.connection.scalar(_ENDED, about)
    if ended is None:
        return None
    earliest = years_after(ended, KEPT_YEARS)
    return Obstacle("RETENTION", earliest) if earliest > unit.facts.moment.today else None


async def lock_subjects(unit: Unit, guardian: UUID) -> Subjects:
    """Find and lock every row that erasing a guardian's data is about."""
    about = {"journal": unit.facts.journal, "guardian": guardian}
    parties = {guardian, guardian_payee(guardian)}
    for statement in (_STUDENTS, _PAYEES):
        parties |= {row["party_id"] for row in await unit.query(statement, **about)}
    entries = {row["bank_entry_id"] for row in await unit.query(_ENTRIES, **about)}
    known = {row.party_id for row in await unit.lock(Party, parties)}
    narrated = {row.bank_entry_id for row in await unit.lock(BankNarrative, entries)}
    await unit.lock(ClaimNote, [guardian], column="guardian_id")
    for table in (PartyVersion, DataRequest, UnmaskGrant):
        await unit.lock(table, known, column="party_id")
    return Subjects(frozenset(known), frozenset(narrated))


async def read_parents(unit: Unit, guardians: Iterable[UUID]) -> frozenset[UUID]:
    """Read who logs in as these guardians; return those who are nobody else's guardian."""
    journal, wanted = unit.facts.journal, set(guardians)
    links = await unit.read(GuardianLink, rows.keyed(GuardianLink, journal, wanted, "party_id"))
    alone = set()
    for parent in {link.parent_id for link in links}:
        others = await unit.query(_LINKED, parent=parent)
        if all(row["journal_id"] == journal and row["party_id"] in wanted for row in others):
            alone.add(parent)
    source = rows.table_of(Parent)
    await unit.read(Parent, select(source).where(source.c.parent_id.in_(sorted(alone))))
    return frozenset(alone)


def years_after(day: date, years: int) -> date:
    """Return the same day some years later; of a leap day, the first of March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def without_key(table: type[Any]) -> Mapping[str, Any]:
    """Return the values that leave a row of this table unreadable for ever."""
    values: dict[str, Any] = {"wrapped_key": None}
    if table is Party:
        values |= {"phone_index": None, "account_index": None, "name_index": None}
    if table is BankNarrative:
        values["payer_named"] = False
    return values
