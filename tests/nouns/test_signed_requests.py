"""Banks' signed requests: what is accepted, and each forgery refused with its code, in a table."""

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.identity import message_signatures
from service.identity.bank_signer import BankSigner
from tests.fixtures.academies import Academy
from tests.fixtures.signing import SigningBank, signing_bank

PATH = "/v1/receipts"
Headers = dict[str, str]


def receipt(academy: Academy, **values: Any) -> dict[str, Any]:
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": f"S-{next(academy.numbers)}",
        "amount": "100.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "payer_name": "李四",
    } | values


async def effects(academy: Academy) -> dict[str, int]:
    tables = ("journal_transaction", "bank_entry", "stored_answer", "signed_message")
    counted = {name: await academy.district.count(f"escrow.{name}") for name in tables}
    return counted | {"signed_body": await academy.district.count("pii.signed_body")}


def code_of(answer: Any) -> str:
    return str(answer.json()["code"])


async def test_a_signed_receipt_is_posted_and_the_message_kept_as_evidence(
    academy: Academy, icbc: SigningBank
) -> None:
    before = await effects(academy)

    answer = await icbc.post(PATH, receipt(academy))

    assert answer.status_code == 201, answer.text
    after = await effects(academy)
    assert after["signed_message"] == before["signed_message"] + 1
    assert after["signed_body"] == before["signed_body"] + 1


