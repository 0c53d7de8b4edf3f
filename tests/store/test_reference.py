"""Reference data in the store: seeds loaded again, calendars, packs, nodes and their journals."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ledger.parameters import AMOUNT_CAP
from ledger.policy import Category
from ledger.refusals import PolicyMissing
from service.store import reference, seeding
from service.store.reference import NewJurisdiction
from service.store.rows import table_of
from service.store.tables import Adcode, Bank, CalendarDay, CalendarYear, RulePackVersion
from tests.fixtures.databases import Database

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
OFFICIAL = date(2026, 10, 1)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    """Work as the application in a transaction that is rolled back: reference data is shared."""
    engine = create_async_engine(database.url("escrow_app"))
    async with engine.connect() as opened:
        await seeding.load_seeds(opened, at=AT)
        yield opened
        await opened.rollback()
    await engine.dispose()


async def counted(connection: AsyncConnection) -> dict[str, int]:
    return {
        table.__tablename__: await connection.scalar(
            select(func.count()).select_from(table_of(table))
        )
        or 0
        for table in (Adcode, Bank, CalendarDay, CalendarYear, RulePackVersion)
    }


async def test_loading_the_seeds_again_changes_nothing(connection: AsyncConnection) -> None:
    before = await counted(connection)

    await seeding.load_seeds(connection, at=AT + timedelta(days=1))

    assert await counted(connection) == before
    assert before["adcode"] > 3_000
    assert before["bank"] >= 6


async def test_an_operators_correction_of_an_official_year_stays(
    connection: AsyncConnection,
) -> None:
    await connection.execute(
        text("UPDATE escrow.calendar_day SET working = true WHERE day = :day"), {"day": OFFICIAL}
    )

    await seeding.load_calendar(connection)

    assert (await reference.calendar(connection)).is_working_day(OFFICIAL)


async def test_the_notice_of_a_year_replaces_what_was_estimated(
    connection: AsyncConnection,
) -> None:
    estimated = date(2026, 3, 4)
    await connection.execute(
        text("UPDATE escrow.calendar_year SET provisional = true WHERE year = 2026")
    )
    await connection.execute(
        text("INSERT INTO escrow.calendar_day VALUES (:day, false, 'estimate')"),
        {"day": estimated},
    )
    provisional = (await reference.calendar(connection)).is_provisional(OFFICIAL)

    await seeding.load_calendar(connection)

    calendar = await reference.calendar(connection)
    assert provisional
    assert not calendar.is_provisional(OFFICIAL)
    assert calendar.is_working_day(estimated)
    assert not calendar.is_working_day(OFFICIAL)


async def test_a_year_nobody_has_loaded_is_provisional(connection: AsyncConnection) -> None:
    calendar = await reference.calendar(connection)

    assert calendar.is_provisional(date(2050, 6, 1))
    assert not calendar.is_provisional(date(2025, 6, 3))


async def test_a_loaded_version_of_a_rule_pack_is_never_edited(
    connection: AsyncConnection,
) -> None:
    content = seeding.module("rule_packs").text_of("cn-national")

    with pytest.raises(seeding.RulePackEdited):
        await seeding.load_rule_pack(connection, content.replace("5000.00", "6000.00"), at=AT)

    newer = content.replace("5000.00", "6000.00").replace('"version": 3', '"version": 4')
    pack = await seeding.load_rule_pack(connection, newer, at=AT)
    assert pack.label == "cn-national@4"


async def test_a_journal_is_under_the_newest_version_of_its_pack(
    connection: AsyncConnection,
) -> None:
    await reference.add_jurisdiction(
        connection, NewJurisdiction("540102", "城关区", "cn-national", journal=50_001), at=AT
    )
    content = seeding.module("rule_packs").text_of("cn-national")
    first = await reference.rule_pack(connection, 50_001)

    newer = content.replace("5000.00", "6000.00").replace('"version": 3', '"version": 4')
    await seeding.load_rule_pack(connection, newer, at=AT)

    second = await reference.rule_pack(connection, 50_001)
    caps = [
        str(pack.value(AMOUNT_CAP, on=AT.date(), category=Category.ART)) for pack in (first, second)
    ]
    assert caps == ["5000.00", "6000.00"]
    with pytest.raises(PolicyMissing):
        await reference.rule_pack(connection, 50_999)


async def test_a_node_without_a_journal_is_in_the_nearest_above_it(
    connection: AsyncConnection,
) -> None:
    async def add(code: str, **more: Any) -> str:
        new = NewJurisdiction(code, code, "cn-national", **more)
        path: str = (await reference.add_jurisdiction(connection, new, at=AT)).path
        return path

    province = await add("540000")
    county = await add("540102", journal=50_001)
    zone = await add("TRY-1", parent="540102")
    own = await add("TRY-2", parent="540102", journal=50_002)

    journals = [await reference.journal_of(connection, p) for p in (province, county, zone, own)]

    assert journals == [None, 50_001, 50_001, 50_002]
    assert await reference.journals_in(connection, province) == (50_001, 50_002)
    assert await reference.journals_in(connection, own) == (50_002,)
    assert await reference.today(connection, county) >= AT.date()
