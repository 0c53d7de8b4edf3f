"""The end of a statement file: every line is taken, and its days are compared with the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal
from ledger.transactions import Transaction, TransactionKind
from service.store import statement_file_reads as reads
from service.store import statement_reads
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.statement_reads import Booked
from service.store.tables import CustodyAccount, StatementDay, StatementFile
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class FinishFile:
    """A file whose last line is taken, with the days of each custody account that it brought."""

    file: UUID
    periods: tuple[tuple[UUID, date, date], ...]


async def find_files(
    _connection: AsyncConnection, _caller: Context, files: Sequence[FinishFile]
) -> list[FinishFile | Refusal]:
    """Take the files as they were read."""
    return list(files)


async def load_files(unit: Unit, files: Sequence[FinishFile]) -> None:
    """Lock the custody accounts, shared, and the files."""
    custodies = {custody for each in files for custody, _, _ in each.periods}
    await unit.lock(CustodyAccount, custodies, share=True)
    await unit.lock(StatementFile, {each.file for each in files})


async def read_days(unit: Unit, files: Sequence[FinishFile]) -> None:
    """Read the days, what was booked on each, and A1."""
    facts = unit.facts
    given = reads.ranges(period for each in files for period in each.periods)
    days = facts.take(
        StatementDay,
        await unit.query(reads.DAYS_AROUND, journal=facts.journal, **given),
    )
    await unit.balances(place_of(account).bank for account in facts.all(CustodyAccount))
    wanted = statement_reads.pairs((day.custody_account_id, day.day) for day in days)
    booked = await unit.query(statement_reads.BOOKED, journal=facts.journal, **wanted)
    facts.extra["booked"] = {(row["custody"], row["day"]): row for row in booked}


def decide_finish(facts: Facts, end: FinishFile) -> Decision:
    """Say whether the ledger agrees with each day, and that the file is posted."""
    file = facts.get(StatementFile, end.file)
    assert file is not None, "the file was accepted and locked"
    if file.state == "POSTED":
        return Decision(answer=reads.answer_of(file), duplicate=True)
    assert file.lines_done == file.lines, "every line was taken"
    changes = [change for day in _days(facts, end) if (change := _compared(facts, day))]
    values = {"state": "POSTED", "completed_at": facts.moment.now}
    states = [change.values["state"] for change in changes]
    noted = Transaction(
        TransactionKind.STATEMENT_FILE_POSTED,
        references={
            "statement_file": str(end.file),
            "bank": file.bank_code,
            "lines": str(file.lines),
            "contradicted": str(file.contradicted),
            "days_agreed": str(states.count("AGREED")),
            "days_different": str(states.count("DIFFERENT")),
        },
    )
    return Decision(
        answer=reads.answer_of({**file, **values}),
        transactions=(noted,),
        changes=(Update(StatementFile, (end.file,), values), *changes),
    )


FINISH_FILE = UseCase("finish_statement_file", find_files, load_files, decide_finish, read_days)


def _days(facts: Facts, end: FinishFile) -> list[Record]:
    """The days of the file's periods, and what stands directly before and after is left out."""
    return [
        day
        for day in facts.all(StatementDay)
        if any(
            day.custody_account_id == custody and first <= day.day <= last
            for custody, first, last in end.periods
        )
    ]


def _compared(facts: Facts, day: Record) -> Update | None:
    """Return what changes of a day now that its lines are posted, None when nothing does."""
    account = facts.get(CustodyAccount, day.custody_account_id)
    assert account is not None, "the custody account was locked"
    key = (day.custody_account_id, day.day)
    fen = facts.book.quantity(place_of(account).bank)
    booked = Booked.of(facts.extra["booked"][key], fen)
    state = "AGREED" if booked.agrees(day) else "DIFFERENT"
    if (state, booked.closing_fen) == (day.state, day.ledger_closing_fen):
        return None
    values: dict[str, Any] = {"state": state, "ledger_closing_fen": booked.closing_fen}
    if state != day.state:
        column = "agreed_seq" if state == "AGREED" else "differed_seq"
        values[column] = facts.moment.next_seq
    return Update(StatementDay, key, values)
