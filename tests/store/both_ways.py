"""Requests carried out at a given moment and told whole, so that two ways of it can be compared."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.store import answers, rows, vault_rows
from service.store.batches import carry_out
from service.store.context import Context
from service.store.facts import Verdict
from service.store.sheets import Line, Rows, Sheet
from service.store.tables import (
    AccountRow,
    AuditRow,
    BankEntry,
    BankNarrative,
    Enrolment,
    Entry,
    JournalHead,
    JournalTransaction,
    Lesson,
    Rollup,
    StoredAnswer,
    SuspectedEntry,
)
from service.store.transact import Request, UseCase
from service.store.unit import Unit

WRITTEN = (
    *(JournalTransaction, Entry, Rollup, AccountRow, BankEntry, BankNarrative, Enrolment, Lesson),
    *(StoredAnswer, AuditRow, SuspectedEntry, JournalHead),
)
SEALED_ANEW = {"sealed", "wrapped_key"}


async def stood(connection: AsyncConnection, journal: int) -> dict[str, list[str]]:
    """Return everything the journal has now, with personal data in plain."""
    await Context.writer(journal).enter(connection, statement_timeout="30s")
    found: dict[str, list[str]] = {}
    for table in WRITTEN:
        source = rows.table_of(table)
        known = await rows.fetch(connection, select(source).where(source.c.journal_id == journal))
        opened = vault_rows.opened(connection, table, known)
        found[source.name] = sorted(
            repr([(name, value) for name, value in row.items() if name not in SEALED_ANEW])
            for row in opened
        )
    return found


async def carried_out(
    engine: AsyncEngine,
    requests: Sequence[Request[Any, Any]],
    *,
    moment: datetime = datetime(2027, 1, 5, tzinfo=UTC),
    keep: bool = False,
) -> tuple[list[list[str]], dict[str, list[str]], int]:
    """Carry out requests of a use case at a moment to come.

    Returns what each was told, all that stands, and how many commands were decided by columns.
    """
    journal, counted = requests[0].journal, Counted()
    counting = counted.of(requests[0].use_case)
    asked = [replace(request, use_case=counting) for request in requests]
    async with engine.connect() as connection:
        head = rows.table_of(JournalHead)
        await Context.writer(journal).enter(connection, statement_timeout="30s")
        at = update(head).where(head.c.journal_id == journal).values(recorded_at=moment)
        await connection.execute(at)
        results, _ = await carry_out(connection, asked, waiting=True)
        told = [[answers.text_of(each) for each in verdicts_of(result)] for result in results]
        found = await stood(connection, journal)
        if keep:
            await connection.execute(text("COMMIT"))
        else:
            await connection.rollback()
        return told, found, counted.lines


def verdicts_of(result: Any) -> Sequence[Verdict]:
    """Return the verdicts of an outcome; a refusal has none."""
    found: Sequence[Verdict] = getattr(result, "verdicts", ())
    return found


class Counted:
    """Counts the commands that a use case decides by columns, in the sheet's stead."""

    def __init__(self) -> None:
        self.lines = 0
        self._sheet: Sheet | None = None

    def of(self, use_case: UseCase[Any, Any]) -> UseCase[Any, Any]:
        """Return the use case with its sheet counted."""

        async def read(unit: Unit, found: Sequence[Any]) -> None:
            await use_case.read(unit, found)
            self._sheet = unit.facts.sheet
            unit.facts.sheet = None if self._sheet is None else self

        return replace(use_case, read=read)

    def line(self, facts: Any, item: Any) -> Line | None:
        """Give the sheet's line."""
        assert self._sheet is not None
        line = self._sheet.line(facts, item)
        self.lines += line is not None
        return line

    def rows(self) -> Sequence[Rows]:
        """Give the sheet's rows."""
        assert self._sheet is not None
        return self._sheet.rows()

    def changes(self) -> Sequence[Any]:
        """Give the sheet's changes."""
        assert self._sheet is not None
        return self._sheet.changes()
