"""The JSON contract of banks' keys and of the service's own."""

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from ledger.refusals import RequestInvalid
from service.banks.keys import RegisterKey
from service.banks.schemas import Custodian
from service.identity.algorithms import algorithms
from service.identity.bank_keys import kid_of
from service.web.wire import Instant, InstantIn, WireIn, WireOut, examples

VALIDITY_MAX: Final = timedelta(days=731)

Base64 = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9+/]{43,88}={0,2}$")]
NodeCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Z][0-9A-Z-]{1,15}$")]
Algorithm = Literal["ed25519", "sm2-sm3"]
Why = Literal["ROTATED", "COMPROMISED", "CEASED", "MISTAKEN"]

_KEY: Final = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


class BankKeyIn(WireIn):
    """A bank's public key to register: 32 bytes of Ed25519, or an SM2 point of 65 bytes."""

    model_config = examples(
        {
            "bank": "ICBC",
            "jurisdiction": "500106",
            "algorithm": "ed25519",
            "public_key": _KEY,
            "not_before": "2026-03-01T00:00:00+08:00",
            "not_after": "2027-03-01T00:00:00+08:00",
        }
    )

    bank: Custodian
    jurisdiction: NodeCode = Field(description="It speaks for the bank here and in all below")
    algorithm: Algorithm = "ed25519"
    public_key: Base64 = Field(description="The raw public key in base64")
    not_before: InstantIn
    not_after: InstantIn = Field(description="At most two years after not_before")

    def facts(self, approval: UUID, key: str | None, parent: str | None) -> RegisterKey:
        """Make the command of it; raises `RequestInvalid` for a key that is none."""
        if not self.not_before < self.not_after <= self.not_before + VALIDITY_MAX:
            raise RequestInvalid(reason="validity", pointer="/not_after")
        public = self._public()
        return RegisterKey(
            approval=approval,
            key=key,
            kid=kid_of(self.bank, self.algorithm, public),
            bank=self.bank,
            jurisdiction=self.jurisdiction,
            algorithm=self.algorithm,
            public=public,
            not_before=self.not_before,
            not_after=self.not_after,
            parent=parent,
        )

    def _public(self) -> bytes:
        known = algorithms().get(self.algorithm)
        if known is None:
            raise RequestInvalid(reason="algorithm_not_installed", pointer="/algorithm")
        try:
            public = base64.b64decode(self.public_key, validate=True)
        except binascii.Error:
            raise RequestInvalid(reason="not_base64", pointer="/public_key") from None
        if not known.usable(public):
            raise RequestInvalid(reason="not_a_key", pointer="/public_key")
        return public


class RevokeIn(WireIn):
    """Why a key is revoked."""

    model_config = examples({"reason": "COMPROMISED"})

    reason: Why


class BankKeyOut(WireOut):
    """A bank's key; `kid` is what its signatures name it by."""

    kid: str
    bank: str
    jurisdiction: str
    algorithm: str
    public_key: str = Field(description="The raw public key in hexadecimal")
    parent_kid: str | None = Field(description="The key that signed the registration, if one did")
    not_before: Instant
    not_after: Instant
    registered_by: str
    approved_by: str
    revoked_at: Instant | None = None
    revoked_by: str | None = None
    revoked_for: str | None = None
    transaction_id: str | None = None


class BankKeyList(WireOut):
    """Banks' keys, newest first; at most 500."""

    items: list[BankKeyOut]


class ServiceKeyOut(WireOut):
    """A key that answers to banks are signed with from `signs_from` until the next one's."""

    kid: str
    algorithm: str
    public_key: str = Field(description="The raw public key in base64")
    signs_from: Instant


class ServiceKeyList(WireOut):
    """Every key the service signs or signed with, oldest first."""

    tag: str = Field(description="The tag of the service's signatures")
    authorities: list[str] = Field(description="The names that banks sign their requests to")
    items: list[ServiceKeyOut]
