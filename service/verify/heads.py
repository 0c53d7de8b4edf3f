"""Heads that somebody else keeps (V-24): ours reach at least as far, and are the same up to there.

Whoever owns the database can cut a journal's tail, or write it anew, so that everything in it
agrees; only what stands elsewhere still knows. Any earlier report of a verification is such a
keeper: it holds the head of each journal and of each audit trail.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.store import audit
from service.verify.report import Report
from service.verify.snapshot import Snapshot

CODE: Final = "V-24"
KEPT: Final = "kept"
"""The status of heads that nobody verified: what a service saw and keeps outside."""

_GIVEN: Final = "FROM unnest($1::int[], $2::bigint[]) AS given(journal, seq)"
_SEALED: Final = f"""
    SELECT ours.journal_id, ours.seq, ours.hash {_GIVEN}
    JOIN escrow.journal_transaction AS ours
      ON ours.journal_id = given.journal AND ours.seq = given.seq"""
_TOLD: Final = f"""
    SELECT ours.journal_id, ours.audit_seq, ours.hash {_GIVEN}
    JOIN escrow.audit AS ours
      ON ours.journal_id = given.journal AND ours.audit_seq = given.seq"""


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


def heads_json(heads: Sequence[Head]) -> list[dict[str, Any]]:
    """Write heads as a report has them."""
    return [{"journal": head.journal, "seq": head.seq, "head": head.hash.hex()} for head in heads]


async def not_standing(
    fetch: Callable[..., Awaitable[Sequence[Any]]], kept: Heads
) -> tuple[list[tuple[Head, bytes | None]], list[tuple[Head, bytes | None]]]:
    """Return the heads of journals and of trails that stand no more, each with what stands there.

    `fetch` runs a query and returns its rows. The beginning of a chain always stands.
    """
    return (
        await _not_standing(fetch, _SEALED, kept.journals),
        await _not_standing(fetch, _TOLD, kept.trails),
    )


async def _not_standing(
    fetch: Callable[..., Awaitable[Sequence[Any]]], query: str, kept: Sequence[Head]
) -> list[tuple[Head, bytes | None]]:
    heads = [head for head in kept if head.seq > 0]
    rows = await fetch(query, [head.journal for head in heads], [head.seq for head in heads])
    ours: dict[tuple[int, int], bytes] = {(row[0], row[1]): row[2] for row in rows}
    found = [(head, ours.get((head.journal, head.seq))) for head in heads]
    return [(head, digest) for head, digest in found if digest != head.hash]


async def check(snapshot: Snapshot, heads: Heads | None, report: Report) -> None:
    """V-24: every head that was kept elsewhere is still there, with the same hash."""
    if heads is None:
        report.not_checked([CODE], "no earlier report was given (--since)")
        return
    try:
        async with snapshot.attempt():
            journals, trails = await not_standing(snapshot.rows, heads)
        for head, ours in journals:
            report.broken(CODE, head.journal, seq=head.seq, kept=head.hash, ours=ours)
        for head, ours in trails:
            where = None if head.journal == audit.APART else head.journal
            report.broken(CODE, where, audit_seq=head.seq, kept=head.hash, ours=ours)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], repr(error)[:300])


def _heads(rows: Sequence[Mapping[str, Any]]) -> tuple[Head, ...]:
    return tuple(
        Head(int(row["journal"]), int(row["seq"]), bytes.fromhex(row["head"])) for row in rows
    )
