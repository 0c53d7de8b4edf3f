"""Banks' keys as they are looked up to verify a request, remembered for a few seconds.

What is remembered only saves a statement: whether a key is still valid is asked again in the unit
of work that the message causes, and with the nonce of a read (`service.store.evidence`).
"""

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.identity.callers import Caller, Role

REMEMBERED_S: Final = 2
KEYS_MAX: Final = 1_000

_FIND: Final = text(
    """
    SELECT key.bank_code, key.algorithm, key.public, key.not_before, key.not_after,
           key.revoked_at, home.path,
           (SELECT array_agg(node.journal_id ORDER BY node.journal_id)
            FROM escrow.jurisdiction AS node
            JOIN escrow.jurisdiction_bank AS chosen ON chosen.jurisdiction_code = node.code
            WHERE node.journal_id IS NOT NULL AND chosen.bank_code = key.bank_code
              AND (node.path = home.path OR starts_with(node.path,
                   home.path || CASE WHEN length(home.path) < 6 THEN '' ELSE '~' END))
           ) AS journals
    FROM escrow.bank_key AS key
    JOIN escrow.jurisdiction AS home ON home.code = key.jurisdiction_code
    WHERE key.kid = :kid
    """
)


@dataclass(frozen=True, slots=True)
class BankKey:
    """A registered key and the part of the world that it speaks in."""

    kid: str
    bank: str
    algorithm: str
    public: bytes
    not_before: datetime
    not_after: datetime
    revoked: bool
    path: str
    journals: tuple[int, ...]

    def fault(self, at: datetime) -> str | None:
        """Tell why the key may not sign now: revoked, not_yet or expired; None if it may."""
        if self.revoked:
            return "revoked"
        if at < self.not_before:
            return "not_yet"
        return "expired" if at > self.not_after else None

    @property
    def caller(self) -> Caller:
        """The bank that signs with it; it is the same caller under each of its keys."""
        return Caller(
            id=caller_id(self.bank),
            role=Role.BANK,
            journals=self.journals,
            path=self.path,
            paths=(self.path,),
            bank=self.bank,
        )


class KnownKeys:
    """Keys by id, read again when they were read more than `REMEMBERED_S` ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember nothing yet."""
        self._clock = clock
        self._known: dict[str, tuple[float, BankKey]] = {}

    async def find(self, connection: AsyncConnection, kid: str) -> BankKey | None:
        """Return a key by its id, None where there is none."""
        now = self._clock()
        read_at, key = self._known.get(kid, (0.0, None))
        if key is not None and now - read_at < REMEMBERED_S:
            return key
        key = await _read(connection, kid)
        if key is not None:
            if len(self._known) >= KEYS_MAX:
                self._known.clear()
            self._known[kid] = (now, key)
        return key

    def forget(self) -> None:
        """Read every key again at its next use."""
        self._known.clear()


def kid_of(bank: str, algorithm: str, public: bytes) -> str:
    """Make the id of a key: the bank's code and 80 bits of the hash of the key itself."""
    digest = hashlib.sha256(algorithm.encode() + b"\0" + public).digest()
    return f"{bank}-{base64.b32encode(digest[:10]).decode('ascii').lower()}"


def caller_id(bank: str) -> str:
    """Name a bank as caller: its idempotency keys outlive its signing keys."""
    return f"bank:{bank}"


async def _read(connection: AsyncConnection, kid: str) -> BankKey | None:
    row = (await connection.execute(_FIND, {"kid": kid})).mappings().one_or_none()
    if row is None:
        return None
    return BankKey(
        kid=kid,
        bank=row["bank_code"],
        algorithm=row["algorithm"],
        public=bytes(row["public"]),
        not_before=row["not_before"],
        not_after=row["not_after"],
        revoked=row["revoked_at"] is not None,
        path=row["path"],
        journals=tuple(row["journals"] or ()),
    )
