"""The test vectors of docs/bank-signing.md, made by the code they are about."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.identity.bank_keys import kid_of
from service.identity.bank_signer import BankSigner, ToSign
from service.identity.service_keys import SigningKey, SigningKeys
from service.identity.service_keys import kid_of as own_kid_of
from service.identity.signatures import EPOCH
from service.store.evidence import Evidence
from service.web.signed import answer_headers

SEED = bytes(range(32))
OWN_SEED = bytes(range(32, 64))
CREATED = 1_772_413_200
NONCES = {"receipt": "q83vEjRWeJCrze8SNFZ4kA==", "orders": "AAECAwQFBgcICQoLDA0ODw=="}
BODY = (
    '{"custody_account_id":"cus_aaaqdfmpfxuma4aaqaaaaaaaaaaac","bank_ref":"R20260302-000001",'
    '"amount":"4999.99","book_on":"2026-03-02","value_on":"2026-03-02",'
    '"payment_code":"TE23456789AB","payer_name":"张三"}'
)
ANSWER = '{"id":"bke_aaaqdfmpfxuma4aaqaaaaaaaaaaac","outcome":"ENROLMENT"}'

REQUESTS = {
    "receipt": ToSign(
        "POST",
        "escrow.example.cn",
        "/v1/receipts",
        body=BODY.encode(),
        content_type="application/json",
        idempotency_key="R20260302-000001",
    ),
    "orders": ToSign("GET", "escrow.example.cn", "/v1/payment-orders", "state=NEW&limit=100"),
}


def vectors() -> dict[str, dict[str, Any]]:
    """Make the key, two signed requests, and the signed answer to the first."""
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    public = private.public_key().public_bytes_raw()
    kid = kid_of("ICBC", "ed25519", public)
    made: dict[str, dict[str, Any]] = {
        "key": {
            "bank": "ICBC",
            "private_seed_hex": SEED.hex(),
            "public_key": base64.b64encode(public).decode("ascii"),
            "keyid": kid,
        }
    }
    for name, request in REQUESTS.items():
        made[name] = _request(name, request, kid, private)
    made["answer"] = _answer(made["receipt"]["headers"]["signature"])
    return made


def shown(vector: dict[str, Any]) -> str:
    """Write a vector as the page has it."""
    return json.dumps(vector, ensure_ascii=False, indent=1)


def _request(name: str, request: ToSign, kid: str, private: Ed25519PrivateKey) -> dict[str, Any]:
    bases: list[bytes] = []

    def sign(base: bytes) -> bytes:
        bases.append(base)
        return private.sign(base)

    signer = BankSigner(kid, sign, clock=lambda: CREATED, nonce=lambda: NONCES[name])
    headers = signer.headers(request)
    return {
        "body": request.body.decode(),
        "signature_base": bases[0].decode("ascii").split("\n"),
        "headers": headers,
    }


def _answer(signed: str) -> dict[str, Any]:
    private = Ed25519PrivateKey.from_private_bytes(OWN_SEED)
    public = private.public_key().public_bytes_raw()
    key = SigningKey(own_kid_of(public), EPOCH, private)
    value = base64.b64decode(signed.partition("=")[2].strip(":"))
    proof = Evidence("", "ICBC", "", EPOCH, b"", value, EPOCH, label="sig")
    made = answer_headers(proof, 201, ANSWER.encode(), SigningKeys((key,)), now=CREATED)
    return {
        "public_key": base64.b64encode(public).decode("ascii"),
        "status": 201,
        "body": ANSWER,
        "headers": {name.decode(): value.decode() for name, value in made},
    }
