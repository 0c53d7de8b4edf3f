"""Row-level security: what each caller's eyes see of every table, whatever a query asks for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from service.launch import NotServable, require_app_role
from service.store import postgres
from service.store.context import Context
from tests.fixtures import databases
from tests.fixtures.databases import Database
from tests.store.planted_rows import TABLES, School, plant

ALL, OWN, NONE = "all of the journal", "its own", "nothing"

VISIBLE = {
    # table                        institution  bank  parent
    "escrow.journal_head": (ALL, ALL, ALL),
    "escrow.journal_transaction": (OWN, OWN, OWN),
    "escrow.reversal": (OWN, OWN, OWN),
    "escrow.closed_day": (NONE, NONE, NONE),
    "escrow.stored_answer": (NONE, NONE, NONE),
    "escrow.entry": (OWN, NONE, OWN),
    "escrow.account": (OWN, NONE, OWN),
    "escrow.rollup": (OWN, NONE, NONE),
    "escrow.institution": (OWN, OWN, ALL),
    "escrow.institution_area": (OWN, OWN, ALL),
    "escrow.agreement": (OWN, OWN, NONE),
    "escrow.custody_account": (OWN, OWN, ALL),
    "escrow.course": (OWN, NONE, ALL),
    "escrow.enrolment": (OWN, NONE, OWN),
    "escrow.lesson": (OWN, NONE, OWN),
    "escrow.notice": (OWN, NONE, OWN),
    "escrow.bank_entry": (OWN, OWN, NONE),
    "escrow.suspected_entry": (OWN, OWN, NONE),
    "escrow.entry_part": (OWN, OWN, NONE),
    "escrow.notification": (NONE, OWN, NONE),
    "escrow.payment_order": (OWN, OWN, NONE),
    "escrow.order_lease": (OWN, OWN, NONE),
    "escrow.order_report": (OWN, OWN, NONE),
    "escrow.bank_entry_detail": (OWN, OWN, NONE),
    "escrow.statement_file": (NONE, OWN, NONE),
    "escrow.bank_statement": (OWN, OWN, NONE),
    "escrow.statement_line": (OWN, OWN, NONE),
    "escrow.statement_day": (OWN, OWN, NONE),
    "escrow.court_order": (OWN, OWN, NONE),
    "escrow.backing_move": (OWN, NONE, OWN),
    "escrow.bank_failure": (OWN, OWN, NONE),
    "escrow.bank_loss": (OWN, NONE, OWN),
    "escrow.reconciliation": (OWN, OWN, NONE),
    "escrow.reconciliation_break": (OWN, OWN, NONE),
    "escrow.top_up_demand": (OWN, NONE, NONE),
    "escrow.restraint": (OWN, NONE, NONE),
    "escrow.approval": (OWN, NONE, NONE),
    "escrow.claim": (OWN, NONE, OWN),
    "escrow.claim_evidence": (OWN, NONE, OWN),
    "escrow.refund": (OWN, NONE, OWN),
    "escrow.interest_credit": (OWN, OWN, NONE),
    "escrow.wind_down": (OWN, NONE, OWN),
    "escrow.statement_request": (OWN, OWN, NONE),
    "escrow.entitlement": (OWN, NONE, OWN),
    "escrow.objection": (OWN, NONE, OWN),
    "escrow.asset": (OWN, NONE, NONE),
    "escrow.distribution_plan": (OWN, NONE, OWN),
    "escrow.plan_share": (OWN, NONE, OWN),
    "escrow.placement_offer": (OWN, NONE, OWN),
    "escrow.porting": (OWN, NONE, OWN),
    "escrow.resolution_pack": (NONE, NONE, NONE),
    "escrow.audit": (NONE, NONE, NONE),
    "escrow.guardian_link": (OWN, NONE, OWN),
    "pii.claim_note": (OWN, NONE, OWN),
    "escrow.client": (OWN, NONE, NONE),
    "escrow.client_credential": (OWN, NONE, NONE),
    "escrow.person": (OWN, NONE, NONE),
    "escrow.person_secret": (NONE, NONE, NONE),
    "escrow.recovery_code": (NONE, NONE, NONE),
    "escrow.device": (NONE, NONE, NONE),
    "escrow.used_assertion": (NONE, NONE, NONE),
    "escrow.decided_alone": (NONE, NONE, NONE),
    "escrow.signed_message": (NONE, OWN, NONE),
    "pii.signed_body": (NONE, OWN, NONE),
    "pii.person": (OWN, NONE, NONE),
    "pii.party": (OWN, OWN, OWN),
    "pii.bank_narrative": (NONE, OWN, NONE),
    "pii.party_version": (NONE, NONE, OWN),
    "pii.data_request": (OWN, NONE, OWN),
    "pii.destroyed_key": (NONE, NONE, NONE),
    "pii.unmask_grant": (NONE, NONE, OWN),
}
"""Names a whole journal shares are no secret inside it; the routes narrow further."""

SECRETS = {
    "escrow.person_secret",
    "escrow.recovery_code",
    "escrow.device",
    "escrow.used_assertion",
    "escrow.stored_answer",
}
"""What a login alone reads, and answers that are only their own caller's."""

