"""Verify: a true journal is clean, what cannot be looked at is incomplete; both read well."""

import json

from service import verify
from service.verify import Status
from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


async def test_a_journal_that_only_the_store_has_written_is_clean(
    database: Database, scripted_journal: ScriptedJournal
) -> None:
    seen: list[verify.Progress] = []

    report = await verify.verify(
        database.url("escrow_audit"), journals=[scripted_journal.journal], progress=seen.append
    )

    assert report.findings == []
    assert (report.status, report.exit_code) == (Status.CLEAN, 0), report.as_json()
    assert seen[-1].done == seen[-1].total == report.as_json()["transactions"] > 30


async def test_what_the_login_cannot_see_is_incomplete_and_never_clean(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    report = await verify.verify(database.url("escrow_app"), journals=[standing_journal.journal])

    assert (report.status, report.exit_code) == (Status.INCOMPLETE, 3)


async def test_a_check_that_cannot_be_asked_is_incomplete(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    report = await corrupted(
        database, standing_journal, "REVOKE SELECT ON escrow.lesson FROM escrow_audit"
    )

    not_done = {check for check, each in report.results.items() if each.not_done}
    assert not_done == {"I-13", "I-15", "I-17", "R-01", "R-05", "V-09", "V-11"}
    assert report.exit_code == 3


async def test_a_journal_that_is_not_there_is_a_break(database: Database) -> None:
    report = await verify.verify(database.url("escrow_audit"), journals=[60_000])

    assert report.violated == ["V-34"]


async def test_the_report_reads_as_plain_json(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    report = await corrupted(
        database,
        standing_journal,
        "UPDATE escrow.journal_transaction_{j} SET actor = 'x' WHERE seq = {charge}",
    )

    written = json.loads(json.dumps(report.as_json()))
    [check] = [check for check in written["checks"] if check["id"] == "V-23"]
    assert (written["status"], check["status"]) == ("violated", "violated")
    assert check["examples"][0]["seq"] == standing_journal.seqs["charge"]
    assert check["examples"][0]["journal"] == standing_journal.journal
