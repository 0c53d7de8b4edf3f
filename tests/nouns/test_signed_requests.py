"""Banks' signed requests: accepted once; whatever was changed on the way is refused, in a table."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.identity import message_signatures
from tests.fixtures.academies import Academy
from tests.fixtures.signing import PATH, SigningBank, code_of, effects, receipt

Headers = dict[str, str]


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
