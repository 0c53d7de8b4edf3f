"""COMMIT has three outcomes: what became of a lost one is unknown until the same key tells."""

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ledger.refusals import Busy, OutcomeUnknown
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import RECEIVE
from service.store.facts import Verdict
from service.store.transact import Request, Store, UseCase
from service.store.unit import Unit
from service.web.problems import status_of
from tests.fixtures.databases import Database
from tests.fixtures.store import Books, key_of
from tests.fixtures.vaults import sealing
from tests.store.commit_proxy import CommitProxy, Loss


@dataclass
class Line:
    """A store whose connections go through the proxy."""

    proxy: CommitProxy
    store: Store


@pytest.fixture
async def line(database: Database) -> AsyncIterator[Line]:
    # The path of a socket is short: not every temporary folder of pytest's is.
    with tempfile.TemporaryDirectory(prefix="escrow-line-") as folder:
        async with CommitProxy.before(database.server, Path(folder)) as proxy:
            server = replace(database.server, socket=Path(folder))
            engine = sealing(create_async_engine(server.url(database.name, "escrow_app")))
            proxy.kill = partial(_kill_who_is_about_to_commit, database)
            yield Line(proxy, Store(engine))
            await engine.dispose()


async def _kill_who_is_about_to_commit(database: Database) -> None:
    engine = create_async_engine(database.admin_url)
    async with engine.connect() as connection:
        killed = await connection.scalar(
            text(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        )
    await engine.dispose()
    assert killed, "a unit of work has written everything and not committed"


async def test_through_the_proxy_everything_is_as_without_it(books: Books, line: Line) -> None:
    answer = await books.receive(books.top_up("3.00"), key=key_of("k"), store=line.store)

    assert answer.single()["balances"] == {"custody_bank": "3.00"}
    assert line.proxy.lost == 0


@pytest.mark.parametrize("loss", [Loss.BEFORE, Loss.HALF])
async def test_a_connection_lost_before_commit_arrived_is_unknown_and_had_no_effect(
    books: Books, line: Line, loss: Loss
) -> None:
    fact, key = books.top_up("3.00"), key_of("before")
    line.proxy.loss = loss

    with pytest.raises(OutcomeUnknown) as unknown:
        await books.receive(fact, key=key, store=line.store)
    stood = await books.count("escrow.journal_transaction")
    truth = await books.receive(fact, key=key, store=line.store)

    assert status_of(type(unknown.value)) == 503
    assert line.proxy.lost == 1
    assert stood == 0
    assert not truth.replayed
    assert truth.single()["balances"] == {"custody_bank": "3.00"}
    assert await books.count("escrow.journal_transaction") == 1


async def test_of_a_server_killed_between_copy_and_commit_nothing_stays(
    books: Books, line: Line
) -> None:
    facts, key = [books.top_up("3.00"), books.top_up("4.00")], key_of("killed")
    line.proxy.loss = Loss.KILLED

    with pytest.raises(OutcomeUnknown):
        await books.receive(*facts, key=key, store=line.store)
    written = ("journal_transaction", "entry", "rollup", "account", "bank_entry", "stored_answer")
    stood = {table: await books.count(f"escrow.{table}") for table in written}
    truth = await books.receive(*facts, key=key, store=line.store)

    assert line.proxy.lost == 1
    assert stood == dict.fromkeys(written, 0)
    assert not truth.replayed
    assert truth.verdicts[1].answer is not None
    assert truth.verdicts[1].answer["balances"] == {"custody_bank": "7.00"}
    assert await books.count("escrow.journal_transaction") == 2


async def test_a_connection_lost_after_commit_is_unknown_and_had_its_effect(
    books: Books, line: Line
) -> None:
    fact, key = books.top_up("3.00"), key_of("after")
    line.proxy.loss = Loss.AFTER

    with pytest.raises(OutcomeUnknown):
        await books.receive(fact, key=key, store=line.store)
    stood = await books.count("escrow.journal_transaction")
    truth = await books.receive(fact, key=key, store=line.store)

    assert line.proxy.lost == 1
    assert stood == 1
    assert truth.replayed
    assert truth.single()["balances"] == {"custody_bank": "3.00"}
    assert await books.count("escrow.journal_transaction") == 1


async def test_a_connection_lost_during_commit_is_unknown_until_the_key_tells(
    books: Books, line: Line
) -> None:
    fact, key = books.top_up("3.00"), key_of("during")
    line.proxy.loss = Loss.DURING

    with pytest.raises(OutcomeUnknown):
        await books.receive(fact, key=key, store=line.store)
    truth = await books.receive(fact, key=key, store=line.store)
    again = await books.receive(fact, key=key, store=line.store)

    assert line.proxy.lost == 1
    assert truth.single() == again.single()
    assert truth.single()["balances"] == {"custody_bank": "3.00"}
    assert await books.count("escrow.journal_transaction") == 1


async def test_a_server_silent_after_commit_is_unknown_in_time_and_is_never_cancelled(
    books: Books, line: Line
) -> None:
    fact, key = books.top_up("3.00"), key_of("silent")
    line.proxy.loss, line.store.commit_within_s = Loss.SILENT, 1

    with pytest.raises(OutcomeUnknown):
        await books.receive(fact, key=key, store=line.store)
    truth = await books.receive(fact, key=key, store=line.store)

    assert (line.proxy.lost, line.proxy.cancels) == (1, 0)
    assert truth.replayed
    assert await books.count("escrow.journal_transaction") == 1


async def test_a_commit_answered_with_a_warning_is_unknown_and_the_key_tells(
    books: Books, line: Line
) -> None:
    fact, key = books.top_up("3.00"), key_of("warned")
    line.proxy.loss = Loss.WARNED

    with pytest.raises(OutcomeUnknown):
        await books.receive(fact, key=key, store=line.store)
    truth = await books.receive(fact, key=key, store=line.store)

    assert truth.replayed
    assert await books.count("escrow.journal_transaction") == 1


@pytest.mark.parametrize("loss", [Loss.BEFORE, Loss.AFTER])
async def test_one_unknown_commit_is_unknown_for_the_whole_batch(
    books: Books, line: Line, loss: Loss
) -> None:
    facts, key = [books.top_up("1.00") for _ in range(3)], key_of("batch")
    line.proxy.loss = loss

    with pytest.raises(OutcomeUnknown):
        await books.receive(*facts, key=key, store=line.store)
    truth = await books.receive(*facts, key=key, store=line.store)

    assert truth.replayed is (loss is Loss.AFTER)
    assert [verdict.refusal for verdict in truth.verdicts] == [None] * 3
    assert await books.count("escrow.journal_transaction") == 3


@pytest.mark.parametrize("loss", [Loss.BEFORE, Loss.AFTER, Loss.KILLED])
async def test_one_unknown_commit_is_unknown_for_every_request_that_was_gathered(
    books: Books, line: Line, loss: Loss
) -> None:
    facts = [books.top_up("1.00") for _ in range(4)]
    line.proxy.loss = loss

    lost = await asyncio.gather(
        *(
            books.receive(fact, key=key_of(f"k{n}"), store=line.store)
            for n, fact in enumerate(facts)
        ),
        return_exceptions=True,
    )
    stood = await books.count("escrow.journal_transaction")
    truths = await asyncio.gather(
        *(
            books.receive(fact, key=key_of(f"k{n}"), store=line.store)
            for n, fact in enumerate(facts)
        )
    )

    assert [type(each) for each in lost] == [OutcomeUnknown] * 4
    assert line.proxy.lost == 1
    assert stood == (4 if loss is Loss.AFTER else 0)
    assert [truth.replayed for truth in truths] == [loss is Loss.AFTER] * 4
    assert await books.count("escrow.journal_transaction") == 4


async def test_without_its_key_a_bank_fact_is_still_not_posted_twice(
    books: Books, line: Line
) -> None:
    fact = books.top_up("3.00")
    line.proxy.loss = Loss.AFTER
    with pytest.raises(OutcomeUnknown):
        await books.receive(fact, key=key_of("lost"), store=line.store)

    again = await books.receive(fact, key=key_of("new"), store=line.store)

    assert again.verdicts[0].duplicate
    assert await books.count("escrow.journal_transaction") == 1


@pytest.mark.parametrize(("loss", "stands"), [(Loss.BEFORE, 0), (Loss.AFTER, 1)])
async def test_a_lost_commit_of_reference_data_is_unknown_until_the_key_tells(
    line: Line, loss: Loss, stands: int
) -> None:
    code, key = f"B{uuid.uuid4().hex[:8].upper()}", key_of(uuid.uuid4().hex, caller="operator")
    adding = (
        "INSERT INTO escrow.bank (code, bank_id, name, name_en)"
        " VALUES (:code, gen_random_uuid(), '新银行', 'New Bank')"
    )
    known = "SELECT count(*) FROM escrow.bank WHERE code = :code"

    async def add(connection: AsyncConnection) -> Verdict:
        await connection.execute(text(adding), {"code": code})
        return Verdict(answer={"code": code})

    line.proxy.loss = loss
    with pytest.raises(OutcomeUnknown):
        await line.store.refer(add, key=key)
    async with line.store.engine.connect() as connection:
        stood = await connection.scalar(text(known), {"code": code})
    truth = await line.store.refer(add, key=key)

    assert stood == stands
    assert truth.replayed is bool(stands)
    assert truth.single() == {"code": code}


@pytest.mark.parametrize("loss", [Loss.BEFORE, Loss.DURING, Loss.AFTER])
async def test_a_lost_connection_is_not_used_again(books: Books, line: Line, loss: Loss) -> None:
    line.proxy.loss = loss
    with pytest.raises(OutcomeUnknown):
        await books.receive(books.top_up(), store=line.store)

    async with line.store.engine.connect() as connection:
        answer = await connection.scalar(text("SELECT 1"))

    assert answer == 1


async def test_a_server_that_goes_away_before_commit_is_busy_and_had_no_effect(
    books: Books, line: Line
) -> None:
    fact, key = books.top_up("3.00"), key_of("away")

    async def cut_off(unit: Unit, found: Sequence[EntryFact]) -> None:
        await RECEIVE.read(unit, found)
        await unit.connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    broken = UseCase("receive", RECEIVE.find, RECEIVE.load, RECEIVE.decide, cut_off)
    with pytest.raises(Busy) as busy:
        await line.store.transact(Request(broken, [fact], books.bank, "bank", books.journal, key))
    truth = await books.receive(fact, key=key, store=line.store)

    assert status_of(type(busy.value)) == 503
    assert not truth.replayed
    assert await books.count("escrow.journal_transaction") == 1
