"""Importing a statement file, from its bytes to the last line posted and the days compared.

The file is read twice and never held: once to its end to be believed, once more to be posted, some
thousands of lines in a unit of work. What broke off goes on when the same file is sent again.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final
from uuid import UUID

import structlog

from ledger.money import Money
from ledger.refusals import StatementFileUnfinished
from service.bank_entries.reading import (
    LineAccount,
    NamedOrder,
    lease_named,
    orders_named,
    read_entry,
)
from service.bank_entries.retry import retry_kept
from service.failpoints import Point, reach
from service.statement_files.canonical import CanonicalEntry, Kind, StatementHead
from service.statement_files.refused import StatementFileInvalid
from service.statements import mappings
from service.statements.file_faults import FileUnfit, Flaw, flaw_of
from service.statements.import_check import (
    CheckedStatement,
    Hints,
    check_file,
    format_of,
    parts_of,
    spellings,
)
from service.statements.import_finish import FINISH_FILE, FinishFile
from service.statements.import_lines import TAKE_LINES, Line, Taken, TakenThrough
from service.store import ids, rows
from service.store import statement_file_reads as reads
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import OrderLease, PaymentOrder
from service.store.transact import Mode, Request, Store
from service.store.vault_rows import vault_of

log = structlog.get_logger("service.statements")

LINES_AT_ONCE: Final = 2_000
_FIGURES: Final = (
    *("opening_fen", "closing_fen"),
    *("credit_count", "credit_fen", "debit_count", "debit_fen"),
)
Progress = Callable[[int, int], None]
"""Hears of lines taken, and of how many there are."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file is by itself: its statements, or the one thing that is wrong with it."""

    format: str | None
    hints: Hints
    statements: tuple[CheckedStatement, ...] = ()
    flaw: Flaw | None = None

    @property
    def accounts(self) -> set[str]:
        """The account numbers that it names, as they may stand in the registry."""
        return {name for one in self.statements for name in spellings(one.summary.account)}


@dataclass(frozen=True, slots=True)
class Posting:
    """An accepted file to be posted, and as whom; `examined` is what was just made of it, if so."""

    journal: int
    file: UUID
    actor: str
    source: BinaryIO
    examined: Examined | None = None


def _no_progress(_done: int, _of: int) -> None:
    """For callers that show none."""


async def examine(source: BinaryIO, hints: Hints) -> Examined:
    """Read a seekable file to its end beside the event loop; never raises for what is in it."""
    return await asyncio.to_thread(_examined, source, hints)


async def places(store: Store, caller: Context, examined: Examined) -> set[tuple[int, str]]:
    """Return the journals, and the banks there, whose accounts a file names, as the caller sees."""
    async with store.reading(caller) as connection:
        return await reads.places_of(connection, caller.journals, examined.accounts)


async def post(store: Store, posting: Posting, progress: Progress = _no_progress) -> Record:
    """Post what is left of a file, compare its days, and return its row as it then stands.

    It is read as it was accepted, whatever mapping was set or told since. A file that is posted,
    refused or quarantined is returned as it is. Raises `StatementFileUnfinished` for one that
    would now be read otherwise: nothing more of it is posted.
    """
    scope = Context((posting.journal,))
    async with store.reading(scope) as connection:
        file = await reads.file_of(connection, posting.journal, posting.file)
        assert file is not None, "the file was taken"
        if file.state != "ACCEPTED":
            return file
        statements = await reads.statements_of(connection, posting.journal, posting.file)
        hints = await mappings.hints_kept(connection, file)
    await _require_same(posting, hints, statements)
    await _post_lines(store, posting, file, statements, progress, hints)
    await retry_kept(store, posting.journal, {one.custody_account_id for one in statements})
    await _finish(store, posting, statements)
    async with store.reading(scope) as connection:
        ended = await reads.file_of(connection, posting.journal, posting.file)
    assert ended is not None, "files are never deleted"
    return ended


def _examined(source: BinaryIO, hints: Hints) -> Examined:
    form = None
    try:
        form = format_of(source, hints).value
        return Examined(form, hints, check_file(source, hints).statements)
    except (StatementFileInvalid, FileUnfit) as refused:
        return Examined(form, hints, flaw=flaw_of(refused))


