"""What is remembered of signed messages, what is kept for ever, and how answers are signed."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text

from service.identity.algorithms import sm2_signature
from service.identity.bank_keys import KnownKeys
from service.identity.bank_signer import Answer, BankSigner, is_answer_to
from service.store import evidence
from service.store.context import Context
from service.store.evidence import Evidence
from service.store.rows import fetch_opened, table_of
from service.store.tables import SignedBody
from service.store.transact import writing
from tests.fixtures.academies import Academy
from tests.fixtures.service import District
from tests.fixtures.signing import (
    SigningBank,
    register,
    signing_bank,
)


def fresh() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


async def revoke(district: District, kid: str, token: str | None = None) -> Any:
    return await district.service.post(
        f"/v1/bank-keys/{kid}/revoke", token or district.operator, {"reason": "COMPROMISED"}
    )


async def test_a_key_is_read_again_after_two_seconds(district: District) -> None:
    bank, now = await signing_bank(district), [100.0]
    known = KnownKeys(clock=lambda: now[0])
    async with district.service.engine.connect() as connection:
        first = await known.find(connection, bank.signer.kid)
        await revoke(district, bank.signer.kid)
        remembered = await known.find(connection, bank.signer.kid)
        now[0] += 2
        again = await known.find(connection, bank.signer.kid)

    assert first is not None
    assert remembered is first
    assert again is not None
    assert again.revoked


async def test_nonces_are_forgotten_when_their_signatures_are_long_void(
    district: District,
) -> None:
    bank = await signing_bank(district)
    at = datetime.now(UTC)
    old, new = (
        Evidence(bank.signer.kid, "ICBC", nonce * 22, until, b"base", b"signature", at)
        for nonce, until in (("o", at - timedelta(seconds=1)), ("n", at + timedelta(minutes=15)))
    )
    async with writing(district.service.engine) as connection:
        await evidence.spend(connection, [old, new])
    async with writing(district.service.engine) as connection:
        gone = await evidence.forget(connection)

    async with writing(district.service.engine) as connection:
        refusals = await evidence.spend(connection, [old, new])

    assert gone >= 1
    assert refusals[0] is None
    assert refusals[1] is not None


async def test_of_the_same_nonce_twice_in_one_batch_the_first_is_spent(district: District) -> None:
    bank = await signing_bank(district)
    at = datetime.now(UTC)
    shown = Evidence(bank.signer.kid, "ICBC", "t" * 22, at, b"base", b"signature", at)

    async with writing(district.service.engine) as connection:
        first, second = await evidence.spend(connection, [shown, shown])

    assert first is None
    assert second is not None
    assert second.code == "signature_replayed"


# --- evidence -------------------------------------------------------------------------------------


async def test_what_was_signed_can_be_verified_for_ever(academy: Academy) -> None:
    bank = await signing_bank(academy.district)
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "E-1",
        "amount": "100.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "payer_name": "李四",
    }
    request = bank.to_post("/v1/receipts", body)
    answer = await bank.send(request)
    assert answer.status_code == 201, answer.text

    engine, journal = academy.district.service.engine, academy.district.journal
    async with engine.connect() as connection:
        await Context((journal,)).enter(connection, statement_timeout="10s")
        kept = (
            await connection.execute(
                text("SELECT * FROM escrow.signed_message WHERE journal_id = :journal"),
                {"journal": journal},
            )
        ).one()
        source = table_of(SignedBody)
        [sealed] = await fetch_opened(
            connection, SignedBody, select(source).where(source.c.journal_id == journal)
        )

    bank.private.public_key().verify(kept.signature, kept.base)
    assert (kept.caller_id, kept.key) == ("bank:ICBC", request.idempotency_key)
    assert b'"@path": /v1/receipts\n' in kept.base
    assert evidence.unpacked(sealed["body"]) == request.body
    assert "李四".encode() not in bytes(kept.base)


# --- SM2, and what we sign ------------------------------------------------------------------------


async def test_a_bank_signs_with_sm2(academy: Academy) -> None:
    import gmalg  # type: ignore[import-untyped]  # noqa: PLC0415

    private, public = gmalg.SM2().generate_keypair()
    key = await register(academy.district, "ICBC", public, algorithm="sm2-sm3")
    signer = BankSigner(key["kid"], sm2_signature(private), "sm2-sm3")
    bank = SigningBank(academy.district, "ICBC", fresh(), signer)

    answer = await bank.get("/v1/payment-orders")
    request = bank.to_get("/v1/payment-orders")
    wrong = await bank.send(request, bank.signer.headers(request), query="limit=1")

    assert answer.status_code == 200, answer.text
    assert (wrong.status_code, wrong.json()["code"]) == (401, "signature_wrong")


async def test_answers_to_signed_requests_are_signed_problems_too(academy: Academy) -> None:
    bank = await signing_bank(academy.district)
    listed = (await academy.district.service.http.get("/v1/keys")).json()
    published = {key["kid"]: base64.b64decode(key["public_key"]) for key in listed["items"]}
    requests = [
        bank.to_get("/v1/payment-orders"),
        bank.to_get("/v1/payment-orders/ord_unknown"),
        bank.to_get("/v1/approvals"),
        bank.to_post("/v1/receipts", {"amount": "1"}),
    ]

    for request, status in zip(requests, (200, 404, 403, 400), strict=True):
        headers = bank.signer.headers(request)
        answer = await bank.send(request, headers)

        assert answer.status_code == status, answer.text
        told = Answer(answer.status_code, answer.headers, answer.content)
        assert is_answer_to(headers["signature"], told, published)
    assert listed["tag"] == "escrow-service-v1"
    assert listed["authorities"] == ["escrow.test"]


async def test_nobody_is_signed_to_who_was_not_recognised(academy: Academy) -> None:
    bank = await signing_bank(academy.district)
    request = bank.to_get("/v1/payment-orders")

    unknown = await bank.send(request, bank.signer.headers(request), query="limit=1")
    bearer = await academy.district.service.get("/v1/payment-orders", academy.district.operator)

    assert unknown.status_code == 401
    assert "signature" not in unknown.headers
    assert "signature" not in bearer.headers
