"""Signing from the start: keys made or given, names known, published for ever."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from structlog.testing import capture_logs

from service import launch
from service.app import create_app
from service.identity import service_keys
from service.identity.service_keys import SigningKey, SigningKeys, SigningKeysMissing
from service.launch import Database, NotServable
from service.settings import Settings
from tests.fixtures.service import District, Service
from tests.fixtures.signing import signing_bank

GIVEN = Database("postgresql+asyncpg://escrow_app@db/escrow", None)


def laid(folder: Path, name: str, private: Ed25519PrivateKey | X25519PrivateKey) -> Path:
    folder.mkdir(exist_ok=True)
    written = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / name).write_bytes(written)
    return folder


def test_a_demonstration_makes_a_key_and_answers_to_where_it_listens(tmp_path: Path) -> None:
    settings = Settings(demo=True, data=tmp_path / "data")

    first = launch.with_signing(settings, GIVEN, "127.0.0.1", 8123)
    again = launch.with_signing(settings, GIVEN, "127.0.0.1", 8123)

    assert first.signing_keys == again.signing_keys == tmp_path / "data-answers"
    [made] = (tmp_path / "data-answers").iterdir()
    assert made.stat().st_mode & 0o777 == 0o600
    assert "127.0.0.1:8123" in first.authorities
    assert "localhost:8123" in first.authorities


def test_a_given_database_wants_keys_given(tmp_path: Path) -> None:
    with pytest.raises(NotServable, match="ESCROW_SIGNING_KEYS"):
        launch.with_signing(Settings(), GIVEN, "0.0.0.0", 443)  # noqa: S104 - listens nowhere

    given = launch.with_signing(
        Settings(
            signing_keys=laid(tmp_path, "answers-2026-01-01.pem", Ed25519PrivateKey.generate()),
            authorities=("escrow.example.cn",),
        ),
        GIVEN,
        "0.0.0.0",  # noqa: S104
        443,
    )

    assert given.authorities == ("escrow.example.cn",)


def test_without_names_of_its_own_it_says_that_it_believes_no_signature(
    tmp_path: Path,
) -> None:
    folder = laid(tmp_path, "answers-2026-01-01.pem", Ed25519PrivateKey.generate())

    with capture_logs() as told:
        settings = launch.with_signing(Settings(signing_keys=folder), GIVEN, "::", 443)

    assert settings.authorities == ()
    assert [event.get("missing") for event in told] == ["ESCROW_AUTHORITIES"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("answers-2999-01-01.pem", None),
        ("answers-2026-13-01.pem", None),
        ("answers-2026-01-01.pem", b"no key"),
        ("key.pem", None),
    ],
    ids=["not yet", "no date", "no key", "another name"],
)
def test_a_folder_that_signs_nothing_today_keeps_the_service_from_starting(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = laid(tmp_path, name, Ed25519PrivateKey.generate())
    if content is not None:
        (folder / name).write_bytes(content)

    with pytest.raises(NotServable, match="answers-"):
        launch.with_signing(Settings(signing_keys=folder), GIVEN, "::", 443)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = laid(tmp_path, "answers-2026-01-01.pem", X25519PrivateKey.generate())

    with pytest.raises(SigningKeysMissing, match="Ed25519"):
        SigningKeys.load(folder)


def test_the_next_key_is_known_before_it_signs(tmp_path: Path) -> None:
    today = datetime.now(UTC)
    following = today + timedelta(days=7)
    laid(tmp_path, f"answers-{today:%Y-%m-%d}.pem", Ed25519PrivateKey.generate())
    laid(tmp_path, f"answers-{following:%Y-%m-%d}.pem", Ed25519PrivateKey.generate())

    keys = SigningKeys.load(tmp_path)

    assert len(keys.keys) == 2
    assert keys.at(today) == keys.keys[0]
    assert keys.at(following) == keys.keys[1]


async def test_what_was_once_published_stays_published(service: Service) -> None:
    old = SigningKey("escrow-old", datetime(2020, 1, 1, tzinfo=UTC), Ed25519PrivateKey.generate())
    await service_keys.publish_now(service.engine, SigningKeys((old,)))
    await service_keys.publish_now(service.engine, SigningKeys((old,)))

    listed = (await service.http.get("/v1/keys")).json()["items"]

    [found] = [key for key in listed if key["kid"] == "escrow-old"]
    assert base64.b64decode(found["public_key"]) == old.public
    assert listed[0]["kid"] == "escrow-old"
    assert len(listed) > 1


async def test_a_banks_token_opens_nothing_unless_a_trial_says_so(
    service: Service, district: District
) -> None:
    app: Any = create_app(service.engine, Settings(demo=True, authorities=("escrow.test",)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as http:
        bank, operator = [
            await http.get("/v1/banks", headers={"Authorization": f"Bearer {token}"})
            for token in (district.banks["ICBC"], district.operator)
        ]

    assert (bank.status_code, bank.json()["code"]) == (401, "signature_required")
    assert operator.status_code == 200


async def test_a_service_without_names_of_its_own_believes_no_signature(
    service: Service, district: District
) -> None:
    signing = await signing_bank(district)
    app: Any = create_app(service.engine, Settings(demo=True))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    request = signing.to_get("/v1/payment-orders")
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as http:
        answer = await http.get(request.path, headers=signing.signer.headers(request))

    assert (answer.status_code, answer.json()["code"]) == (401, "authority_unknown")
