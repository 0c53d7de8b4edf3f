"""One enrolment as a parent or supervisor reads it: where its money stands, slot by slot."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from service.enrolments.contracts import answer_of
from service.store import enrolment_reads, ids, rows
from service.store.contracts import contract_of
from service.store.facts import Record
from service.store.lesson_reads import TAKEN
from service.store.tables import Lesson


async def read(connection: AsyncConnection, enrolment: Record) -> dict[str, Any]:
    """Tell an enrolment with its money and slots, as the connection's caller may see it."""
    journal: int = enrolment.journal_id
    contract = contract_of(enrolment)
    lessons = await _lessons(connection, journal, contract.enrolment)
    taken = {row.slot: row for row in lessons if row.schedule_version == enrolment.schedule_version}
    balances = await enrolment_reads.money_of(connection, journal, contract.enrolment)
    return {
        **answer_of(journal, enrolment),
        "money": _money(lessons, balances),
        "slots": [_slot(journal, contract, slot, taken.get(slot)) for slot in _numbers(contract)],
    }


async def _lessons(connection: AsyncConnection, journal: int, enrolment: UUID) -> list[Record]:
    source = rows.table_of(Lesson)
    found = await rows.fetch(
        connection,
        select(source).where(
            source.c.journal_id == journal,
            source.c.enrolment_id == enrolment,
            source.c.state.in_(TAKEN),
        ),
    )
    return [Record(row) for row in found]


def _numbers(contract: Contract) -> range:
    return range(1, contract.slots + 1)


def _money(lessons: Sequence[Record], balances: Mapping[tuple[str, str], int]) -> dict[str, str]:
    def held(kind: AccountKind, reason: Reason | None = None) -> int:
        return balances.get((kind.value, reason.value if reason else ""), 0)

    parts = {
        "prepaid": held(AccountKind.STUDENT_PREPAID),
        "pending": held(AccountKind.LESSON_PENDING),
        "disputed": held(AccountKind.LESSON_DISPUTED),
    }
    due = AccountKind.DUE_FROM_INSTITUTION
    released = sum(row.value_fen for row in lessons if row.state == "CONFIRMED")
    figures = {
        **parts,
        "released": released,
        "refundable": sum(parts.values()),
        "unfunded": held(due, Reason.LEGACY) + held(due, Reason.DIVERSION),
        "interest": held(AccountKind.STUDENT_INTEREST),
        "held_by_institution": held(AccountKind.HELD_BY_INSTITUTION),
    }
    return {name: str(Money.from_fen(fen)) for name, fen in figures.items()}


def _slot(journal: int, contract: Contract, slot: int, lesson: Record | None) -> dict[str, Any]:
    return {
        "slot": slot,
        "kind": contract.slot_reason(slot).value,
        "value": str(contract.slot_value(slot)),
        "refundable_after": str(contract.refundable_after(slot)),
        "lesson_id": None if lesson is None else ids.public("lsn", journal, lesson.lesson_id),
        "lesson_state": None if lesson is None else lesson.state,
    }
