"""What is done while a statement runs: in time, and never at the cost of the statement."""

import asyncio

import pytest
from sqlalchemy import text

from service.store import driver, ids
from tests.fixtures.store import Books

SLEEP = "SELECT pg_sleep($1::float8)"


async def test_work_is_done_while_the_server_is_at_its_own(books: Books) -> None:
    loop, began = asyncio.get_running_loop(), list[float]()

    async with books.district.service.engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        asked = loop.time()
        await driver.execute(
            connection, SLEEP, 0.5, meanwhile=lambda: began.append(loop.time() - asked)
        )
        took = loop.time() - asked

    assert took >= 0.5
    assert began
    assert began[0] < 0.5


async def test_a_fault_in_between_waits_for_the_statement_and_leaves_the_connection_whole(
    books: Books,
) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    async with books.district.service.engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(ZeroDivisionError):
            await driver.execute(connection, SLEEP, 0.1, meanwhile=fails)
        [[found]] = await driver.fetch(connection, "SELECT 7")

    assert found == 7


def test_ids_made_together_are_as_those_made_one_by_one() -> None:
    together = ids.new_ids(1_700_000_000_000, 300)

    assert len(set(together)) == 300
    for made in together:
        assert made.version == 7
        assert made.variant == ids.new_id(0).variant
        assert made.int >> 80 == 1_700_000_000_000
        assert ids.parse("bke", ids.public("bke", 65_535, made)) == (65_535, made)
