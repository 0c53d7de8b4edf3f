"""The migrations make, from an empty database, exactly the tables that the store describes."""

import asyncpg
import pytest
from alembic.util.exc import CommandError

from service.store import migrate, postgres
from tests.fixtures.databases import Database


async def test_the_migrations_make_the_tables_that_the_store_describes(
    empty_database: Database,
) -> None:
    await migrate.check(empty_database.admin_url)


async def test_a_table_that_nothing_describes_is_noticed(empty_database: Database) -> None:
    await execute(empty_database, "CREATE TABLE escrow.stray (fen bigint PRIMARY KEY)")

    with pytest.raises(CommandError, match="stray"):
        await migrate.check(empty_database.admin_url)


async def test_migrating_a_database_that_is_up_to_date_changes_nothing(
    empty_database: Database,
) -> None:
    await migrate.upgrade(empty_database.admin_url)

    await migrate.check(empty_database.admin_url)


async def test_a_database_is_made_once(postgres_server: postgres.Server) -> None:
    url = postgres_server.url("postgres", postgres.SUPERUSER)

    await migrate.ensure_database(url, "made_once")
    await migrate.ensure_database(url, "made_once")

    assert migrate.database_of(url) == "postgres"


ROWS_OF_BEFORE = """
    INSERT INTO escrow.enrolment (journal_id, enrolment_id, institution_id, custody_account_id,
        guardian_id, student_id, contract_number, payment_code, origin, category, subject,
        price_fen, lessons_paid, lessons_gift, gift_in_schedule, absence_counts, contract_on,
        charged_on, starts_on, ends_on, received_fen, lessons_confirmed, state, policy_version,
        opened_at, seq)
    VALUES (1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
        gen_random_uuid(), 'C-1', 'TE23456789AA', 'REGULAR', 'art', 'DANCE', 499999, 48, 0, false,
        false, '2026-03-01', '2026-03-01', '2026-03-02', '2026-05-31', 499999, 0, 'ACTIVE', 'p1',
        now(), 1);
    INSERT INTO escrow.lesson (journal_id, lesson_id, enrolment_id, institution_id, guardian_id,
        reference, online, starts_at, ends_at, state, slot, value_fen, seq)
    VALUES (1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'L-1',
        false, now(), now() + interval '1 hour', 'RECORDED', 1, 10416, 2);
    INSERT INTO escrow.payment_order (journal_id, order_id, institution_id, custody_account_id,
        bank_code, kind, amount_fen, payee_party_id, state, requested_on, seq)
    VALUES (1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'ICBC', 'EARNED', 10416,
        gen_random_uuid(), 'EXECUTED', '2026-03-09', 3);
    INSERT INTO pii.party (journal_id, party_id, kind, added_at)
    VALUES (1, gen_random_uuid(), 'GUARDIAN', now())
"""


async def value(database: Database, query: str) -> int:
    connection = await asyncpg.connect(
        host=str(database.server.socket), user=postgres.SUPERUSER, database=database.name
    )
    try:
        found: int = await connection.fetchval(query)
    finally:
        await connection.close()
    return found


async def execute(database: Database, statement: str) -> None:
    connection = await asyncpg.connect(
        host=str(database.server.socket), user=postgres.SUPERUSER, database=database.name
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_database_of_the_version_before_is_brought_up_with_its_rows(
    postgres_server: postgres.Server,
) -> None:
    url = postgres_server.url("grown_up", postgres.SUPERUSER)
    await migrate.ensure_database(postgres_server.url("postgres", postgres.SUPERUSER), "grown_up")
    await migrate.upgrade(url, "0002")
    database = Database(postgres_server, "grown_up")
    await execute(database, ROWS_OF_BEFORE)

    await migrate.upgrade(url)

    await migrate.check(url)
    rows = "SELECT count(*) FROM escrow.{} WHERE {}"
    assert await value(database, rows.format("lesson", "schedule_version = 1")) == 1
    assert await value(database, rows.format("payment_order", "refund_id IS NULL")) == 1
    assert await value(database, rows.format("enrolment", "materials_fen = 0")) == 1
    unchecked = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
    assert await value(database, unchecked) == 0


HALF_BUILT = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('escrow.{}')"


@pytest.mark.parametrize(
    ("version", "name", "table"),
    [
        ("0003", "ix_payment_order_refund", "payment_order"),
        ("0017", "ix_bank_entry_likeness", "bank_entry"),
        ("0017", "ix_bank_entry_waiting", "bank_entry"),
    ],
)
async def test_an_index_left_half_built_is_built_again(
    postgres_server: postgres.Server, version: str, name: str, table: str
) -> None:
    url = postgres_server.url(f"half_{name}", postgres.SUPERUSER)
    await migrate.ensure_database(
        postgres_server.url("postgres", postgres.SUPERUSER), f"half_{name}"
    )
    await migrate.upgrade(url, version)
    database = Database(postgres_server, f"half_{name}")
    await execute(database, f"CREATE INDEX {name} ON escrow.{table} (journal_id)")
    await execute(database, HALF_BUILT.format(name))

    await migrate.upgrade(url)

    await migrate.check(url)
    assert await value(database, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


async def test_old_bank_entries_are_scanned_in_a_step_that_locks_out_no_writer(
    postgres_server: postgres.Server,
) -> None:
    url = postgres_server.url("unlocked", postgres.SUPERUSER)
    await migrate.ensure_database(postgres_server.url("postgres", postgres.SUPERUSER), "unlocked")

    await migrate.upgrade(url, "0017")

    database = Database(postgres_server, "unlocked")
    unchecked = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
    built = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('escrow.{}')"
    assert await value(database, unchecked) == 1
    assert await value(database, built.format("ix_bank_entry_waiting")) == 0
    assert await value(database, built.format("ix_bank_entry_likeness")) == 0
