"""Hostile requests, a few of them: `poe fuzz --requests N` sends as many as are wanted."""

import random
from collections import Counter
from pathlib import Path

import pytest

from service.store import postgres
from tests.campaigns.fuzz import Part, fuzz, parts
from tests.campaigns.fuzz_figures import Figures
from tests.campaigns.mutations import Draft, Raw, spoil, written


@pytest.mark.parametrize(("alive", "requests"), [(False, 400), (True, 200)])
async def test_whatever_is_sent_is_answered_and_shows_nothing_foreign(
    postgres_server: postgres.Server,
    template_database: str,
    tmp_path: Path,
    alive: bool,
    requests: int,
) -> None:
    part = Part(postgres_server, template_database, tmp_path, requests, 20260302, alive)

    figures = await fuzz(part)

    assert figures.is_clean, "\n".join(figures.lines())
    assert figures.requests > 0.8 * requests
    assert {200, 400, 403, 404, 405} <= set(figures.statuses)
    assert alive == bool(figures.verified)
    assert alive == (figures.decided.total() > 5)


def test_figures_of_several_processes_are_added_up() -> None:
    one, other = (
        Figures(Counter({status: 3}), {f"op{status}"}, memory=[(100 << 20, 105 << 20)])
        for status in (200, 404)
    )
    other.took[7] = 1

    one.add(other)

    lines = "\n".join(one.lines())
    assert "requests      6 to 2 operations" in lines
    assert "2xx 3, 4xx 3" in lines
    assert "p99 7 ms" in lines
    assert "100 to 105 MiB (+5.0 %), 100 to 105 MiB (+5.0 %)" in lines


def test_parts_come_to_all_requests_and_a_fifth_is_alive(tmp_path: Path) -> None:
    server = postgres.Server(tmp_path, tmp_path, tmp_path, 1, 18)

    cut = parts(server, tmp_path, 1_000, seed=1, size=300)

    assert sum(each.requests for each in cut) == 1_000
    assert sum(each.requests for each in cut if each.alive) == 200
    assert len({each.seed for each in cut}) == len(cut)


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
