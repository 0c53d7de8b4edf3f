"""The trail's chains: whole as written, and every edit, deletion and swap is named by verify."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import chain
from service.audit import segments
from service.store import audit, postgres
from service.store.audit import Attempt, Kind, Noted
from service.store.trail import Trail
from service.store.transact import writing
from tests.fixtures.academies import Academy
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.service import Service
from tests.fixtures.trails import trail, walked
from tests.test_audit_trail import receipt

texts = st.one_of(st.none(), st.text(max_size=8))
attempts = st.builds(
    Attempt,
    operation=st.text(max_size=8),
    role=st.sampled_from(["bank", "parent"]),
    request_id=texts,
    credential=texts,
    source=texts,
    object=texts,
    purpose=texts,
    request_hash=st.one_of(st.none(), st.binary(min_size=32, max_size=32)),
)
noted = st.builds(
    Noted,
    kind=st.sampled_from(Kind),
    caller_id=st.text(max_size=8),
    attempt=attempts,
    outcome=st.text(max_size=8),
    use_case=texts,
    details=texts,
    reason=texts,
    first_seq=st.one_of(st.none(), st.integers(0, 9)),
    last_seq=st.one_of(st.none(), st.integers(0, 9)),
    in_journal=st.one_of(st.none(), st.integers(1, 9)),
)
NOON = datetime(2026, 3, 2, 4, 0, 0, 1, tzinfo=UTC)


def chained(noted_rows: Sequence[Noted], at: datetime = NOON) -> list[dict[str, Any]]:
    """Chain rows as the store does, from the genesis of journal 7."""
    rows = audit._chained(7, 0, audit.genesis(7), noted_rows, at)
    return [dict(zip(audit.COLUMNS, row, strict=True)) for row in rows]


@settings(max_examples=60)
@given(st.lists(noted, min_size=1, max_size=6))
def test_what_is_written_quickly_is_what_anybody_computes_from_the_columns(
    drawn: list[Noted],
) -> None:
    previous = audit.genesis(7)

    for row in chained(drawn):
        assert row["previous_hash"] == previous
        assert row["hash"] == audit.digest(previous, row)
        previous = row["hash"]


@settings(max_examples=60)
@given(noted, noted)
def test_two_rows_that_differ_in_anything_have_different_hashes(one: Noted, other: Noted) -> None:
    [first], [second] = chained([one]), chained([other])
    fields = [audit.covered_fields(row) for row in (first, second)]

    assert (fields[0] == fields[1]) == (first["hash"] == second["hash"])


def test_a_row_of_another_time_place_or_journal_has_another_hash() -> None:
    one = Noted(Kind.ACT, "somebody", Attempt("login", "regulator"), "done")
    later = chained([one], NOON + timedelta(microseconds=1))
    second = chained([one, one])[1]
    elsewhere = audit._chained(8, 0, audit.genesis(7), [one], NOON)

    hashes = {chained([one])[0]["hash"], later[0]["hash"], second["hash"], elsewhere[0][-1]}

    assert len(hashes) == 4


async def test_the_genesis_of_the_database_is_that_of_the_service(database: Database) -> None:
    async with insider(database) as connection:
        for number in (0, 1, 65_535):
            found = await connection.fetchval("SELECT escrow.audit_genesis($1)", number)
            assert found == audit.genesis(number) != chain.genesis(number)


@pytest.fixture
async def told(academy: Academy) -> Academy:
    """A school whose trail has rows of several batches, with transactions and without."""
    bank = academy.district.banks["ICBC"]
    for number in range(4):
        await academy.post("receipts", bank, receipt(academy, f"R-{number}"))
    await academy.post("receipts", bank, receipt(academy, "R-1", "7.00"))
    items = [receipt(academy, f"B-{number}") for number in range(3)]
    await academy.post("receipts/batch", bank, {"mode": "independent", "items": items})
    return academy


async def test_a_trail_that_only_the_store_has_written_is_whole(
    told: Academy, database: Database
) -> None:
    async with insider(database) as connection:
        assert await walked(connection, told.district.journal) == []
        assert await walked(connection, audit.APART) == []


EDITS = {
    "an outcome edited": "UPDATE {t} SET outcome = 'done' WHERE audit_seq = 5",
    "who it was edited": "UPDATE {t} SET caller_id = 'somebody-else' WHERE audit_seq = 2",
    "when it was edited": "UPDATE {t} SET recorded_at = recorded_at - interval '1 h'"
    " WHERE audit_seq = 2",
    "a row deleted": "DELETE FROM {t} WHERE audit_seq = 2",
    "the first row deleted": "DELETE FROM {t} WHERE audit_seq = 1",
    "the last row deleted": "DELETE FROM {t} WHERE audit_seq = 6",
    "two rows swapped": "UPDATE {t} SET audit_seq = 99 WHERE audit_seq = 4;"
    " UPDATE {t} SET audit_seq = 4 WHERE audit_seq = 5;"
    " UPDATE {t} SET audit_seq = 5 WHERE audit_seq = 99",
    "all rows deleted": "DELETE FROM {t}",
    "the head set back": "UPDATE escrow.journal_head SET audit_seq = 5, audit_hash ="
    " (SELECT hash FROM {t} WHERE audit_seq = 5) WHERE journal_id = {j};"
    " DELETE FROM {t} WHERE audit_seq = 6",
    "the head moved on": "UPDATE escrow.journal_head SET audit_seq = 7 WHERE journal_id = {j}",
    "all of it set back": "UPDATE escrow.journal_head SET audit_seq = 0, audit_hash ="
    " escrow.audit_genesis({j}) WHERE journal_id = {j}; DELETE FROM {t}",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
async def test_an_edit_of_the_trail_is_named(told: Academy, database: Database, edit: str) -> None:
    journal = told.district.journal
    async with insider(database) as connection:
        assert await walked(connection, journal) == []

        await connection.execute(edit.format(t=f"escrow.audit_{journal}", j=journal))

        found = await walked(connection, journal)
    assert {finding.check for finding in found} == {"V-32"}
    assert {finding.journal for finding in found} == {journal}


async def test_an_edit_that_is_chained_again_to_the_head_is_told_by_a_head_kept_outside(
    told: Academy, database: Database
) -> None:
    journal = told.district.journal
    before = (await trail(database, journal))[-1]["hash"]
    async with insider(database) as connection:
        await connection.execute(
            f"UPDATE escrow.audit_{journal} SET caller_id = 'x' WHERE audit_seq = 2"  # noqa: S608
        )
        await chain_again(connection, journal)

        assert await walked(connection, journal) == []
        head = await connection.fetchval(
            "SELECT audit_hash FROM escrow.journal_head WHERE journal_id = $1", journal
        )
    assert head != before


async def chain_again(connection: Any, journal: int) -> None:
    """Compute every hash again and move the head, as an insider would who knows how."""
    previous, leaf = audit.genesis(journal), f"escrow.audit_{journal}"
    for row in await connection.fetch(f"SELECT * FROM {leaf} ORDER BY audit_seq"):  # noqa: S608
        computed = audit.digest(previous, row)
        await connection.execute(
            f"UPDATE {leaf} SET previous_hash = $1, hash = $2 WHERE audit_seq = $3",  # noqa: S608
            previous,
            computed,
            row["audit_seq"],
        )
        previous = computed
    await connection.execute(
        "UPDATE escrow.journal_head SET audit_hash = $1 WHERE journal_id = $2", previous, journal
    )


async def test_a_transaction_that_goes_untold_is_named(told: Academy, database: Database) -> None:
    journal = told.district.journal
    async with insider(database) as connection:
        await connection.execute(
            f"UPDATE escrow.audit_{journal} SET first_seq = NULL, last_seq = NULL"  # noqa: S608
            " WHERE audit_seq = 3"
        )
        await chain_again(connection, journal)

        found = await walked(connection, journal)

    assert [(f.check, dict(f.example)) for f in found] == [
        ("V-32", {"audit_seq": 4, "told_of_until": 2})
    ]


@pytest.fixture
async def app_role(database: Database) -> AsyncIterator[Any]:
    """Log in as the application."""
    connection = await asyncpg.connect(
        host=str(database.server.socket), user="escrow_app", database=database.name
    )
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE escrow.audit_0 SET outcome = 'x'",
        "DELETE FROM escrow.audit_0",
        "SELECT * FROM escrow.audit_0",
        "UPDATE escrow.audit SET outcome = 'x'",
        "DELETE FROM escrow.audit",
        "TRUNCATE escrow.audit",
        "DELETE FROM escrow.audit_head",
        "SELECT escrow.make_leaf('audit', 9)",
    ],
)
async def test_the_application_may_only_add_to_the_trail(app_role: Any, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app_role.execute(statement)


async def test_whoever_owns_the_trail_is_stopped_by_its_triggers(database: Database) -> None:
    connection = await asyncpg.connect(
        host=str(database.server.socket), user=postgres.SUPERUSER, database=database.name
    )
    for table in ("audit", "audit_0"):
        for verb in ("UPDATE escrow.{} SET outcome = 'x'", "DELETE FROM escrow.{}"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute(verb.format(table))
    await connection.close()


async def test_many_who_note_at_once_are_chained_one_after_another(
    service: Service, database: Database
) -> None:
    two = [Trail(lambda: writing(service.engine)) for _ in range(2)]
    one = Noted(Kind.ACT, "at-once", Attempt("noteAtOnce", "operator"), "done")

    await asyncio.gather(
        *(two[i % 2].note(one._replace(outcome=f"{i}")) for i in range(40)),
    )

    rows = [row for row in await trail(database, 0) if row["operation"] == "noteAtOnce"]
    async with insider(database) as connection:
        assert await walked(connection, audit.APART) == []
    assert sorted(int(row["outcome"]) for row in rows) == list(range(40))


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """Write rows as a segment does, without a database."""
    header = {
        "journal": 7,
        "day": "2026-03-02",
        "first": 1,
        "last": len(rows),
        "previous": audit.genesis(7).hex(),
        "head": rows[-1]["hash"].hex(),
        "masked": False,
        "columns": list(audit.COLUMNS),
    }
    written = [f"{segments.FORMAT}\n", f"{chain.canonical_json(header)}\n"]
    written += [f"{segments._line(row, masked=False)}\n" for row in rows]
    return written


@settings(max_examples=25)
@given(st.lists(noted, min_size=1, max_size=4), st.data())
def test_a_segments_text_with_a_line_less_is_not_taken(
    drawn: list[Noted], data: st.DataObject
) -> None:
    written = lines(chained(drawn))
    whole = "".join(written)
    end = {"rows": len(drawn), "sha256": sha256(whole.encode()).hexdigest()}
    last = f"{chain.canonical_json(end)}\n"
    dropped = data.draw(st.integers(2, len(written) - 1))

    assert segments.check([*written, last])["journal"] == 7
    with pytest.raises(segments.Broken):
        segments.check([*written[:dropped], *written[dropped + 1 :], last])
    with pytest.raises(segments.Broken):
        segments.check(written)
