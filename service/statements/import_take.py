"""Taking a statement file: whole, with its days, or not at all, with the reason (I-36).

Nothing is posted here. An accepted file's statements and days stand from now on, so that whatever
comes next is compared with them; its lines follow in units of work of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal
from ledger.transactions import Transaction, TransactionKind
from service.statement_files.detect import Format
from service.statement_files.refused import Reason
from service.statements.days_standing import DaysStanding, Judged, Segment, segments_of
from service.statements.file_faults import Fault, FileUnfit, Flaw
from service.statements.import_check import CheckedStatement, DayFigures, Hints, spellings
from service.store import rows
from service.store import statement_file_reads as reads
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.tables import BankStatement, CustodyAccount, StatementDay, StatementFile
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class TakeFile:
    """A file as it came; `flaw` is what its reader found, else its statements are checked."""

    journal: int
    file: UUID
    bank: str
    sha256: bytes
    size: int
    format: str | None
    hints: Hints
    statements: tuple[CheckedStatement, ...] = ()
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file with the custody accounts that its statements name, None where there is none."""

    command: TakeFile
    accounts: tuple[UUID | None, ...] = field(default=())

    @property
    def segments(self) -> list[Segment]:
        """The runs of days of each custody account that the file brings, in its order."""
        return segments_of(zip(self.accounts, self.command.statements, strict=True))


async def find_accounts(
    connection: AsyncConnection, _caller: Context, commands: Sequence[TakeFile]
) -> list[FoundFile | Refusal]:
    """Find the accounts that the files name among the bank's own."""
    found: list[FoundFile | Refusal] = []
    for command in commands:
        named = [spellings(one.summary.account) for one in command.statements]
        known = await reads.accounts_numbered(
            connection, command.journal, command.bank, {n for each in named for n in each}
        )
        matched = [next((known[n] for n in each if n in known), None) for each in named]
        accounts = tuple(None if one is None else one.custody_account_id for one in matched)
        found.append(FoundFile(command, accounts))
    return found


async def load_accounts(unit: Unit, found: Sequence[FoundFile]) -> None:
    """Lock the custody accounts, shared."""
    wanted = {account for each in found for account in each.accounts if account is not None}
    await unit.lock(CustodyAccount, wanted, share=True)


async def read_standing(unit: Unit, found: Sequence[FoundFile]) -> None:
    """Read files of the same bytes, and the days and sequences that stand."""
    journal = unit.facts.journal
    hashes = {each.command.sha256 for each in found}
    same = await unit.read(
        StatementFile, rows.keyed(StatementFile, journal, hashes, "content_sha256")
    )
    await unit.read(
        BankStatement,
        rows.keyed(
            BankStatement, journal, {r.statement_file_id for r in same}, "statement_file_id"
        ),
    )
    segments = [segment for each in found for segment in each.segments]
    given = reads.ranges((s.custody, s.first.day, s.last.day) for s in segments)
    standing = DaysStanding()
    days = await unit.query(reads.DAYS_AROUND, journal=journal, **given)
    standing.take_days(unit.facts.take(StatementDay, days))
    standing.take_lines(await unit.query(reads.LINES_WITHIN, journal=journal, **given))
    around = reads.ranges((row["custody_account_id"], row["day"], row["day"]) for row in days)
    for row in await unit.query(reads.SEQUENCES, journal=journal, **around):
        standing.sequences[row["custody_account_id"], row["to_on"]] = row["sequence"]
    years = reads.ranges(
        (s.custody, date(one.year, 1, 1), date(one.year, 12, 31))
        for s in segments
        for one in s.numbered
    )
    numbers = sorted({one.sequence for s in segments for one in s.numbered})
    standing.numbered = list(
        await unit.query(reads.NUMBERED, journal=journal, sequences=numbers, **years)
    )
    bank = found[0].command.bank
    unfinished = await unit.query(reads.UNFINISHED, journal=journal, bank=bank)
    standing.unfinished = {r["custody_account_id"]: r["statement_file_id"] for r in unfinished}
    derived = reads.ranges(
        (account, one.days[0].day, one.days[-1].day)
        for each in found
        for account, one in zip(each.accounts, each.command.statements, strict=True)
        if account is not None and one.derived
    )
    pushed = await unit.query(reads.PUSHED, journal=journal, **derived)
    unit.facts.extra["standing"] = standing
    unit.facts.extra["pushed"] = {row["custody_account_id"] for row in pushed}


