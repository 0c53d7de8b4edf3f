"""`escrow verify`: recompute the ledger and say clean (0), violated (2) or incomplete (3)."""

import asyncio
import json
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import rich_click as click

if TYPE_CHECKING:
    from service.settings import Settings
    from service.verify import Heads, Mode, PersonalData, Report


@click.command()
@click.option("--full", "mode", flag_value="full", default=True, help="Every check (the default).")
@click.option("--quick", "mode", flag_value="quick", help="The server and the newest transactions.")
@click.option("--replay", "mode", flag_value="replay", help="The ledger rebuilt from the journal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--journal", "journals", type=int, multiple=True, help="Only this journal; repeat.")
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A clean report kept elsewhere (--json): its heads must stand; --quick begins there.",
)
@click.option("--fence", is_flag=True, help="Then fence the accounts whose money broke a check.")
def verify(
    mode: str, journals: tuple[int, ...], since: Path | None, *, as_json: bool, fence: bool
) -> None:
    """Recompute what is stored from the transactions, in one snapshot, and compare.

    Verifying reads and changes nothing. With the vault's keys (ESCROW_KEYS) personal data is
    looked at as well. With --fence the service's own login then stops everything outgoing from
    the custody accounts that a broken check of money is about; two people lift it.
    """
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.settings import Settings  # noqa: PLC0415
    from service.verify import Mode, NotHeads  # noqa: PLC0415

    settings = Settings()
    try:
        kept = None if since is None else _kept(since)
        url = launch.audit_url(settings)
        personal = _personal(settings) if mode == Mode.FULL else None
        service = _service_url(settings) if fence else None
    except (launch.NotServable, NotHeads) as error:
        raise click.ClickException(str(error)) from error
    report = run(
        url, Mode(mode), journals=journals or None, since=kept, quiet=as_json, personal=personal
    )
    placed, unfenced = (None, {}) if service is None else asyncio.run(fence_found(service, report))
    if as_json:
        told = {**report.as_json(), "fenced": placed, "unfenced": unfenced}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        show(report)
        if placed is not None:
            click.echo(f"fenced: {placed} custody accounts anew, of {len(report.fences)}")
    for journal, why in unfenced.items():
        click.echo(f"NOT FENCED: journal {journal}: {why}", err=True)
    sys.exit(report.exit_code or bool(unfenced))


def _kept(since: Path) -> "Heads":
    from service.verify import Heads  # noqa: PLC0415 - keeps `escrow --help` quick

    return Heads.of_report(since.read_text(encoding="utf-8"))


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


def _service_url(settings: "Settings") -> str:
    """Return the service's own login, which fences; raises `NotServable` where none is given."""
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick

    if settings.audit_url is not None and settings.database_url is None:
        raise launch.NotServable("--fence writes: give ESCROW_DATABASE_URL as well")
    return launch.database_url(settings)


async def fence_found(url: str, report: "Report") -> tuple[int, dict[int, str]]:
    """Fence what the report found, journal by journal, one that fails keeping none from the next.

    Return how many accounts were not fenced before, and by journal why it could not be fenced.
    """
    from service import launch  # noqa: PLC0415 - keeps `escrow --help` quick
    from service.store.transact import Store  # noqa: PLC0415
    from service.supervision.fences import place_fences  # noqa: PLC0415

    accounts: dict[int, list[UUID]] = {}
    for fence in report.fences:
        accounts.setdefault(fence["journal"], []).append(fence["custody_account_id"])
    engine = launch.engine_of(url, pool_size=2)
    try:
        await launch.require_app_role(engine)
        now = time.time_ns() // 1_000_000
        store, placed, unfenced = Store(engine), 0, dict[int, str]()
        for journal, found in accounts.items():
            try:
                placed += await place_fences(store, journal, found, now)
            except Exception as error:  # noqa: BLE001 - the other journals must be fenced
                unfenced[journal] = repr(error)[:300]
        return placed, unfenced
    finally:
        await engine.dispose()


def run(  # noqa: PLR0913 - what may be asked for
    url: str,
    mode: "Mode | None" = None,
    *,
    journals: tuple[int, ...] | None = None,
    since: "Heads | None" = None,
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
            verification.verify(
                url,
                mode=mode or verification.Mode.FULL,
                journals=journals,
                since=since,
                progress=progress,
                personal=personal,
            )
        )


def show(report: "Report") -> None:
    """Print the answer: one line when clean, else each check with its smallest example."""
    click.echo(
        f"verify --{report.mode.value}: {report.status.value},"
        f" {report.checked} of {len(report.results)} checks, {report.seconds} s"
    )
    without = [c for c in report.unchecked if "not asked" not in str(report.results[c].not_checked)]
    if without:
        click.echo(f"  not checked: {', '.join(without)} (give ESCROW_KEYS, --since)")
    for finding in report.findings:
        click.echo(f"  {finding.check} journal {finding.journal}: {finding.as_json()}")
    for result in report.results.values():
        if result.status.value == "incomplete":
            click.echo(f"  {result.check} incomplete: {result.as_json()}")
    for fence in report.fences:
        told = f"journal {fence['journal']} account {fence['custody_account_id']}"
        click.echo(f"  fence {told}: {', '.join(fence['checks'])}")
