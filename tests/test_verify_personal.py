"""Verify looks at personal data where it is given the keys, and says so where it is not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from service import verify
from service.cli import main
from service.commands.verifying import show
from service.store.context import Context
from service.store.facts import Insert
from service.store.tables import BankNarrative, ClaimNote, Party
from service.store.transact import writing
from service.store.vault import Vault
from service.store.vault_keys import KeyRing, generation
from service.verify import PersonalData, Report, Status
from tests.fixtures.databases import Database
from tests.fixtures.service import fresh_id
from tests.fixtures.store import Books
from tests.fixtures.vaults import VAULT, key_folder

THEN = datetime(2026, 2, 20, 4, tzinfo=UTC)
CODES = ("P-01", "P-02", "P-03")


@pytest.fixture
async def told(books: Books) -> Books:
    """Plant a party, a narrative and a note, all sealed."""
    party = fresh_id()
    person = {"kind": "GUARDIAN", "name": "王大锤", "phone": "13812345678", "added_at": THEN}
    narrative = {"payer_name": "王大锤", "payer_account": "6222123412341234", "bank_code": "ICBC"}
    note = {"guardian_id": party, "party": "GUARDIAN", "text": "病", "written_at": THEN}
    about = {"subject_id": fresh_id(), "institution_id": books.institution}
    await books.district.plant(
        Insert(Party, {"party_id": party, **person}),
        Insert(BankNarrative, {"bank_entry_id": fresh_id(), **narrative}),
        Insert(ClaimNote, {"note_id": fresh_id(), **note, **about}),
    )
    return books


async def verified(books: Books, database: Database, vault: Vault | None = VAULT) -> Report:
    personal = None if vault is None else PersonalData(database.url("escrow_app"), vault)
    return await verify.verify(
        database.url("escrow_audit"), journals=[books.journal], personal=personal
    )


def personal_breaks(report: Report) -> list[str]:
    return [code for code in report.violated if code in CODES]


async def corrupt(books: Books, statement: str) -> None:
    async with writing(books.district.service.engine) as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        own = text(f"{statement} WHERE journal_id = :journal")
        await connection.execute(own, {"journal": books.journal})


async def test_sealed_data_is_clean_with_the_keys(told: Books, database: Database) -> None:
    report = await verified(told, database)

    assert personal_breaks(report) == []
    assert {report.results[code].status for code in CODES} == {Status.CLEAN}
    assert report.unchecked == ["V-24"]


async def test_without_keys_it_is_not_checked_and_says_so(
    told: Books, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    report = await verified(told, database, None)
    show(report)

    assert {report.results[code].status for code in CODES} == {Status.NOT_CHECKED}
    assert "not checked: P-01, P-02, P-03" in capsys.readouterr().out
    [told_of] = [c for c in report.as_json()["checks"] if c["id"] == "P-02"]
    assert told_of["not_checked"] == "no keys of the vault were given (ESCROW_KEYS)"


async def test_a_database_that_cannot_be_asked_is_incomplete(
    told: Books, database: Database
) -> None:
    elsewhere = PersonalData("postgresql+asyncpg://nobody@127.0.0.1:1/none", VAULT)

    report = await verify.verify(
        database.url("escrow_audit"), journals=[told.journal], personal=elsewhere
    )

    assert {report.results[code].status for code in CODES} == {Status.INCOMPLETE}
    assert report.exit_code != 0


async def test_other_keys_open_nothing(told: Books, database: Database) -> None:
    stranger = Vault(KeyRing({1: generation(1, b"\xee" * 32)}, VAULT.ring.index_key))

    report = await verified(told, database, stranger)

    assert personal_breaks(report) == ["P-02"]
    assert report.results["P-02"].violations == 3


FLIPPED = "UPDATE pii.party SET sealed = set_byte(sealed, 20, (get_byte(sealed, 20) + 1) % 256)"
DESTROYED = (
    "INSERT INTO pii.destroyed_key SELECT journal_id, party_id, gen_random_uuid(), now()"
    " FROM pii.party"
)
EMPTIED = (
    "UPDATE pii.party SET wrapped_key = NULL, phone_index = NULL, account_index = NULL,"
    " name_index = NULL"
)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE pii.party SET phone = '13812345678'", "P-01"),
        ("UPDATE pii.claim_note SET text = '病'", "P-01"),
        ("UPDATE pii.bank_narrative SET payer_name = '王'", "P-01"),
        (FLIPPED, "P-02"),
        ("UPDATE pii.claim_note SET guardian_id = gen_random_uuid()", "P-02"),
        ("UPDATE pii.party SET wrapped_key = NULL", "P-02"),
        ("UPDATE pii.party SET sealed = NULL", "P-02"),
        (DESTROYED, "P-02"),
        ("UPDATE pii.party SET phone_index = account_index", "P-03"),
        ("UPDATE pii.party SET name_index = '\\x00'", "P-03"),
        ("UPDATE pii.bank_narrative SET payer_named = false", "P-03"),
    ],
)
async def test_a_break_is_named(told: Books, database: Database, statement: str, code: str) -> None:
    await corrupt(told, statement)

    report = await verified(told, database)

    assert personal_breaks(report) == [code]
    assert "138" not in repr(report.as_json()["checks"][:30])


async def test_a_destroyed_key_is_no_break(told: Books, database: Database) -> None:
    for statement in (DESTROYED, EMPTIED, "UPDATE pii.claim_note SET wrapped_key = NULL"):
        await corrupt(told, statement)

    report = await verified(told, database)

    assert personal_breaks(report) == []


def test_the_command_looks_at_personal_data_where_keys_are_given(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ESCROW_DATABASE_URL", database.url("escrow_app"))
    monkeypatch.setenv("ESCROW_AUDIT_URL", database.url("escrow_audit"))
    monkeypatch.setenv("ESCROW_KEYS", str(key_folder(tmp_path / "vault")))

    ran = CliRunner().invoke(main, ["verify", "--json", "--journal", "60000"])

    assert '"not_checked": "no keys' not in ran.output
    assert ran.exit_code == 2