def decide_take(facts: Facts, found: FoundFile) -> Decision:
    """Accept a file, or keep why not; the same bytes of the same accounts again are a duplicate.

    Raises `StatementFileUnfinished` when a file of the same days is still being posted.
    """
    command = found.command
    same = [row for row in facts.all(StatementFile) if _is_of(row, command)]
    for row in same:
        if row.state in {"ACCEPTED", "POSTED"} and _is_taken(facts, row, found):
            return Decision(answer=reads.answer_of(row), duplicate=True)
    standing: DaysStanding = facts.extra["standing"]
    judged: dict[int, Judged] = {}
    flaw = command.flaw or _flaw(facts, found)
    if flaw is None:
        try:
            judged = standing.judged(found.segments)
        except FileUnfit as unfit:
            flaw = unfit.flaw
    for row in same:
        if flaw is not None and row.reason == flaw.reason:
            return Decision(answer=reads.answer_of(row), duplicate=True)
    if flaw is not None:
        return _kept_apart(facts, command, flaw)
    return _accepted(facts, found, judged)


TAKE_FILE = UseCase("take_statement_file", find_accounts, load_accounts, decide_take, read_standing)


def _is_of(row: Record, command: TakeFile) -> bool:
    return bool(row.content_sha256 == command.sha256 and row.bank_code == command.bank)


def _is_taken(facts: Facts, row: Record, found: FoundFile) -> bool:
    """Tell whether a file of these bytes that was taken is of the same custody accounts.

    Of bytes that are now read with a flaw nobody knows the accounts but by the sender's word.
    """
    command = found.command
    if command.flaw is not None:
        return row.format != Format.CSV or command.hints.account in {"", row.account_number}
    brought = {
        one.number: one.custody_account_id
        for one in facts.all(BankStatement)
        if one.statement_file_id == row.statement_file_id
    }
    return dict(enumerate(found.accounts, start=1)) == brought


def _flaw(facts: Facts, found: FoundFile) -> Flaw | None:
    """Say what is wrong with a file that is right by itself, before its days are compared."""
    if None in found.accounts:
        return Flaw(Fault.UNKNOWN_ACCOUNT)
    today = facts.moment.today
    for account, one in zip(found.accounts, found.command.statements, strict=True):
        if one.derived and account in facts.extra["pushed"]:
            # The same money would stand under the bank's reference and under one of ours.
            return Flaw(Reason.REFERENCE_MISSING)
        latest = max((d for d in (_last_day(one), one.last_booked_on) if d), default=today)
        if latest > today:
            return Flaw(Fault.DATE_IN_FUTURE)
    return None


def _accepted(facts: Facts, found: FoundFile, judged: Mapping[int, Judged]) -> Decision:
    """Keep the file, its statements and the days that nobody delivered yet."""
    command = found.command
    after_gap = {number for number, one in judged.items() if one.after_gap}
    row = _row(facts, command, "ACCEPTED", None)
    statements = [
        Insert(BankStatement, _statement_row(facts, command, number, account, one, after_gap))
        for number, (account, one) in enumerate(
            zip(found.accounts, command.statements, strict=True), start=1
        )
        if account is not None
    ]
    days = [
        Insert(StatementDay, _day_row(facts, segment.custody, day))
        for segment in found.segments
        for day in judged[segment.number].fresh
    ]
    return _kept(TransactionKind.STATEMENT_FILE_ACCEPTED, command, row, (*statements, *days))


