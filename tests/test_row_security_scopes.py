"""Row-level security within a journal: scopes and duties, and that no table is without a guard."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from service.identity import tokens
from service.identity.authorize import Target, in_scope
from service.identity.callers import Caller, Duty, Role
from service.store import reference, rows
from service.store.context import Context
from service.store.facts import Insert
from service.store.tables import Institution, InstitutionArea
from tests.fixtures.databases import Database, clone, drop
from tests.fixtures.service import fresh_id

REFERENCE = {
    "adcode",
    "audit_head",
    "bank",
    "bank_key",
    "bank_terms",
    "calendar_day",
    "calendar_year",
    "jurisdiction",
    "jurisdiction_bank",
    "rule_pack_version",
    "rule_pack_assignment",
    "rule_pack_proposal",
    "server_epoch",
    "statement_mapping",
    "access_token",
    "limit_state",
    "service_key",
    "signature_nonce",
    "vault_key",
    "alembic_version",
}
"""Tables of nobody in particular: no journal, no institution, no person."""

ZONE = "500106~500106-ZA"
PLACES = ("500106", ZONE, "500106~500106-ZB", "500229", "110228")
STATES = ("LICENSED", "FROZEN")
DEPARTMENTS = ("culture", "sports")


@dataclass
class Town:
    """A journal in which institutions of several authorities and departments stand."""

    engine: AsyncEngine
    targets: dict[UUID, Target]

    async def seen(self, context: Context) -> set[UUID]:
        """Return the institutions a context sees."""
        async with self.engine.connect() as connection:
            await context.enter(connection, statement_timeout="10s")
            found = await connection.scalars(text("SELECT institution_id FROM escrow.institution"))
            return set(found)

    async def caller(self, role: Role, scope: tokens.Scope) -> Caller:
        """Mint a token and return whom it lets in."""
        now = datetime.now(UTC)
        async with self.engine.begin() as connection:
            token = await tokens.issue(
                connection,
                caller_id=f"{role.value}-of-town",
                role=role,
                scope=scope,
                issued_at=now,
                expires_at=now + timedelta(hours=1),
            )
            return await tokens.caller_of(connection, token)


@pytest.fixture(scope="module")
async def town(database: Database, template_database: str) -> AsyncIterator[Town]:
    """Plant an institution for each place, department and state, all in one journal."""
    made = await clone(database.server, template_database)
    engine = create_async_engine(made.url("escrow_app"), poolclass=NullPool)
    async with engine.begin() as connection:
        for code, name, journal in (("500106", "沙坪坝区", 1), ("500000", "重庆市", None)):
            await reference.add_jurisdiction(
                connection,
                reference.NewJurisdiction(code, name, "chongqing-500106", journal=journal),
                at=datetime.now(UTC),
            )
        for zone, above in (("ZA", "500106"), ("ZB", "500106")):
            await reference.add_jurisdiction(
                connection,
                reference.NewJurisdiction(f"500106-{zone}", zone, "chongqing-500106", parent=above),
                at=datetime.now(UTC),
            )
        # Miyun was 110228 until 2016 and is 110118 now: a journal opened before stays where it is.
        await connection.execute(
            text(
                "INSERT INTO escrow.jurisdiction (code, name, path, journal_id, departments,"
                " rule_pack, added_at) VALUES ('110228', '密云县', '110228', NULL, '[\"culture\"]',"
                " 'chongqing-500106', now()), ('110118', '密云区', '110118', NULL,"
                " '[\"culture\"]', 'chongqing-500106', now())"
            )
        )
        await connection.execute(
            text("SELECT escrow.open_journal(2, '\\x00', now(), current_date)")
        )
        await connection.execute(
            text("UPDATE escrow.jurisdiction SET journal_id = 2 WHERE code = '110228'")
        )
    targets: dict[UUID, Target] = {}
    async with engine.begin() as connection:
        await Context.writer(1).enter(connection, statement_timeout="10s")
        for area, department, state in itertools.product(PLACES, DEPARTMENTS, STATES):
            school = fresh_id()
            targets[school] = Target(1, area, department, state, frozenset({school}))
            await rows.write(connection, 1, _institution(school, area, department, state))
    yield Town(engine, targets)
    await engine.dispose()
    await drop(made)


def _institution(school: UUID, area: str, department: str, state: str) -> list[Insert]:
    standing = {"institution_id": school, "jurisdiction_code": area, "area": area}
    standing |= {"department": department}
    row = standing | {
        "name": "启明",
        "category": "art",
        "business_registration": school.hex,
        "state": state,
        "version": 1,
        "registered_on": date(2026, 1, 5),
        "seq": 0,
    }
    since = {"valid_from": date(2026, 1, 5), "valid_to": None}
    return [Insert(Institution, row), Insert(InstitutionArea, standing | since)]


async def test_the_database_draws_every_scope_as_the_policy_does(town: Town) -> None:
    areas = [None, (), ("",), ("50",), ("500106",), (ZONE,), ("110118", "110228")]
    departments = [None, (), ("culture",), ("culture", "sports")]
    duties = [(), (Duty.OFFICER,), (Duty.OBSERVER,), (Duty.TASK_FORCE,)]

    for area, department, held in itertools.product(areas, departments, duties):
        who = Caller(
            "r",
            Role.REGULATOR,
            (1,),
            areas=area,
            departments=department,
            duties=frozenset(held),
        )
        expected = {school for school, target in town.targets.items() if in_scope(who, target)}
        assert await town.seen(who.context) == expected, (area, department, held)


async def test_a_zone_sees_its_part_of_the_districts_journal(town: Town) -> None:
    zone = await town.caller(Role.REGULATOR, tokens.Scope("500106-ZA"))
    district = await town.caller(Role.REGULATOR, tokens.Scope("500106"))
    city = await town.caller(Role.REGULATOR, tokens.Scope("500000"))

    assert (zone.journals, zone.areas) == ((1,), (ZONE,))
    assert (district.journals, district.areas) == ((1,), None)
    assert (city.journals, city.areas) == ((1,), None)


async def test_the_successor_of_a_code_sees_what_was_filed_under_the_old_one(town: Town) -> None:
    district = await town.caller(Role.REGULATOR, tokens.Scope("110118"))

    assert district.journals == (2,)
    assert district.covers("110228")
    assert not district.covers("110229")


@pytest.mark.parametrize("role", [Role.INSTITUTION, Role.BANK, Role.PARENT])
async def test_a_scope_that_does_not_bind_whom_its_role_binds_is_nobody(
    town: Town, role: Role
) -> None:
    with pytest.raises(Exception, match=r"^$|authenticat"):
        await town.caller(role, tokens.Scope("500106"))


@pytest.mark.parametrize("narrowing", ["", "-x", "[", "null"])
async def test_a_narrowing_that_was_never_made_or_is_malformed_shows_nothing(
    town: Town, narrowing: str
) -> None:
    async with town.engine.connect() as connection:
        await Context((1,)).enter(connection, statement_timeout="10s")
        await connection.execute(
            text("SELECT set_config('escrow.narrowing', :told, true)"), {"told": narrowing}
        )
        try:
            found = await connection.scalar(text("SELECT count(*) FROM escrow.institution"))
        except Exception:  # noqa: BLE001 - refused is nothing, too
            found = 0

    assert found == 0


def test_every_table_is_reference_or_read_by_one_policy(database: Database) -> None:
    found = asyncio.run(_guards(database))

    unguarded = {name for name, (forced, _) in found.items() if not forced}
    assert unguarded <= REFERENCE, unguarded - REFERENCE
    readers = {name: [c for c in commands if c in "r*"] for name, (_, commands) in found.items()}
    assert all(len(readers[name]) == 1 for name in found if name not in unguarded), readers


async def _guards(database: Database) -> dict[str, tuple[bool, list[str]]]:
    """Return whether each table forces row-level security, and its permissive policies."""
    engine = create_async_engine(database.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT held.relname, held.relrowsecurity AND held.relforcerowsecurity,"
                " coalesce(array_agg(policy.polcmd::text) FILTER (WHERE policy.polpermissive"
                "  AND 'escrow_app'::regrole = ANY (policy.polroles)), '{}')"
                " FROM pg_class AS held LEFT JOIN pg_policy AS policy ON policy.polrelid = held.oid"
                " WHERE held.relkind IN ('r', 'p') AND NOT held.relispartition"
                " AND held.relnamespace IN ('escrow'::regnamespace, 'pii'::regnamespace)"
                " GROUP BY held.oid"
            )
        )
        guards = {name: (bool(forced), list(commands)) for name, forced, commands in found}
    await engine.dispose()
    return guards
