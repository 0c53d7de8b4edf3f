"""Known bugs of other ledgers, each under its name: decided on what was no longer so.

Each docstring says what went wrong there, as its report tells it, or which report stands for one
that could not be read; the test is the same scenario in our terms, through processes of their own.
What is about doing things twice is in test_known_bugs_twice, what about balances beside it.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from service import verify
from service.app import create_app
from service.settings import Settings
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.payouts import Payouts
from tests.fixtures.service import Service
from tests.fixtures.vaults import sealing
from tests.store.commit_proxy import CommitProxy, Loss


@asynccontextmanager
async def elsewhere(academy: Academy, url: str) -> AsyncIterator[Academy]:
    """Run the service once more, as a process just started: the same school through it."""
    engine = sealing(create_async_engine(url))
    app = create_app(engine, Settings(demo=True, bank_tokens=True))
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
        other = Service(engine, app.state.store, client)
        yield replace(academy, district=replace(academy.district, service=other))
    await engine.dispose()


async def test_midaz_1609_a_second_confirmation_elsewhere_finds_the_first_done_at_once_and_later(
    academy: Academy, database: Database
) -> None:
    """A commit let go of its lock as soon as the primary had it; a replica lagged behind.

    A second commit of the same pending transaction read there that it was pending still, and was
    carried out as well. It was mended by letting the lock stand for five minutes. Here no decision
    reads anything but what the journal's lock protects, and nothing that expires guards it.
    """
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    lessons = [await academy.recorded(enrolment) for _ in range(4)]
    count = await academy.district.count("escrow.journal_transaction")
    answers: list[httpx.Response] = []

    async with elsewhere(academy, database.url("escrow_app")) as other:
        for lesson in lessons:
            path = f"lessons/{lesson['id']}/confirm"
            first, at_once = await asyncio.gather(*(s.post(path, parent) for s in (academy, other)))
            after = await other.post(path, parent)
            with Payouts(other, "").machine_later(301):
                later = await other.post(path, parent)
            answers += [first, at_once, after, later]

    posted = [answer.json()["transaction_id"] for answer in answers]
    money = await academy.money(enrolment)
    assert {answer.status_code for answer in answers} == {200}
    assert len([each for each in posted if each is not None]) == 4
    assert await academy.district.count("escrow.journal_transaction") == count + 4
    assert (money["prepaid"], money["pending"]) == ("4583.33", "0.00")


@pytest.mark.parametrize("loss", [Loss.DURING, Loss.AFTER])
async def test_midaz_2485_what_was_done_and_not_answered_is_not_applied_again(
    academy: Academy, database: Database, loss: Loss
) -> None:
    """A script that moved balances was sent again by the driver when its answer did not come.

    It had been carried out, and read the balance that it had itself changed: money was applied
    twice, unseen by the caller. Here nothing below the caller sends anything again; he is told that
    the outcome is unknown, and may ask again under the same key or with the same reference.
    """
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "R-2485",
        "amount": "100.00",
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
    }
    bank = academy.district.banks["ICBC"]

    with tempfile.TemporaryDirectory(prefix="escrow-line-") as folder:
        async with CommitProxy.before(database.server, Path(folder)) as proxy:
            server = replace(database.server, socket=Path(folder))
            async with elsewhere(academy, server.url(database.name, "escrow_app")) as other:
                post = other.district.service.post
                proxy.loss = loss
                lost = await post("/v1/receipts", bank, body, key="midaz-2485")
                proxy.loss = Loss.NEVER
                again = await post("/v1/receipts", bank, body, key="midaz-2485")
                anew = await post("/v1/receipts", bank, body, key="midaz-2485-anew")

    assert proxy.lost == 1
    assert (lost.status_code, lost.json()["code"]) == (503, "outcome_unknown")
    assert again.status_code == 201, again.text
    assert (anew.status_code, anew.json()["id"]) == (200, again.json()["id"])
    assert await academy.district.count("escrow.journal_transaction") == 1
    assert again.json()["balances"]["custody_bank"] == "100.00"


async def test_formance_1416_what_an_account_has_can_be_spent_to_the_fen_after_a_restart(
    payouts: Payouts, database: Database
) -> None:
    """The report could not be read; its neighbour of the same weeks, 1432, stands for it.

    A filter beside the balances, built anew in the background of a restart, had lost accounts:
    their balance was taken for zero and a transfer of all they had was refused for want of funds,
    while every reader was shown the money. Here the decision reads the very entries that readers
    read: what is shown is what can be spent, and not a fen more.
    """
    for number in range(3):
        await payouts.academy.receipt(f"{number + 1}.00")
    shown = (await payouts.preview())["earned"]

    async with elsewhere(payouts.academy, database.url("escrow_app")) as other:
        anew = Payouts(other, payouts.custody_id)
        too_much = await anew.ask("208.34")
        all_there_is = await anew.ask(shown)
    nothing_left = await payouts.ask("0.01")

    assert shown == "208.33"
    assert (too_much.status_code, too_much.json()["facts"]["missing"]) == (422, "0.01")
    assert all_there_is.status_code == 201, all_there_is.text
    assert (nothing_left.status_code, nothing_left.json()["code"]) == (422, "balance_too_low")


async def test_mojaloop_3482_each_of_a_batch_stands_on_what_was_before_it_whoever_else_is_there(
    payouts: Payouts, database: Database
) -> None:
    """The report could not be read; 3488, 3498 and 3500 of the same weeks stand for it.

    Positions were reckoned in batches: what mixed reservations with their ends was summed up
    wrongly, and a batch was right only as long as nobody else worked on the same account. Here a
    batch of orders and the end of another one meet on one account, through two processes.
    """
    fetched = await payouts.fetched("100.00")
    items = [
        {"custody_account_id": payouts.custody_id, "amount": amount}
        for amount in ("58.33", "150.01", "50.00")
    ]

    async with elsewhere(payouts.academy, database.url("escrow_app")) as other:
        batch, ended = await asyncio.gather(
            other.post("payouts/batch", other.token, {"items": items}),
            payouts.report(fetched, "REJECTED", reason="AC04"),
        )

    codes = [each["code"] for each in batch.json()["results"]]
    district = payouts.district
    report = await verify.verify(database.url("escrow_audit"), journals=[district.journal])
    assert codes == ["done", "balance_too_low", "done"]
    assert ended.json()["state"] == "REJECTED"
    assert (await payouts.preview())["earned"] == "100.00"
    assert [(f.check, f.example) for f in report.findings] == []
