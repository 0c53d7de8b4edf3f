"""The store and the pure Book agree on any history: `poe model` in small.

ESCROW_MODEL_OPERATIONS says how many commands both are asked, 2,000 unless it does.
"""

import os
import random
import sys
from collections import Counter

import pytest

from service.store import postgres
from tests.campaigns.model import Figures, campaign

OPERATIONS = int(os.environ.get("ESCROW_MODEL_OPERATIONS", "2000"))
HISTORIES = 4


@pytest.mark.timeout(0)
def test_the_store_and_the_book_agree_on_any_history(
    postgres_server: postgres.Server, template_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = random.getrandbits(32)

    figures = campaign(
        postgres_server,
        template_database,
        operations=OPERATIONS,
        workers=1,
        drawn=drawn,
        histories=HISTORIES,
    )

    with capsys.disabled():
        sys.stderr.write("\n" + "\n".join([f"seed          {drawn}", *figures.lines()]) + "\n")
    assert not figures.differences, figures.differences[0]
    assert not figures.unclean, figures.unclean[0]
    assert figures.operations >= OPERATIONS
    assert figures.is_clean


def test_a_campaign_that_asked_nothing_is_not_clean() -> None:
    assert not Figures(databases=1).is_clean
    assert not Figures(answers=Counter(done=1)).is_clean
