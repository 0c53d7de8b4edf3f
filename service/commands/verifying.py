"""`escrow verify`: recompute the ledger and say clean (0), violated (2) or incomplete (3)."""

import asyncio
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from service.verify import Report


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--journal", "journals", type=int, multiple=True, help="Only this journal; repeat.")
def verify(journals: tuple[int, ...], *, as_json: bool) -> None:
    """Replay every journal from its transactions and compare all that is stored."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.settings import Settings  # noqa: PLC0415

    try:
        url = launch.audit_url(Settings())
    except launch.NotServable as error:
        raise click.ClickException(str(error)) from error
    report = run(url, journals=journals or None, quiet=as_json)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        show(report)
    sys.exit(report.exit_code)


def run(url: str, *, journals: tuple[int, ...] | None = None, quiet: bool = False) -> "Report":
    """Verify with a progress bar on standard error, unless quiet."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    from service import verify as verification  # noqa: PLC0415

    bar = Bar(console=Console(stderr=True), transient=True, disable=quiet)
    shown: AbstractContextManager[object] = nullcontext() if quiet else bar
    tasks: dict[int, object] = {}

    def progress(step: verification.Progress) -> None:
        if step.journal not in tasks:
            tasks[step.journal] = bar.add_task(f"journal {step.journal}", total=step.total)
        bar.update(tasks[step.journal], completed=step.done)  # type: ignore[arg-type]

    with shown:
        return asyncio.run(verification.verify(url, journals=journals, progress=progress))


def show(report: "Report") -> None:
    """Print the answer: one line when clean, else each check with its smallest example."""
    click.echo(f"verify: {report.status.value}, {len(report.results)} checks, {report.seconds} s")
    for finding in report.findings:
        click.echo(f"  {finding.check} journal {finding.journal}: {finding.as_json()}")
    for result in report.results.values():
        if result.status.value == "incomplete":
            click.echo(f"  {result.check} incomplete: {result.as_json()}")
