"""`escrow audit`: a day in a file, checked by itself, and refused when a byte of it is another."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.days import today
from tests.test_audit_trail import receipt


def run(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["audit", *words])
    assert result.exit_code == code, result.output
    return json.loads(result.output) if code == 0 else result.output


@pytest.fixture
async def told(academy: Academy) -> Academy:
    for number in range(3):
        bank = academy.district.banks["ICBC"]
        await academy.post("receipts", bank, receipt(academy, f"R-{number}"))
    return academy


@pytest.mark.parametrize("whole", [True, False])
def test_a_day_is_exported_and_checked(
    told: Academy,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    monkeypatch.setenv("ESCROW_AUDIT_URL", database.url("escrow_audit"))
    file, journal = tmp_path / "day.txt", str(told.district.journal)
    day = today().isoformat()
    options = ["--journal", journal, "--day", day, "--out", str(file)]

    exported = run("export", *options, *(["--whole"] if whole else []))
    checked = run("check", str(file))

    assert exported["rows"] >= 3
    assert checked["head"] == exported["head"]
    edited = file.read_text(encoding="utf-8").replace("postReceipt", "postReceipz", 1)
    file.write_text(edited, encoding="utf-8")
    # A long path is broken over the lines of a box.
    told_of = run("check", str(file), code=1).replace("│", "").split()
    assert "day.txt" in "".join(told_of)
