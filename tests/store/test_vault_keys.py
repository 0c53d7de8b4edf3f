"""Keys of the vault: where they lie, who may read them, and whether they are the database's own."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from service.launch import Database as Launched
from service.launch import NotServable
from service.settings import Settings
from service.store import vault_keys
from service.store.transact import writing
from service.store.vault import Vault, generation_of
from service.store.vault_keys import KeyRing, KeySource, VaultKeysMissing, generation
from service.store.vault_kms import HttpKms
from service.store.vault_start import require_own_keys
from service.vault_opening import load
from tests.fixtures.databases import Database

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
SUBJECT = UUID(int=1)
WRITTEN = text("SELECT * FROM pii.vault_key ORDER BY 1")


def ring(*keys: int, index: int = 9) -> Vault:
    made = {number: generation(number, bytes([key]) * 32) for number, key in enumerate(keys, 1)}
    return Vault(KeyRing(made, bytes([index]) * 32))


@pytest.fixture
async def connection(empty_database: Database) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(empty_database.url("escrow_app"))
    async with writing(engine) as opened:
        yield opened
    await engine.dispose()


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "vault"

    made = [vault_keys.make(folder), vault_keys.make(folder)]

    files = sorted(folder.iterdir())
    assert made == [True, False]
    assert [path.name for path in files] == ["index.key", "kek-00001.key"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(vault_keys.load(folder).generations) == [1]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    vault_keys.make(tmp_path / "vault")
    vault_keys.path_of(tmp_path / "vault", 1).chmod(0o640)

    with pytest.raises(VaultKeysMissing, match="owner alone"):
        vault_keys.load(tmp_path / "vault")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kek-00001.key", "AES-256-GCM 00ff\n"),
        ("kek-00001.key", "ROT13 00ff\n"),
        ("kek-00001.key", "AES-256-GCM not-hex\n"),
        ("index.key", "HMAC-SHA256 00ff\n"),
    ],
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, name: str, words: str) -> None:
    vault_keys.make(tmp_path)
    (tmp_path / name).write_text(words)

    with pytest.raises(VaultKeysMissing):
        vault_keys.load(tmp_path)


def test_without_keys_there_is_no_vault(tmp_path: Path) -> None:
    with pytest.raises(VaultKeysMissing):
        vault_keys.load(tmp_path / "nowhere")


def test_a_given_database_without_keys_is_not_served() -> None:
    with pytest.raises(NotServable, match="ESCROW_KEYS"):
        load(Settings(keys=None), Launched("postgresql+asyncpg://nobody@/none", None))


def test_a_newer_generation_is_followed_without_a_restart(tmp_path: Path) -> None:
    vault_keys.make(tmp_path)
    source = KeySource(tmp_path)
    running = Vault(source.load(), source)
    _, before = running.seal(SUBJECT, "party", {"name": "张三"})

    vault_keys.add(tmp_path)
    sealed, after = running.seal(SUBJECT, "party", {"name": "张三"})

    assert (generation_of(before), generation_of(after)) == (1, 2)
    assert Vault(vault_keys.load(tmp_path)).open(SUBJECT, "party", sealed, after)


def test_a_newer_generation_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    vault_keys.make(tmp_path)
    source = KeySource(tmp_path)
    running = Vault(source.load(), source)

    vault_keys.path_of(tmp_path, 2).write_text("nothing")
    _, wrapped = running.seal(SUBJECT, "party", {"name": "张三"})

    assert generation_of(wrapped) == 1


async def test_the_first_start_writes_down_which_keys_they_are(connection: AsyncConnection) -> None:
    await require_own_keys(connection, ring(1), NOW)
    first = (await connection.execute(WRITTEN)).all()
    await require_own_keys(connection, ring(1), NOW)
    again = (await connection.execute(WRITTEN)).all()
    await require_own_keys(connection, ring(1, 2), NOW)
    newer = (await connection.execute(WRITTEN)).all()

    assert first
    assert again == first
    assert len(newer) == len(first) + 1
    assert set(first) < set(newer)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (ring(7), "kek-00001 is not the one"),
        (ring(1, index=8), "index key"),
        (ring(1, 2, index=8), "index key"),
    ],
)
async def test_other_keys_than_the_databases_are_refused(
    connection: AsyncConnection, other: Vault, why: str
) -> None:
    await require_own_keys(connection, ring(1), NOW)

    with pytest.raises(VaultKeysMissing, match=why):
        await require_own_keys(connection, other, NOW)


async def test_a_generation_that_is_missing_is_noticed(connection: AsyncConnection) -> None:
    await require_own_keys(connection, ring(1, 2), NOW)

    with pytest.raises(VaultKeysMissing, match="kek-00002 of this database is not given"):
        await require_own_keys(connection, ring(1), NOW)


async def test_two_first_starts_at_once_write_down_the_same_keys(empty_database: Database) -> None:
    engine = create_async_engine(empty_database.url("escrow_app"))

    async def starts(vault: Vault) -> None:
        async with writing(engine) as connection:
            await require_own_keys(connection, vault, NOW)
            await asyncio.sleep(0.2)

    agreed = await asyncio.gather(*(starts(ring(1)) for _ in range(4)), return_exceptions=True)
    other, _ = await asyncio.gather(starts(ring(3)), starts(ring(1)), return_exceptions=True)
    async with engine.connect() as connection:
        written = (await connection.execute(WRITTEN)).all()
    await engine.dispose()

    assert agreed == [None] * 4
    assert isinstance(other, VaultKeysMissing)
    assert len(written) == 1


def unwrapping(request: BaseHTTPRequestHandler) -> None:
    """Answer as a key management service that wraps by turning every bit."""
    body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
    wrapped = base64.b64decode(body["ciphertext"])
    known = request.headers["Authorization"] == "Bearer s3cret" and request.path == "/v1/decrypt"
    answer = {"plaintext": base64.b64encode(turned(wrapped)).decode()} if known else {}
    request.send_response(200)
    request.end_headers()
    request.wfile.write(json.dumps(answer).encode())


Kms = type(
    "Kms",
    (BaseHTTPRequestHandler,),
    {"do_POST": unwrapping, "log_message": lambda *_: None},
)


def turned(key: bytes) -> bytes:
    return bytes(each ^ 0xFF for each in key)


@pytest.fixture
def kms() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Kms)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_key_management_service_unwraps_what_the_files_hold(tmp_path: Path, kms: str) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    for name, words, key in (
        ("kek-00001.key", "AES-256-GCM", b"\x01" * 32),
        ("index.key", "HMAC-SHA256", b"\x09" * 32),
    ):
        (tmp_path / name).write_text(f"{words} {turned(key).hex()}\n")
        (tmp_path / name).chmod(0o600)

    unwrapped = Vault(vault_keys.load(tmp_path, HttpKms(kms, tmp_path / "token")))

    sealed, wrapped = ring(1).seal(SUBJECT, "party", {"name": "张三"})
    assert unwrapped.open(SUBJECT, "party", sealed, wrapped) == {"name": "张三"}
    assert unwrapped.blind("phone", "138") == ring(1).blind("phone", "138")


def test_a_key_management_service_that_refuses_gives_no_key(tmp_path: Path, kms: str) -> None:
    vault_keys.make(tmp_path)

    with pytest.raises(VaultKeysMissing, match="gave no key: KeyError"):
        vault_keys.load(tmp_path, HttpKms(kms, None))


def test_a_key_management_service_that_does_not_answer_gives_no_key(tmp_path: Path) -> None:
    vault_keys.make(tmp_path)

    with pytest.raises(VaultKeysMissing, match="gave no key"):
        vault_keys.load(tmp_path, HttpKms("http://127.0.0.1:9", None))
