"""`poe bench`: P1 to P9, each a ratio to a reference of the same run, on a fresh database.

Rounds are interleaved and told as minimum, median and maximum; afterwards every journal is
verified. Absolute figures of a shared machine drift; the ratios are what is claimed.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import rich_click as click

from service import logs
from tests.benchmarks import curves, money_in, night, reads, whole, wind_down
from tests.benchmarks.ground import Bench, machine, opened, settings_of
from tests.benchmarks.ratios import Result

PATHS: Final[dict[str, Callable[[Bench], Awaitable[Result]]]] = {
    "P1": money_in.batches,
    "P2": money_in.singles,
    "P3": night.confirmed_by_silence,
    "P4": money_in.hot,
    "P5": reads.one_account,
    "P6": reads.totals,
    "P7": wind_down.wound_down,
    "P8": whole.demonstrated,
    "P9": money_in.growth,
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option(
    "--size", type=click.IntRange(20_000), default=40_000, help="Entries of the largest journal."
)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, help="Interleaved rounds.")
@click.option("--only", help="Hot paths to measure, such as P1,P2; all unless given.")
@click.option(
    "--chart",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Measure throughput by batch size and by callers as well, and write a page with charts.",
)
def bench(*, as_json: bool, size: int, rounds: int, only: str | None, chart: Path | None) -> None:
    """Measure the hot paths on a fresh embedded or given database (ESCROW_DATABASE_URL)."""
    chosen = list(PATHS) if only is None else [name for name in only.split(",") if name]
    if unknown := set(chosen) - set(PATHS):
        raise click.BadParameter(f"there is no {', '.join(sorted(unknown))}")
    logs.configure("WARNING", as_json=False)
    told = asyncio.run(_measure(chosen, size, rounds, chart=chart, quiet=as_json))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    raise SystemExit(0 if told["verified"] == "clean" else 2)


async def _measure(
    chosen: list[str], size: int, rounds: int, *, chart: Path | None, quiet: bool
) -> dict[str, Any]:
    async with opened(size, rounds) as ready:
        durable = await settings_of(ready.admin)
        told: dict[str, Any] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "settings": durable,
            "size": size,
            "rounds": rounds,
            "results": [],
        }
        if not quiet:
            click.echo(json.dumps({k: told[k] for k in ("machine", "settings")}, indent=1))
        for name in chosen:
            result = (await PATHS[name](ready)).told()
            told["results"].append(result)
            _show(result, quiet=quiet)
        drawn = await curves.measured(ready) if chart else {}
        told["curves"] = {axis: [line.told() for line in lines] for axis, lines in drawn.items()}
        told["machine"]["load_after"] = round(os.getloadavg()[0], 2)
        report = await ready.verified()
    told["verified"] = report.status.value.lower()
    if chart:
        curves.write_page(chart, drawn, told)
    if not quiet:
        click.echo(f"verify: {told['verified']}")
    if report.findings:
        sys.stderr.write(f"{report.findings}\n")
    return told


def _show(result: dict[str, Any], *, quiet: bool) -> None:
    if quiet:
        return
    click.echo(f"\n{result['name']} {result['title']}\n   {result['workload']}")
    if "not_measured" in result:
        click.echo(f"   not measured: {result['not_measured']}")
    for part in result.get("parts", ()):
        sign = "≤" if part["better"] == "lower" else "≥"
        click.echo(
            f"   {part['name']}: {part['ratio']} ({part['min']} to {part['max']}),"
            f" floor {sign} {part['floor']}, goal {sign} {part['goal']}:"
            f" {'met' if part['met'] else 'missed'}"
        )
        for name, values in part["figures"].items():
            click.echo(f"      {name}: {', '.join(f'{v:,.1f}' for v in values)}")


if __name__ == "__main__":
    bench()
