"""The audit trail: its chains from genesis to head, and that no transaction goes without its row.

A chain that an insider has cut or rewritten to its end agrees with itself; then the heads that
others keep (`escrow audit export`) disagree with it.
"""

from typing import Final

from service.store import audit
from service.verify.queries import Check
from service.verify.report import Report
from service.verify.snapshot import Row, Snapshot

CODE: Final = "V-32"

_ROWS: Final = (
    f"SELECT {', '.join(audit.COLUMNS)} FROM escrow.audit"  # noqa: S608 - our own columns
    " WHERE journal_id = $1 ORDER BY audit_seq"
)
_HEAD_APART: Final = "SELECT seq, hash FROM escrow.audit_head WHERE chain = $1"

_FOR_NOTHING: Final = """
    SELECT journal_id, audit_seq, operation, caller_id FROM escrow.audit
    WHERE kind = 'READ' AND coalesce(purpose, '') = '' ORDER BY 1, 2 LIMIT 1000"""

CHECKS: Final = (
    Check(
        "V-31",
        """SELECT audit_seq, kind FROM escrow.audit
        WHERE journal_id = $1
          AND concat_ws(' ', caller_id, credential, object, details, reason, purpose) ~
              '(^|[^0-9A-Za-z])(1[3-9][0-9]{9}|[1-9][0-9]{16}[0-9Xx])($|[^0-9A-Za-z])'
        ORDER BY 1""",
    ),
)


async def check(snapshot: Snapshot, head: Row, report: Report) -> None:
    """V-32: a journal's trail is whole, and tells of every transaction exactly once."""
    journal = head["journal_id"]
    began = head["audit_hash"] if head["audit_seq"] == 0 else None
    stand = (head["audit_seq"], head["audit_hash"] or audit.genesis(journal))
    walked = await _walk(snapshot, journal, stand, report)
    if walked is None:
        return
    # A journal from before there was a trail begins to be told of somewhere.
    if began is not None or walked.first is not None:
        _cover(walked, head["seq"], report, journal)


async def check_apart(snapshot: Snapshot, report: Report) -> None:
    """V-32: chain 0 is whole; I-44: whoever read personal data, anywhere, said what for."""
    await _check_readings(snapshot, report)
    heads = await snapshot.rows(_HEAD_APART, audit.APART)
    if not heads:
        report.broken(CODE, None, missing="audit_head")
        return
    await _walk(snapshot, audit.APART, (heads[0]["seq"], heads[0]["hash"]), report)


async def _check_readings(snapshot: Snapshot, report: Report) -> None:
    try:
        async with snapshot.attempt():
            for row in await snapshot.rows(_FOR_NOTHING):
                report.broken("I-44", row["journal_id"] or None, **dict(row))
        report.done(["I-44"])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done(["I-44"], repr(error)[:300])


class _Walked:
    """What a walk along a chain has seen: the ranges of transactions that its rows tell of."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.covered = 0
        self.gaps: list[tuple[int, int]] = []

    def take(self, row: Row) -> None:
        """Note the transactions of a row."""
        if row["first_seq"] is None:
            return
        if self.first is None:
            self.first = row["first_seq"]
        elif row["first_seq"] != self.covered + 1:
            self.gaps.append((row["audit_seq"], self.covered))
        self.covered = row["last_seq"]


async def _walk(
    snapshot: Snapshot, journal: int, head: tuple[int, bytes], report: Report
) -> _Walked | None:
    """Recompute a chain from its genesis; return what its rows tell of."""
    where = None if journal == audit.APART else journal
    try:
        async with snapshot.attempt():
            walked = await _walked(snapshot, journal, head, report)
    except Exception as error:  # noqa: BLE001 - whatever stops the walk leaves it undone
        report.not_done([CODE], f"audit {where}: {error!r}"[:300])
        return None
    report.done([CODE])
    return walked


async def _walked(
    snapshot: Snapshot, journal: int, head: tuple[int, bytes], report: Report
) -> _Walked:
    where = None if journal == audit.APART else journal
    walked, seq, previous = _Walked(), 0, audit.genesis(journal)
    stream = await snapshot.stream(_ROWS, journal)
    while chunk := await stream.chunk():
        for row in chunk:
            seq += 1
            at = row["audit_seq"]
            if at != seq:
                report.broken(CODE, where, audit_seq=at, expected=seq)
                seq = at
            if row["previous_hash"] != previous:
                report.broken(CODE, where, audit_seq=at, previous_hash=row["previous_hash"])
            if row["hash"] != audit.digest(row["previous_hash"], row):
                report.broken(CODE, where, audit_seq=at, hash=row["hash"])
            previous = row["hash"]
            walked.take(row)
    if (seq, previous) != head:
        report.broken(CODE, where, audit_head=head[0], last=seq, head_hash=head[1])
    report.trails.append({"journal": journal, "seq": seq, "head": previous})
    return walked


def _cover(walked: _Walked, last: int, report: Report, journal: int) -> None:
    for at, covered in walked.gaps:
        report.broken(CODE, journal, audit_seq=at, told_of_until=covered)
    if walked.covered != last:
        report.broken(CODE, journal, told_of_until=walked.covered, head_seq=last)
