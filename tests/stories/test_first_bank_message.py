"""A bank's first day: from a key to the first receipt and the first order it fetches.

The bank's side is written as its engineer would write it from docs/bank-signing.md, with nothing
of ours.
"""

import base64
import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from tests.fixtures.story import Contract, School, Story

HOST = "escrow.test"
BODY = ["content-type", "content-digest", "idempotency-key"]


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@dataclass
class Adapter:
    """What the bank's engineer wrote in an afternoon."""

    http: httpx.AsyncClient
    private: Ed25519PrivateKey
    keyid: str = ""
    service: dict[str, str] | None = None

    async def learn(self) -> None:
        told = (await self.http.get("/v1/keys")).json()
        self.service = {key["kid"]: key["public_key"] for key in told["items"]}

    async def call(self, method: str, target: str, said: Any = None, key: str = "") -> Any:
        body = b"" if said is None else json.dumps(said).encode()
        sent = {"host": HOST}
        if method == "POST":
            digest = f"sha-256=:{b64(hashlib.sha256(body).digest())}:"
            values = ["application/json", digest, key]
            sent |= dict(zip(BODY, values, strict=True))
        headers = sent | self.signed(method, target, sent)
        answer = await self.http.request(method, target, content=body, headers=headers)
        if self.service is not None and answer.status_code != 401:
            self.check(headers["signature"], answer)
        return answer

    def signed(self, method: str, target: str, sent: dict[str, str]) -> dict[str, str]:
        path, _, query = target.partition("?")
        lines = {"@method": method, "@authority": HOST, "@path": path, "@query": f"?{query}"}
        lines |= {name: sent[name] for name in BODY if name in sent}
        now = int(time.time())
        given = (
            "(" + " ".join(f'"{name}"' for name in lines) + ")"
            f';created={now};expires={now + 120};nonce="{b64(os.urandom(16))}"'
            f';keyid="{self.keyid}";alg="ed25519";tag="escrow-bank-v1"'
        )
        base = "".join(f'"{name}": {value}\n' for name, value in lines.items())
        signature = self.private.sign(f'{base}"@signature-params": {given}'.encode())
        return {"signature-input": f"sig={given}", "signature": f"sig=:{b64(signature)}:"}

    def check(self, signature: str, answer: httpx.Response) -> None:
        digest = f"sha-256=:{b64(hashlib.sha256(answer.content).digest())}:"
        given = answer.headers["signature-input"].removeprefix("escrow=")
        keyid = given.split('keyid="')[1].split('"')[0]
        base = (
            f'"@status": {answer.status_code}\n"content-digest": {digest}\n'
            f'"signature";req;key="sig": {signature.removeprefix("sig=")}\n'
            f'"@signature-params": {given}'
        )
        assert given.startswith('("@status" "content-digest" "signature";req;key="sig")')
        assert self.service is not None
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.service[keyid]))
        value = answer.headers["signature"].removeprefix("escrow=").strip(":")
        key.verify(base64.b64decode(value), base.encode())


async def test_a_bank_gets_from_a_key_to_its_first_receipt_and_order(story: Story) -> None:
    district = story.district
    adapter = Adapter(district.service.http, Ed25519PrivateKey.generate())

    # The bank makes a key and hands over its public half. Before anybody has entered it, what the
    # bank signs is nobody's.
    public = adapter.private.public_key().public_bytes_raw()
    digest = hashlib.sha256(b"ed25519\0" + public).digest()[:10]
    adapter.keyid = f"ICBC-{base64.b32encode(digest).decode().lower()}"
    stranger = await adapter.call("GET", "/v1/payment-orders?state=NEW")
    assert (stranger.status_code, stranger.json()["code"]) == (401, "signing_key_unknown")

    # An operator asks for the key; the key's id is the one the bank reckoned itself. Alone they
    # get nowhere; a second operator reads the same and approves it.
    asked = await story.say("bank-keys", district.operator, described(district.code, public))
    assert asked["payload"]["kid"] == adapter.keyid
    assert asked["state"] == "PENDING"
    approval = f"approvals/{asked['id']}/approve"
    seen = {"payload_hash": asked["payload_hash"]}
    alone = await district.service.post(f"/v1/{approval}", district.operator, seen)
    assert alone.json()["code"] == "maker_is_checker"
    done = await story.say(approval, district.second_operator, seen)
    assert done["outcome"]["kid"] == adapter.keyid

    # The first signed read is let in, and the answer is signed by a key that the service shows.
    await adapter.learn()
    none_yet = await adapter.call("GET", "/v1/payment-orders?state=NEW&limit=100")
    assert none_yet.status_code == 200
    assert none_yet.json()["items"] == []

    # A parent pays for a contract; the bank reports it, and it is the student's.
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("4800.00", 48))
    receipt = await adapter.call("POST", "/v1/receipts", money_in(school, contract), "R-1")
    assert receipt.status_code == 201, receipt.text
    assert receipt.json()["outcome"] == "ENROLMENT"

    # The answer got lost? The same key, signed anew, brings it again. A copy of the old message
    # brings nothing.
    again = await adapter.call("POST", "/v1/receipts", money_in(school, contract), "R-1")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == receipt.json()["id"]

    # Two lessons later the school is owed something, and the bank fetches its first order.
    held = await school.gives(contract, 2)
    await story.batch("lessons/confirm/batch", await contract.parent(), held)
    order = await school.asks_for_payout("ICBC")
    fetched = await adapter.call(
        "POST", "/v1/payment-orders/fetch", {"jurisdiction": district.code}, "F-1"
    )
    assert [each["id"] for each in fetched.json()["orders"]] == [order["id"]]
    assert fetched.json()["orders"][0]["payee"]["account_number"]

    # The key is lost. One operator revokes it, and from then on it opens nothing.
    await story.say(
        f"bank-keys/{adapter.keyid}/revoke", district.operator, {"reason": "COMPROMISED"}
    )
    shut_out = await adapter.call("POST", "/v1/payment-orders/fetch", {}, "F-2")
    assert (shut_out.status_code, shut_out.json()["code"]) == (401, "signing_key_not_valid")


def described(jurisdiction: str, public: bytes) -> dict[str, Any]:
    year = 365 * 24 * 3600
    instants = [time.gmtime(time.time() + seconds) for seconds in (-3600, year)]
    begins, ends = (time.strftime("%Y-%m-%dT%H:%M:%S+00:00", at) for at in instants)
    return {
        "bank": "ICBC",
        "jurisdiction": jurisdiction,
        "public_key": b64(public),
        "not_before": begins,
        "not_after": ends,
    }


def money_in(school: School, contract: Contract) -> dict[str, Any]:
    return {
        "custody_account_id": school.accounts["ICBC"],
        "bank_ref": "ICBC-20260301-1",
        "amount": contract.row["price"],
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
        "payment_code": contract.row["payment_code"],
        "payer_name": "张三",
    }
