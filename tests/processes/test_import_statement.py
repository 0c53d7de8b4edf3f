"""`escrow import-statement`: files from disk, posted as an upload is, and refused with a reason."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.fixtures import statement_writers as writers
from tests.fixtures.databases import Database
from tests.fixtures.statement_uploads import Uploads
from tests.fixtures.vaults import key_folder


@pytest.fixture
def folder(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for files, with the command set up for the tests' database."""
    monkeypatch.setenv("ESCROW_DATABASE_URL", database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_KEYS", str(key_folder(tmp_path / "vault")))
    return tmp_path


def run(*words: str | Path, code: int = 0) -> str:
    """Run the command and return what it said."""
    result = CliRunner().invoke(main, ["import-statement", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.output


def told(*words: str | Path, code: int = 0) -> list[dict[str, Any]]:
    """Run the command and return an answer a file."""
    output = run("--json", *words, code=code)
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_files_are_imported_in_order_and_the_accounts_tell_bank_and_journal(
    uploads: Uploads, folder: Path
) -> None:
    monday, tuesday = folder / "1.xml", folder / "2.xml"
    monday.write_bytes(uploads.camt(uploads.entry(10_000), sequence=61))
    tuesday.write_bytes(
        uploads.camt(uploads.entry(-500), opening=10_000, day="2026-03-03", sequence=62)
    )

    answers = told(monday, tuesday)

    assert [(one["state"], one["bank"], one["posted"]) for one in answers] == [
        ("POSTED", "ICBC", 1),
        ("POSTED", "ICBC", 1),
    ]


def test_a_file_again_is_said_to_be_posted_before(uploads: Uploads, folder: Path) -> None:
    file = folder / "1.xml"
    file.write_bytes(uploads.camt(uploads.entry(10_000)))
    run(file)

    assert "posted before, 1 lines" in run(file)


def test_an_mt940_without_references_is_imported_where_they_may_be_derived(
    uploads: Uploads, folder: Path
) -> None:
    file = folder / "1.sta"
    raw = writers.mt940(uploads.statement(uploads.entry(10_000)))
    file.write_bytes(re.sub(rb"//F[0-9]+", b"", raw))
    refused = run(file, code=1)

    [answer] = told(file, "--derive-references")

    assert "reference_missing" in refused
    assert (answer["state"], answer["posted"]) == ("POSTED", 1)


def test_a_refused_file_is_named_with_its_reason_and_ends_in_one(
    uploads: Uploads, folder: Path
) -> None:
    file = folder / "1.xml"
    file.write_bytes(uploads.camt(uploads.entry(10_000), closing_fen=10_001))
    code = uploads.academy.district.code

    output = run(file, "--bank", "ICBC", "--jurisdiction", code, code=1)

    assert "refused, chain_broken, line" in output


def test_a_file_whose_accounts_nobody_knows_needs_a_bank_and_a_jurisdiction(
    uploads: Uploads, folder: Path
) -> None:
    file = folder / "1.xml"
    file.write_bytes(uploads.camt(uploads.entry(10_000), account="6222000011112222"))

    assert "give --bank" in run(file, code=1)
