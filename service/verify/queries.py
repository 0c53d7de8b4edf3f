"""Checks that are one query each: every row such a query returns is a broken promise.

`$1` is the journal. A row's columns are the example; the first rows are the smallest. A query with
more rows than are looked at is about every account of its journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.verify.report import Report
from service.verify.snapshot import Snapshot

ROWS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Check:
    """A check's code, the query whose rows break it, and the named parts the query stands on."""

    code: str
    query: str
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def written(self) -> str:
        """The whole statement, at most `ROWS_MAX` rows of it and one that tells of more."""
        named = ", ".join(f"{name} AS ({part})" for name, part in self.parts.items())
        return f"{'WITH ' if named else ''}{named} {self.query} LIMIT {ROWS_MAX + 1}"


async def run(snapshot: Snapshot, journal: int, checks: tuple[Check, ...], report: Report) -> None:
    """Run the queries of one journal; a query that fails leaves its check incomplete."""
    for check in checks:
        try:
            async with snapshot.attempt():
                rows = await snapshot.rows(check.written, journal)
        except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
            report.not_done([check.code], f"journal {journal}: {error!r}"[:300])
            continue
        report.done([check.code])
        if len(rows) > ROWS_MAX:
            report.flood(check.code, journal)
        for row in rows[:ROWS_MAX]:
            report.broken(check.code, journal, **dict(row))
