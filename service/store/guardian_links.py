"""Links (监护关联) between parents as persons and the guardians of contracts: rows and reads.

A link is of one guardian party, so of one institution's contracts in one journal. Only an ACTIVE
one lets its parent see and act. A parent whose standing or device is new changes where money goes
only after 72 hours, `payee_from`, in business time (a stolen SIM is noticed by then).
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import PayeeCoolingOff, RefundUnknown
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, rows
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.tables import GuardianLink
from service.store.unit import Unit

COOL_OFF: Final = timedelta(hours=72)
ACTIVE: Final = "ACTIVE"
WAITING: Final = "WAITING"
INVITED: Final = "INVITED"
DECLINED: Final = "DECLINED"
REVOKED: Final = "REVOKED"
LIVE: Final = frozenset({ACTIVE, WAITING, INVITED})
BY_PHONE: Final = "PHONE"
BY_CONTRACT: Final = "CONTRACT"
BY_GRANT: Final = "GRANT"
PREFIX: Final = "gdl"
FOUND_MAX: Final = 200
"""Guardian parties of one phone in one journal that are linked by themselves."""

# Two probes of indexes: as one condition with OR neither would be used.
_WAITING_FOR: Final = text(
    """
    SELECT party.journal_id FROM pii.party AS party
    WHERE party.journal_id = ANY(CAST(:journals AS int[])) AND party.phone_index = :phone_index
      AND party.kind = 'GUARDIAN' AND party.institution_id IS NOT NULL
      AND party.restricted_at IS NULL
      AND NOT EXISTS (
        SELECT 1 FROM escrow.guardian_link AS link
        WHERE link.parent_id = :parent AND link.journal_id = party.journal_id
          AND link.party_id = party.party_id AND link.state <> 'WAITING')
    UNION
    SELECT link.journal_id FROM escrow.guardian_link AS link
    WHERE link.parent_id = :parent AND link.journal_id = ANY(CAST(:journals AS int[]))
      AND (link.state = 'INVITED' OR (:new_device AND link.state = 'ACTIVE'))
    """
)
_CONTRACT: Final = text(
    """
    SELECT enrolment.journal_id, enrolment.enrolment_id, enrolment.institution_id,
           enrolment.contract_number, enrolment.guardian_id, guardian.phone_index,
           student.name_index
    FROM escrow.enrolment AS enrolment
    JOIN pii.party AS guardian ON guardian.journal_id = enrolment.journal_id
     AND guardian.party_id = enrolment.guardian_id
    JOIN pii.party AS student ON student.journal_id = enrolment.journal_id
     AND student.party_id = enrolment.student_id
    WHERE enrolment.journal_id = ANY(CAST(:journals AS int[]))
      AND enrolment.payment_code = :payment_code
      AND guardian.restricted_at IS NULL AND guardian.institution_id IS NOT NULL
    """
)


async def journals_with_news(
    connection: AsyncConnection,
    journals: Sequence[int],
    *,
    parent: UUID,
    phone_index: bytes,
    new_device: bool,
) -> Sequence[int]:
    """Return the journals in which a login by this phone changes something."""
    values = {
        "journals": list(journals),
        "parent": parent,
        "phone_index": phone_index,
        "new_device": new_device,
    }
    found = await connection.execute(_WAITING_FOR, values)
    return sorted(found.scalars())


async def contracts_by_code(
    connection: AsyncConnection, journals: Sequence[int], payment_code: str
) -> Sequence[Record]:
    """Return the contracts with this payment code, and what a proof is compared with."""
    values = {"journals": list(journals), "payment_code": payment_code}
    return [Record(row) for row in (await connection.execute(_CONTRACT, values)).mappings()]


async def read_of_parties(unit: Unit, parties: Iterable[UUID]) -> list[Record]:
    """Read every link to these guardians; under the head nobody else writes one."""
    statement = rows.keyed(GuardianLink, unit.facts.journal, parties, "party_id")
    return await unit.read(GuardianLink, statement)


async def read_of_parents(unit: Unit, parents: Iterable[UUID]) -> list[Record]:
    """Read every link of these parents in the journal."""
    source = rows.table_of(GuardianLink)
    wanted = rows.keyed(GuardianLink, unit.facts.journal, parents, "parent_id")
    return await unit.read(GuardianLink, wanted.order_by(source.c.link_id))


def live_links(facts: Facts, party: UUID) -> list[Record]:
    """Return the links of a guardian that stand or wait, as read."""
    return [row for row in facts.all(GuardianLink) if row.party_id == party and row.state in LIVE]


def require_settled(facts: Facts, parent: UUID, guardian: UUID) -> None:
    """Let a parent change where a guardian's money goes.

    Raises `PayeeCoolingOff` within 72 hours of the link, or of a new device; `RefundUnknown` for a
    link that has ended meanwhile.
    """
    link = next(
        (
            row
            for row in facts.all(GuardianLink)
            if (row.parent_id, row.party_id, row.state) == (parent, guardian, ACTIVE)
        ),
        None,
    )
    if link is None:
        raise RefundUnknown
    if facts.moment.now < link.payee_from:
        raise PayeeCoolingOff(until=link.payee_from.isoformat())


def added(facts: Facts, values: dict[str, Any]) -> Record:
    """Make the row of a new link; `values` says between whom, how proved and in which state."""
    now = facts.moment.now
    stands = values["state"] == ACTIVE
    return Record(
        {
            "journal_id": facts.journal,
            "granted_by": None,
            "asked_at": now,
            "linked_at": now if stands else None,
            "payee_from": now + COOL_OFF if stands else None,
            "ended_at": None,
            "seq": facts.moment.next_seq,
            **values,
        }
    )


def insert_of(row: Record) -> Insert:
    """Write a new link down."""
    return Insert(GuardianLink, {k: v for k, v in row.items() if k != "journal_id"})


def activated(facts: Facts) -> dict[str, Any]:
    """New values of a link that stands from now on."""
    now = facts.moment.now
    return {
        "state": ACTIVE,
        "linked_at": now,
        "payee_from": now + COOL_OFF,
        "seq": facts.moment.next_seq,
    }


def ended(facts: Facts, state: str) -> dict[str, Any]:
    """New values of a link that ends now."""
    return {"state": state, "ended_at": facts.moment.now, "seq": facts.moment.next_seq}


def ended_with_grants(
    facts: Facts, row: Record, reason: str
) -> tuple[tuple[Change, ...], tuple[Transaction, ...]]:
    """End a link and what was granted by it; every link of its guardian was read."""
    by_it = [link for link in live_links(facts, row.party_id) if link.granted_by == row.link_id]
    values, all_of_it = ended(facts, REVOKED), [row, *by_it]
    changes = tuple(Update(GuardianLink, (link.link_id,), values) for link in all_of_it)
    noted = (fact(TransactionKind.GUARDIAN_LINK_ENDED, link, reason) for link in all_of_it)
    return changes, tuple(noted)


def fact(kind: TransactionKind, row: Record, reason: str) -> Transaction:
    """Note in the journal what became of a link."""
    references = {
        "institution": str(row.institution_id),
        "guardian": str(row.party_id),
        "link": str(row.link_id),
    }
    return Transaction(kind, references=references, reason=reason)


def answer_of(journal: int, row: Record, phone: str | None = None) -> dict[str, Any]:
    """Tell a link; `phone` is the mask of the parent's."""

    def instant(name: str) -> str | None:
        return None if row[name] is None else str(row[name].isoformat())

    granted_by = row.granted_by
    return {
        "id": ids.public(PREFIX, journal, row.link_id),
        "guardian_id": ids.public("pty", journal, row.party_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "proof": row.proof,
        "state": row.state,
        "phone": phone,
        "granted_by": None if granted_by is None else ids.public(PREFIX, journal, granted_by),
        "asked_at": instant("asked_at"),
        "linked_at": instant("linked_at"),
        "payee_from": instant("payee_from"),
        "ended_at": instant("ended_at"),
    }


async def count(connection: AsyncConnection, parent: UUID) -> int:
    """Return how many guardians a parent sees through."""
    statement = text("SELECT count(*) FROM escrow.linked_parties(:parent)")
    return int(await connection.scalar(statement, {"parent": parent}) or 0)
