"""Packs that nobody asked for: by night where something moved, and at once after a freeze."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from service import launch
from service.cli import main
from service.launch import Database, NotServable
from service.resolution import sealing
from service.resolution.sweep import packs_made
from service.settings import Settings
from service.store.context import Context
from service.store.facts import Insert
from service.store.postgres import Server
from service.store.tables import WindDown
from service.worker import SWEEPS, sweeps_with
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database as Databases
from tests.fixtures.service import District, fresh_id
from tests.fixtures.vaults import key_folder


async def causes(district: District) -> list[str]:
    """Read why packs of the journal were made, in order."""
    async with district.service.engine.connect() as connection:
        await Context((district.journal,)).enter(connection, statement_timeout="10s")
        found = await connection.scalars(
            text("SELECT cause FROM escrow.resolution_pack WHERE journal_id = :j ORDER BY pack_id"),
            {"j": district.journal},
        )
    return list(found)


async def test_a_night_makes_a_pack_only_of_what_moved_since_the_last(academy: Academy) -> None:
    district = academy.district
    sweep = packs_made(sealing.Keys.load(district.service.pack_keys))
    store, journal = district.service.store, district.journal
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    untouched = await district.plant_institution()
    await academy.enrolled()

    first, again = await sweep(store, journal), await sweep(store, journal)
    await store.move_clock(journal, tomorrow)
    nothing_moved = await sweep(store, journal)
    await store.move_clock(journal, tomorrow + timedelta(days=1))
    await academy.enrolled()
    moved = await sweep(store, journal)

    assert (first, again, nothing_moved, moved) == (1, 0, 0, 1)
    assert await causes(district) == ["NIGHTLY", "NIGHTLY"]
    assert untouched != academy.institution


async def test_a_freeze_makes_a_pack_at_once(academy: Academy) -> None:
    district = academy.district
    sweep = packs_made(sealing.Keys.load(district.service.pack_keys))
    await academy.enrolled()
    await sweep(district.service.store, district.journal)
    frozen = {
        "wind_down_id": fresh_id(),
        "institution_id": academy.institution,
        "state": "FROZEN",
        "basis": "POOLED",
        "cause": "CLOSED_DOORS",
        "frozen_at": datetime.now(UTC),
        "frozen_on": date(2026, 3, 10),
        "frozen_seq": 1_000_000,
        "entitlements": 0,
        "claimed_fen": 0,
        "distributed_fen": 0,
        "residual_fen": 0,
        "seq": 0,
    }
    await district.plant(Insert(WindDown, frozen))

    await sweep(district.service.store, district.journal)

    assert await causes(district) == ["NIGHTLY", "FREEZE"]


def test_without_keys_the_worker_makes_no_packs(tmp_path: Path) -> None:
    sealing.make_keys(tmp_path / "keys")

    assert sweeps_with(None) == SWEEPS
    assert list(sweeps_with(tmp_path / "keys")) == [*SWEEPS, "packs_made"]


# --- keys and commands --------------------------------------------------------------------------


def embedded(folder: Path) -> Database:
    return Database("url", None, server=Server(folder, folder / "pg", folder, 5432, 18))


def test_keys_are_made_beside_the_embedded_database(tmp_path: Path) -> None:
    found = launch.with_pack_keys(Settings(), embedded(tmp_path))
    again = launch.with_pack_keys(Settings(), embedded(tmp_path))

    assert found.pack_keys == again.pack_keys == tmp_path / "pg-keys"
    assert sealing.Keys.load(tmp_path / "pg-keys").id == sealing.Keys.load(again.pack_keys).id


def test_a_given_database_and_a_demonstration_get_no_keys(tmp_path: Path) -> None:
    given = launch.with_pack_keys(Settings(), Database("url", None))
    demo = launch.with_pack_keys(Settings(demo=True), embedded(tmp_path))

    assert (given.pack_keys, demo.pack_keys) == (None, None)


def test_a_given_folder_without_keys_keeps_the_service_from_starting(tmp_path: Path) -> None:
    with pytest.raises(NotServable, match=r"signing\.pem"):
        launch.with_pack_keys(Settings(pack_keys=tmp_path), Database("url", None))


async def test_a_pack_is_written_and_unsealed_from_the_command_line(
    academy: Academy, database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await academy.enrolled()
    keys = academy.district.service.pack_keys
    assert keys is not None
    monkeypatch.setenv("ESCROW_DATABASE_URL", database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_PACK_KEYS", str(keys))
    monkeypatch.setenv("ESCROW_KEYS", str(key_folder(tmp_path / "vault")))
    institution = academy.district.public("ins", academy.institution)
    out, private = tmp_path / "pack.zip", keys / sealing.RECIPIENT_PRIVATE

    def run(*arguments: str) -> str:
        ran = CliRunner().invoke(main, arguments)
        assert ran.exit_code == 0, ran.output
        return ran.output

    told = await asyncio.to_thread(run, "pack", "--institution", institution, "--out", str(out))
    people = await asyncio.to_thread(run, "unseal", str(out), "--key", str(private))

    assert json.loads(told)["size_bytes"] == out.stat().st_size
    assert "张小三" in {party["name"] for party in json.loads(people)["parties"]}


async def test_an_unknown_institution_has_no_pack(
    academy: Academy, database: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_PACK_KEYS", str(academy.district.service.pack_keys))
    monkeypatch.setenv("ESCROW_KEYS", str(key_folder(tmp_path / "vault")))
    unknown = academy.district.public("ins", fresh_id())
    out = tmp_path / "pack.zip"

    ran = await asyncio.to_thread(
        CliRunner().invoke, main, ["pack", "--institution", unknown, "--out", str(out)]
    )

    assert (ran.exit_code, out.exists()) == (1, False)
    assert "no such institution" in ran.output
