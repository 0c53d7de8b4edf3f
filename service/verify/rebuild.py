"""The whole ledger rebuilt: every transaction of a journal through the Book, beside what is stored.

Entries, roll-ups, accounts, heads and the figures on rows are compared with what the transactions
alone say. A journal does not fit into memory, so everything is streamed in order of the sequence.
"""

from collections.abc import Callable
from typing import Final

from ledger.accounts import CHART, AccountKind, Side, Unit
from ledger.coverage import Position, identity_gap
from service.store.unit import ACTIVE_ENROLMENTS
from service.verify import figures
from service.verify.replay import Closed, Replay, by_seq
from service.verify.report import Progress, Report
from service.verify.rollups import Rollups, first_areas, standing_areas
from service.verify.snapshot import Row, Snapshot

REPLAYED: Final = (
    *("I-01", "I-02", "I-03", "I-04", "I-05", "I-06", "I-10", "I-16", "I-19", "I-22", "I-23"),
    *("I-24", "I-25", "V-02", "V-04", "V-07", "V-08", "V-23"),
)
"""Checks that a replay of the whole carries out."""

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


async def rebuild(
    opened: Snapshot, head: Row, report: Report, progress: Callable[[Progress], None]
) -> None:
    """Replay a journal from its first transaction to its head, and compare all that is stored."""
    journal = head["journal_id"]
    stand = await standing_areas(opened, journal)
    rollups = Rollups(journal, report, await first_areas(opened, journal, stand))
    replay = Replay(journal, report, rollups, await closed_days(opened, journal))
    transactions = await opened.stream(_TRANSACTIONS, journal)
    entries = await opened.stream(_ENTRIES, journal)
    stored = await opened.stream(_ROLLUPS, journal)
    while chunk := await transactions.chunk():
        last = chunk[-1]["seq"]
        held = by_seq(await entries.until(last))
        rollups.load(by_seq(await stored.until(last)))
        for row in chunk:
            replay.step(row, held.pop(row["seq"], ()))
        left_over(held, journal, report)
        rollups.drop_passed()
        progress(Progress(journal, replay.seq, head["seq"]))
    left_over(by_seq(await entries.until(None)), journal, report)
    rollups.load(by_seq(await stored.until(None)))
    replay.finish(head)
    rollups.finish(stand)
    await _compare_accounts(opened, replay, report)
    _check_custodies(rollups, report)
    await figures.check(opened, journal, replay.book, report)
    report.heads.append({"journal": journal, "seq": replay.seq, "head": replay.hash})
    report.done(REPLAYED)


async def closed_days(opened: Snapshot, journal: int) -> list[Closed]:
    """Return a journal's closed business dates."""
    return [Closed(row["day"], row["last_seq"]) for row in await opened.rows(_CLOSED, journal)]


def left_over(held: dict[int, list[Row]], journal: int, report: Report) -> None:
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