def _kept_apart(facts: Facts, command: TakeFile, flaw: Flaw) -> Decision:
    row = _row(facts, command, flaw.state, flaw)
    return _kept(TransactionKind.STATEMENT_FILE_REFUSED, command, row, ())


def _kept(
    kind: TransactionKind, command: TakeFile, row: Record, changes: Iterable[Change]
) -> Decision:
    references = {"statement_file": str(command.file), "bank": command.bank, "state": row.state}
    if row.reason is not None:
        references["reason"] = str(row.reason)
    return Decision(
        answer=reads.answer_of({**row, "journal_id": command.journal}),
        transactions=(Transaction(kind, references=references),),
        changes=(Insert(StatementFile, row), *changes),
    )


def _row(facts: Facts, command: TakeFile, state: str, flaw: Flaw | None) -> Record:
    moment, hints = facts.moment, command.hints
    is_csv = command.format == Format.CSV
    return Record(
        {
            "statement_file_id": command.file,
            "bank_code": command.bank,
            "content_sha256": command.sha256,
            "size_bytes": command.size,
            "format": command.format,
            "mapping_version": hints.mapping_version if is_csv else None,
            "encoding": hints.encoding,
            # Of a file that was not read by it nobody knows what it is.
            "account_number": hints.account if is_csv and flaw is None else "",
            "derives_references": hints.derives,
            "state": state,
            "reason": None if flaw is None else str(flaw.reason),
            "at_line": None if flaw is None else flaw.line,
            "at_entry": None if flaw is None else flaw.entry,
            "statements": len(command.statements),
            "lines": sum(one.summary.count for one in command.statements),
            "lines_done": 0,
            "matched": 0,
            "posted": 0,
            "contradicted": 0,
            "received_by": moment.actor,
            "received_at": moment.now,
            "completed_at": None,
            "seq": moment.next_seq,
        }
    )


def _statement_row(  # noqa: PLR0913, PLR0917 - a row of a table
    facts: Facts,
    command: TakeFile,
    number: int,
    custody: UUID,
    one: CheckedStatement,
    after_gap: set[int],
) -> dict[str, Any]:
    account, of = _account(facts, custody), one.summary
    return {
        "statement_file_id": command.file,
        "number": number,
        "custody_account_id": custody,
        "institution_id": account.institution_id,
        "bank_code": account.bank_code,
        "kind": of.kind.value,
        "reference": of.statement_id,
        "sequence": of.sequence,
        "from_on": one.days[0].day if one.days else of.from_on,
        "to_on": _last_day(one),
        "opening_fen": of.opening_fen,
        "closing_fen": of.closing_fen,
        "credit_count": of.credit_count,
        "credit_fen": of.credit_fen,
        "debit_count": of.debit_count,
        "debit_fen": of.debit_fen,
        "after_gap": number in after_gap,
        "seq": facts.moment.next_seq,
    }


def _day_row(facts: Facts, custody: UUID, day: DayFigures) -> dict[str, Any]:
    """Make a day that is delivered and not yet compared: its lines are still to be posted."""
    account = _account(facts, custody)
    return {
        "custody_account_id": custody,
        "day": day.day,
        "institution_id": account.institution_id,
        "bank_code": account.bank_code,
        **day.figures,
        "state": "DELIVERED",
        "ledger_closing_fen": None,
        "agreed_seq": None,
        "differed_seq": None,
        "delivered_at": facts.moment.now,
        "seq": facts.moment.next_seq,
    }


def _account(facts: Facts, custody: UUID) -> Record:
    account = facts.get(CustodyAccount, custody)
    assert account is not None, "the custody account was found and locked"
    return account


def _last_day(one: CheckedStatement) -> date | None:
    return one.days[-1].day if one.days else one.summary.to_on