async def test_the_same_message_sent_twice_is_refused_and_changes_nothing(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    headers = icbc.signer.headers(request)
    first = await icbc.send(request, headers)
    before = await effects(academy)

    again = await icbc.send(request, headers)

    assert first.status_code == 201, first.text
    assert (again.status_code, code_of(again)) == (401, "signature_replayed")
    assert await effects(academy) == before


async def test_the_same_message_sent_at_once_twenty_times_is_posted_once(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    headers = icbc.signer.headers(request)

    answers = await asyncio.gather(*(icbc.send(request, headers) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 19
    assert {code_of(a) for a in answers if a.status_code == 401} == {"signature_replayed"}


async def test_a_retry_under_the_same_key_with_a_new_nonce_replays_the_answer(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    first = await icbc.send(request)
    before = await effects(academy)

    again = await icbc.send(request)

    assert again.status_code == first.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert await effects(academy) == before


async def test_a_retry_that_was_answered_is_itself_not_replayed(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    await icbc.send(request)
    headers = icbc.signer.headers(request)
    await icbc.send(request, headers)

    answer = await icbc.send(request, headers)

    assert (answer.status_code, code_of(answer)) == (401, "signature_replayed")


async def test_a_refused_message_is_spent_too(academy: Academy, icbc: SigningBank) -> None:
    stranger = await academy.district.plant_institution()
    other = await academy.district.plant_custody_account(stranger, bank="ABC")
    body = receipt(academy, custody_account_id=academy.district.public("cus", other))
    request = icbc.to_post(PATH, body)
    headers = icbc.signer.headers(request)

    first = await icbc.send(request, headers)
    again = await icbc.send(request, headers)

    assert first.status_code == 404
    assert (again.status_code, code_of(again)) == (401, "signature_replayed")


async def test_a_read_is_signed_and_its_nonce_spent(icbc: SigningBank) -> None:
    request = icbc.to_get("/v1/payment-orders", "state=NEW&limit=10")
    headers = icbc.signer.headers(request)

    first = await icbc.send(request, headers)
    again = await icbc.send(request, headers)

    assert first.status_code == 200, first.text
    assert (again.status_code, code_of(again)) == (401, "signature_replayed")


async def test_a_dry_run_is_spent_and_keeps_no_evidence(
    academy: Academy, icbc: SigningBank
) -> None:
    request = replace(icbc.to_post(PATH, receipt(academy)), query="dry_run=true")
    headers = icbc.signer.headers(request)
    before = await effects(academy)

    first = await icbc.send(request, headers)
    again = await icbc.send(request, headers)

    assert first.status_code == 200, first.text
    assert (again.status_code, code_of(again)) == (401, "signature_replayed")
    assert await effects(academy) == before


# --- what was changed on the way ------------------------------------------------------------------

CHANGED_ON_THE_WAY = [
    ("another path", {"path": "/v1/debits"}, "signature_wrong"),
    ("another spelling of the path", {"path": "/v1/%72eceipts"}, "signature_wrong"),
    ("a query added", {"query": "dry_run=false"}, "signature_wrong"),
    ("another body", {"body": b'{"amount": "9999.99"}'}, "content_digest_wrong"),
    ("no body", {"body": b""}, "content_digest_wrong"),
    ("another of our names", {"authority": "escrow.example"}, "authority_unknown"),
    ("a name with a port", {"authority": "escrow.test:8443"}, "authority_unknown"),
]


@pytest.mark.parametrize(
    ("changed", "code"),
    [row[1:] for row in CHANGED_ON_THE_WAY],
    ids=[row[0] for row in CHANGED_ON_THE_WAY],
)
async def test_a_message_changed_on_its_way_is_refused(
    academy: Academy, icbc: SigningBank, changed: dict[str, Any], code: str
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    headers = icbc.signer.headers(request)
    before = await effects(academy)

    answer = await icbc.send(request, headers, **changed)

    assert (answer.status_code, code_of(answer)) == (401, code), answer.text
    assert await effects(academy) == before


async def test_a_read_sent_with_another_method_or_query_is_refused(icbc: SigningBank) -> None:
    request = icbc.to_get("/v1/payment-orders", "state=NEW")
    headers = icbc.signer.headers(request)

    queried = await icbc.send(request, headers, query="state=SENT")
    posted = await icbc.send(request, headers, method="POST", path="/v1/receipts")
    with_body = await icbc.send(request, headers, body=b"{}")

    assert (queried.status_code, code_of(queried)) == (401, "signature_wrong")
    assert (posted.status_code, code_of(posted)) == (401, "signature_incomplete")
    assert (with_body.status_code, code_of(with_body)) == (401, "signature_malformed")


HEADERS_CHANGED: list[tuple[str, Callable[[Headers], Headers], str]] = [
    ("another key", lambda h: h | {"idempotency-key": "mine"}, "signature_wrong"),
    ("another type", lambda h: h | {"content-type": "text/plain"}, "signature_wrong"),
    ("no key", lambda h: without(h, "idempotency-key"), "signature_incomplete"),
    ("no type", lambda h: without(h, "content-type"), "signature_incomplete"),
    ("no digest", lambda h: without(h, "content-digest"), "signature_incomplete"),
    (
        "a digest of other bytes",
        lambda h: h | {"content-digest": message_signatures.digest_of(b"other")},
        "signature_wrong",
    ),
    ("no signature", lambda h: without(h, "signature"), "signature_malformed"),
    ("no input", lambda h: without(h, "signature-input"), "signature_malformed"),
    ("an input of nothing", lambda h: h | {"signature-input": "sig"}, "signature_malformed"),
    ("an empty signature", lambda h: h | {"signature": "sig=::"}, "signature_wrong"),
    ("a signature that is a text", lambda h: h | {"signature": 'sig="x"'}, "signature_malformed"),
    ("another label", lambda h: h | {"signature": "x" + h["signature"]}, "signature_malformed"),
    ("half a signature", lambda h: h | {"signature": halved(h["signature"])}, "signature_wrong"),
    ("an endless input", lambda h: h | {"signature-input": "a" * 5000}, "signature_malformed"),
    (
        "two signatures with our tag",
        lambda h: (
            h
            | {
                "signature-input": f"{h['signature-input']}, b{h['signature-input']}",
                "signature": f"{h['signature']}, b{h['signature']}",
            }
        ),
        "signature_malformed",
    ),
    (
        "the same label twice",
        lambda h: h | {"signature-input": f"{h['signature-input']}, {h['signature-input']}"},
        "signature_malformed",
    ),
]


def without(headers: Headers, name: str) -> Headers:
    return {key: value for key, value in headers.items() if key != name}


def halved(signature: str) -> str:
    value = base64.b64decode(signature.partition(":")[2].rstrip(":"))[:32]
    return f"sig={message_signatures.written_bytes(value)}"


@pytest.mark.parametrize(
    ("change", "code"),
    [row[1:] for row in HEADERS_CHANGED],
    ids=[row[0] for row in HEADERS_CHANGED],
)
async def test_headers_that_are_not_as_signed_are_refused(
    academy: Academy, icbc: SigningBank, change: Callable[[Headers], Headers], code: str
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    headers = change(icbc.signer.headers(request))
    before = await effects(academy)

    answer = await icbc.send(request, headers)

    assert (answer.status_code, code_of(answer)) == (401, code), answer.text
    assert await effects(academy) == before


async def test_a_digest_of_other_bytes_that_was_signed_is_refused(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    headers = icbc.signer.headers(replace(request, body=b"what was never sent"))

    answer = await icbc.send(request, headers)

    assert (answer.status_code, code_of(answer)) == (401, "content_digest_wrong")


# --- signed otherwise than we ask -----------------------------------------------------------------

Signed = dict[str, Any]


def resigned(bank: SigningBank, request: Any, **differently: Any) -> Headers:
    """Sign with other components or parameters than those that are asked for.

    `cover` changes the list of (component, value), `tell` the parameters; None leaves one out.
    """
    headers = bank.signer.headers(request)
    values = [
        ('"@method"', request.method),
        ('"@authority"', request.authority),
        ('"@path"', request.path),
        ('"@query"', f"?{request.query}"),
        ('"content-type"', headers["content-type"]),
        ('"content-digest"', headers["content-digest"]),
        ('"idempotency-key"', headers["idempotency-key"]),
    ]
    now = int(time.time())
    told: Signed = {
        "created": now,
        "expires": now + 60,
        "nonce": base64.b64encode(now.to_bytes(24)).decode(),
        "keyid": bank.signer.kid,
        "alg": "ed25519",
        "tag": "escrow-bank-v1",
    }
    values = differently.get("cover", lambda v: v)(values)
    told |= differently.get("tell", {})
    told = {name: value for name, value in told.items() if value is not None}
    written = message_signatures.input_of([name for name, _ in values], told)
    signature = bank.private.sign(message_signatures.base_of(values, written))
    return headers | {
        "signature-input": f"sig={written}",
        "signature": f"sig={message_signatures.written_bytes(signature)}",
    }


def ago(seconds: int, valid: int = 60) -> Signed:
    return {"created": int(time.time()) - seconds, "expires": int(time.time()) - seconds + valid}


SIGNED_OTHERWISE: list[tuple[str, Callable[[], Signed], str]] = [
    *(
        (
            f"without {name}",
            lambda name=name: {"cover": lambda v: [x for x in v if x[0] != f'"{name}"']},
            "signature_incomplete",
        )
        for name in (
            *("@method", "@authority", "@path", "@query"),
            *("content-type", "content-digest", "idempotency-key"),
        )
    ),
    ("nothing covered", lambda: {"cover": lambda _: []}, "signature_incomplete"),
    (
        "a component more",
        lambda: {"cover": lambda v: [*v, ('"host"', "escrow.test")]},
        "signature_incomplete",
    ),
    (
        "the target instead of its parts",
        lambda: {"cover": lambda v: [*v[:1], ('"@target-uri"', "http://escrow.test/"), *v[4:]]},
        "signature_incomplete",
    ),
    (
        "a component with a parameter",
        lambda: {"cover": lambda v: [('"@method";req', "POST"), *v[1:]]},
        "signature_incomplete",
    ),
    ("a component twice", lambda: {"cover": lambda v: [*v, v[0]]}, "signature_malformed"),
    *(
        (f"no {name}", lambda name=name: {"tell": {name: None}}, "signature_malformed")
        for name in ("created", "expires", "nonce", "keyid", "alg", "tag")
    ),
    ("a parameter more", lambda: {"tell": {"extra": 1}}, "signature_malformed"),
    ("a nonce too short", lambda: {"tell": {"nonce": "YWJjZA=="}}, "signature_malformed"),
    ("a nonce of other letters", lambda: {"tell": {"nonce": "!" * 30}}, "signature_malformed"),
    ("a date that is a text", lambda: {"tell": {"created": "now"}}, "signature_malformed"),
    ("a key id that is no name", lambda: {"tell": {"keyid": "../../x"}}, "signature_malformed"),
    ("another's tag", lambda: {"tell": {"tag": "escrow-service-v1"}}, "signature_malformed"),
    ("expired", lambda: {"tell": ago(120)}, "signature_untimely"),
    ("from the future", lambda: {"tell": ago(-120)}, "signature_untimely"),
    ("valid too long", lambda: {"tell": ago(0, 301)}, "signature_untimely"),
    ("never valid", lambda: {"tell": ago(0, 0)}, "signature_untimely"),
    ("an unknown key", lambda: {"tell": {"keyid": "ICBC-unknown"}}, "signing_key_unknown"),
    ("an algorithm not the key's", lambda: {"tell": {"alg": "sm2-sm3"}}, "signature_wrong"),
    ("an algorithm nobody has", lambda: {"tell": {"alg": "none"}}, "signature_wrong"),
    ("a symmetric algorithm", lambda: {"tell": {"alg": "hmac-sha256"}}, "signature_wrong"),
]


@pytest.mark.parametrize(
    ("differently", "code"),
    [row[1:] for row in SIGNED_OTHERWISE],
    ids=[row[0] for row in SIGNED_OTHERWISE],
)
async def test_a_message_signed_otherwise_than_we_ask_is_refused(
    academy: Academy, icbc: SigningBank, differently: Callable[[], Signed], code: str
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    before = await effects(academy)

    answer = await icbc.send(request, resigned(icbc, request, **differently()))

    assert (answer.status_code, code_of(answer)) == (401, code), answer.text
    assert await effects(academy) == before


async def test_what_is_signed_as_we_ask_in_another_order_is_accepted(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))

    answer = await icbc.send(request, resigned(icbc, request, cover=lambda v: v[::-1]))

    assert answer.status_code == 201, answer.text


async def test_a_signature_of_a_proxy_beside_the_banks_is_left_alone(
    academy: Academy, icbc: SigningBank
) -> None:
    request = icbc.to_post(PATH, receipt(academy))
    signed = icbc.signer.headers(request)
    both = signed | {
        "signature-input": f'{signed["signature-input"]}, proxy=("@method");tag="proxy"',
        "signature": f"{signed['signature']}, proxy=:AAAA:",
    }

    answer = await icbc.send(request, both)

    assert answer.status_code == 201, answer.text


# --- keys -----------------------------------------------------------------------------------------


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
