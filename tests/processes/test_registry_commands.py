"""What stands before anybody can call: jurisdictions and tokens, on the embedded server."""

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.fixtures.databases import Database
from tests.fixtures.trails import trail

SHAPINGBA = ("jurisdiction", "add", "500106", "--name", "沙坪坝区", "--journal", "1")


@pytest.fixture
def embedded(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.delenv("ESCROW_DATABASE_URL", raising=False)
    monkeypatch.setenv("ESCROW_DATA", str(empty_database.server.data))
    monkeypatch.setenv("ESCROW_DATABASE", empty_database.name)
    return empty_database


def escrow(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.mark.usefixtures("embedded")
def test_a_jurisdiction_added_on_the_embedded_server_is_listed() -> None:
    added = escrow(*SHAPINGBA, "--bank", "CQB", "--department", "culture")

    listed = json.loads(escrow("jurisdiction", "list").output)

    assert added.exit_code == 0
    assert (listed["code"], listed["journal_id"]) == ("500106", 1)
    assert listed["departments"] == ["culture"]


@pytest.mark.usefixtures("embedded")
def test_a_token_is_issued_once_and_revoked_once() -> None:
    escrow(*SHAPINGBA)

    issued = escrow("token", "issue", "operator", "--jurisdiction", "500106", "--caller", "wang")
    revoked = [escrow("token", "revoke", "wang").output.strip() for _ in range(2)]

    assert issued.output.startswith("esk_")
    assert revoked == ["revoked 1", "revoked 0"]


@pytest.mark.usefixtures("embedded")
def test_a_token_for_a_jurisdiction_that_is_not_there_is_refused() -> None:
    issued = escrow("token", "issue", "operator", "--jurisdiction", "999999", "--caller", "wang")

    assert issued.exit_code == 1
    assert "there is no jurisdiction 999999" in issued.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--department", "nobody"), "nobody is not one of"),
        (("--bank", "NOBODYS"), "There is no such bank"),
        (("--rule-pack", "nobodys"), "No rule parameter is in force"),
    ],
)
@pytest.mark.usefixtures("embedded")
def test_a_jurisdiction_that_cannot_be_is_refused(words: tuple[str, ...], said: str) -> None:
    added = escrow(*SHAPINGBA, *words)

    assert added.exit_code != 0
    assert said in added.output
    assert not escrow("jurisdiction", "list").output


def test_what_is_done_at_the_command_line_is_told_in_the_audit_trail(embedded: Database) -> None:
    escrow(*SHAPINGBA)
    escrow("token", "issue", "operator", "--jurisdiction", "500106", "--caller", "wang")
    escrow("token", "revoke", "wang")

    rows = asyncio.run(trail(embedded, 0))

    assert [(row["caller_id"], row["operation"], row["object"]) for row in rows] == [
        ("command-line", "escrow jurisdiction add", "500106"),
        ("command-line", "escrow token issue", "wang"),
        ("command-line", "escrow token revoke", "wang"),
    ]
