"""Day nought: each bank makes a key, one operator asks for its registration, another approves."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.demo.client import together
from service.demo.stage import Stage
from service.identity.algorithms import ED25519
from service.identity.bank_signer import BankSigner

_VALID: Final = timedelta(days=1)


async def register_keys(stage: Stage) -> None:
    """Register a key for each bank, and learn the keys that the service answers with."""
    banks = stage.district.banks
    with stage.chapter("bank keys", len(banks)) as bar:
        await together((_register(stage, bank) for bank in banks), bar)
    published = await stage.api.get("/v1/keys", stage.cast.operator)
    stage.api.service_keys = {
        key["kid"]: base64.b64decode(key["public_key"]) for key in published["items"]
    }


async def _register(stage: Stage, bank: str) -> None:
    private, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    public = private.public_key().public_bytes_raw()
    body = {
        "bank": bank,
        "jurisdiction": stage.cast.code,
        "algorithm": ED25519,
        "public_key": base64.b64encode(public).decode("ascii"),
        "not_before": (now - timedelta(minutes=5)).isoformat(),
        "not_after": (now + _VALID).isoformat(),
    }
    asked = await stage.api.post(
        "/v1/bank-keys", stage.cast.operator, body, key=stage.key("bank-key", bank)
    )
    approved = await stage.api.post(
        f"/v1/approvals/{asked['id']}/approve",
        stage.cast.second_operator,
        {"payload_hash": asked["payload_hash"]},
        key=stage.key("bank-key", bank, "second"),
        of="/v1/approvals/{id}/approve",
    )
    kid = approved["outcome"]["kid"]
    stage.cast.banks[bank] = BankSigner(kid, private.sign)
    stage.cast.bank_seeds[bank] = private.private_bytes_raw().hex()
