"""The figures of a campaign of kills: which of them alone are good ones."""

import pytest

from service.verify.report import Status
from tests.campaigns.figures import Figures
from tests.campaigns.truth import Judged


def fought() -> Figures:
    """Have a campaign with nothing wrong in it."""
    figures = Figures(judged=Judged(acknowledged=1), verified=Status.CLEAN)
    figures.kills["service"] += 1
    return figures


def test_a_campaign_that_killed_and_lost_nothing_is_clean() -> None:
    assert fought().is_clean
    assert "failed        none" in fought().lines()


def test_a_call_that_failed_is_not_clean_whatever_the_books_say() -> None:
    figures = fought()
    figures.failed["ValueError: wrong"] += 1

    assert not figures.is_clean
    assert "failed        ValueError: wrong 1" in figures.lines()


@pytest.mark.parametrize("kind", ["lost", "doubled", "unasked", "changed", "open"])
def test_a_fault_of_any_kind_is_not_clean(kind: str) -> None:
    figures = fought()
    getattr(figures.judged, kind).append("P-1")

    assert not figures.is_clean


def test_a_campaign_without_a_kill_or_without_an_answer_is_not_clean() -> None:
    idle, unheard, unverified = fought(), fought(), fought()
    idle.kills.clear()
    unheard.judged.acknowledged = 0
    unverified.verified = Status.INCOMPLETE

    assert not any(each.is_clean for each in (idle, unheard, unverified))
