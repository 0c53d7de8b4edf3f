"""`escrow audit`: a day of the audit trail in a file, for somebody else to keep, and its check."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click


@click.group()
def audit() -> None:
    """Export the audit trail (审计日志) for outside keeping, and check what was exported."""


@audit.command("export")
@click.option("--journal", type=click.IntRange(0, 65535), required=True, help="0 for chain 0.")
@click.option("--day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="A day in Shanghai.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--whole", is_flag=True, help="With addresses and sessions, so that hashes compute.")
def export(journal: int, day: datetime, out: Path, *, whole: bool) -> None:
    """Write a day of a journal's trail as canonical text, and print its head's hash.

    Keep both where whoever runs the database cannot reach them: nobody can then rewrite the trail
    up to that head without being found out.
    """
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.settings import Settings  # noqa: PLC0415

    try:
        url = launch.audit_url(Settings())
    except launch.NotServable as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(asyncio.run(_exported(url, journal, day, out, masked=not whole))))


@audit.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check(file: Path) -> None:
    """Check an exported day by itself: every row follows the one before, up to its head."""
    from service.audit import segments  # noqa: PLC0415 - keeps `escrow --help` quick

    try:
        with file.open(encoding="utf-8", newline="\n") as lines:
            header = segments.check(lines)
    except (segments.Broken, ValueError, KeyError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    click.echo(json.dumps({name: header[name] for name in ("journal", "day", "last", "head")}))


async def _exported(
    url: str, journal: int, day: datetime, out: Path, *, masked: bool
) -> dict[str, Any]:
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.audit import segments  # noqa: PLC0415
    from service.store import audit_reads  # noqa: PLC0415

    engine = launch.engine_of(url, pool_size=1).execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    try:
        async with engine.connect() as connection:
            segment = await audit_reads.segment(connection, journal, day.date())
            with out.open("w", encoding="utf-8", newline="\n") as sink:
                async for part in segments.text_of(connection, segment, masked=masked):
                    sink.write(part)
    finally:
        await engine.dispose()
    return {
        "file": str(out),
        "journal": journal,
        "day": segment.day.isoformat(),
        "rows": max(0, segment.last - segment.first + 1),
        "head": segment.head.hex(),
    }
