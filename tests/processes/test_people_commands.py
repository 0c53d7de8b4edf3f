"""The first people and systems, added before anybody can log in, on the embedded server."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.fixtures.databases import Database


@pytest.fixture
def embedded(empty_database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.delenv("ESCROW_DATABASE_URL", raising=False)
    monkeypatch.setenv("ESCROW_DATA", str(empty_database.server.data))
    monkeypatch.setenv("ESCROW_DATABASE", empty_database.name)
    assert escrow("jurisdiction", "add", "500106", "--name", "沙坪坝区", "--journal", "1").output
    return empty_database


def escrow(*words: str, asked: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=asked)


def said(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output.splitlines()[-1])
    return found


@pytest.mark.usefixtures("embedded")
def test_the_first_operator_is_invited_invited_anew_and_revoked() -> None:
    added = said(
        escrow(
            *("person", "add", "operator", "--jurisdiction", "500106", "--duty", "security"),
            asked="王运营\nwang@people.example\n",
        )
    )

    again = said(escrow("person", "invite", added["id"]))
    revoked = said(escrow("person", "revoke", added["id"]))
    twice = escrow("person", "revoke", added["id"])

    assert added["id"].startswith("prs_")
    assert added["invitation"].startswith("esi_")
    assert again["invitation"] != added["invitation"]
    assert revoked == {"id": added["id"], "state": "REVOKED"}
    assert twice.exit_code == 1


@pytest.mark.usefixtures("embedded")
def test_a_system_is_let_in_with_a_secret_and_revoked() -> None:
    added = said(
        escrow(
            *("client", "add", "regulator", "--jurisdiction", "500106"),
            *("--duty", "officer", "--label", "监管平台"),
        )
    )

    revoked = said(escrow("client", "revoke", added["id"]))

    assert added["id"].startswith("cli_")
    assert added["secret"].startswith("ess_")
    assert revoked["state"] == "REVOKED"


@pytest.mark.usefixtures("embedded")
def test_what_cannot_be_is_refused() -> None:
    named = ("--name", "王", "--login", "wang")

    told = {
        " ".join(words): escrow(*words, *(named if words[1] == "add" else ()))
        for words in (
            ("person", "add", "regulator", "--duty", "officer"),
            ("person", "add", "regulator", "--jurisdiction", "999999"),
            ("person", "add", "operator", "--jurisdiction", "500106"),
            ("person", "add", "institution", "--institution", "ins_x"),
            ("client", "revoke", "prs_x"),
        )
    }

    assert {result.exit_code for result in told.values()} <= {1, 2}
    for (words, result), part in zip(
        told.items(),
        ("--jurisdiction", "no such jurisdiction", "duties", "not", "not an id"),
        strict=True,
    ):
        assert part in result.output, words
