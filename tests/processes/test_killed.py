"""Killed with -9 under load: nothing acknowledged is lost, nothing stands twice.

A small `poe crash`: the service dies at a random moment and at a failpoint, then a backend, the
postmaster and a worker. The clients' log, fsynced before and after each call, is the truth.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.client_log import Call, ClientLog
from tests.campaigns.crash import campaign
from tests.campaigns.ground import own_folder

KILLS = 5
"""One turn of each kind."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give the campaign a folder for a cluster of its own; another run closes pytest's to it."""
    with own_folder() as made:
        yield made


@pytest.mark.timeout(400)
async def test_what_was_acknowledged_before_any_kill_stands_and_nothing_stands_twice(
    folder: Path,
) -> None:
    figures = await campaign(folder, runs=KILLS, seed=20260302)

    assert figures.judged.faults == []
    assert figures.judged.acknowledged > 0
    assert set(figures.kills) >= {"service", "backend", "postmaster", "worker"}
    assert figures.is_clean, figures.lines()


def test_the_log_reads_back_what_was_sent_and_what_was_heard(tmp_path: Path) -> None:
    call = Call("bank", "/v1/receipts", {"amount": "1.00"}, "k", ("P-1",))
    silent = Call("bank", "/v1/receipts", {"amount": "2.00"}, "s", ("P-2",))
    with ClientLog(tmp_path / "log") as log:
        log.intends(call)
        log.intends(call)
        log.heard(call, 201, b'{"transaction_id": "txn_x"}')
        log.intends(silent)

    heard = log.read()

    assert (heard["k"].tries, heard["k"].status, heard["k"].done) == (2, 201, True)
    assert heard["k"].transactions == ("txn_x",)
    assert heard["k"].receipts == ("P-1",)
    assert (heard["s"].acknowledged, heard["s"].done) == (False, False)
