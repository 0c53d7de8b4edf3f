"""The demonstration: a few schools played by the same player, its client, banks and command."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.app import create_app
from service.demo import backlog, backlog_tables, client, figures, performance, player, tables
from service.demo.bank_books import BankBook, BankDay, fen
from service.demo.districts import backlog_of, calendar_of, district_of
from service.demo.pace import Bars, Silent
from service.settings import Settings
from service.verify import verify
from tests.fixtures.databases import Database
from tests.fixtures.vaults import sealing

SCRIPT = player.Script(weeks=1, schools=3, seed=17)
"""Few lessons, with a dispute ruled either way."""


FIGURES: dict[str, Any] = {
    "district": {"adcode": "500106", "name": "沙坪坝区", "seed": 17},
    "banks": 6,
    "institutions": 3,
    "custody_accounts": 5,
    "courses": 12,
    "enrolments": 288,
    "legacy_contracts": 3,
    "business_date": "2026-04-28",
    "supervised_peak": "1443660.00",
    "supervised_now": "831761.34",
    "receipts": 293,
    "lessons_recorded": 402,
    "lessons_released": 271,
    "released_by": {"guardians": 14, "silence": 256, "ruling": 1},
    "disputes": 2,
    "paid_out": "93114.66",
    "payouts": {"executed": 8, "rejected": 1, "returned": 1},
    "claims": {"filed": 4, "approved": 4, "contested": 0, "silent": 0},
    "refunded": "13944.00",
    "refunds": 3,
    "sent_back": "888.00",
    "collapse": {
        "state": "RESIDUAL",
        "basis": "TRACED_FIRST",
        "entitlements": 103,
        "claimed": "515199.34",
        "pool": "504840.00",
        "distributed": "504840.00",
        "residual": "10359.34",
        "paid": "504840.00",
    },
    "coverage": {
        "state": "SHORT",
        "grade": "B",
        "ratio": "98.76",
        "requirement": "842120.68",
        "bank_money": "831761.34",
        "shortfall": "10359.34",
        "at_peak": {"state": "SHORT", "grade": "B", "ratio": "99.17"},
    },
}


@pytest.fixture
async def engine(empty_database: Database) -> AsyncIterator[AsyncEngine]:
    url = empty_database.url("escrow_app")
    made = sealing(create_async_engine(url, pool_size=10, max_overflow=10))
    yield made
    await made.dispose()


async def played_in(database: Database, engine: AsyncEngine) -> performance.Performance:
    app: Any = create_app(engine, Settings(demo=True, authorities=("escrow.test",)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as http:
        stage = await performance.set_up(
            client.Api(http), engine, district_of(SCRIPT.seed, schools=SCRIPT.schools), Silent()
        )
        told = await player.play(stage, engine, SCRIPT)
    report = await verify(database.url("escrow_audit"))
    return performance.Performance(stage, told, report, 1)


async def test_a_district_of_a_few_schools_is_played_to_the_fen(
    empty_database: Database, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    played = await played_in(empty_database, engine)

    told = tables.summary(played)
    tables.show(played, told)
    printed = capsys.readouterr().out

    assert {name: told[name] for name in FIGURES} == FIGURES
    assert fen(told["supervised_peak"]) == brought_in(played.stage.district)
    assert fen(told["supervised_now"]) == brought_in(played.stage.district) - sum(
        fen(gone) for gone in (told["paid_out"], told["refunded"], told["collapse"]["paid"])
    )
    assert fen(told["collapse"]["distributed"]) == fen(told["collapse"]["paid"])
    assert told["verify"]["status"] == "clean"
    assert told["verify"]["violated"] == []
    assert "沙坪坝区" in printed
    assert "verify: clean" in printed


async def test_a_backlog_is_settled_to_the_last_refund_order(
    empty_database: Database, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = backlog_of(None, share=50)
    app: Any = create_app(engine, Settings(demo=True, authorities=("escrow.test",)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as http:
        stage = await performance.set_up(
            client.Api(http), engine, failed.district, Silent(), opens_on=failed.opens_on
        )
        settled = await backlog.play(stage, engine, failed)
        figures_told = await figures.read_all(stage, await figures.read(stage))
    report = await verify(empty_database.url("escrow_audit"))

    played = performance.Settlement(stage, settled, figures_told, report, 1)
    told = backlog_tables.summary(played)
    backlog_tables.show(played, told)
    printed = capsys.readouterr().out

    found = sum(each.before_fen + each.after_fen for each in failed.found)
    assert fen(told["claimed"]) == failed.owed_fen
    assert fen(told["distributed"]) + fen(told["residual"]) == failed.owed_fen
    assert fen(told["distributed"]) == fen(told["paid"]) == found
    for first_round in told["by_basis"].values():
        assert fen(first_round["distributed"]) + fen(first_round["residual"]) == failed.owed_fen
    assert told["bank_money"] == "0.00"
    assert told["states"] == ["RESIDUAL"]
    assert told["verify"]["status"] == "clean"
    assert "verify: clean" in printed


def brought_in(district: Any) -> int:
    """Add up in fen what the seeds say comes into custody before the term."""
    paid = sum(each.price_fen for each in district.enrolments)
    brought = sum(each.brought_fen for each in district.legacy)
    return int(paid + brought + sum(each.amount_fen for each in district.strays))


def command(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from service.cli import main; main()", "demo", *options],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_command_prints_one_object_and_leaves_nothing_behind(database: Database) -> None:
    ended = command(
        *("--json", "--schools", "2", "--weeks", "1"),
        ESCROW_DATABASE_URL=database.url("escrow_app"),
        ESCROW_ADMIN_URL=database.admin_url,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["verify"]["status"] == "clean"
    assert told["institutions"] == 2
    assert told["banks"] == 6
    assert told["lessons_released"] == sum(told["released_by"].values())


def test_a_database_without_its_administrator_is_refused(database: Database) -> None:
    ended = command("--json", ESCROW_DATABASE_URL=database.url("escrow_app"))

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "ESCROW_ADMIN_URL" in ended.stderr


async def answered(replies: list[httpx.Response | Exception], **patience: int) -> Any:
    """Send one command to a service that replies so; return the answer and the keys it saw."""
    keys = []

    def reply(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        said = replies.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(reply), base_url="http://escrow.test"
    ) as http:
        api = client.Api(http, **patience)
        return await api.post("/v1/receipts", "token", {}, key="demo-1"), keys


async def test_a_request_of_unknown_fate_is_sent_again_under_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0)
    in_flight = httpx.Response(409, json={"code": "idempotency_in_flight"})

    answer, keys = await answered(
        [
            httpx.ConnectError("refused"),
            httpx.ReadError("gone"),
            httpx.Response(503, json={"code": "outcome_unknown"}),
            in_flight,
            httpx.Response(201, json={"id": "bke_1"}),
        ]
    )

    assert answer == {"id": "bke_1"}
    assert keys == ["demo-1"] * 5


async def test_patience_ends() -> None:
    with pytest.raises(client.Unexpected, match="no answer"):
        await answered([httpx.ConnectError("refused")], patience_s=-1)


async def test_a_refusal_that_the_play_does_not_know_stops_it() -> None:
    with pytest.raises(client.Unexpected, match="409"):
        await answered([httpx.Response(409, json={"code": "wrong_state"})])


def test_a_bank_states_every_day_from_the_closing_of_the_one_before() -> None:
    book = BankBook("cus_1", 1, "ICBC")
    book.credited(500, date(2026, 3, 2))
    book.debited(200, date(2026, 3, 4))

    stated = [book.closed(date(2026, 3, day)) for day in (1, 2, 3, 4, 5)]

    assert [(day.opening, day.closing) for day in stated] == [
        (0, 0),
        (0, 500),
        (500, 500),
        (500, 300),
        (300, 300),
    ]
    assert stated[2] == BankDay(opening=500)


def test_a_bank_does_not_book_into_a_day_that_is_over() -> None:
    book = BankBook("cus_1", 1, "ICBC")
    book.credited(500, date(2026, 3, 4))

    with pytest.raises(AssertionError):
        book.credited(500, date(2026, 3, 2))


def test_the_first_schools_of_a_district_are_the_same_ones() -> None:
    whole, few = district_of(None), district_of(None, schools=3)

    assert few.institutions == whole.institutions[:3]
    assert {each.institution for each in few.enrolments} == {1, 2, 3}
    assert [stray.contract_no for stray in few.strays] == [None, few.enrolments[1].contract_no]
    assert few.returned_payout_institution in {1, 2, 3}


def test_the_play_counts_working_days_as_the_service_does() -> None:
    calendar = calendar_of(date(2026, 3, 2))

    assert calendar.is_working_day(date(2026, 2, 28))
    assert not calendar.is_working_day(date(2026, 4, 6))


def test_a_chapter_played_again_makes_its_bar_longer() -> None:
    with Bars() as bars:
        for _ in range(2):
            with bars.chapter("receipts", 3) as bar:
                bar()

    [task] = bars.tasks
    assert (task.completed, task.total) == (2, 6)
