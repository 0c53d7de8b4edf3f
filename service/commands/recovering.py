"""`escrow recover`: what restored journals lack, and how they are opened for writing again."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from service.recovery.missing import Missing

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--since", type=_FILE, multiple=True, help="A verify report, or kept heads; repeat.")
@click.option("--statement", type=_FILE, multiple=True, help="A bank's statement file; repeat.")
@click.option("--bank", help="Code of the bank that the statements are of; needed for CSV.")
@click.option("--keys", type=_FILE, multiple=True, help="A client's log of keys; repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--accept", type=_FILE, help="Open the journals, having read this report of it.")
@click.option("--by", multiple=True, help="Who opens them; two people, so twice.")
def recover(  # noqa: PLR0913, PLR0917 - one option each
    since: tuple[Path, ...],
    statement: tuple[Path, ...],
    bank: str | None,
    keys: tuple[Path, ...],
    as_json: bool,  # noqa: FBT001 - a flag
    accept: Path | None,
    by: tuple[str, ...],
) -> None:
    """List what the journals lack of what others kept (恢复), or open them for writing again.

    Listing reads and changes nothing. It ends 0 when nothing is missing, 2 when something is and
    3 when nothing was given to compare with. With --accept the custody accounts that something
    missing is about are fenced, and then the journals are opened.
    """
    if accept is not None:
        _accept(accept, by)
        return
    found = asyncio.run(_compared(since, statement, bank, keys))
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False))
    else:
        _show(found)
    sys.exit(found.exit_code)


async def _compared(
    since: tuple[Path, ...], statement: tuple[Path, ...], bank: str | None, keys: tuple[Path, ...]
) -> "Missing":
    """Compare everything given with one snapshot, as the auditor."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.recovery import given, missing  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415
    from service.store import server_epochs  # noqa: PLC0415
    from service.verify import Heads, NotHeads  # noqa: PLC0415

    try:
        url = await asyncio.to_thread(launch.audit_url, Settings())
        kept = [Heads.of_report(file.read_text(encoding="utf-8")) for file in since]
        engine = launch.engine_of(url, pool_size=1).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        try:
            async with engine.connect() as connection:
                found = missing.Missing(await server_epochs.standing(connection))
                await missing.read_heads(connection, found)
                for heads in kept:
                    await missing.compare_heads(connection, heads, found)
                await _statements(connection, statement, bank, found)
                for file in keys:
                    await missing.compare_answers(connection, given.answers_of(file), found)
                await missing.lead_to_accounts(connection, found)
        finally:
            await engine.dispose()
    except (launch.NotServable, NotHeads, given.NotReadable) as error:
        raise click.ClickException(str(error)) from error
    return found


async def _statements(
    connection: "AsyncConnection", files: tuple[Path, ...], bank: str | None, found: "Missing"
) -> None:
    from service.recovery import given, missing  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.statements import mappings  # noqa: PLC0415

    hints = await mappings.hints_of(connection, bank, "", "", derives=True)
    for file in files:
        with file.open("rb") as source:
            entries = given.entries_of(file, source, hints)
            await missing.compare_entries(connection, entries, found)


def _show(found: "Missing") -> None:
    """Print what is missing, a line each."""
    told = found.as_json()
    state = f"read only, {told['read_only']}" if told["read_only"] else "open"
    click.echo(f"journals: {state}; epoch {told['epoch']}, timeline {told['timeline']}")
    click.echo("compared: " + ", ".join(f"{n} {name}" for name, n in told["compared"].items()))
    click.echo("missing: " + ", ".join(f"{n} {name}" for name, n in told["missing"].items()))
    for head in told["heads"]:
        how = "written anew at" if head["rewritten"] else "ends before"
        click.echo(
            f"  {head['chain']} {head['journal']} {how} {head['kept']}, it reaches {head['ours']}"
        )
    for entry in told["entries"]:
        click.echo(
            f"  {entry['booked_on']} {entry['direction']} {entry['amount']} {entry['bank_ref']}"
            f" of {entry['custody_account_id']}"
        )
    for answer in told["answers"]:
        click.echo(f"  key {answer['key']} of {answer['caller']} {answer['transaction_id'] or ''}")
    for account in told["unknown_accounts"]:
        click.echo(f"  an account that nobody has here, …{account}")


def _accept(report: Path, by: tuple[str, ...]) -> None:
    from service.commands.keys import Opened  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.recovery import opening  # noqa: PLC0415

    if len(set(by)) != 2:  # noqa: PLR2004 - two people
        raise click.UsageError("two people open journals: give --by twice")
    try:
        read = opening.Read.of(report.read_text(encoding="utf-8"))
        opened = Opened.now().run(lambda engine: opening.open_again(engine, read, *by))
    except opening.NotOpened as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps({"epoch": opened.epoch, "fenced": opened.fenced, "by": list(by)}))