Seen = dict[str, set[tuple[int, str]]]


@dataclass
class Planted:
    """Two journals with two schools each, and what a context sees of them."""

    url: str
    schools: list[School]
    owners: dict[tuple[str, tuple[object, ...]], set[tuple[int, str]]]

    @asynccontextmanager
    async def connected(self, context: Context | None) -> AsyncIterator[AsyncConnection]:
        """Connect as the application with a context; what is done is undone."""
        engine = create_async_engine(self.url, poolclass=NullPool)
        async with engine.connect() as connection:
            if context is not None:
                await context.enter(connection, statement_timeout="10s")
            yield connection
            await connection.rollback()

    async def seen(self, context: Context | None) -> Seen:
        """Return whose rows a context sees, by table."""
        found: Seen = {table: set() for table in TABLES}
        async with self.connected(context) as connection:
            for name, table in TABLES.items():
                for key in await connection.execute(select(*table.primary_key)):
                    found[name] |= self.owners[name, tuple(key)]
        return found


@pytest.fixture(scope="module")
def planted(postgres_server: postgres.Server, template_database: str) -> Planted:
    """Plant rows of every table; journal 1 is asked about, journal 2 is somebody else's."""
    return asyncio.run(_planted(postgres_server, template_database))


async def _planted(server: postgres.Server, template: str) -> Planted:
    database = await databases.clone(server, template)
    made = Planted(
        database.url("escrow_app"),
        [
            School.new(1, "one", "ICBC", 1),
            School.new(1, "two", "CMB", 2),
            School.new(2, "one", "ICBC", 3),
            School.new(2, "two", "CMB", 4),
        ],
        {},
    )
    admin = create_async_engine(database.admin_url, poolclass=NullPool)
    async with admin.begin() as connection:
        for journal in (1, 2):
            await connection.execute(
                text("SELECT escrow.open_journal(:it, '\\x00', now(), current_date)"),
                {"it": journal},
            )
            await connection.execute(
                text(
                    "INSERT INTO escrow.jurisdiction (code, name, parent_code, path, journal_id,"
                    " departments, rule_pack, added_at)"
                    " VALUES (:code, :code, NULL, :code, :it, '[]', 'test', now())"
                ),
                {"it": journal, "code": f"90000{journal}"},
            )
        for school in made.schools:
            for name, keys in (await plant(connection, school)).items():
                for key in keys:
                    made.owners.setdefault((name, key), set()).add(school.label)
    return made


def expected(column: int) -> Seen:
    """What school "one" of journal 1, its bank or its parent is to see."""
    own, whole = {(1, "one")}, {(1, "one"), (1, "two")}
    what: dict[str, set[tuple[int, str]]] = {ALL: whole, OWN: own, NONE: set()}
    return {table: what[seen[column]] for table, seen in VISIBLE.items()}


def test_every_table_of_a_journal_is_spoken_of() -> None:
    assert set(VISIBLE) == set(TABLES)


async def test_row_security_binds_even_the_owner_of_every_table(database: Database) -> None:
    engine = create_async_engine(database.admin_url)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace IN ('escrow'::regnamespace, 'pii'::regnamespace)"
                " AND relrowsecurity AND relforcerowsecurity"
            )
        )
        bound = set(rows.scalars())
    await engine.dispose()

    assert bound >= set(TABLES)


