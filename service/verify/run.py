"""The verification itself: one snapshot of the primary, every check that its mode asks."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from service.verify import (
    approval_checks,
    audit_checks,
    bank_checks,
    bank_event_checks,
    catalogue,
    claim_checks,
    deposit_checks,
    enrolment_checks,
    figures,
    heads,
    order_checks,
    payee_checks,
    plan_checks,
    queries,
    rebuild,
    reconciliation_checks,
    refund_checks,
    reversals,
    row_checks,
    rule_checks,
    server_checks,
    signature_checks,
    silence_checks,
    standing_checks,
    statement_checks,
    suspected_checks,
    suspects,
    tail,
    transfer_checks,
    vault_checks,
    wind_down_checks,
)
from service.verify.checks import CHECKS, Mode
from service.verify.heads import Heads
from service.verify.report import Progress, Report
from service.verify.snapshot import Row, Snapshot, snapshot
from service.verify.vault_checks import PersonalData

CHECK_MODULES: Final = (
    row_checks,
    approval_checks,
    audit_checks,
    enrolment_checks,
    bank_checks,
    bank_event_checks,
    claim_checks,
    deposit_checks,
    order_checks,
    reconciliation_checks,
    refund_checks,
    signature_checks,
    standing_checks,
    statement_checks,
    suspected_checks,
    transfer_checks,
    wind_down_checks,
)
"""Modules whose checks are one query each."""

SERVER: Final = ("V-26", "V-27", "V-28", "V-29", "V-33", "V-34", "V-37")
ASKED: Final[dict[Mode, frozenset[str]]] = {
    Mode.FULL: frozenset(CHECKS),
    Mode.QUICK: frozenset({*SERVER, *tail.FOLLOWED, heads.CODE}),
    Mode.REPLAY: frozenset({*rebuild.REPLAYED, figures.CODE, heads.CODE, "V-34"}),
}
"""What each mode asks; the rest is not checked, and said so."""

_SIGHT: Final = """
    SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, 'escrow_audit', 'USAGE')
    FROM pg_roles WHERE rolname = current_user"""

_HEADS: Final = "SELECT * FROM escrow.journal_head ORDER BY journal_id"


def _silent(_progress: Progress) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: a mode, of which journals (None: all), since which heads kept elsewhere.

    `progress` hears how far the replay is.
    """

    mode: Mode
    journals: Sequence[int] | None
    since: Heads | None
    progress: Callable[[Progress], None]


async def verify(  # noqa: PLR0913 - what may be asked for
    url: str,
    *,
    mode: Mode = Mode.FULL,
    journals: Sequence[int] | None = None,
    since: Heads | None = None,
    progress: Callable[[Progress], None] = _silent,
    personal: PersonalData | None = None,
) -> Report:
    """Verify the database at `url`, logged in as the auditor; all journals, or those given.

    It never writes. What could not be looked at is incomplete, which is not clean. Personal data
    is looked at with the keys in `personal` alone. `since` are heads that somebody else kept.
    """
    async with snapshot(url) as opened:
        report = await verify_snapshot(
            opened, mode=mode, journals=journals, since=since, progress=progress
        )
        every = [row["journal_id"] for row in await opened.rows(_HEADS)]
    if mode is Mode.FULL:
        wanted = [0, *every] if journals is None else list(journals)
        await vault_checks.run(personal, wanted, report)
    return report


async def verify_snapshot(
    opened: Snapshot,
    *,
    mode: Mode = Mode.FULL,
    journals: Sequence[int] | None = None,
    since: Heads | None = None,
    progress: Callable[[Progress], None] = _silent,
) -> Report:
    """Verify what one snapshot shows, as `verify` does."""
    asked = _Asked(mode, journals, since, progress)
    report, started = Report(mode=asked.mode), time.monotonic_ns()
    not_asked = [check for check in CHECKS if check not in ASKED[asked.mode]]
    report.not_checked(not_asked, f"not asked by --{asked.mode.value}")
    refused = await _refused(opened)
    if refused is not None:
        report.not_done(list(CHECKS), refused)
        return report
    await _ask(opened, asked, report)
    await suspects.fences(opened, report)
    elapsed = (time.monotonic_ns() - started) // 100_000_000
    report.seconds = f"{elapsed // 10}.{elapsed % 10}"
    return report


async def _refused(opened: Snapshot) -> str | None:
    """Tell why nothing can be verified here: a standby lags, and may show what never was."""
    if await opened.value(catalogue.STANDBY):
        return "this is a standby: verify the primary"
    if not await opened.value(_SIGHT):
        return "this login does not see every row: use escrow_audit"
    return None


async def _ask(opened: Snapshot, asked: _Asked, report: Report) -> None:
    await server_checks.run(opened, report, ASKED[asked.mode])
    if asked.mode is Mode.FULL:
        await rule_checks.check(opened, report)
        await audit_checks.check_apart(opened, report)
    standing = {row["journal_id"]: row for row in await opened.rows(_HEADS)}
    await heads.check(opened, asked.since, report)
    for journal in asked.journals if asked.journals is not None else standing:
        if journal not in standing:
            report.broken("V-34", journal, missing="journal_head")
            continue
        await _verify_journal(opened, standing[journal], asked, report)
    if not standing:
        report.done(CHECKS)


async def _verify_journal(opened: Snapshot, head: Row, asked: _Asked, report: Report) -> None:
    journal = head["journal_id"]
    by_tail = asked.mode is Mode.QUICK
    try:
        async with opened.attempt():
            if by_tail:
                await tail.follow(opened, head, asked.since, report)
            else:
                await rebuild.rebuild(opened, head, report, asked.progress)
    except Exception as error:  # noqa: BLE001 - whatever stops the replay leaves it undone
        undone = tail.FOLLOWED if by_tail else (*rebuild.REPLAYED, figures.CODE)
        report.not_done(undone, f"journal {journal}: {error!r}"[:300])
    if asked.mode is not Mode.FULL:
        return
    await audit_checks.check(opened, head, report)
    await reversals.check(opened, journal, report)
    await signature_checks.check(opened, journal, report)
    await plan_checks.check(opened, journal, report)
    await payee_checks.check(opened, journal, report)
    await silence_checks.check(opened, journal, report)
    for module in CHECK_MODULES:
        await queries.run(opened, journal, module.CHECKS, report)
