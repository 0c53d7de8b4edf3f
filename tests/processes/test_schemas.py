"""A few operations of each role, held against the API description: `poe schemas` asks all."""

import pytest

from tests.campaigns import schemas
from tests.campaigns.left_out import LEFT_OUT
from tests.fixtures.started import Machine


@pytest.mark.timeout(600)
async def test_the_service_answers_what_its_description_says(machine: Machine) -> None:
    figures = schemas.Figures()
    chained = frozenset({"listEnrolments", "getEnrolment"})
    extent = schemas.Extent(examples=1, seed=20260302, operations=2, always=chained)

    await schemas.ask_all(machine, extent, figures, lambda _line: None)

    assert figures.is_clean, "\n".join(figures.lines())
    assert figures.requests > 500
    assert set(figures.phases) == {"coverage", "examples", "fuzzing", "stateful"}
    assert set(figures.roles) == set(schemas.ROLES)
    assert {200, 400, 401, 404, 405} <= set(figures.statuses)


def test_what_is_left_out_has_a_reason_of_its_own() -> None:
    reasons = [each.reason for each in LEFT_OUT]

    assert len(set(reasons)) == len(reasons)
    assert all(each.checks for each in LEFT_OUT)
