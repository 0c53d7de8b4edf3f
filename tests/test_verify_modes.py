"""Modes: the whole, the newest since a report kept elsewhere, or the ledger rebuilt alone."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service import verify
from service.cli import main
from service.verify import (
    ALSO,
    CHECKS,
    ELSEWHERE,
    MONEY,
    Heads,
    Mode,
    NotHeads,
    Report,
    Status,
    catalogue,
    tail,
)
from service.verify.heads import Head
from service.verify.run import ASKED
from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


async def asked(
    database: Database, script: ScriptedJournal, mode: Mode, since: Heads | None = None
) -> Report:
    url = database.url("escrow_audit")
    return await verify.verify(url, mode=mode, journals=[script.journal], since=since)


def at(script: ScriptedJournal, seq: int) -> Heads:
    """Return a position that somebody kept, but not its hash."""
    return Heads([Head(script.journal, seq, b"nobody's")])


def kept(report: Report) -> Heads:
    """Return the heads of a report as a file would have kept them."""
    return Heads.of_report(json.dumps(report.as_json()))


def test_every_invariant_and_check_has_its_id_or_says_where_it_is_shown() -> None:
    wanted = {f"I-{n:02}" for n in range(1, 47)} | {f"V-{n:02}" for n in range(1, 38)}

    named = set(CHECKS) | {also for ids in ALSO.values() for also in ids} | set(ELSEWHERE)

    assert wanted - named == set()
    assert not set(CHECKS) & set(ELSEWHERE)
    assert MONEY <= set(CHECKS) >= set(ALSO)
    assert set(CHECKS) == ASKED[Mode.FULL] >= ASKED[Mode.QUICK] | ASKED[Mode.REPLAY]


@pytest.mark.parametrize("mode", list(Mode))
async def test_every_mode_is_clean_on_a_true_journal_and_says_what_it_did_not_ask(
    quiet_database: Database, quiet_journal: ScriptedJournal, mode: Mode
) -> None:
    report = await asked(quiet_database, quiet_journal, mode)

    apart = {"P-01", "P-02", "P-03", "V-24"}
    assert report.findings == []
    assert (report.status, report.mode) == (Status.CLEAN, mode), report.as_json()
    assert set(report.unchecked) == (set(CHECKS) - ASKED[mode]) | apart
    assert report.as_json()["mode"] == mode.value


async def test_a_check_that_nobody_carried_out_is_incomplete() -> None:
    report = Report()

    report.done(set(CHECKS) - {"I-04"})

    assert (report.status, report.exit_code) == (Status.INCOMPLETE, 3)
    assert report.results["I-04"].as_json()["not_done"] == ["nobody carried it out"]


async def test_heads_kept_elsewhere_still_stand_and_quick_begins_there(
    database: Database, scripted_journal: ScriptedJournal
) -> None:
    before = await asked(database, scripted_journal, Mode.FULL)
    seq = before.heads[0]["seq"]
    await scripted_journal.charge(scripted_journal.schools[0], "1.00")

    report = await asked(database, scripted_journal, Mode.QUICK, since=kept(before))

    [head] = report.heads
    assert report.status is Status.CLEAN, report.as_json()
    assert report.results["V-24"].status is Status.CLEAN
    assert (head["since"], head["seq"]) == (seq, seq + 1)


@pytest.mark.parametrize("after", [0, 20, 31, 33])
async def test_quick_agrees_from_wherever_it_begins(
    quiet_database: Database, quiet_journal: ScriptedJournal, after: int
) -> None:
    found = await corrupted(
        quiet_database, quiet_journal, "SELECT 1", mode=Mode.QUICK, since=at(quiet_journal, after)
    )

    assert found.results["V-24"].violations == (after > 0)  # The hash is nobody's.
    assert [f for f in found.findings if f.check != "V-24"] == []
    assert found.heads[0]["since"] == after


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.entry_{j} SET amount = amount + 1 WHERE seq = {charge}",
            {"I-04"},
            id="an entry",
        ),
        pytest.param(
            "UPDATE escrow.rollup_{j} SET balance = balance + 1 WHERE seq = {charge}",
            {"V-04"},
            id="roll-ups",
        ),
        pytest.param(
            "INSERT INTO escrow.entry_{j} SELECT journal_id, account_id, 9999, 0, balance_after"
            " FROM escrow.entry_{j} WHERE seq = {charge}",
            {"I-04"},
            id="entries of no transaction",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET actor = 'x' WHERE seq = {moved}",
            {"V-23"},
            id="an actor",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = 'x' WHERE seq = {charge}",
            {"V-02", "V-23", "I-04", "V-04"},
            id="transfers nobody can read",
        ),
        pytest.param(
            "UPDATE escrow.journal_head SET seq = seq + 1 WHERE journal_id = {j}",
            {"I-06"},
            id="the head moved on",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET actor = 'x' WHERE seq = 3",
            set(),
            id="what stands before the last good position, which is believed",
        ),
    ],
)
async def test_quick_names_what_was_corrupted_since_the_last_good_position(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    since = at(quiet_journal, quiet_journal.seqs["charge"] - 1)

    report = await corrupted(
        quiet_database, quiet_journal, corruption, mode=Mode.QUICK, since=since
    )

    assert set(report.violated) - {"V-24"} == broken, report.findings


async def test_a_tail_too_long_for_quick_is_incomplete(
    quiet_database: Database, quiet_journal: ScriptedJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "TAIL_MAX", 3)

    report = await asked(quiet_database, quiet_journal, Mode.QUICK)

    assert report.exit_code == 3
    assert "--full" in report.results["V-23"].not_done[0]


async def test_a_careful_insider_who_cut_the_tail_is_named_by_what_others_keep(
    quiet_database: Database, quiet_journal: ScriptedJournal
) -> None:
    before = await asked(quiet_database, quiet_journal, Mode.FULL)

    alone = await corrupted(quiet_database, quiet_journal, CUT)
    kept_elsewhere = await corrupted(quiet_database, quiet_journal, CUT, since=kept(before))

    assert alone.violated == []
    assert alone.results["V-24"].status is Status.NOT_CHECKED
    assert kept_elsewhere.violated == ["V-24"]
    assert len(kept_elsewhere.results["V-24"].examples) == 2  # The journal and its trail.


CUT = """
    DELETE FROM escrow.statement_day WHERE journal_id = {j};
    DELETE FROM escrow.closed_day WHERE journal_id = {j};
    DELETE FROM escrow.stored_answer WHERE journal_id = {j} AND seq >= {closed};
    DELETE FROM escrow.audit_{j} WHERE first_seq >= {closed};
    DELETE FROM escrow.journal_transaction_{j} WHERE seq >= {closed};
    UPDATE escrow.journal_head AS head SET closed_on = NULL, seq = last.seq, hash = last.hash,
        recorded_at = last.recorded_at, effective_on = last.effective_on,
        audit_seq = told.audit_seq, audit_hash = told.hash
    FROM (SELECT * FROM escrow.journal_transaction_{j} ORDER BY seq DESC LIMIT 1) AS last,
         (SELECT * FROM escrow.audit_{j} ORDER BY audit_seq DESC LIMIT 1) AS told
    WHERE head.journal_id = {j}"""
"""Cut the last transaction with all that tells of it, and put the heads right."""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"status": "clean"}', '{"status": 1'])
def test_a_file_that_is_no_report_is_not_believed(text: str) -> None:
    with pytest.raises(NotHeads, match="not a report"):
        Heads.of_report(text)


def test_a_report_that_found_breaks_vouches_for_nothing() -> None:
    report = Report()
    report.broken("I-04", 1, seq=1)

    with pytest.raises(NotHeads, match="not clean"):
        Heads.of_report(json.dumps(report.as_json()))


def test_the_command_verifies_quickly_since_a_report(
    quiet_journal: ScriptedJournal,
    quiet_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", quiet_database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_AUDIT_URL", quiet_database.url("escrow_audit"))
    file, journal = tmp_path / "good.json", f"--journal={quiet_journal.journal}"

    whole = CliRunner().invoke(main, ["verify", "--replay", "--json", journal])
    file.write_text(whole.stdout, encoding="utf-8")
    quick = CliRunner().invoke(main, ["verify", "--quick", journal, "--since", str(file)])
    file.write_text("{}", encoding="utf-8")
    refused = CliRunner().invoke(main, ["verify", "--quick", journal, "--since", str(file)])

    assert (whole.exit_code, quick.exit_code, refused.exit_code) == (0, 0, 1), quick.output
    assert quick.stdout.startswith("verify --quick: clean, ")
    assert "not a report" in refused.output


async def test_a_standby_is_not_verified(
    quiet_database: Database, quiet_journal: ScriptedJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "STANDBY", "SELECT true")

    report = await asked(quiet_database, quiet_journal, Mode.FULL)

    assert report.exit_code == 3
    assert report.results["I-04"].not_done == ["this is a standby: verify the primary"]
