"""Verify names every setting and counter of the server that stands wrong, each turned by itself.

A running server cannot be given most of them, so the snapshot tells one value otherwise; the rest
of the query is asked as it is.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from service.verify import Report, server_checks
from service.verify.snapshot import Row, Snapshot
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database


class Turned(Snapshot):
    """The server's own answers, but for one setting or one part of a query."""

    def __init__(self, connection: Any, told: dict[str, str | None]) -> None:
        super().__init__(connection)
        self.told = told
        self.used = set[str]()

    async def value(self, query: str, *values: Any) -> Any:
        if values and values[0] in self.told:
            self.used.add(values[0])
            return self.told[values[0]]
        return await super().value(query, *values)

    async def rows(self, query: str, *values: Any) -> Sequence[Row]:
        for part, turned in self.told.items():
            if part in query:
                self.used.add(part)
                query = query.replace(part, str(turned))
        return await super().rows(query, *values)


async def report_of(database: Database, told: dict[str, str | None]) -> Report:
    report = Report()
    async with insider(database) as connection:
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        snapshot = Turned(connection, told)
        await server_checks.run(snapshot, report, {"V-29", "V-33", "V-37"})
    assert snapshot.used == set(told), "what was turned is asked"
    return report


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "local"),
        ("data_checksums", "off"),
        ("zero_damaged_pages", "on"),
        ("ignore_checksum_failure", "on"),
        ("data_sync_retry", "on"),
        ("session_replication_role", "replica"),
        ("row_security", "off"),
    ],
)
async def test_a_setting_that_loses_what_was_acknowledged_is_named(
    quiet_database: Database, setting: str, wrong: str
) -> None:
    report = await report_of(quiet_database, {setting: wrong})

    assert report.violated == ["V-29"]
    assert [finding.example for finding in report.findings] == [
        {"setting": setting, "value": wrong}
    ]


async def test_a_setting_that_cannot_be_read_is_incomplete(quiet_database: Database) -> None:
    report = await report_of(quiet_database, {"fsync": None})

    assert report.results["V-29"].not_done == ["fsync cannot be read"]


_FAILED = "(SELECT current_database() AS datname, {}::bigint AS checksum_failures) AS told"


@pytest.mark.parametrize(
    ("part", "wrong", "code", "named"),
    [
        ("pg_stat_database", _FAILED.format(3), "V-33", ("checksum_failures", 3)),
        ("age(datfrozenxid)", "500000001", "V-37", ("counter", "transaction id")),
        ("mxid_age(datminmxid)", "500000001", "V-37", ("counter", "multixact id")),
    ],
    ids=["checksum failures", "transaction ids", "multixact ids"],
)
async def test_a_counter_of_the_server_that_is_too_far_is_named(
    quiet_database: Database, part: str, wrong: str, code: str, named: tuple[str, object]
) -> None:
    report = await report_of(quiet_database, {part: wrong})

    assert report.violated == [code]
    [finding] = report.findings
    assert finding.example[named[0]] == named[1]


@pytest.mark.parametrize(
    ("part", "right"),
    [
        ("pg_stat_database", _FAILED.format(0)),
        ("age(datfrozenxid)", "500000000"),
        ("mxid_age(datminmxid)", "500000000"),
    ],
    ids=["checksum failures", "transaction ids", "multixact ids"],
)
async def test_a_counter_within_its_bound_is_clean(
    quiet_database: Database, part: str, right: str
) -> None:
    report = await report_of(quiet_database, {part: right})

    assert report.findings == []
