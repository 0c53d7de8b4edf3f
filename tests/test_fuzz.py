"""Hostile requests, a few of them: `poe fuzz --requests N` sends as many as are wanted."""

import random
from pathlib import Path

import pytest

from service.store import postgres
from tests.campaigns.fuzz import Figures, fuzz
from tests.campaigns.mutations import Draft, Raw, spoil, written


async def test_whatever_is_sent_is_answered_and_shows_nothing_foreign(
    postgres_server: postgres.Server, template_database: str, tmp_path: Path
) -> None:
    figures = Figures()

    await fuzz(
        postgres_server, template_database, tmp_path, requests=400, seed=20260302, figures=figures
    )

    assert figures.is_clean, "\n".join(figures.lines())
    assert figures.requests > 350
    assert len(figures.operations) > 150
    assert {200, 400, 401, 403, 404, 405} <= set(figures.statuses)


def test_a_number_is_written_as_it_was_spoilt() -> None:
    assert written({"a": Raw("1e400"), "b": ["\ud800", Raw("-0")]}) == (
        b'{"a": 1e400, "b": ["\xed\xa0\x80", -0]}'
    )


def test_the_same_seed_spoils_the_same() -> None:
    def drawn(seed: int) -> list[tuple[str, bytes]]:
        chance = random.Random(seed)
        document = {"amount": "1.00", "at": "2026-03-02T00:00:00Z", "on": "2026-03-02"}
        spoilt = [spoil(Draft("POST", "/v1/x", document=dict(document)), chance) for _ in range(99)]
        return [(draft.url, draft.sent) for draft in spoilt]

    assert drawn(1) == drawn(1)
    assert len(set(drawn(1))) > 60
    assert drawn(1) != drawn(2)


@pytest.mark.parametrize("n", range(3))
def test_one_in_eight_stays_as_it_was(n: int) -> None:
    chance = random.Random(n)
    whole = Draft("POST", "/v1/x", document={"a": "b"})
    kept = sum(
        spoil(Draft("POST", "/v1/x", document={"a": "b"}), chance).sent == whole.sent
        for _ in range(400)
    )

    assert 20 < kept < 200
