"""`escrow verify`: recompute the ledger and say clean (0), violated (2) or incomplete (3)."""

import asyncio
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from service.settings import Settings
    from service.verify import PersonalData, Report


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--journal", "journals", type=int, multiple=True, help="Only this journal; repeat.")
def verify(journals: tuple[int, ...], *, as_json: bool) -> None:
    """Replay every journal from its transactions and compare all that is stored.

    With the vault's keys (ESCROW_KEYS) personal data is looked at as well.
    """
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.settings import Settings  # noqa: PLC0415

    settings = Settings()
    try:
        url = launch.audit_url(settings)
        personal = _personal(settings)
    except launch.NotServable as error:
        raise click.ClickException(str(error)) from error
    report = run(url, journals=journals or None, quiet=as_json, personal=personal)
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        show(report)
    sys.exit(report.exit_code)


def _personal(settings: "Settings") -> "PersonalData | None":
    """Return the way to personal data, where somebody gave the keys."""
    from service import launch, vault_opening  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.verify import PersonalData  # noqa: PLC0415

    if settings.keys is None and settings.database_url is not None:
        return None
    if settings.audit_url is not None and settings.database_url is None:
        return None
    found = launch.database(settings)
    return PersonalData(found.url, vault_opening.load(settings, found))


def run(
    url: str,
    *,
    journals: tuple[int, ...] | None = None,
    quiet: bool = False,
    personal: "PersonalData | None" = None,
) -> "Report":
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
        return asyncio.run(
            verification.verify(url, journals=journals, progress=progress, personal=personal)
        )


def show(report: "Report") -> None:
    """Print the answer: one line when clean, else each check with its smallest example."""
    click.echo(f"verify: {report.status.value}, {len(report.results)} checks, {report.seconds} s")
    if report.unchecked:
        click.echo(f"  not checked: {', '.join(report.unchecked)} (give ESCROW_KEYS)")
    for finding in report.findings:
        click.echo(f"  {finding.check} journal {finding.journal}: {finding.as_json()}")
    for result in report.results.values():
        if result.status.value == "incomplete":
            click.echo(f"  {result.check} incomplete: {result.as_json()}")
