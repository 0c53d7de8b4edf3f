"""Reversals (I-07): the exact mirror of one transaction, once, and never of a reversal."""

import json
from typing import Any, Final

from service.store import ids
from service.verify.report import Report
from service.verify.snapshot import Row, Snapshot

_REVERSING: Final = """
    SELECT seq, kind, transfers, refs FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind IN ('TRANSACTION_REVERSED', 'LESSON_REVERSED') ORDER BY seq"""
_REVERSED: Final = """
    SELECT seq, kind, transfers FROM escrow.journal_transaction
    WHERE journal_id = $1 AND seq = ANY($2)"""
_REGISTER: Final = (
    "SELECT reversed_seq, reversing_seq FROM escrow.reversal WHERE journal_id = $1 ORDER BY 2"
)
_KINDS: Final = frozenset({"TRANSACTION_REVERSED", "LESSON_REVERSED"})


async def check(snapshot: Snapshot, journal: int, report: Report) -> None:
    """Compare every reversal with what it reverses and with the register of reversals."""
    try:
        async with snapshot.attempt():
            await _check(snapshot, journal, report)
        report.done(["I-07"])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done(["I-07"], f"journal {journal}: {error!r}"[:300])


async def _check(snapshot: Snapshot, journal: int, report: Report) -> None:
    reversing = {row["seq"]: row for row in await snapshot.rows(_REVERSING, journal)}
    named = {seq: _named(row["refs"], journal) for seq, row in reversing.items()}
    wanted = [seq for seq in named.values() if seq is not None]
    reversed_rows = {
        row["seq"]: row for row in await snapshot.rows(_REVERSED, journal, sorted(set(wanted)))
    }
    register = {
        row["reversing_seq"]: row["reversed_seq"] for row in await snapshot.rows(_REGISTER, journal)
    }
    for seq in sorted(reversing.keys() | register.keys()):
        if seq not in reversing or named[seq] != register.get(seq):
            report.broken(
                "I-07", journal, seq=seq, reverses=named.get(seq), register=register.get(seq)
            )
    seen: set[int] = set()
    for seq, row in reversing.items():
        wrong = reversed_rows.get(named[seq] or 0)
        if wrong is None or not _mirrors(row, wrong) or wrong["seq"] in seen:
            report.broken("I-07", journal, seq=seq, reverses=named[seq], kind=row["kind"])
        if wrong is not None:
            seen.add(wrong["seq"])


def _mirrors(reversing: Row, wrong: Row) -> bool:
    """Tell whether a reversal is later than what it mirrors, of no reversal, and exact.

    A lesson's reversal takes what was paid out meanwhile from elsewhere, so only its total agrees.
    """
    if wrong["seq"] >= reversing["seq"] or wrong["kind"] in _KINDS:
        return False
    mirror = [[credit, debit, n] for debit, credit, n in _moves(wrong)]
    if reversing["kind"] == "TRANSACTION_REVERSED":
        return mirror == _moves(reversing)
    return _total(mirror) == _total(_moves(reversing))


def _total(moves: list[list[int]]) -> int:
    return sum(quantity for _, _, quantity in moves)


def _moves(row: Row) -> list[list[int]]:
    moves: list[list[int]] = json.loads(row["transfers"])
    return moves


def _named(refs: str, journal: int) -> int | None:
    """Return the position that a transaction's references say it reverses."""
    reverses: Any = json.loads(refs).get("reverses")
    if not isinstance(reverses, str):
        return None
    if reverses.isdecimal():
        return int(reverses)
    try:
        of, seq = ids.parse_transaction(reverses)
    except ValueError:
        return None
    return seq if of == journal else None
