"""Plans of the reads that must stay flat: no table that grows is read from end to end."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from service.store import ids
from service.store.context import Context
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.databases import Database
from tests.fixtures.service import District

GROWN: Final = ("entry", "rollup", "journal_transaction")
"""Tables with a row or more for each thing that happens; with a journal's number, its leaf."""


@dataclass
class Asked:
    """The statements that a request ran, with their values."""

    statements: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def listening(district: District) -> Iterator[Asked]:
    """Note every statement of the service meanwhile."""
    asked, engine = Asked(), district.service.engine.sync_engine

    def note(_c: Any, _u: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")) and "set_config" not in statement:
            asked.statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def scans(plan: Any) -> Iterator[str]:
    """Every relation of which a plan reads all, or all of one journal."""
    if plan["Node Type"].endswith("Seq Scan"):
        yield plan["Relation Name"]
    elif "Index" in plan["Node Type"] and narrowed_by(plan) <= {"journal_id"}:
        yield plan.get("Relation Name") or plan["Index Name"]
    for below in plan.get("Plans", ()):
        yield from scans(below)


def narrowed_by(plan: Any) -> set[str]:
    """Columns that an index narrows by."""
    return set(re.findall(r"(\w+) (?:=|<=|>=|<|>) ", plan.get("Index Cond", "")))


async def scanned(district: District, asked: Asked) -> set[str]:
    """Explain what was asked in the same context; return the grown tables that are scanned."""
    found: set[str] = set()
    async with district.service.engine.connect() as connection:
        await Context((district.journal,)).enter(connection, statement_timeout="10s")
        for statement, parameters in asked.statements:
            rows = await connection.exec_driver_sql(
                f"EXPLAIN (FORMAT JSON) {statement}", parameters
            )
            [plan] = json.loads(json.dumps(rows.scalar_one()))
            found |= set(scans(plan["Plan"]))
    return found & {*GROWN, *(f"{table}_{district.journal}" for table in GROWN)}


@pytest.fixture
async def grown(district: District, database: Database) -> tuple[Academy, list[dict[str, Any]]]:
    """Two schools with some hundred entries, each in an account of its own."""
    schools = [await academy_in(district) for _ in range(2)]
    enrolments = [await school.enrolled() for school in schools]
    for number in range(4):
        for school in schools:
            items = [
                {
                    "custody_account_id": district.public("cus", school.custody),
                    "bank_ref": f"G-{number}-{each}",
                    "amount": "1.00",
                    "book_on": "2026-03-01",
                    "value_on": "2026-03-01",
                    "kind": "PAYMENT",
                }
                for each in range(40)
            ]
            body = {"mode": "independent", "items": items}
            answer = await school.post("receipts/batch", district.banks["ICBC"], body)
            assert answer.status_code == 200, answer.text
    engine = create_async_engine(database.admin_url)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE escrow.account, escrow.bank_entry"))
    await engine.dispose()
    return schools[0], enrolments


WHEN: Final = ("now", "a date", "an instant")


def asked_when(when: str, then: dict[str, Any]) -> dict[str, str]:
    """Write when a balance is asked for: as an earlier answer was."""
    named = {"now": (), "a date": ("as_of",), "an instant": ("known_at",)}[when]
    return {name: then[name] for name in named}


@pytest.mark.parametrize("when", WHEN)
async def test_one_account_is_found_by_probes(
    grown: tuple[Academy, list[dict[str, Any]]], when: str
) -> None:
    school, enrolments = grown
    district = school.district
    place = {"kind": "STUDENT_PREPAID", "owner": enrolments[0]["id"]}
    then = await school.get("balances/account", district.regulator, **place)

    with listening(district) as asked:
        answer = await school.get(
            "balances/account", district.regulator, **place, **asked_when(when, then)
        )

    assert answer["balance"] == enrolments[0]["price"]
    assert len(asked.statements) >= 3
    assert await scanned(district, asked) == set()


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("scope", ["institution", "district", "custody account"])
async def test_totals_are_found_by_probes(
    grown: tuple[Academy, list[dict[str, Any]]], scope: str, when: str
) -> None:
    school, _ = grown
    district = school.district
    named = {
        "institution": {"institution_id": ids.public("ins", district.journal, school.institution)},
        "district": {"adcode": district.code},
        "custody account": {"custody_account_id": district.public("cus", school.custody)},
    }[scope]
    then = await school.get("balances", district.regulator, **named)

    with listening(district) as asked:
        answer = await school.get("balances", district.regulator, **named, **asked_when(when, then))

    assert answer["bank_money"] == then["bank_money"]
    assert len(asked.statements) >= 3
    assert await scanned(district, asked) == set()


async def test_a_scan_would_be_noticed(grown: tuple[Academy, list[dict[str, Any]]]) -> None:
    school, _ = grown
    district = school.district
    without_an_index = "SELECT * FROM escrow.entry WHERE journal_id = $1 AND amount = $2"

    asked = Asked([(without_an_index, (district.journal, 1))])

    assert await scanned(district, asked) == {f"entry_{district.journal}"}
