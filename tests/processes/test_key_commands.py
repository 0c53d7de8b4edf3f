"""`escrow keys` and `escrow seal`, from the first key to the end of an older one."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.ext.asyncio import create_async_engine

from service.cli import main
from service.store import reference, rows, vault_keys
from service.store.context import Context
from service.store.facts import Insert
from service.store.tables import Party
from service.store.transact import writing
from tests.fixtures.databases import Database
from tests.fixtures.service import BANKS, fresh_id

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


def ran(*arguments: str, code: int = 0) -> Any:
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == code, found.output
    return json.loads(found.stdout) if code == 0 else found.output


async def plant(url: str) -> None:
    """Write a party as it stood before the vault."""
    engine = create_async_engine(url)
    async with writing(engine) as connection:
        node = reference.NewJurisdiction(
            code="500106-KEYS",
            name="钥匙区",
            rule_pack="chongqing-500106",
            journal=1,
            parent="500106",
            banks=BANKS,
        )
        await reference.add_jurisdiction(connection, node, at=NOW)
        await Context.writer(1).enter(connection, statement_timeout="10s")
        row = {"party_id": fresh_id(), "kind": "GUARDIAN", "name": "王大锤", "added_at": NOW}
        await rows.write(connection, 1, [Insert(Party, row)], as_is=True)
    await engine.dispose()


async def test_keys_are_made_rotated_and_retired(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "vault"
    monkeypatch.setenv("ESCROW_DATABASE_URL", empty_database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_KEYS", str(folder))
    await plant(empty_database.url("escrow_app"))

    def story() -> list[Any]:
        made = ran("keys", "make", "--out", str(folder))
        told = [ran("seal")["rows"], ran("seal")["rows"], ran("keys", "status")["data_keys"]]
        rotated = ran("keys", "rotate", "--suite", "SM4-GCM")
        wrapping = ran("keys", "retire", "1", "--hours", "0", code=1)
        rewrapped = ran("keys", "rewrap")
        young = ran("keys", "retire", "1", code=1)
        return [made, told, rotated, wrapping, rewrapped, young]

    made, told, rotated, wrapping, rewrapped, young = await asyncio.to_thread(story)
    retired = await asyncio.to_thread(ran, "keys", "retire", "1", "--hours", "0")
    status = await asyncio.to_thread(ran, "keys", "status")

    assert made["generation"] == 1
    assert told == [1, 0, {"1": 1}]
    assert rotated == {"generation": 2, "suite": "SM4-GCM"}
    assert "still wraps 1 data keys" in wrapping
    assert rewrapped == {"generation": 2, "data_keys": 1}
    assert "not 24 hours old" in young
    assert retired == {"retired": 1}
    assert status == {"current": 2, "suites": {"2": "SM4-GCM"}, "data_keys": {"2": 1}}
    assert not vault_keys.path_of(folder, 1).exists()


async def test_keys_of_another_database_are_refused(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", empty_database.url("escrow_app"))
    for name in ("own", "other"):
        vault_keys.make(tmp_path / name)
    monkeypatch.setenv("ESCROW_KEYS", str(tmp_path / "own"))
    await asyncio.to_thread(ran, "keys", "status")
    monkeypatch.setenv("ESCROW_KEYS", str(tmp_path / "other"))

    refused = await asyncio.to_thread(lambda: ran("seal", code=1))

    assert "not the one of this database" in refused


async def test_a_given_database_is_not_served_without_keys(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", empty_database.url("escrow_app"))
    for name in ("ESCROW_KEYS", "ESCROW_DEMO"):
        monkeypatch.delenv(name, raising=False)

    refused = await asyncio.to_thread(lambda: ran("serve", "--port", "0", code=1))

    assert "ESCROW_KEYS" in refused
