"""Plans of what a parent reads: own rows by index, settings read once, however much there is."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service.store import ids
from service.store.context import Context
from service.store.facts import Insert
from service.store.rows import table_of
from service.store.tables import Enrolment, Notice
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.databases import Database
from tests.fixtures.parents import Phone
from tests.fixtures.service import District, fresh_id, open_district
from tests.store.test_plans import Asked, listening, narrowed_by

OTHERS: Final = 400
OWNED: Final = {"enrolment": "guardian_id", "lesson": "guardian_id", "notice": "recipient_id"}


async def crowd(school: Academy) -> None:
    """Plant other families' contracts, and a notice for each."""
    district = school.district
    model = await district.plant_enrolment(school.institution, school.custody, school.course)
    nothing = {c.key: None for c in table_of(Enrolment).c if c.nullable}
    rows = [
        {
            **nothing,
            **model,
            "enrolment_id": fresh_id(),
            "guardian_id": fresh_id(),
            "contract_number": f"X-{n}",
            "payment_code": f"TEX{n:09d}",
        }
        for n in range(OTHERS)
    ]
    notices = [
        {
            "notice_id": fresh_id(),
            "institution_id": row["institution_id"],
            "recipient_id": row["guardian_id"],
            "kind": "CLAIM_PAID",
            "subject_id": fresh_id(),
            "channel": "IN_APP",
            "created_at": row["opened_at"],
            "delivered_at": None,
            "proof": None,
        }
        for row in rows
    ]
    await district.plant(*(Insert(Enrolment, row) for row in rows))
    await district.plant(*(Insert(Notice, row) for row in notices))


@pytest.fixture
async def family(district: District, database: Database) -> tuple[Phone, list[int]]:
    """A parent with a contract in each of two crowded districts."""
    phone, journals = Phone.new(district), []
    for home in (district, await open_district(district.service)):
        school = await academy_in(home)
        await crowd(school)
        person = {"name": "张三", "phone": phone.number[3:]}
        await school.recorded(await school.enrolled(guardian=person))
        journals.append(home.journal)
    engine = create_async_engine(database.admin_url)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE escrow.enrolment, escrow.lesson, escrow.notice"))
    await engine.dispose()
    await phone.logs_in()
    return phone, journals


async def plans(district: District, context: Context, asked: Asked) -> list[Any]:
    """Explain what was asked with the parent's eyes."""
    found = []
    async with district.service.engine.connect() as connection:
        await context.enter(connection, statement_timeout="10s")
        for statement, parameters in asked.statements:
            rows = await connection.exec_driver_sql(
                f"EXPLAIN (FORMAT JSON) {statement}", parameters
            )
            [plan] = json.loads(json.dumps(rows.scalar_one()))
            found.append(plan["Plan"])
    return found


def nodes(plan: Any) -> Iterator[Any]:
    """Every node of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def eyes(phone: Phone, journals: list[int]) -> Context:
    """See as the parent's own requests do."""
    parent = ids.parse("prn", (await phone.reads("parents/me"))["id"])[1]
    async with phone.service.engine.connect() as connection:
        linked = text("SELECT party_id FROM escrow.linked_parties(:who)")
        parties = tuple((await connection.execute(linked, {"who": parent})).scalars())
    return Context(tuple(journals), parties=parties, parent=parent)


@pytest.mark.parametrize("path", ["enrolments", "lessons", "notices"])
async def test_a_parents_list_is_found_by_their_own_index(
    family: tuple[Phone, list[int]], district: District, path: str
) -> None:
    phone, journals = family
    context, table = await eyes(phone, journals), path.removesuffix("s")

    with listening(district) as asked:
        listed = await phone.reads(path)
    read = [
        node
        for plan in await plans(district, context, asked)
        for node in nodes(plan)
        if node.get("Relation Name") == table and not node["Node Type"].startswith("Bitmap")
    ]

    assert len(listed["items"]) == 2
    assert read
    assert [node for node in read if OWNED[table] not in narrowed_by(node)] == []


async def test_what_a_parent_sees_through_is_asked_once_a_query_and_not_once_a_row(
    family: tuple[Phone, list[int]], district: District
) -> None:
    phone, journals = family
    context = await eyes(phone, journals)

    with listening(district) as asked:
        await phone.reads("enrolments")
    found = [
        node
        for plan in await plans(district, context, asked)
        for node in nodes(plan)
        if "own_parties" in str(node.get("Filter", "")) + str(node.get("Index Cond", ""))
    ]
    named = [
        node
        for plan in await plans(district, context, asked)
        for node in nodes(plan)
        if str(node.get("Subplan Name", "")).startswith("InitPlan")
    ]

    assert named
    assert found == []
