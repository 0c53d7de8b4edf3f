"""Heads that somebody else keeps (V-24): ours reach at least as far, and are the same up to there.

Whoever owns the database can cut a journal's tail, or write it anew, so that everything in it
agrees; only what stands elsewhere still knows. Any earlier report of a verification is such a
keeper: it holds the head of each journal and of each audit trail.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.store import audit
from service.verify.report import Report
from service.verify.snapshot import Snapshot

CODE: Final = "V-24"
KEPT: Final = "kept"
"""The status of heads that nobody verified: what a service saw and keeps outside."""

_SEALED: Final = """
    SELECT hash FROM escrow.journal_transaction WHERE journal_id = $1 AND seq = $2"""
_TOLD: Final = "SELECT hash FROM escrow.audit WHERE journal_id = $1 AND audit_seq = $2"


class NotHeads(ValueError):  # noqa: N818 - says what a file is not
    """A file is not the report of a clean verification."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stood: its journal, its last sequence number and that row's hash."""

    journal: int
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Heads:
    """Heads of journals and of audit trails, as an earlier report kept them."""

    journals: Sequence[Head] = ()
    trails: Sequence[Head] = ()

    @classmethod
    def of_report(cls, text: str) -> "Heads":
        """Read the heads of a report's JSON, or those a service kept; raises `NotHeads`.

        A report that found breaks vouches for nothing, so it is refused.
        """
        try:
            report: Mapping[str, Any] = json.loads(text)
            vouches = report["status"] in {"clean", KEPT}
            heads = cls(_heads(report["journals"]), _heads(report["audit"]))
        except (ValueError, KeyError, TypeError) as error:
            raise NotHeads(f"not a report of `escrow verify --json`: {error!r}") from error
        if not vouches:
            raise NotHeads("the report was not clean: it vouches for nothing")
        return heads

    def of_journal(self, journal: int) -> Head | None:
        """Return the furthest head of a journal, None where there is none."""
        own = [head for head in self.journals if head.journal == journal]
        return max(own, key=lambda head: head.seq, default=None)


async def check(snapshot: Snapshot, heads: Heads | None, report: Report) -> None:
    """V-24: every head that was kept elsewhere is still there, with the same hash."""
    if heads is None:
        report.not_checked([CODE], "no earlier report was given (--since)")
        return
    try:
        async with snapshot.attempt():
            for head in heads.journals:
                genesis = head.seq == 0
                ours = None if genesis else await snapshot.value(_SEALED, head.journal, head.seq)
                if not genesis and ours != head.hash:
                    report.broken(CODE, head.journal, seq=head.seq, kept=head.hash, ours=ours)
            for head in heads.trails:
                await _check_trail(snapshot, head, report)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], repr(error)[:300])


async def _check_trail(snapshot: Snapshot, head: Head, report: Report) -> None:
    if head.seq == 0:
        return
    ours = await snapshot.value(_TOLD, head.journal, head.seq)
    if ours != head.hash:
        where = None if head.journal == audit.APART else head.journal
        report.broken(CODE, where, audit_seq=head.seq, kept=head.hash, ours=ours)


def _heads(rows: Sequence[Mapping[str, Any]]) -> tuple[Head, ...]:
    return tuple(
        Head(int(row["journal"]), int(row["seq"]), bytes.fromhex(row["head"])) for row in rows
    )
