"""docs/bank-signing.md: its test vectors are what the code makes, and hold by another's code."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureComponentResolver,
    algorithms,
)

from ledger import refusals
from service.identity.bank_signer import Answer, is_answer_to
from tests.signing_vectors import REQUESTS, vectors

PAGE = Path(__file__).parent.parent / "docs" / "bank-signing.md"


def on_page() -> dict[str, dict[str, Any]]:
    found = re.findall(r"<!-- (\w+) -->\n```json\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
    return {name: json.loads(block) for name, block in found}


def test_the_pages_vectors_are_what_the_code_makes() -> None:
    assert on_page() == vectors()


@dataclass
class Message:
    """A request as the library wants it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_vectors_base_is_the_librarys_and_the_signature_is_over_it(name: str) -> None:
    told, request = on_page(), REQUESTS[name]
    query = f"?{request.query}" if request.query else ""
    message = Message(
        request.method, f"https://{request.authority}{request.path}{query}", told[name]["headers"]
    )
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=None,
        component_resolver_class=HTTPSignatureComponentResolver,
    )
    [(_, given, signature)] = verifier._get_sig_inputs_and_signatures(  # type: ignore[no-untyped-call]
        message, expect_tag="escrow-bank-v1"
    )

    base, _, _ = verifier._build_signature_base(
        message, covered_component_ids=list(given), signature_params=given.params
    )

    assert base.split("\n") == told[name]["signature_base"]
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(told["key"]["public_key"]))
    public.verify(signature.value, base.encode())


def test_the_pages_answer_is_one_to_the_pages_receipt() -> None:
    told = on_page()
    answer = told["answer"]
    kid = re.search('keyid="([^"]+)"', answer["headers"]["signature-input"])
    assert kid is not None

    ours = is_answer_to(
        told["receipt"]["headers"]["signature"],
        Answer(answer["status"], answer["headers"], answer["body"].encode()),
        {kid[1]: base64.b64decode(answer["public_key"])},
    )

    assert ours


def test_the_page_names_every_code_there_is() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    codes = {refusal.code for refusal in refusals.SignatureRefused.__subclasses__()}

    assert codes <= named
