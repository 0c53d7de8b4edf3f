"""Positions: dates and instants become prefixes of journals, at the end of a batch."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.coverage import identity_gap
from ledger.refusals import AsOfUnsupported, DateInFuture, RequestInvalid
from service.store import balance_reads, positions
from service.store.balance_units import UnitKey, child_of, code_of, covers
from service.store.context import Context
from service.store.positions import Asked, Positions
from service.store.transact import Store
from tests.fixtures.scripted_journals import ScriptedJournal


async def resolve(engine: AsyncEngine, script: ScriptedJournal, asked: Asked) -> Positions:
    async with Store(engine).reading(Context((script.journal,))) as connection:
        return await positions.resolve(connection, [script.journal], asked)


async def test_an_instant_is_the_last_batch_recorded_by_then(
    engine: AsyncEngine, standing_journal: ScriptedJournal
) -> None:
    head = await resolve(engine, standing_journal, Asked())
    charged = standing_journal.seqs["charge"]
    at_charge = await resolve(
        engine, standing_journal, Asked(position=_at(standing_journal, charged))
    )

    same = await resolve(engine, standing_journal, Asked(known_at=at_charge.known_at))
    before = await resolve(
        engine,
        standing_journal,
        Asked(known_at=at_charge.known_at - timedelta(microseconds=1)),
    )
    later = await resolve(engine, standing_journal, Asked(known_at=datetime.now(UTC)))

    journal = standing_journal.journal
    assert same.seq(journal) == charged
    assert before.seq(journal) == charged - 1
    assert later == head


async def test_the_smaller_of_date_and_instant_counts(
    engine: AsyncEngine, standing_journal: ScriptedJournal
) -> None:
    head = await resolve(engine, standing_journal, Asked())

    both = await resolve(engine, standing_journal, Asked(date(2000, 1, 1), head.known_at))

    assert (both.seq(standing_journal.journal), both.at, both.written) == (0, (), "")
    assert (both.as_of, both.known_at) == (date(2000, 1, 1), head.known_at)


async def test_the_middle_of_a_batch_is_no_position(
    engine: AsyncEngine, standing_journal: ScriptedJournal
) -> None:
    within = standing_journal.seqs["covered"]

    end = await resolve(engine, standing_journal, Asked(position=_at(standing_journal, within + 1)))
    with pytest.raises(AsOfUnsupported):
        await resolve(engine, standing_journal, Asked(position=_at(standing_journal, within)))

    assert end.seq(standing_journal.journal) == within + 1


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (Asked(as_of=date(2999, 1, 1)), DateInFuture),
        (Asked(known_at=datetime(2999, 1, 1, tzinfo=UTC)), DateInFuture),
        (Asked(position="1:2:3"), RequestInvalid),
        (Asked(position="65536:99999999999999999999"), RequestInvalid),
        (Asked(position="١:1"), RequestInvalid),
    ],
)
async def test_what_is_no_date_instant_or_position_is_refused(
    engine: AsyncEngine,
    standing_journal: ScriptedJournal,
    asked: Asked,
    refusal: type[Exception],
) -> None:
    with pytest.raises(refusal):
        await resolve(engine, standing_journal, asked)


async def test_balances_at_every_position_are_the_sums_of_the_entries_up_to_it(
    engine: AsyncEngine, standing_journal: ScriptedJournal
) -> None:
    journal = standing_journal.journal
    school = standing_journal.schools[0]
    unit = UnitKey(journal, "INSTITUTION", str(school.institution))
    async with Store(engine).reading(Context((journal,))) as connection:
        head = await positions.resolve(connection, [journal])
        totals = []
        for seq in range(1, head.seq(journal) + 1):
            try:
                at = await positions.resolve(
                    connection, [journal], Asked(position=f"{journal}:{seq}")
                )
            except AsOfUnsupported:
                continue
            slots = (await balance_reads.unit_balances(connection, [unit], at))[unit]
            position = balance_reads.position_of(slots)
            totals.append(sum(slots.values()))
            assert identity_gap(position).fen == 0

    assert len(totals) == head.seq(journal) - 1
    assert totals[0] == 0 < totals[-1]


def test_paths_cover_their_subtree_and_nothing_beside_it() -> None:
    assert covers("", "500106")
    assert covers("50", "500229")
    assert not covers("5001", "500229")
    assert covers("500106", "500106~HT")
    assert not covers("500106", "5001061")
    assert not covers("500106~A", "500106~AB")


@pytest.mark.parametrize(
    ("parent", "path", "child", "code"),
    [
        ("", "500106", "50", "500000"),
        ("50", "500229", "500229", "500229"),
        ("51", "510502", "5105", "510500"),
        ("5105", "510502", "510502", "510502"),
        ("6109", "6109~HT", "6109~HT", "HT"),
        ("500106", "500106~HT~X", "500106~HT", "HT"),
        ("500106", "500106", "500106", "500106"),
    ],
)
def test_the_children_of_a_division_are_those_of_the_next_level(
    parent: str, path: str, child: str, code: str
) -> None:
    assert child_of(parent, path) == child
    assert code_of(child) == code


def _at(script: ScriptedJournal, seq: int) -> str:
    return f"{script.journal}:{seq}"
