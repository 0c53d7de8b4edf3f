"""The verification itself: one snapshot, every journal replayed, every check asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.accounts import CHART, AccountKind, Side, Unit
from ledger.coverage import Position, identity_gap
from service.store.unit import ACTIVE_ENROLMENTS
from service.verify import (
    approval_checks,
    audit_checks,
    bank_checks,
    claim_checks,
    deposit_checks,
    enrolment_checks,
    plan_checks,
    queries,
    refund_checks,
    reversals,
    row_checks,
    rule_checks,
    server_checks,
    signature_checks,
    transfer_checks,
    vault_checks,
    wind_down_checks,
)
from service.verify.replay import Closed, Replay, by_seq
from service.verify.report import CHECKS, Report
from service.verify.rollups import Rollups, first_areas, standing_areas
from service.verify.snapshot import Row, Snapshot, snapshot
from service.verify.vault_checks import PersonalData

_REPLAYED: Final = (
    *("I-01", "I-02", "I-03", "I-04", "I-05", "I-06", "I-10", "I-16", "I-19", "I-24"),
    *("V-02", "V-04", "V-07", "V-23", "V-30"),
)
"""Checks that the replay carries out; they are incomplete where it cannot run to its end."""

CHECK_MODULES: Final = (
    row_checks,
    approval_checks,
    audit_checks,
    enrolment_checks,
    bank_checks,
    claim_checks,
    deposit_checks,
    refund_checks,
    signature_checks,
    transfer_checks,
    wind_down_checks,
)
"""Modules whose checks are one query each."""

_SIGHT: Final = """
    SELECT rolsuper OR rolbypassrls OR pg_has_role(oid, 'escrow_audit', 'USAGE')
    FROM pg_roles WHERE rolname = current_user"""

_HEADS: Final = "SELECT * FROM escrow.journal_head ORDER BY journal_id"
_CLOSED: Final = "SELECT day, last_seq FROM escrow.closed_day WHERE journal_id = $1"

_TRANSACTIONS: Final = """
    SELECT journal_id, seq, kind, transfers, opened, refs, actor, reason, policy_version,
           effective_on, recorded_at, idempotency_key, previous_hash, hash
    FROM escrow.journal_transaction WHERE journal_id = $1 ORDER BY seq"""
_ENTRIES: Final = """
    SELECT seq, account_id, amount, balance_after FROM escrow.entry
    WHERE journal_id = $1 ORDER BY seq, account_id"""
_ROLLUPS: Final = """
    SELECT seq, unit_type, unit_id, kind, reason, balance FROM escrow.rollup
    WHERE journal_id = $1 ORDER BY seq"""
_ACCOUNTS: Final = """
    SELECT account_id AS seq, account_id, kind, owner_id, custody_account_id, reason,
           institution_id, unit
    FROM escrow.account WHERE journal_id = $1 ORDER BY account_id"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is: transactions of one journal replayed, of how many."""

    journal: int
    done: int
    total: int


def _silent(_progress: Progress) -> None:
    """Tell nobody."""


async def verify(
    url: str,
    *,
    journals: Sequence[int] | None = None,
    progress: Callable[[Progress], None] = _silent,
    personal: PersonalData | None = None,
) -> Report:
    """Verify the database at `url`, logged in as the auditor; all journals, or those given.

    It never writes. What could not be looked at is incomplete, which is not clean. Personal data
    is looked at with the keys in `personal` alone.
    """
    async with snapshot(url) as opened:
        report = await verify_snapshot(opened, journals=journals, progress=progress)
        every = [row["journal_id"] for row in await opened.rows(_HEADS)]
    wanted = [0, *every] if journals is None else list(journals)
    await vault_checks.run(personal, wanted, report)
    return report


async def verify_snapshot(
    opened: Snapshot,
    *,
    journals: Sequence[int] | None = None,
    progress: Callable[[Progress], None] = _silent,
) -> Report:
    """Verify what one snapshot shows, as `verify` does."""
    report, started = Report(), time.monotonic_ns()
    if not await opened.value(_SIGHT):
        report.not_done(list(CHECKS), "this login does not see every row: use escrow_audit")
        return report
    await server_checks.run(opened, report)
    await rule_checks.check(opened, report)
    await audit_checks.check_apart(opened, report)
    heads = {row["journal_id"]: row for row in await opened.rows(_HEADS)}
    for journal in journals if journals is not None else heads:
        if journal not in heads:
            report.broken("V-34", journal, missing="journal_head")
            continue
        await _verify_journal(opened, heads[journal], report, progress)
    elapsed = (time.monotonic_ns() - started) // 100_000_000
    report.seconds = f"{elapsed // 10}.{elapsed % 10}"
    return report