async def test_without_a_context_nothing_is_seen(planted: Planted) -> None:
    assert await planted.seen(None) == {table: set() for table in TABLES}


async def test_a_malformed_context_sees_nothing(planted: Planted) -> None:
    async with planted.connected(None) as connection:
        await connection.execute(text("SELECT set_config('escrow.journals', 'x', true)"))

        with pytest.raises(DBAPIError, match="invalid input syntax"):
            await connection.execute(text("SELECT * FROM escrow.enrolment"))


async def test_a_journal_sees_itself_and_no_other(planted: Planted) -> None:
    own: set[tuple[int, str]] = {(2, "one"), (2, "two")}

    expected = {table: set() if table in SECRETS else own for table in TABLES}
    assert await planted.seen(Context((2,))) == expected
    assert await planted.seen(Context((3,))) == {table: set() for table in TABLES}


async def test_an_institution_sees_its_own_books(planted: Planted) -> None:
    seen = await planted.seen(Context((1,), institution=planted.schools[0].institution))

    assert seen == expected(0)


async def test_a_bank_sees_its_own_accounts(planted: Planted) -> None:
    assert await planted.seen(Context((1,), bank="ICBC")) == expected(1)


async def test_a_parent_sees_their_own_contracts(planted: Planted) -> None:
    seen = await planted.seen(Context((1,), parties=(planted.schools[0].guardian,)))

    assert seen == expected(2)


async def test_a_parent_sees_the_union_of_their_guardians_over_journals(planted: Planted) -> None:
    here, elsewhere = planted.schools[0], planted.schools[3]
    parties = (here.guardian, elsewhere.guardian)

    seen = await planted.seen(Context((1, 2), parties=parties))

    for table, (_, _, parent) in VISIBLE.items():
        everybody = {school.label for school in planted.schools}
        own = {here.label, elsewhere.label}
        assert seen[table] == {ALL: everybody, OWN: own, NONE: set()}[parent], table


async def test_a_parent_without_a_link_is_nobodys_guardian(planted: Planted) -> None:
    seen = await planted.seen(Context((1,), parties=()))

    for table, (_, _, parent) in VISIBLE.items():
        if parent != ALL:
            assert seen[table] == set(), table


async def test_no_policy_knows_but_one_party(database: Database) -> None:
    engine = create_async_engine(database.admin_url)
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT schemaname || '.' || tablename FROM pg_policies"
                " WHERE concat(qual, with_check) LIKE '%= ( SELECT escrow.own_party()%'"
            )
        )
        left = set(rows.scalars())
    await engine.dispose()

    assert left == set()


async def test_no_context_of_a_caller_writes(planted: Planted) -> None:
    for context in (Context((1,)), Context((1,), institution=planted.schools[0].institution)):
        async with planted.connected(context) as connection:
            changed = await connection.execute(text("UPDATE escrow.institution SET name = 'mine'"))
            with pytest.raises(DBAPIError, match="row-level security"):
                await connection.execute(text("INSERT INTO escrow.reversal VALUES (1, 7, 8)"))

            assert changed.rowcount == 0


async def test_a_writer_writes_in_its_own_journal_only(planted: Planted) -> None:
    async with planted.connected(Context.writer(1)) as connection:
        changed = await connection.execute(text("UPDATE escrow.institution SET name = 'mine'"))
        with pytest.raises(DBAPIError, match="row-level security"):
            await connection.execute(text("INSERT INTO escrow.reversal VALUES (2, 7, 8)"))

        assert changed.rowcount == 2


@pytest.mark.parametrize("login", ["escrow_admin", "escrow_migrate"])
async def test_the_service_refuses_a_login_that_the_guards_do_not_bind(
    database: Database, login: str
) -> None:
    engine = create_async_engine(database.url(login))
    try:
        with pytest.raises(NotServable, match=login):
            await require_app_role(engine)
    finally:
        await engine.dispose()


async def test_the_service_takes_the_application_role(database: Database) -> None:
    engine = create_async_engine(database.url("escrow_app"))

    try:
        await require_app_role(engine)
        async with engine.connect() as connection:
            login = await connection.scalar(text("SELECT session_user"))
    finally:
        await engine.dispose()

    assert login == "escrow_app"
