"""Banks' keys: registered by two people, rotated with overlap, revoked by one at once."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from service.identity import tokens
from service.identity.bank_keys import kid_of
from service.identity.bank_signer import BankSigner
from service.identity.callers import Role
from service.store import evidence, reference
from service.store.evidence import Evidence
from service.store.transact import writing
from tests.fixtures.academies import Academy
from tests.fixtures.service import District, open_district
from tests.fixtures.signing import (
    SigningBank,
    approved,
    key_to_register,
    signing_bank,
)


def fresh() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def public_of(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


async def ask(district: District, body: Any, token: str | None = None, **values: Any) -> Any:
    return await district.service.post("/v1/bank-keys", token or district.operator, body, **values)


async def revoke(district: District, kid: str, token: str | None = None) -> Any:
    return await district.service.post(
        f"/v1/bank-keys/{kid}/revoke", token or district.operator, {"reason": "COMPROMISED"}
    )


# --- registration ---------------------------------------------------------------------------------


async def test_a_key_is_registered_by_one_operator_and_approved_by_another(
    district: District,
) -> None:
    public = public_of(fresh())
    asked = await ask(district, key_to_register(district, "ICBC", public))

    alone = await district.service.post(
        f"/v1/approvals/{asked.json()['id']}/approve",
        district.operator,
        {"payload_hash": asked.json()["payload_hash"]},
    )
    key = await approved(district, asked)

    assert asked.json()["kind"] == "KEY"
    assert (alone.status_code, alone.json()["code"]) == (409, "maker_is_checker")
    assert key["kid"] == kid_of("ICBC", "ed25519", public)
    assert key["registered_by"] != key["approved_by"]


async def test_a_key_that_waits_signs_nothing_yet(academy: Academy) -> None:
    private = fresh()
    body = key_to_register(academy.district, "ICBC", public_of(private))
    await ask(academy.district, body)
    kid = kid_of("ICBC", "ed25519", public_of(private))
    bank = SigningBank(academy.district, "ICBC", private, BankSigner(kid, private.sign))

    answer = await bank.get("/v1/payment-orders")

    assert (answer.status_code, answer.json()["code"]) == (401, "signing_key_unknown")


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("a bank nobody knows", {"bank": "NOBANK"}, 404, "bank_unknown"),
    ("a jurisdiction elsewhere", {"jurisdiction": "510104"}, 404, "jurisdiction_unknown"),
    ("a key of small order", {"public_key": base64.b64encode(bytes(32)).decode()}, 400, ""),
    ("half a key", {"public_key": base64.b64encode(bytes(16)).decode()}, 400, ""),
    ("no base64", {"public_key": "A" * 45 + "=="}, 400, ""),
    ("another algorithm's key", {"algorithm": "sm2-sm3"}, 400, ""),
    ("an algorithm we have not", {"algorithm": "rsa-v1_5-sha256"}, 400, ""),
    ("ends before it begins", {"not_after": "2020-01-01T00:00:00+00:00"}, 400, ""),
    ("for ever", {"not_after": "2999-01-01T00:00:00+00:00"}, 400, ""),
]


@pytest.mark.parametrize(
    ("changed", "status", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_a_key_that_is_none_is_not_even_asked_for(
    district: District, changed: dict[str, Any], status: int, code: str
) -> None:
    body = key_to_register(district, "ICBC", public_of(fresh())) | changed

    answer = await ask(district, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code or "request_invalid")


async def test_a_key_is_registered_once(district: District) -> None:
    public = public_of(fresh())
    body = key_to_register(district, "ICBC", public)
    both = [await ask(district, body), await ask(district, body)]
    await approved(district, both[0])

    approval = both[1].json()
    second = await district.service.post(
        f"/v1/approvals/{approval['id']}/approve",
        district.second_operator,
        {"payload_hash": approval["payload_hash"]},
    )
    third = await ask(district, body)

    for answer in (second, third):
        assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


async def test_an_operator_of_another_district_neither_registers_nor_sees_nor_revokes(
    district: District,
) -> None:
    bank = await signing_bank(district)
    stranger = (await open_district(district.service)).operator

    asked = await ask(district, key_to_register(district, "ICBC", public_of(fresh())), stranger)
    read = await district.service.get(f"/v1/bank-keys/{bank.signer.kid}", stranger)
    revoked = await revoke(district, bank.signer.kid, stranger)

    assert asked.status_code == read.status_code == revoked.status_code == 404


async def test_a_citys_key_speaks_in_its_districts(academy: Academy) -> None:
    district = academy.district
    async with district.service.engine.begin() as connection:
        if await reference.jurisdiction(connection, "500000") is None:
            city = reference.NewJurisdiction("500000", "重庆市", "cn-national")
            await reference.add_jurisdiction(connection, city, at=datetime.now(UTC))
    scope = tokens.Scope("500000")
    above = [await district.service.token(Role.OPERATOR, scope) for _ in range(2)]
    private = fresh()
    body = key_to_register(district, "ICBC", public_of(private), jurisdiction="500000")
    asked = await ask(district, body, above[0])
    approval = asked.json()
    answer = await district.service.post(
        f"/v1/approvals/{approval['id']}/approve",
        above[1],
        {"payload_hash": approval["payload_hash"]},
    )
    kid = answer.json()["outcome"]["kid"]

    read = await SigningBank(district, "ICBC", private, BankSigner(kid, private.sign)).get(
        "/v1/payment-orders"
    )

    assert read.status_code == 200, read.text


# --- rotation -------------------------------------------------------------------------------------


async def test_a_bank_asks_for_its_next_key_with_the_one_it_has(academy: Academy) -> None:
    district = academy.district
    bank = await signing_bank(district)
    following = fresh()

    asked = await bank.post(
        "/v1/bank-keys", key_to_register(district, "ICBC", public_of(following))
    )
    key = await approved(district, asked)

    assert key["parent_kid"] == bank.signer.kid
    assert key["registered_by"] == "bank:ICBC"
    successor = SigningBank(district, "ICBC", following, BankSigner(key["kid"], following.sign))
    for each in (bank, successor):
        assert (await each.get("/v1/payment-orders")).status_code == 200


async def test_a_bank_asks_for_no_other_banks_key(district: District) -> None:
    bank = await signing_bank(district)

    answer = await bank.post("/v1/bank-keys", key_to_register(district, "ABC", public_of(fresh())))

    assert (answer.status_code, answer.json()["code"]) == (404, "bank_unknown")


async def test_a_key_asked_for_by_a_key_that_was_revoked_meanwhile_is_not_registered(
    district: District,
) -> None:
    bank = await signing_bank(district)
    asked = await bank.post("/v1/bank-keys", key_to_register(district, "ICBC", public_of(fresh())))
    await revoke(district, bank.signer.kid)

    approval = asked.json()
    answer = await district.service.post(
        f"/v1/approvals/{approval['id']}/approve",
        district.second_operator,
        {"payload_hash": approval["payload_hash"]},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


# --- revocation -----------------------------------------------------------------------------------


async def test_a_key_is_revoked_by_one_and_with_it_those_it_brought(district: District) -> None:
    bank = await signing_bank(district)
    following = fresh()
    asked = await bank.post(
        "/v1/bank-keys", key_to_register(district, "ICBC", public_of(following))
    )
    child = await approved(district, asked)
    bystander = await signing_bank(district)

    answer = await revoke(district, bank.signer.kid)

    assert answer.status_code == 200, answer.text
    assert answer.json()["revoked_for"] == "COMPROMISED"
    listed = await district.service.get("/v1/bank-keys", district.auditor, bank="ICBC")
    state = {key["kid"]: key["revoked_at"] for key in listed.json()["items"]}
    assert state[bank.signer.kid] is not None
    assert state[child["kid"]] is not None
    assert state[bystander.signer.kid] is None


async def test_revoking_again_changes_nothing(district: District) -> None:
    bank = await signing_bank(district)
    first = await revoke(district, bank.signer.kid)

    again = await revoke(district, bank.signer.kid)

    assert again.status_code == 200
    assert again.json()["revoked_at"] == first.json()["revoked_at"]


async def test_a_bank_revokes_its_own_key_and_nobody_elses(district: District) -> None:
    icbc, abc = await signing_bank(district), await signing_bank(district, "ABC")

    foreign = await icbc.post(f"/v1/bank-keys/{abc.signer.kid}/revoke", {"reason": "CEASED"})
    own = await icbc.post(f"/v1/bank-keys/{icbc.signer.kid}/revoke", {"reason": "ROTATED"})
    after = await icbc.get("/v1/payment-orders")

    assert (foreign.status_code, foreign.json()["code"]) == (404, "bank_key_unknown")
    assert own.status_code == 200, own.text
    assert (after.status_code, after.json()["code"]) == (401, "signing_key_not_valid")


async def test_a_message_that_was_let_in_is_refused_when_its_key_is_revoked_before_it_takes_effect(
    district: District,
) -> None:
    bank = await signing_bank(district)
    at = datetime.now(UTC)
    queued = Evidence(bank.signer.kid, "ICBC", "n" * 22, at, b"base", b"signature", at)
    await revoke(district, bank.signer.kid)

    async with writing(district.service.engine) as connection:
        [refusal] = await evidence.spend(connection, [queued])

    assert refusal is not None
    assert refusal.code == "signing_key_not_valid"


async def test_a_revocation_waits_for_what_takes_effect_and_is_not_overtaken(
    district: District,
) -> None:
    bank = await signing_bank(district)
    at = datetime.now(UTC)

    def message(nonce: str) -> Evidence:
        return Evidence(bank.signer.kid, "ICBC", nonce * 22, at, b"base", b"signature", at)

    async with writing(district.service.engine) as effect:
        [first] = await evidence.spend(effect, [message("a")])
        revoking = asyncio.create_task(revoke(district, bank.signer.kid))
        await _waited_for(district)
        assert not revoking.done()
        later = asyncio.create_task(_spent(district, message("b")))
        await asyncio.sleep(0.1)
        assert not later.done()
    revoked, second = await revoking, await later

    assert first is None
    assert revoked.status_code == 200
    assert second is not None
    assert second.code == "signing_key_not_valid"


async def _spent(district: District, shown: Evidence) -> Any:
    async with writing(district.service.engine) as connection:
        return (await evidence.spend(connection, [shown]))[0]


async def _waited_for(district: District) -> None:
    async with asyncio.timeout(5):
        waiting = 0
        while not waiting:
            await asyncio.sleep(0.01)
            async with district.service.engine.connect() as connection:
                query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
                waiting = int(await connection.scalar(text(query)) or 0)
