"""Message signatures against RFC 9421's own vectors and against another implementation."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import http_sf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

from ledger.refusals import SignatureMalformed
from service.identity import algorithms as ours
from service.identity import message_signatures
from service.identity.authentication import RequestFacts
from service.identity.bank_signer import Answer, BankSigner, ToSign, is_answer_to
from service.identity.message_signatures import Unreadable
from service.identity.service_keys import SigningKey, SigningKeys, SigningKeysMissing
from service.identity.signatures import claim_of, normalised
from service.store.evidence import Evidence
from service.web.signed import answer_headers

SEED = base64.urlsafe_b64decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU=")
"""RFC 9421 appendix B.1.4, test-key-ed25519."""
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
NOW = 1_800_000_000


# --- RFC 9421's own test vectors ------------------------------------------------------------------


def test_the_key_of_the_rfc_is_the_one_it_says() -> None:
    public = base64.urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs=")

    assert KEY.public_key().public_bytes_raw() == public


def test_appendix_b_2_6_is_built_signed_and_verified_as_printed() -> None:
    values = (
        ('"date"', "Tue, 20 Apr 2021 02:07:55 GMT"),
        ('"@method"', "POST"),
        ('"@path"', "/foo"),
        ('"@authority"', "example.com"),
        ('"content-type"', "application/json"),
        ('"content-length"', "18"),
    )
    printed = (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    signature = (
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )

    written = message_signatures.input_of(
        [name for name, _ in values], {"created": 1618884473, "keyid": "test-key-ed25519"}
    )
    base = message_signatures.signature_base(values, written)
    [member] = message_signatures.members(f"sig-b26={printed}", f"sig-b26=:{signature}:")

    assert written == printed == member.written
    assert base64.b64encode(KEY.sign(base)).decode() == signature
    verifies = ours.algorithms()["ed25519"].verifies
    assert verifies(KEY.public_key().public_bytes_raw(), base, member.signature)
    assert not verifies(KEY.public_key().public_bytes_raw(), base + b" ", member.signature)


def test_the_content_digest_of_appendix_b_2_is_ours() -> None:
    body = b'{"hello": "world"}'

    field = message_signatures.digest_of(body)

    assert field == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    assert message_signatures.digest_in(field) == hashlib.sha256(body).digest()


# --- the library for HTTP message signatures ------------------------------------------------------


@dataclass
class Message:
    """A request as the library wants it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


class Keys(HTTPSignatureKeyResolver):
    """One key for every id."""

    def resolve_public_key(self, key_id: str) -> Any:  # noqa: ARG002 - the library's
        return KEY.public_key()

    def resolve_private_key(self, key_id: str) -> Any:  # noqa: ARG002 - the library's
        return KEY


BODY = '{"amount": "4999.99", "purpose": "学费"}'.encode()
COVERED = (
    *("@method", "@authority", "@path", "@query"),
    *("content-type", "content-digest", "idempotency-key"),
)


def sent_by_library() -> tuple[Message, RequestFacts]:
    headers = {"content-type": "application/json", "idempotency-key": "k-1"}
    message = Message("POST", "https://ESCROW.test:443/v1/receipts?dry_run=true", headers)
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
    at = datetime.fromtimestamp(NOW, UTC)
    signer.sign(
        message,
        key_id="ICBC-x",
        created=at,
        expires=at + timedelta(seconds=300),
        nonce="MDEyMzQ1Njc4OWFiY2RlZg==",
        tag="escrow-bank-v1",
        covered_component_ids=COVERED,
        body=BODY,
    )
    return message, shown(message)


def shown(
    message: Message, path: str = "/v1/receipts", query: str = "dry_run=true"
) -> RequestFacts:
    async def body() -> bytes:
        return BODY

    headers = {name.lower(): value for name, value in message.headers.items()}
    return RequestFacts(message.method, "ESCROW.test:443", path, query, headers, body)


def test_what_the_library_signs_is_read_with_the_same_base_and_verifies() -> None:
    _, facts = sent_by_library()

    claim = claim_of(facts, frozenset({"escrow.test"}), now=NOW)

    assert (claim.kid, claim.algorithm) == ("ICBC-x", "ed25519")
    assert b'"@authority": escrow.test\n' in claim.base
    verifies = ours.algorithms()["ed25519"].verifies
    assert verifies(KEY.public_key().public_bytes_raw(), claim.base, claim.signature)


def test_what_our_signer_signs_the_library_verifies() -> None:
    signer = BankSigner("ICBC-x", KEY.sign)
    headers = signer.headers(
        ToSign("POST", "escrow.test", "/v1/receipts", "a=1", BODY, "application/json", "k-1")
    )
    message = Message("POST", "https://escrow.test/v1/receipts?a=1", headers)
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys())

    [result] = verifier.verify(
        message, expect_tag="escrow-bank-v1", require_components=COVERED, body=BODY
    )

    assert result.body == BODY
    assert result.nonce is not None


def test_the_library_lets_pass_what_we_refuse() -> None:
    """Why the profile is checked here: its strictness is ours to ask for."""
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys())
    message = Message("GET", "https://escrow.test/v1/payment-orders")
    signer.sign(
        message,
        key_id="ICBC-x",
        tag="escrow-bank-v1",
        covered_component_ids=("@method", "@authority", "@path", "@query"),
    )
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys())

    passed = verifier.verify(message, expect_tag="escrow-bank-v1")

    assert len(passed) == 1  # without expires, without nonce, as often as one likes
    with pytest.raises(SignatureMalformed):
        claim_of(shown(message, "/v1/payment-orders", ""), frozenset({"escrow.test"}), now=NOW)