async def _verify_journal(
    opened: Snapshot, head: Row, report: Report, progress: Callable[[Progress], None]
) -> None:
    journal = head["journal_id"]
    try:
        async with opened.attempt():
            await _replay(opened, head, report, progress)
    except Exception as error:  # noqa: BLE001 - whatever stops the replay leaves it undone
        report.not_done(_REPLAYED, f"journal {journal}: {error!r}"[:300])
    await audit_checks.check(opened, head, report)
    await reversals.check(opened, journal, report)
    await signature_checks.check(opened, journal, report)
    await plan_checks.check(opened, journal, report)
    for module in CHECK_MODULES:
        await queries.run(opened, journal, module.CHECKS, report)


async def _replay(
    opened: Snapshot, head: Row, report: Report, progress: Callable[[Progress], None]
) -> None:
    journal = head["journal_id"]
    stand = await standing_areas(opened, journal)
    rollups = Rollups(journal, report, await first_areas(opened, journal, stand))
    closed = [Closed(row["day"], row["last_seq"]) for row in await opened.rows(_CLOSED, journal)]
    replay = Replay(journal, report, rollups, closed)
    transactions = await opened.stream(_TRANSACTIONS, journal)
    entries = await opened.stream(_ENTRIES, journal)
    stored = await opened.stream(_ROLLUPS, journal)
    while chunk := await transactions.chunk():
        last = chunk[-1]["seq"]
        held = by_seq(await entries.until(last))
        rollups.load(by_seq(await stored.until(last)))
        for row in chunk:
            replay.step(row, held.pop(row["seq"], ()))
        _left_over(held, journal, report)
        rollups.drop_passed()
        progress(Progress(journal, replay.seq, head["seq"]))
    _left_over(by_seq(await entries.until(None)), journal, report)
    rollups.load(by_seq(await stored.until(None)))
    replay.finish(head)
    rollups.finish(stand)
    await _compare_accounts(opened, replay, report)
    _check_custodies(rollups, report)
    report.heads.append({"journal": journal, "seq": replay.seq, "head": replay.hash})


def _left_over(held: dict[int, list[Row]], journal: int, report: Report) -> None:
    """Report entries of transactions that do not exist."""
    for seq, rows in held.items():
        for row in rows:
            stored = (row["amount"], row["balance_after"])
            example = {"seq": seq, "account_id": row["account_id"], "stored": stored}
            report.broken("I-04", journal, **example, recomputed=None)


async def _compare_accounts(opened: Snapshot, replay: Replay, report: Report) -> None:
    """Compare the account table with the accounts that transactions say they opened."""
    stream = await opened.stream(_ACCOUNTS, replay.journal)
    missing = set(replay.accounts)
    while rows := await stream.chunk():
        for row in rows:
            number = row["account_id"]
            missing.discard(number)
            account = replay.accounts.get(number)
            said = account and (
                account.kind.value,
                account.owner,
                account.custody,
                str(account.reason or ""),
                account.institution,
                account.unit.value,
            )
            names = ("kind", "owner_id", "custody_account_id", "reason", "institution_id", "unit")
            held = tuple(row[name] for name in names)
            if held != said:
                report.broken("V-07", replay.journal, account_id=number, stored=held, opened=said)
    for number in sorted(missing):
        report.broken("V-07", replay.journal, account_id=number, stored=None)


def _check_custodies(rollups: Rollups, report: Report) -> None:
    """See that stored roll-ups satisfy the coverage identity and balance, account by account."""
    balances: dict[str, dict[AccountKind, int]] = {}
    sums: dict[tuple[Unit, Side], int] = {}
    for (unit_type, unit, kind_name, _), quantity in rollups.stored.items():
        if kind_name == ACTIVE_ENROLMENTS:
            continue
        kind = AccountKind(kind_name)
        chart = CHART[kind]
        if unit_type == "CUSTODY_ACCOUNT" and chart.unit is Unit.CNY:
            held = balances.setdefault(unit, {})
            held[kind] = held.get(kind, 0) + quantity
        if unit_type == "INSTITUTION":
            sums[chart.unit, chart.side] = sums.get((chart.unit, chart.side), 0) + quantity
    for custody, held in balances.items():
        gap = identity_gap(Position(held))
        if gap:
            report.broken("I-19", rollups.journal, custody_account_id=custody, gap=str(gap))
    for unit in Unit:
        debit, credit = sums.get((unit, Side.DEBIT), 0), sums.get((unit, Side.CREDIT), 0)
        if debit != credit:
            report.broken("I-03", rollups.journal, unit=unit.value, debit=debit, credit=credit)
