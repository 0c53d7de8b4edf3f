"""Which key signs a bank's request: its own, in its time, and not after it was revoked."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from service.identity.bank_signer import BankSigner
from tests.fixtures.academies import Academy
from tests.fixtures.signing import PATH, SigningBank, code_of, effects, receipt, signing_bank

Headers = dict[str, str]


async def test_another_banks_key_signs_for_the_other_bank_only(academy: Academy) -> None:
    abc = await signing_bank(academy.district, "ABC")

    foreign = await abc.post(PATH, receipt(academy))

    assert foreign.status_code == 404


async def test_a_message_signed_by_a_key_that_only_says_it_is_anothers_is_refused(
    academy: Academy, icbc: SigningBank
) -> None:
    thief = Ed25519PrivateKey.generate()

    answer = await replace_signer(icbc, BankSigner(icbc.signer.kid, thief.sign)).post(
        PATH, receipt(academy)
    )

    assert (answer.status_code, code_of(answer)) == (401, "signature_wrong")


@pytest.mark.parametrize(
    ("begins", "ends", "reason"), [(1, 2, "not_yet"), (-2, -1, "expired")], ids=["early", "late"]
)
async def test_a_key_signs_within_its_time_only(
    academy: Academy, begins: int, ends: int, reason: str
) -> None:
    now = datetime.now(UTC)
    bank = await signing_bank(
        academy.district,
        not_before=(now + timedelta(days=begins)).isoformat(),
        not_after=(now + timedelta(days=ends)).isoformat(),
    )

    answer = await bank.post(PATH, receipt(academy))

    assert (answer.status_code, code_of(answer)) == (401, "signing_key_not_valid")
    assert answer.json()["facts"] == {"reason": reason}


async def test_two_keys_of_a_bank_overlap_and_are_one_caller(
    academy: Academy, icbc: SigningBank
) -> None:
    successor = await signing_bank(academy.district, "ICBC")
    request = icbc.to_post(PATH, receipt(academy))
    first = await icbc.send(request)

    again = await successor.send(request)

    assert first.status_code == again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_revoked_key_signs_nothing_more(academy: Academy, icbc: SigningBank) -> None:
    before = await icbc.post(PATH, receipt(academy))
    await revoked(academy, icbc.signer.kid)
    effects_before = await effects(academy)

    posted = await icbc.post(PATH, receipt(academy))
    read = await icbc.get("/v1/payment-orders")

    assert before.status_code == 201
    for answer in (posted, read):
        assert (answer.status_code, code_of(answer)) == (401, "signing_key_not_valid")
    assert await effects(academy) == effects_before


async def test_bearer_tokens_do_not_pass_beside_a_wrong_signature(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    headers = icbc.signer.headers(request) | {
        "authorization": f"Bearer {academy.district.banks['ICBC']}"
    }

    answer = await icbc.send(request, headers, path="/v1/debits")

    assert (answer.status_code, code_of(answer)) == (401, "signature_wrong")


async def revoked(academy: Academy, kid: str) -> dict[str, Any]:
    answer = await academy.post(
        f"bank-keys/{kid}/revoke", academy.district.operator, {"reason": "COMPROMISED"}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def replace_signer(bank: SigningBank, signer: BankSigner) -> SigningBank:
    return SigningBank(bank.district, bank.code, bank.private, signer)


async def test_of_messages_gathered_together_only_those_of_the_revoked_key_are_refused(
    academy: Academy, icbc: SigningBank
) -> None:
    district = academy.district
    custody = await district.plant_custody_account(
        academy.institution, bank="ABC", is_default=False
    )
    abc = await signing_bank(district, "ABC")
    here = district.public("cus", custody)
    for bank in (icbc, abc):  # whoever is let in is remembered for a moment
        assert (await bank.get("/v1/payment-orders")).status_code == 200
    async with district.service.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE escrow.bank_key SET revoked_at = clock_timestamp(), revoked_by = 'test'"
                " WHERE kid = :kid"
            ),
            {"kid": icbc.signer.kid},
        )

    answers = await asyncio.gather(
        *(icbc.post(PATH, receipt(academy)) for _ in range(8)),
        *(abc.post(PATH, receipt(academy, custody_account_id=here)) for _ in range(8)),
    )

    assert [answer.status_code for answer in answers] == [401] * 8 + [201] * 8
    assert {code_of(answer) for answer in answers[:8]} == {"signing_key_not_valid"}
