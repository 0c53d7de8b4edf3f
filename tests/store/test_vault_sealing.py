"""What stood in plain is sealed while the service runs; data keys are wrapped anew in place."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.store import rows, vault_rewrap, vault_sealing
from service.store.context import Context
from service.store.facts import Change, Insert
from service.store.tables import BankNarrative, Base, ClaimNote, Party, Pii
from service.store.transact import Store, writing
from service.store.vault import Unopened, Vault, generation_of
from service.store.vault_keys import KeyRing, generation
from service.store.vault_rows import with_vault
from tests.fixtures.databases import Database
from tests.fixtures.service import Service, fresh_id
from tests.fixtures.store import Books, open_books
from tests.fixtures.vaults import VAULT, sealing

PHONE, NAME, ACCOUNT, NOTE = "13812345678", "王大锤", "6222123412341234", "孩子患哮喘"
THEN = datetime(2026, 2, 20, 4, tzinfo=UTC)
NEWER = Vault(
    KeyRing({**VAULT.ring.generations, 2: generation(2, b"\x07" * 32)}, VAULT.ring.index_key)
)


def party_of_before(party: UUID) -> Insert:
    row = {"institution_id": None, "kind": "GUARDIAN", "name": NAME, "phone": PHONE}
    row |= {"account_number": ACCOUNT, "bank_name": None, "restricted_at": None}
    return Insert(Party, {"party_id": party, "added_at": THEN} | row)


def narrative_of_before(entry: UUID) -> Insert:
    told = {"payer_name": NAME, "payer_account": ACCOUNT, "purpose": None}
    return Insert(BankNarrative, {"bank_entry_id": entry, "bank_code": "ICBC"} | told)


def note_of_before(note: UUID, guardian: UUID) -> Insert:
    about = {"subject_id": fresh_id(), "institution_id": fresh_id(), "guardian_id": guardian}
    told = {"party": "GUARDIAN", "text": NOTE, "written_at": THEN}
    return Insert(ClaimNote, {"note_id": note} | about | told)


async def plant_plain(books: Books, *changes: Change) -> None:
    """Write rows as they stood before the vault."""
    async with writing(books.district.service.engine) as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        await rows.write(connection, books.journal, changes, as_is=True)


async def stored(books: Books, table: str) -> Sequence[Any]:
    """Return rows as they stand in the database."""
    async with writing(books.district.service.engine) as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        found = await connection.execute(
            text(f"SELECT * FROM {table} WHERE journal_id = :journal"),  # noqa: S608
            {"journal": books.journal},
        )
        return found.mappings().all()


async def read(books: Books, table: type[Any], column: str, vault: Vault = VAULT) -> list[Any]:
    """Return the rows of a table as the service reads them."""
    engine: AsyncEngine = with_vault(books.district.service.engine, vault)
    keys = [row[column] for row in await stored(books, rows.table_of(table).fullname)]
    async with writing(engine) as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        wanted = rows.keyed(table, books.journal, keys, column)
        return list(await rows.fetch_opened(connection, table, wanted))


async def test_what_stood_in_plain_is_sealed_and_reads_as_before(books: Books) -> None:
    party, entry, note = fresh_id(), fresh_id(), fresh_id()
    await plant_plain(
        books, party_of_before(party), narrative_of_before(entry), note_of_before(note, party)
    )

    await vault_sealing.seal_all(books.district.service.engine)

    [held] = await stored(books, "pii.party")
    [told] = await stored(books, "pii.bank_narrative")
    [written] = await stored(books, "pii.claim_note")
    everything = repr([dict(row) for row in (held, told, written)])
    assert not any(value in everything for value in (PHONE, NAME, ACCOUNT, NOTE))
    assert held["phone_index"] == VAULT.blind("phone", PHONE)
    assert held["account_index"] == VAULT.blind("account", ACCOUNT)
    assert told["payer_named"] is True
    [opened] = await read(books, Party, "party_id")
    assert (opened["name"], opened["phone"], opened["erased"]) == (NAME, PHONE, False)
    assert [row["payer_account"] for row in await read(books, BankNarrative, "bank_entry_id")] == [
        ACCOUNT
    ]
    assert [row["text"] for row in await read(books, ClaimNote, "note_id")] == [NOTE]


async def test_a_row_of_before_reads_the_same_until_it_is_sealed(books: Books) -> None:
    await plant_plain(books, party_of_before(fresh_id()))

    [opened] = await read(books, Party, "party_id")

    assert (opened["name"], opened["account_number"]) == (NAME, ACCOUNT)


async def test_sealing_goes_in_batches_and_goes_on_where_it_was(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_sealing, "AT_ONCE", 10)
    await plant_plain(books, *(party_of_before(fresh_id()) for _ in range(25)))
    engine = books.district.service.engine

    steps = vault_sealing.sealing(engine)
    async for step in steps:
        if step.journal == books.journal:
            break
    await steps.aclose()
    half = sum(row["sealed"] is not None for row in await stored(books, "pii.party"))
    rest = [step.rows async for step in vault_sealing.sealing(engine)]

    assert (half, rest) == (10, [10, 15])
    assert all(row["sealed"] for row in await stored(books, "pii.party"))


async def test_sealing_twice_at_once_seals_every_row_once(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault_sealing, "AT_ONCE", 5)
    await plant_plain(books, *(party_of_before(fresh_id()) for _ in range(20)))
    engine = books.district.service.engine

    done = await asyncio.gather(*(vault_sealing.seal_all(engine) for _ in range(2)))
    left = await vault_sealing.seal_all(engine)

    assert sum(done) + left == 20
    assert {row["name"] for row in await read(books, Party, "party_id")} == {NAME}


@pytest.fixture
async def apart(empty_database: Database) -> AsyncIterator[Books]:
    """Open a journal in a database of its own, whose keys nobody else needs."""
    engine = sealing(create_async_engine(empty_database.url("escrow_app")))
    async with httpx.AsyncClient() as nobody:
        yield await open_books(Service(engine, Store(engine), nobody))
    await engine.dispose()


async def test_data_keys_are_wrapped_anew_and_blobs_stay(apart: Books) -> None:
    await apart.district.plant(party_of_before(fresh_id()), note_of_before(fresh_id(), fresh_id()))
    [before] = await stored(apart, "pii.party")
    engine = with_vault(apart.district.service.engine, NEWER)

    done = [step.keys async for step in vault_rewrap.rewrapping(engine)]
    again = [step.keys async for step in vault_rewrap.rewrapping(engine)]

    [after] = await stored(apart, "pii.party")
    assert (sum(done), again) == (2, [])
    assert await vault_rewrap.counts(engine) == {2: 2}
    assert (generation_of(before["wrapped_key"]), generation_of(after["wrapped_key"])) == (1, 2)
    assert after["sealed"] == before["sealed"]
    assert [row["name"] for row in await read(apart, Party, "party_id", NEWER)] == [NAME]


def test_every_table_with_wrapped_keys_is_wrapped_anew() -> None:
    carrying = {
        table.fullname
        for metadata in (Base.metadata, Pii.metadata)
        for table in metadata.tables.values()
        if "wrapped_key" in table.c
    }

    assert {table.fullname for table in vault_rewrap.WRAPPED} == carrying


async def test_a_blob_put_in_another_row_is_noticed(books: Books) -> None:
    await books.district.plant(party_of_before(fresh_id()), party_of_before(fresh_id()))
    async with writing(books.district.service.engine) as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        await connection.execute(
            text(
                "UPDATE pii.party AS held SET sealed = other.sealed,"
                " wrapped_key = other.wrapped_key FROM pii.party AS other"
                " WHERE held.journal_id = :journal AND other.journal_id = :journal"
                " AND held.party_id <> other.party_id"
            ),
            {"journal": books.journal},
        )

    with pytest.raises(Unopened):
        await read(books, Party, "party_id")
