"""A broken check of money names the accounts it is about; a fence there stops all that leaves."""

import asyncio
import json
import time
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service import verify
from service.cli import main
from service.commands.verifying import fence_found
from service.store.transact import Store
from service.supervision.fences import place_fences
from service.verify import Report, queries
from service.verify import report as reports
from service.verify.snapshot import Snapshot
from tests.fixtures.corruptions import corrupted, insider
from tests.fixtures.databases import Database
from tests.fixtures.payouts import Payouts
from tests.fixtures.scripted_journals import ScriptedJournal


async def fenced(database: Database, journal: int) -> Report:
    async with insider(database) as connection:
        more = "UPDATE escrow.enrolment SET received_fen = 1 WHERE journal_id = $1"
        await connection.execute(more, journal)
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        return await verify.verify_snapshot(Snapshot(connection), journals=[journal])


def accounts_of(report: Report) -> set[UUID]:
    return {fence["custody_account_id"] for fence in report.fences}


@pytest.mark.parametrize(
    ("corruption", "whose"),
    [
        pytest.param(
            "UPDATE escrow.entry_{j} SET balance_after = balance_after + 1 WHERE seq = {charge}",
            "first",
            id="a transaction",
        ),
        pytest.param(
            "UPDATE escrow.enrolment SET received_fen = received_fen + 1 WHERE journal_id = {j}"
            " AND price_fen = 60000",
            "second",
            id="an enrolment",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET state = 'SENT', executed_entry_id = NULL"
            " WHERE journal_id = {j}",
            "first",
            id="a payment order",
        ),
        pytest.param(
            "UPDATE escrow.lesson SET value_fen = value_fen + 1 WHERE journal_id = {j}"
            " AND state = 'DISPUTED'",
            "first",
            id="a lesson",
        ),
        pytest.param(
            "UPDATE escrow.rollup_{j} SET balance = balance + 1 WHERE seq = {charge}"
            " AND unit_type = 'CUSTODY_ACCOUNT'",
            "first",
            id="a roll-up",
        ),
        pytest.param(
            "UPDATE escrow.journal_head SET hash = '\\x00' WHERE journal_id = {j}",
            "both",
            id="a head, which is about no account by itself",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = 'nothing' WHERE seq = {charge}",
            "both",
            id="a transaction nobody can read",
        ),
        pytest.param(
            "UPDATE escrow.approval SET checker = maker, institution_id = (SELECT institution_id"
            " FROM escrow.payment_order WHERE journal_id = {j}) WHERE journal_id = {j}",
            "first",
            id="an approval, which is about its institution",
        ),
        pytest.param("GRANT UPDATE ON escrow.entry TO escrow_app", "none", id="a grant"),
    ],
)
async def test_a_break_leads_to_the_accounts_it_is_about(
    database: Database, standing_journal: ScriptedJournal, corruption: str, whose: str
) -> None:
    first, second = (school.custody for school in standing_journal.schools)
    about = {"first": {first}, "second": {second}, "both": {first, second}, "none": set()}

    report = await corrupted(database, standing_journal, corruption)

    assert report.violated
    assert accounts_of(report) == about[whose]


