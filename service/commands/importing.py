"""`escrow import-statement`: statement files from disk, through the functions of the API."""

import hashlib
import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import rich_click as click

from service.commands.keys import Opened

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from service.statements.importing import Progress

ACTOR: Final = "command-line"
_PIECE: Final = 1024 * 1024


@click.command("import-statement")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--bank", help="Code of the bank; needed for CSV, else told from the accounts.")
@click.option("--jurisdiction", "code", help="Its code, where the accounts do not tell it.")
@click.option("--account", default="", help="Number of the account, where a CSV does not say it.")
@click.option("--encoding", default="", help="Encoding of an MT940: utf-8, gbk or gb18030.")
@click.option("--derive-references", is_flag=True, help="Of an MT940 that has none of the bank.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
def import_statement(  # noqa: PLR0913, PLR0917 - one option each
    files: tuple[Path, ...],
    bank: str | None,
    code: str | None,
    account: str,
    encoding: str,
    derive_references: bool,  # noqa: FBT001 - a flag
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Import statement files (对账单文件) of banks, each whole or not at all.

    The same file again changes nothing; one that was broken off goes on. Exit 1 when any was
    refused or quarantined.
    """
    opened = Opened.now()
    told = []
    for file in files:
        with file.open("rb") as source, _bar(file.name, quiet=as_json) as progress:
            one = _Import(source, bank, code, account, encoding, derive_references, progress)
            told.append(opened.run(one.work))
        answer = {"file": file.name, **told[-1]}
        click.echo(json.dumps(answer, ensure_ascii=False) if as_json else _sentence(answer))
    if any(one["state"] in {"REFUSED", "QUARANTINED"} for one in told):
        raise SystemExit(1)


@dataclass(frozen=True, slots=True)
class _Import:
    """One file with what the options say of it, from disk to its answer."""

    source: BinaryIO
    bank: str | None
    code: str | None
    account: str
    encoding: str
    derives: bool
    progress: "Progress"

    async def work(self, engine: "AsyncEngine") -> dict[str, Any]:
        """Check, take and post the file; raises `ClickException` for what cannot be told."""
        import time  # noqa: PLC0415 - keeps `escrow --help` quick

        from service.statements import importing, mappings  # noqa: PLC0415
        from service.statements.import_take import TAKE_FILE, TakeFile  # noqa: PLC0415
        from service.store import ids  # noqa: PLC0415
        from service.store import statement_file_reads as reads  # noqa: PLC0415
        from service.store.audit import Attempt  # noqa: PLC0415
        from service.store.context import Context  # noqa: PLC0415
        from service.store.transact import Request, Store  # noqa: PLC0415

        store = Store(engine)
        async with store.reading(Context(())) as connection:
            hints = await mappings.hints_of(
                connection, self.bank, self.encoding, self.account, derives=self.derives
            )
        examined = await importing.examine(self.source, hints)
        journal, bank = await self._place(store, examined)
        sha256, size = _digest(self.source)
        taken = TakeFile(
            journal,
            ids.new_id(time.time_ns() // 1_000_000),
            bank,
            sha256,
            size,
            examined.format,
            hints,
            examined.statements,
            examined.flaw,
        )
        outcome = await store.transact(
            Request(
                use_case=TAKE_FILE,
                commands=[taken],
                caller=Context((journal,), bank=bank),
                actor=ACTOR,
                journal=journal,
                attempt=Attempt(operation="escrow import-statement", role="operator"),
            )
        )
        answer, duplicate = outcome.single(), outcome.verdicts[0].duplicate
        file = ids.parse(reads.PREFIX, answer["id"])[1]
        posting = importing.Posting(journal, file, ACTOR, self.source, examined)
        row = await importing.post(store, posting, self.progress)
        return reads.answer_of(row) | {"duplicate": duplicate}

    async def _place(self, store: Any, examined: Any) -> tuple[int, str]:  # noqa: ANN401
        """Return journal and bank: as said, else the only ones whose accounts the file names."""
        from service.statements import importing  # noqa: PLC0415 - keeps `escrow --help` quick
        from service.store import reference  # noqa: PLC0415
        from service.store.context import Context  # noqa: PLC0415

        async with store.reading(Context(())) as connection:
            nodes = await reference.jurisdictions(connection)
        of_code = {node.code: node.journal_id for node in nodes if node.journal_id is not None}
        if self.code is not None and self.code not in of_code:
            raise click.ClickException(f"{self.code} is no jurisdiction with a journal of its own")
        journals = tuple(of_code.values()) if self.code is None else (of_code[self.code],)
        found = await importing.places(store, Context(journals), examined)
        found = {place for place in found if self.bank in {None, place[1]}}
        if not found and self.bank is not None and len(journals) == 1:
            return journals[0], self.bank
        if len(found) != 1:
            raise click.ClickException(_untold(examined, len(found)))
        [place] = found
        return place


def _untold(examined: Any, found: int) -> str:  # noqa: ANN401 - typed where it is made
    reason = "" if examined.flaw is None else f" ({examined.flaw.reason})"
    many = "several journals or banks have" if found else "no journal has"
    return f"{many} the accounts of this file{reason}: give --bank and --jurisdiction"


def _digest(source: BinaryIO) -> tuple[bytes, int]:
    source.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return digest.digest(), size


def _sentence(answer: dict[str, Any]) -> str:
    if answer["state"] in {"REFUSED", "QUARANTINED"}:
        where = "".join(f", {n} {answer[n]}" for n in ("line", "entry") if answer[n] is not None)
        return f"{answer['file']}: {answer['state'].lower()}, {answer['reason']}{where}"
    again = " before" if answer["duplicate"] else ""
    return (
        f"{answer['file']}: {answer['state'].lower()}{again}, {answer['lines']} lines:"
        f" {answer['matched']} confirmed, {answer['posted']} posted,"
        f" {answer['contradicted']} contradicted"
    )


def _bar(name: str, *, quiet: bool) -> AbstractContextManager["Progress"]:
    """Show how many lines are taken on standard error, unless quiet."""
    if quiet:
        return nullcontext(lambda _done, _of: None)
    return _Bar(name)


class _Bar(AbstractContextManager["Progress"]):
    """A progress bar of one file."""

    def __init__(self, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - keeps `escrow --help` quick
        from rich.progress import Progress as Bar  # noqa: PLC0415

        self._bar = Bar(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(f"checking {name}", total=None)
        self._name = name

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self._told

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _told(self, done: int, of: int) -> None:
        self._bar.update(self._task, description=self._name, completed=done, total=of)
