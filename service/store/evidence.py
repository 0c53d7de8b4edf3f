"""Evidence: the signed message behind a command, spent and kept in the unit of work it causes.

The nonce is spent first: a signature that came before, or whose key has been revoked meanwhile,
stops its own request and none of its neighbours. What was signed is kept for ever beside the
stored answer, with its body sealed: bodies name payers.
"""

import asyncio
import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import ARRAY, DateTime, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal, SignatureReplayed, SigningKeyNotValid
from service.store.answers import Key
from service.store.facts import Insert
from service.store.spooled import Spooled
from service.store.tables import SignedBody, SignedMessage

LARGE: Final = 64 * 1024
FORGOTTEN_AT_ONCE: Final = 5_000

_SPEND: Final = text("SELECT escrow.spend_nonces(:kids, :nonces, :until, :durable)").bindparams(
    bindparam("kids", type_=ARRAY(Text)),
    bindparam("nonces", type_=ARRAY(Text)),
    bindparam("until", type_=ARRAY(DateTime(timezone=True))),
)
_FORGET: Final = text("SELECT escrow.forget_nonces(:most)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verified signature: its key, its nonce, what it signed, and the body that came with it.

    `base` is the signature base of RFC 9421, `label` what the signature was called in the message.
    `packed` is the body as it is kept, made before the unit of work begins.
    """

    kid: str
    bank: str
    nonce: str
    kept_until: datetime
    base: bytes
    signature: bytes
    received_at: datetime
    label: str = "sig"
    body: bytes | Spooled = b""
    packed: str | None = None


async def spend(
    connection: AsyncConnection, shown: Sequence[Evidence], *, durable: bool = True
) -> list[Refusal | None]:
    """Spend the nonces in the running transaction; return what is wrong with each, if anything.

    Not `durable`, for reads, a crash of the server may forget the last half second.
    """
    verdicts = await connection.scalar(
        _SPEND,
        {
            "kids": [one.kid for one in shown],
            "nonces": [one.nonce for one in shown],
            "until": [one.kept_until for one in shown],
            "durable": durable,
        },
    )
    return [_refusal(verdict) for verdict in verdicts or ()]


async def forget(connection: AsyncConnection) -> int:
    """Forget nonces whose signatures have long expired; return how many."""
    return int(await connection.scalar(_FORGET, {"most": FORGOTTEN_AT_ONCE}) or 0)


def packed(body: bytes | Spooled) -> str | None:
    """Write a body as it is kept, compressed; some 10 ms a megabyte. None for no body."""
    if isinstance(body, Spooled):
        squeeze = zlib.compressobj(1)
        written = b"".join([*map(squeeze.compress, body.pieces()), squeeze.flush()])
        return base64.b64encode(written).decode("ascii") if body.size else None
    return base64.b64encode(zlib.compress(body, 1)).decode("ascii") if body else None


async def with_body(evidence: Evidence) -> Evidence:
    """Return the evidence with its body as it is kept; a large one is packed beside the loop."""
    if not isinstance(evidence.body, Spooled) and len(evidence.body) <= LARGE:
        return replace(evidence, packed=packed(evidence.body))
    return replace(evidence, packed=await asyncio.to_thread(packed, evidence.body))


def unpacked(kept: str | None) -> bytes:
    """Return the body byte for byte."""
    return b"" if kept is None else zlib.decompress(base64.b64decode(kept))


def rows_of(evidence: Evidence, key: Key, seq: int) -> list[Insert]:
    """Make the rows that keep a message beside the answer under its key."""
    message = uuid4()
    kept = {
        "caller_id": key.caller_id,
        "key": key.key,
        "message_id": message,
        "bank_code": evidence.bank,
        "kid": evidence.kid,
        "base": evidence.base,
        "signature": evidence.signature,
        "has_body": evidence.packed is not None,
        "seq": seq,
        "received_at": evidence.received_at,
    }
    if evidence.packed is None:
        return [Insert(SignedMessage, kept)]
    body = {"message_id": message, "bank_code": evidence.bank, "body": evidence.packed}
    return [Insert(SignedMessage, kept), Insert(SignedBody, body)]


def _refusal(verdict: str) -> Refusal | None:
    if verdict == "spent":
        return None
    return SignatureReplayed() if verdict == "replayed" else SigningKeyNotValid(reason="revoked")
