"""Lines of an accepted file, some thousands in a unit of work: confirmed, posted, or contradicted.

A line whose reference is known confirms what was pushed and posts nothing (I-35), unless it says
what the push left out of an entry still open (I-39); a new one is received as any bank fact is.
How far a file has come stands in its row, changed with the lines, so that a file broken off
anywhere goes on where it stopped, and two who send it do not post it twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal
from ledger.transactions import Transaction, TransactionKind
from service.bank_entries import contradictions, suspected
from service.bank_entries.entries import decide_entry, told_again
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import load_entries, read_entries
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.tables import BankEntry, CustodyAccount, StatementFile, StatementLine
from service.store.transact import UseCase
from service.store.unit import Unit

_BUSINESS_KEY: Final = ("custody_account_id", "bank_ref")
_DONE: Final = "lines_done_before"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its number from 1, its statement's, and the fact it tells."""

    file: UUID
    number: int
    statement: int
    fact: EntryFact
    raw_hash: bytes


@dataclass(frozen=True, slots=True)
class TakenThrough:
    """The end of a unit of work: every line up to here has been taken."""

    file: UUID
    last: int


Taken = Line | TakenThrough


async def find_lines(
    _connection: AsyncConnection, _caller: Context, lines: Sequence[Taken]
) -> list[Taken | Refusal]:
    """Take the lines of a file that was accepted, accounts and all."""
    return list(lines)


async def load_lines(unit: Unit, lines: Sequence[Taken]) -> None:
    """Lock what the entries name, then the file: after the accounts, as whoever finishes it."""
    await load_entries(unit, _facts(lines))
    await unit.lock(StatementFile, {line.file for line in lines})


async def read_lines(unit: Unit, lines: Sequence[Taken]) -> None:
    """Read entries of the same references, balances and debts under the head.

    What lines of this very list confirm is not taken for the same money as their neighbours.
    """
    facts = _facts(lines)
    await read_entries(unit, facts)
    files = unit.facts.all(StatementFile)
    unit.facts.extra[_DONE] = {file.statement_file_id: file.lines_done for file in files}
    known = (_known(unit.facts, fact) for fact in facts)
    suspected.confirm(unit.facts, (row.bank_entry_id for row in known if row is not None))


def decide_line(facts: Facts, line: Taken) -> Decision:
    """Say what a line is; one that was taken before is a duplicate."""
    file = facts.get(StatementFile, line.file)
    assert file is not None, "the file was accepted and locked"
    if isinstance(line, TakenThrough):
        return _through(file, line, facts.extra[_DONE][line.file])
    if line.number <= file.lines_done:
        return Decision(answer={}, duplicate=True)
    assert line.number == file.lines_done + 1, "lines are taken in order"
    known = _known(facts, line.fact)
    if known is None:
        posted = decide_entry(facts, line.fact)
        changes = _changes(facts, file, line, "POSTED", line.fact.bank_entry)
        return replace(posted, answer={}, shows={}, changes=(*posted.changes, *changes))
    account = facts.get(CustodyAccount, known.custody_account_id)
    assert account is not None, "the custody account was locked"
    differs = contradictions.differing_in_money(known, line.fact)
    if differs:
        # The line is kept beside the entry, and so it is not refused.
        opened = contradictions.contradicted(facts, known, line.fact, account, differs)
        changes = _changes(facts, file, line, "CONTRADICTED", known.bank_entry_id)
        return replace(opened, changes=(*opened.changes, *changes), refusal=None)
    again = told_again(facts, known, line.fact, account)
    changes = _changes(facts, file, line, "MATCHED", known.bank_entry_id)
    return Decision(answer={}, transactions=again.transactions, changes=(*again.changes, *changes))


TAKE_LINES: UseCase[Taken, Taken] = UseCase(
    "take_statement_lines", find_lines, load_lines, decide_line, read_lines
)


def _known(facts: Facts, fact: EntryFact) -> Record | None:
    return facts.by(BankEntry, _BUSINESS_KEY, fact.custody_account, fact.bank_ref)


def _facts(lines: Sequence[Taken]) -> list[EntryFact]:
    return [line.fact for line in lines if isinstance(line, Line)]


def _changes(
    facts: Facts, file: Record, line: Line, outcome: str, bank_entry: UUID
) -> tuple[Insert, Update]:
    fact = line.fact
    account = facts.get(CustodyAccount, fact.custody_account)
    assert account is not None, "the custody account was locked"
    row = {
        "statement_file_id": line.file,
        "line": line.number,
        "statement": line.statement,
        "custody_account_id": fact.custody_account,
        "institution_id": account["institution_id"],
        "bank_code": account["bank_code"],
        "bank_ref": fact.bank_ref,
        "direction": fact.direction,
        "amount_fen": fact.amount.fen,
        "book_on": fact.book_on,
        "value_on": fact.value_on,
        "raw_hash": line.raw_hash,
        "bank_entry_id": bank_entry,
        "outcome": outcome,
        "seq": facts.moment.next_seq,
    }
    counted = outcome.lower()
    values: dict[str, Any] = {"lines_done": line.number, counted: file[counted] + 1}
    return Insert(StatementLine, row), Update(StatementFile, (line.file,), values)


def _through(file: Record, end: TakenThrough, before: int) -> Decision:
    """Note in the journal what was taken; nothing when somebody else took it meanwhile."""
    assert file.lines_done >= end.last, "every line before was taken"
    if before >= end.last:
        return Decision(answer={}, duplicate=True)
    noted = Transaction(
        TransactionKind.STATEMENT_LINES_TAKEN,
        references={
            "statement_file": str(end.file),
            "first_line": str(before + 1),
            "last_line": str(end.last),
            "matched": str(file.matched),
            "posted": str(file.posted),
            "contradicted": str(file.contradicted),
        },
    )
    return Decision(answer={}, transactions=(noted,))
