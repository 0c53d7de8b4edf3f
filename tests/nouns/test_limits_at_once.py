"""Two commands that each keep a limit and would break it together: exactly one is done as asked.

They come at once through two applications, whose queues know nothing of each other.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from tests.fixtures.academies import Academy
from tests.fixtures.beside import served_by, through
from tests.fixtures.databases import Database
from tests.fixtures.vaults import sealing

ROUNDS = 6


@pytest.fixture
async def beside(academy: Academy, database: Database) -> AsyncIterator[Academy]:
    """The same school, asked through another application."""
    engine = sealing(create_async_engine(database.url("escrow_app")))
    async with served_by(engine) as service:
        yield through(academy, service)
    await engine.dispose()


async def test_two_contracts_at_once_do_not_split_a_charge(
    academy: Academy, beside: Academy
) -> None:
    for _ in range(ROUNDS):
        student = await academy.district.plant_party("STUDENT", academy.institution)
        known = {"party_id": academy.district.public("pty", student)}
        terms = {"student": known, "lessons_paid": 40, "price": "2000.00"}

        answers = await asyncio.gather(
            *(
                each.post("enrolments", each.token, each.contract(**terms))
                for each in (academy, beside)
            )
        )

        assert sorted(answer.status_code for answer in answers) == [201, 422]
        refused = next(answer for answer in answers if answer.status_code == 422)
        assert refused.json()["code"] == "lessons_over_cap"

    assert await academy.district.count("escrow.enrolment") == ROUNDS


async def test_two_pieces_at_once_do_not_pass_by_the_second_person(
    academy: Academy, beside: Academy
) -> None:
    for _ in range(ROUNDS):
        enrolment = await academy.opened()
        receipts = [await academy.receipt("2501.00", payment_code=None) for _ in range(2)]

        answers = await asyncio.gather(
            *(
                each.post(
                    f"receipts/{receipt['id']}/match",
                    each.district.operator,
                    {"enrolment_id": enrolment["id"]},
                )
                for each, receipt in zip((academy, beside), receipts, strict=True)
            )
        )

        assert sorted(answer.status_code for answer in answers) == [201, 202]
        waiting = next(answer.json() for answer in answers if answer.status_code == 202)
        assert waiting["limit"]["crossed"] == "PAYEE_SUM"
        money = await academy.money(enrolment)
        assert "2501.00" in money.values()
        assert "5002.00" not in money.values()
