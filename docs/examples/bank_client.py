"""A bank's adapter (银行适配器) in one file: it needs Python 3.11 and the package `cryptography`.

docs/bank-adapter.md walks through it. Every answer is printed as the service gave it; it ends 0
when that was a success, and 1 when it was a refusal or nobody answered.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PATIENCE_S = 60
AGAIN = {429, 502, 503, 504}
"""Statuses that say nothing of the outcome: the same request is sent again, under the same key."""


def b64(value: bytes) -> str:
    """Write bytes in base64."""
    return base64.b64encode(value).decode("ascii")


def digest(body: bytes) -> str:
    """Write a Content-Digest."""
    return f"sha-256=:{b64(hashlib.sha256(body).digest())}:"


class BankClient:
    """A bank's line to the service: what it sends is signed, what it believes was signed."""

    def __init__(self, service: str, bank: str, seed: bytes) -> None:
        """Take the service's address, the bank's code and the 32 bytes of its private key."""
        self.service, self.authority = service.rstrip("/"), urlsplit(service).netloc.lower()
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes_raw()
        hashed = hashlib.sha256(b"ed25519\0" + self.public).digest()[:10]
        self.keyid = f"{bank}-{base64.b32encode(hashed).decode().lower()}"
        with urllib.request.urlopen(f"{self.service}/v1/keys") as answer:  # noqa: S310 - given
            published = json.load(answer)["items"]
        self.keys = {key["kid"]: base64.b64decode(key["public_key"]) for key in published}

    def get(self, target: str) -> tuple[int, Any]:
        """Read; `target` is path and query, percent-encoded."""
        return self._answered("GET", target, None, {})

    def post(
        self, path: str, body: bytes | dict[str, Any], key: str, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """Send a command. The key names it for ever: again under it is once."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        sent = {"content-type": kind, "content-digest": digest(raw), "idempotency-key": key}
        return self._answered("POST", path, raw, sent)

    def _answered(
        self, method: str, target: str, body: bytes | None, sent: dict[str, str]
    ) -> tuple[int, Any]:
        """Send until it is answered: with the same key and body, each time signed anew."""
        deadline, pause = time.monotonic() + PATIENCE_S, 0.5
        while True:
            answer = self._sent(method, target, body, sent)
            in_flight = answer is not None and answer[1].get("code") == "idempotency_in_flight"
            if answer is not None and answer[0] not in AGAIN and not in_flight:
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} {target}: no answer for {PATIENCE_S} s")
            time.sleep(pause)
            pause = min(2 * pause, 10)

    def _sent(
        self, method: str, target: str, body: bytes | None, sent: dict[str, str]
    ) -> tuple[int, Any] | None:
        """Send once; None when the line broke."""
        signed = self._signature(method, target, sent)
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's word
            self.service + target, body, sent | signed, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as came:  # noqa: S310
                status, headers, raw = came.status, came.headers, came.read()
        except urllib.error.HTTPError as refused:
            status, headers, raw = refused.code, refused.headers, refused.read()
        except OSError:
            return None
        # Only an unknown caller gets an answer that is not signed.
        if status not in AGAIN | {401}:
            self._check(signed["signature"], status, headers, raw)
        return status, json.loads(raw)

    def _signature(self, method: str, target: str, sent: dict[str, str]) -> dict[str, str]:
        """Sign exactly these: method, authority, path, query, and the three headers if sent."""
        path, _, query = target.partition("?")
        lines = {"@method": method, "@authority": self.authority, "@path": path}
        lines |= {"@query": f"?{query}"} | sent
        now = int(time.time())
        given = (
            "(" + " ".join(f'"{name}"' for name in lines) + ")"
            f';created={now};expires={now + 120};nonce="{b64(os.urandom(18))}"'
            f';keyid="{self.keyid}";alg="ed25519";tag="escrow-bank-v1"'
        )
        base = "".join(f'"{name}": {value}\n' for name, value in lines.items())
        signature = self.private.sign(f'{base}"@signature-params": {given}'.encode())
        return {"signature-input": f"sig={given}", "signature": f"sig=:{b64(signature)}:"}

    def _check(self, signature: str, status: int, headers: Any, raw: bytes) -> None:  # noqa: ANN401
        """Believe an answer only if the service signed it, as the answer to this very request."""
        given = headers["signature-input"].removeprefix("escrow=")
        base = (
            f'"@status": {status}\n"content-digest": {digest(raw)}\n'
            f'"signature";req;key="sig": {signature.removeprefix("sig=")}\n'
            f'"@signature-params": {given}'
        )
        if not given.startswith('("@status" "content-digest" "signature";req;key="sig")'):
            raise InvalidSignature
        public = self.keys[given.split('keyid="')[1].split('"')[0]]
        value = headers["signature"].removeprefix("escrow=").strip(":")
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(value), base.encode())


COMMANDS = {
    "accounts": "",
    "receipt": "account ref amount on --code --payer",
    "orders": "fetch",
    "acknowledge": "lease",
    "report": "order status --reason",
    "debit": "order account ref amount on",
    "statement": "file type",
    "message": "ref",
}
"""What the command line can be asked for, with its arguments."""


def said(asked: argparse.Namespace, **names: str) -> dict[str, str]:
    """Take what was said of these fields, by the name that the API has for each."""
    return {name: value for name, given in names.items() if (value := getattr(asked, given, None))}


def run(client: BankClient, asked: argparse.Namespace) -> tuple[int, Any]:
    """Carry out one command of the command line; a command's key follows from what it says."""
    line = said(asked, custody_account_id="account", bank_ref="ref", amount="amount")
    line |= said(asked, book_on="on", value_on="on")
    match asked.command:
        case "receipt":
            path, body = "/v1/receipts", line | said(asked, payment_code="code", payer_name="payer")
        case "orders":
            return client.post("/v1/payment-orders/fetch", {"limit": 100}, asked.fetch)
        case "acknowledge":
            path, body = "/v1/payment-orders/acknowledge", {"lease_id": asked.lease}
        case "report":
            path = f"/v1/payment-orders/{quote(asked.order)}/report"
            body = said(asked, status="status", reason="reason")
        case "debit":
            path, body = "/v1/debits", line | {"kind": "ORDER", "end_to_end_id": asked.order}
        case "statement":
            raw = Path(asked.file).read_bytes()
            key = hashlib.sha256(raw).hexdigest()
            return client.post("/v1/statement-files", raw, key, asked.type)
        case "message":
            return client.get(f"/v1/bank-messages/{quote(asked.ref, safe='')}")
        case _:
            return client.get("/v1/custody-accounts")
    return client.post(path, body, hashlib.sha256(f"{path} {body}".encode()).hexdigest())


def main() -> int:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", required=True, help="its address, https://…")
    parser.add_argument("--bank", required=True, help="code of the bank")
    parser.add_argument("--key", required=True, type=Path, help="file: the seed in hexadecimal")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, names in COMMANDS.items():
        command = commands.add_parser(name)
        for argument in names.split():
            command.add_argument(argument)
    asked = parser.parse_args()
    client = BankClient(asked.service, asked.bank, bytes.fromhex(asked.key.read_text("ascii")))
    try:
        status, body = run(client, asked)
    except TimeoutError as silence:
        sys.exit(f"{silence}")
    sys.stdout.write(json.dumps(body, ensure_ascii=False, indent=1) + "\n")
    return int(status >= HTTPStatus.BAD_REQUEST)


if __name__ == "__main__":
    sys.exit(main())