# --- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        ("", ""),
        ("sig=(", "sig=:AAAA:"),
        ("sig=()", ""),
        ("sig=(), sig=()", "sig=:AAAA:"),
        ("sig=()", "sig=:AAAA:, sig=:AAAA:"),
        ("a=()", "b=:AAAA:"),
        ("sig=1", "sig=:AAAA:"),
        ("sig=(a)", "sig=:AAAA:"),
        ('sig=("a" "a")', "sig=:AAAA:"),
        ("sig=()", "sig=AAAA"),
        ("sig=()", 'sig="AAAA"'),
        ('sig=("ü")', "sig=:AAAA:"),
        ("sig=()" + " " * 5000, "sig=:AAAA:"),
    ],
)
def test_signature_fields_that_are_not_one_signature_a_label_cannot_be_read(
    signature_input: str, signature: str
) -> None:
    with pytest.raises(Unreadable):
        message_signatures.members(signature_input, signature)


@pytest.mark.parametrize(
    "field",
    [
        'sig=("a" "b");created=1;tag="a \\"quoted\\" \\\\ word"',
        'sig=("a";req "b";key="c";sf);created=-1;tag="t"',
        "sig=();alg=token;flag;created=1.5;bytes=:AAAA:",
    ],
)
def test_an_input_is_written_again_as_the_parser_writes_it(field: str) -> None:
    [member] = message_signatures.members(field, "sig=:AAAA:")

    assert f"sig={member.written}" == http_sf.ser(
        http_sf.parse(field.encode(), tltype="dictionary")
    )


@pytest.mark.parametrize("value", ['a\n"@method": GET', "a\rb", "naïve"])
def test_a_value_that_could_be_taken_for_another_line_is_not_signed(value: str) -> None:
    with pytest.raises(Unreadable):
        message_signatures.signature_base([('"idempotency-key"', value)], "()")


@pytest.mark.parametrize(
    ("field", "digest"),
    [
        ("sha-512=:AAAA:", None),
        ("sha-256=1", None),
        ("sha-512=:AAAA:, sha-256=:AAAA:", b"\0\0\0"),
    ],
)
def test_only_a_sha_256_among_the_digests_counts(field: str, digest: bytes | None) -> None:
    assert message_signatures.digest_in(field) == digest


def test_an_authority_is_compared_in_lower_case_and_without_a_default_port() -> None:
    assert normalised(" Escrow.Example.CN:443") == "escrow.example.cn"
    assert normalised("escrow.example.cn:8443") == "escrow.example.cn:8443"


# --- algorithms -----------------------------------------------------------------------------------


def test_points_of_small_order_are_no_keys() -> None:
    usable = ours.algorithms()["ed25519"].usable

    assert usable(KEY.public_key().public_bytes_raw())
    assert not usable(bytes(32))
    assert not usable(b"\x01" + bytes(31))
    assert not usable(b"short")


def test_sm2_signs_and_verifies_and_knows_a_point_from_none() -> None:
    sm2 = ours.algorithms()["sm2-sm3"]
    private = bytes.fromhex("128b2fa8bd433c6c068c8d803dff79792a519a55171b1b650c23661d15897263")
    sign, public = ours.sm2_signature(private), sm2_public(private)

    signature = sign(b"message")

    assert len(signature) == 64
    assert sm2.verifies(public, b"message", signature)
    assert not sm2.verifies(public, b"massage", signature)
    assert not sm2.verifies(public, b"message", signature[:-1])
    assert not sm2.verifies(public, b"message", bytes(64))
    assert sm2.usable(public)
    assert not sm2.usable(b"\x04" + bytes(64))
    assert not sm2.usable(public[1:])


def sm2_public(private: bytes) -> bytes:
    import gmalg  # type: ignore[import-untyped]  # noqa: PLC0415

    return bytes(gmalg.SM2().generate_pk(private))


# --- answers --------------------------------------------------------------------------------------


def proof(signature: bytes = b"signed") -> Evidence:
    at = datetime.fromtimestamp(NOW, UTC)
    return Evidence("ICBC-x", "ICBC", "n" * 22, at, b"base", signature, at, label="sig")


def keys(*days: int) -> SigningKeys:
    at = datetime.fromtimestamp(NOW, UTC)
    return SigningKeys(
        tuple(
            SigningKey(f"escrow-{day}", at + timedelta(days=day), Ed25519PrivateKey.generate())
            for day in sorted(days)
        )
    )


def answer_of(signing: SigningKeys, body: bytes = b'{"a": 1}') -> Answer:
    headers = answer_headers(proof(), 201, body, signing, now=NOW)
    return Answer(201, {name.decode(): value.decode() for name, value in headers}, body)


SIGNED = f"sig={message_signatures.written_bytes(b'signed')}"


def test_an_answer_is_signed_as_that_to_one_request() -> None:
    signing = keys(0)
    published = {key.kid: key.public for key in signing.keys}
    answer = answer_of(signing)
    other = f"sig={message_signatures.written_bytes(b'another')}"

    assert is_answer_to(SIGNED, answer, published)
    assert not is_answer_to(other, answer, published)
    assert not is_answer_to(SIGNED, Answer(200, answer.headers, answer.body), published)
    assert not is_answer_to(SIGNED, Answer(201, answer.headers, b"{}"), published)
    assert not is_answer_to(SIGNED, Answer(201, {}, answer.body), published)
    assert not is_answer_to(SIGNED, answer, {})


def test_the_newest_key_whose_day_has_come_signs() -> None:
    signing = keys(-30, -1, 7)

    assert signing.at(datetime.fromtimestamp(NOW, UTC)).kid == "escrow--1"
    with pytest.raises(SigningKeysMissing):
        keys(7).at(datetime.fromtimestamp(NOW, UTC))