async def test_a_fence_stops_a_payout_until_two_people_lift_it(
    database: Database, payouts: Payouts
) -> None:
    academy, district = payouts.academy, payouts.district
    report = await fenced(database, district.journal)
    placed = [
        await place_fences(
            district.service.store, district.journal, accounts_of(report), time.time_ns() // 10**6
        )
        for _ in range(2)
    ]

    refused = await payouts.ask()
    [fence] = (await academy.get("restraints", district.regulator, in_force=True))["items"]
    asked = await academy.post(
        f"restraints/{fence['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    waiting = await payouts.ask()
    approval, agreed = asked.json(), {"payload_hash": asked.json()["payload_hash"]}
    path = f"approvals/{approval['id']}/approve"
    alone = await academy.post(path, district.regulator, agreed)
    both = await academy.post(path, district.second_regulator, agreed)
    paid = await payouts.ask()

    assert accounts_of(report) == {academy.custody}
    assert placed == [1, 0]
    assert (fence["kind"], fence["cause"], fence["placed_by"]) == (
        "FENCE",
        "VERIFICATION",
        "service.verify",
    )
    assert [a.json()["code"] for a in (refused, waiting)] == ["account_fenced"] * 2
    assert (alone.status_code, both.status_code) == (409, 200), both.text
    assert paid.status_code == 201, paid.text


async def test_a_journal_with_a_fence_is_clean(database: Database, payouts: Payouts) -> None:
    district = payouts.district
    custody = payouts.academy.custody
    await place_fences(district.service.store, district.journal, [custody], 1_772_000_000_000)

    report = await verify.verify(database.url("escrow_audit"), journals=[district.journal])

    assert [(found.check, found.example) for found in report.findings] == []


def test_the_command_fences_what_it_found_and_only_once(
    fallen_journal: ScriptedJournal, monkeypatch: pytest.MonkeyPatch, empty_database: Database
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", empty_database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_AUDIT_URL", empty_database.url("escrow_audit"))

    first = CliRunner().invoke(main, ["verify", "--fence", "--json"])
    again = CliRunner().invoke(main, ["verify", "--fence"])

    custody = str(fallen_journal.schools[0].custody)
    told = json.loads(first.stdout)
    assert (first.exit_code, told["fenced"]) == (2, 1), first.output
    assert [fence["custody_account_id"] for fence in told["fences"]] == [custody]
    assert "fenced: 0 custody accounts anew, of 1" in again.output


def test_fencing_needs_the_services_own_login(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.delenv("ESCROW_DATABASE_URL", raising=False)
    monkeypatch.setenv("ESCROW_AUDIT_URL", database.url("escrow_audit"))

    ran = CliRunner().invoke(main, ["verify", "--fence"])

    assert ran.exit_code == 1
    assert "give ESCROW_DATABASE_URL as well" in ran.output


async def test_nothing_to_fence_writes_nothing(database: Database) -> None:
    engine = create_async_engine(database.url("escrow_app"))

    placed = await place_fences(Store(engine), 60_000, [], 0)
    await engine.dispose()

    assert placed == 0


@pytest.mark.parametrize(("looked_at", "whose"), [(1_000, 1), (1, 2)])
async def test_more_broken_rows_than_are_looked_at_are_about_every_account(
    database: Database,
    standing_journal: ScriptedJournal,
    monkeypatch: pytest.MonkeyPatch,
    looked_at: int,
    whose: int,
) -> None:
    monkeypatch.setattr(queries, "ROWS_MAX", looked_at)
    schools = [school.custody for school in standing_journal.schools]

    report = await corrupted(
        database,
        standing_journal,
        "UPDATE escrow.lesson SET value_fen = value_fen + 1 WHERE journal_id = {j}"
        " AND enrolment_id IN (SELECT enrolment_id FROM escrow.enrolment"
        " WHERE journal_id = {j} AND lessons_paid = 48)",
    )

    assert report.results["V-11"].violations >= min(looked_at, 2)
    assert accounts_of(report) == set(schools[:whose])


def test_a_journal_whose_breaks_are_no_longer_kept_is_flooded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "SUSPECTS_MAX", 2)
    report = Report()

    for journal in (1, 1, 2, 2):
        report.broken("I-04", journal, seq=1)
        report.broken("V-32", journal, seq=1)

    assert [finding.journal for finding in report.results["I-04"].suspects] == [1, 1]
    assert report.results["I-04"].flooded == {2}
    assert report.results["V-32"].flooded == set()


async def test_a_journal_that_cannot_be_fenced_leaves_no_later_one_unfenced(
    database: Database, payouts: Payouts
) -> None:
    journal, report = payouts.district.journal, Report()
    report.fences = [
        {"journal": journal - 1, "custody_account_id": payouts.academy.custody, "checks": ["I-04"]},
        {"journal": journal, "custody_account_id": payouts.academy.custody, "checks": ["I-04"]},
    ]

    placed, unfenced = await fence_found(database.url("escrow_app"), report)

    assert placed == 1
    assert list(unfenced) == [journal - 1]


async def test_the_command_says_which_journal_it_could_not_fence(
    fallen_journal: ScriptedJournal, monkeypatch: pytest.MonkeyPatch, empty_database: Database
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", empty_database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_AUDIT_URL", empty_database.url("escrow_audit"))
    engine = create_async_engine(empty_database.admin_url)
    async with engine.begin() as connection:
        await connection.execute(text("REVOKE INSERT ON escrow.restraint FROM escrow_app"))
    await engine.dispose()

    ran = await asyncio.to_thread(CliRunner().invoke, main, ["verify", "--fence"])

    assert ran.exit_code == 2
    assert f"NOT FENCED: journal {fallen_journal.journal}" in ran.stderr
