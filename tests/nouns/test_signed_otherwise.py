"""Banks' requests signed otherwise than we ask: each refused with its code, in a table."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from service.identity import message_signatures
from tests.fixtures.academies import Academy
from tests.fixtures.signing import PATH, SigningBank, code_of, effects, receipt

Headers = dict[str, str]


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
    signature = bank.private.sign(message_signatures.signature_base(values, written))
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
