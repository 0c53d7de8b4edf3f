"""Races through two processes: a small `poe race`, every kind a few times."""

from collections import Counter

import pytest

from service.verify.report import Status
from tests.campaigns.race import Figures, campaign
from tests.campaigns.racecourse import Lost, Told, only
from tests.campaigns.races import RACES
from tests.fixtures.started import Machine

ROUNDS_EACH = 3


@pytest.mark.timeout(300)
async def test_whoever_is_first_the_books_say_one_thing_and_not_both(machine: Machine) -> None:
    figures = await campaign(machine, rounds=ROUNDS_EACH * len(RACES), seed=20260302)

    assert figures.broken == []
    assert {name: counter.total() for name, counter in figures.won.items()} == dict.fromkeys(
        RACES, ROUNDS_EACH
    )
    assert figures.deadlocks == 0
    assert figures.report is not None
    assert figures.verified is Status.CLEAN, figures.report.as_json()


def test_a_race_that_two_have_won_is_told() -> None:
    done = Told(200, {"transaction_id": "txn_x"})
    refused = Told(409, {"code": "wrong_state"})

    assert only([refused, done]) is done
    with pytest.raises(Lost):
        only([done, done])
    with pytest.raises(Lost):
        only([refused, refused])


def test_a_campaign_without_a_round_is_not_clean() -> None:
    figures = Figures(deadlocks=0, verified=Status.CLEAN)

    assert not figures.is_clean

    figures.won["a race"] = Counter(first=1)
    assert figures.is_clean