async def _require_same(posting: Posting, hints: Hints, statements: Sequence[Record]) -> None:
    """Refuse to post what is read now with other figures than it was accepted with."""
    examined = posting.examined
    if examined is None or examined.hints != hints:
        examined = await examine(posting.source, hints)
    read = [[getattr(one.summary, name) for name in _FIGURES] for one in examined.statements]
    if read != [[one[name] for name in _FIGURES] for one in statements]:
        file = ids.public(reads.PREFIX, posting.journal, posting.file)
        log.error("statement_file.reads_otherwise", file=file)
        raise StatementFileUnfinished(statement_file_id=file)


async def _post_lines(  # noqa: PLR0913, PLR0917 - what a file is posted by
    store: Store,
    posting: Posting,
    file: Record,
    statements: Sequence[Record],
    progress: Progress,
    hints: Hints,
) -> None:
    """Post line by line from the first that is not taken yet."""
    accounts = {one.number: _account_of(posting.journal, one) for one in statements}
    kinds = {one.number: Kind(one.kind) for one in statements}
    vault = vault_of(store.engine)
    lines = islice(_numbered(posting.source, hints), file.lines_done, None)
    progress(file.lines_done, file.lines)
    while chunk := await asyncio.to_thread(_next, lines):
        orders = await _orders(store, posting.journal, [entry for _, _, entry in chunk])
        commands: list[Taken] = [
            Line(
                posting.file,
                number,
                statement,
                read_entry(
                    entry,
                    bank_entry=ids.derived(posting.file, str(number)),
                    account=accounts[statement],
                    orders=orders,
                    of=kinds[statement],
                ),
                # An unkeyed digest of names and accounts could be guessed by trying.
                vault.blind("account", f"statement_line/{entry.raw_hash}"),
            )
            for number, statement, entry in chunk
        ]
        last = chunk[-1][0]
        commands.append(TakenThrough(posting.file, last))
        outcome = await store.transact(
            Request(
                use_case=TAKE_LINES,
                commands=commands,
                caller=Context((posting.journal,)),
                actor=posting.actor,
                journal=posting.journal,
                mode=Mode.ALL_OR_NOTHING,
                unread=True,
            )
        )
        for verdict in outcome.verdicts:
            if verdict.refusal is not None:
                raise verdict.refusal
        reach(Point.FILE_PART_TAKEN)
        progress(last, file.lines)


async def _finish(store: Store, posting: Posting, statements: Sequence[Record]) -> None:
    periods = {
        (one.custody_account_id, one.from_on, one.to_on)
        for one in statements
        if one.kind == "STATEMENT"
    }
    end = FinishFile(posting.file, tuple(sorted(periods)))
    outcome = await store.transact(
        Request(
            use_case=FINISH_FILE,
            commands=[end],
            caller=Context((posting.journal,)),
            actor=posting.actor,
            journal=posting.journal,
        )
    )
    outcome.single()


def _account_of(journal: int, statement: Record) -> LineAccount:
    return LineAccount(journal, statement.custody_account_id, statement.purpose)


Numbered = tuple[int, int, CanonicalEntry]


def _numbered(source: BinaryIO, hints: Hints) -> Iterator[Numbered]:
    """Number the lines of a file and its statements, each from 1."""
    line = statement = 0
    for part in parts_of(source, hints):
        if isinstance(part, StatementHead):
            statement += 1
        elif isinstance(part, CanonicalEntry):
            line += 1
            yield line, statement, part


def _next(lines: Iterator[Numbered]) -> list[Numbered]:
    return list(islice(lines, LINES_AT_ONCE))


async def _orders(
    store: Store, journal: int, entries: Sequence[CanonicalEntry]
) -> dict[UUID, NamedOrder]:
    """Return the orders that entries name, by id; of any bank: money arrives at another one."""
    named = {order for entry in entries for order in orders_named(entry, journal)}
    leases = {lease_named(entry, journal) for entry in entries} - {None}
    if not named and not leases:
        return {}
    async with store.reading(Context((journal,))) as connection:
        leased = await rows.fetch(connection, rows.keyed(OrderLease, journal, leases, "lease_id"))
        lease_of = {row["order_id"]: row["lease_id"] for row in leased}
        named |= lease_of.keys()
        found = await rows.fetch(connection, rows.keyed(PaymentOrder, journal, named, "order_id"))
    return {
        row["order_id"]: NamedOrder(
            row["order_id"],
            row["custody_account_id"],
            row["target_custody_account_id"],
            Money.from_fen(row["amount_fen"]),
            lease_of.get(row["order_id"]),
            row["state"],
        )
        for row in found
    }
