"""The tail of a journal: its transactions since the last good position, replayed from there.

What stood at that position is believed; every transaction after it is checked as in a replay of
the whole: its chain, its entries, and the roll-ups of all it touched. Without a position somebody
kept, the last `LATEST` transactions are the tail.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger import chain
from ledger.accounts import Account, AccountKind
from service.store.unit import ACTIVE_ENROLMENTS
from service.verify.heads import Heads
from service.verify.rebuild import closed_days, left_over
from service.verify.replay import Begun, Replay, account_of, by_seq
from service.verify.report import Report
from service.verify.rollups import Rollups, Slot, first_areas, standing_areas
from service.verify.snapshot import Row, Snapshot

LATEST: Final = 5_000
TAIL_MAX: Final = 200_000

FOLLOWED: Final = (
    *("I-01", "I-02", "I-04", "I-05", "I-06", "I-10", "I-16", "I-23", "I-24"),
    *("V-02", "V-04", "V-07", "V-08", "V-23"),
)
"""Checks that a replay of the tail carries out."""

_TRANSACTIONS: Final = """
    SELECT journal_id, seq, kind, transfers, opened, refs, actor, reason, policy_version,
           effective_on, recorded_at, idempotency_key, previous_hash, hash
    FROM escrow.journal_transaction WHERE journal_id = $1 AND seq > $2 ORDER BY seq"""
_BASE: Final = """
    SELECT hash, recorded_at, effective_on FROM escrow.journal_transaction
    WHERE journal_id = $1 AND seq = $2"""
_ACCOUNTS: Final = """
    SELECT account.account_id, account.kind, account.owner_id::text, account.reason,
           account.custody_account_id::text, account.institution_id::text, last.balance_after
    FROM escrow.account
    LEFT JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
          AND entry.seq <= $3 ORDER BY entry.seq DESC LIMIT 1) AS last ON true
    WHERE account.journal_id = $1 AND account.account_id = ANY($2::bigint[])"""
_ENTRIES: Final = """
    SELECT seq, account_id, amount, balance_after FROM escrow.entry
    WHERE journal_id = $1 AND account_id = ANY($2::bigint[]) AND seq > $3
    ORDER BY seq, account_id"""
_SUMS: Final = """
    SELECT slot.*, last.balance
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
      AS slot (unit_type, unit_id, kind, reason)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = $1 AND rollup.unit_type = slot.unit_type
          AND rollup.unit_id = slot.unit_id AND rollup.kind = slot.kind
          AND rollup.reason = slot.reason AND rollup.seq <= $6
        ORDER BY rollup.seq DESC LIMIT 1) AS last"""
_ROLLUPS: Final = """
    SELECT rollup.seq, slot.*, rollup.balance
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
      AS slot (unit_type, unit_id, kind, reason)
    JOIN escrow.rollup ON rollup.journal_id = $1 AND rollup.unit_type = slot.unit_type
     AND rollup.unit_id = slot.unit_id AND rollup.kind = slot.kind
     AND rollup.reason = slot.reason AND rollup.seq > $6 ORDER BY rollup.seq"""
_KINDS: Final = """
    SELECT DISTINCT kind, reason FROM escrow.rollup
    WHERE journal_id = $1 AND unit_type = 'INSTITUTION' AND unit_id = $2"""


async def follow(opened: Snapshot, head: Row, since: Heads | None, report: Report) -> None:
    """Replay a journal from the last good position to its head."""
    journal = head["journal_id"]
    kept = None if since is None else since.of_journal(journal)
    base = max(0, head["seq"] - LATEST) if kept is None else kept.seq
    if head["seq"] - base > TAIL_MAX:
        report.not_done(FOLLOWED, f"journal {journal}: {head['seq'] - base} transactions: --full")
        return
    rows = await opened.rows(_TRANSACTIONS, journal, base)
    used, new = _numbers(rows), _opened(rows)
    begun = await _begun(opened, head, base, used - new.keys(), len(new))
    stand = await standing_areas(opened, journal)
    rollups = Rollups(journal, report, await first_areas(opened, journal, stand, after=base))
    slots = await _slots(opened, journal, [*begun.accounts.values(), *new.values()], stand, rows)
    for row in await opened.rows(_SUMS, journal, *slots, base):
        rollups.open(row)
    replay = Replay(journal, report, rollups, await closed_days(opened, journal), begun=begun)
    held = by_seq(await opened.rows(_ENTRIES, journal, sorted(used | new.keys()), base))
    rollups.load(by_seq(await opened.rows(_ROLLUPS, journal, *slots, base)))
    for row in rows:
        replay.step(row, held.pop(row["seq"], ()))
    left_over(held, journal, report)
    replay.finish(head)
    rollups.finish(stand)
    report.heads.append({"journal": journal, "seq": replay.seq, "head": replay.hash, "since": base})
    report.done(FOLLOWED)


async def _begun(opened: Snapshot, head: Row, base: int, used: set[int], new: int) -> Begun:
    """Return where the journal stood at the position, as what is stored says."""
    journal = head["journal_id"]
    accounts: dict[int, Account] = {}
    balances: dict[Account, int] = {}
    for row in await opened.rows(_ACCOUNTS, journal, sorted(used), base):
        account = account_of(row)
        accounts[row["account_id"]] = account
        balances[account] = row["balance_after"] or 0
    opened_before = head["next_account_id"] - 1 - new
    stood = await opened.rows(_BASE, journal, base)
    if not stood:
        return Begun(base, chain.genesis(journal), None, None, opened_before, accounts, balances)
    at = stood[0]
    stamps = (at["hash"], at["recorded_at"], at["effective_on"])
    return Begun(base, *stamps, opened_before, accounts, balances)


async def _slots(
    opened: Snapshot,
    journal: int,
    accounts: Sequence[Account],
    stand: Mapping[str, str],
    rows: Sequence[Row],
) -> tuple[list[str], ...]:
    """Return every roll-up that the tail may have changed, as four parallel lists."""
    moves = [_read(row["refs"], {}) for row in rows if row["kind"] == "INSTITUTION_MOVED"]
    areas: dict[str, set[str]] = {unit: {area} for unit, area in stand.items()}
    kinds: dict[str, set[tuple[str, str]]] = {}
    for move in moves:
        unit = str(move.get("institution"))
        areas.setdefault(unit, set()).update({str(move.get("before")), str(move.get("after"))})
        found = await opened.rows(_KINDS, journal, unit)
        kinds[unit] = {(row["kind"], row["reason"]) for row in found}
    slots: set[Slot] = set()
    for account in accounts:
        of_account = {(account.kind.value, str(account.reason or ""))}
        if account.kind is AccountKind.STUDENT_PREPAID:
            of_account.add((ACTIVE_ENROLMENTS, ""))
        slots |= {("CUSTODY_ACCOUNT", str(account.custody), *each) for each in of_account}
        kinds.setdefault(str(account.institution), set()).update(of_account)
    for unit, of_unit in kinds.items():
        slots |= {("INSTITUTION", unit, *each) for each in of_unit}
        slots |= {("AREA", area, *each) for area in areas.get(unit, ()) for each in of_unit}
    ordered = sorted(slots)
    return tuple([slot[at] for slot in ordered] for at in range(4))


def _numbers(rows: Sequence[Row]) -> set[int]:
    """Return the account numbers that transfers name; what cannot be read the replay reports."""
    return {
        number
        for row in rows
        for transfer in _read(row["transfers"], [])
        for number in transfer[:2]
        if isinstance(number, int)
    }


def _opened(rows: Sequence[Row]) -> dict[int, Account]:
    """Return the accounts that the tail opened, by number."""
    given = [each for row in rows for each in _read(row["opened"], [])]
    return {int(each["account_id"]): account_of(each) for each in given}


def _read(text: str, otherwise: Any) -> Any:  # noqa: ANN401 - JSON
    """Read stored JSON, or give what stands for it where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return otherwise
