"""Systems, their secrets and keys on the wire."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from ledger.refusals import RequestInvalid
from service.access.schemas import StandingIn
from service.identity import assertions
from service.identity.assertions import PublicKey, Unfit
from service.web.approval import EXAMPLE as APPROVAL
from service.web.approval import ApprovalOut
from service.web.wire import (
    IdOf,
    Instant,
    InstantIn,
    InstitutionId,
    Label,
    WireIn,
    WireOut,
    example_id,
    examples,
)

HOLDS_FOR: Final = timedelta(days=365)
HOLDS_AT_MOST: Final = timedelta(days=400)

ClientId = Annotated[str, IdOf("cli")]
CredentialId = Annotated[str, IdOf("crd")]

_CLIENT: Final[dict[str, Any]] = {
    "id": example_id("cli"),
    "role": "institution",
    "jurisdiction": "500106",
    "departments": None,
    "institution_id": example_id("ins"),
    "duties": ["academic"],
    "label": "教务系统",
    "state": "ACTIVE",
    "added_by": example_id("prs"),
    "added_at": "2026-03-02T09:30:00+00:00",
}
_CREDENTIAL: Final[dict[str, Any]] = {
    "id": example_id("crd"),
    "client_id": example_id("cli"),
    "kind": "KEY",
    "algorithm": "EdDSA",
    "kid": "2026-a",
    "state": "ACTIVE",
    "not_before": "2026-03-02T09:30:00+00:00",
    "not_after": "2027-03-02T09:30:00+00:00",
    "added_by": example_id("prs"),
}


class ClientIn(StandingIn):
    """A system to let in; it has duties as people do, but administers nobody."""

    model_config = examples(
        {
            "role": "institution",
            "institution_id": example_id("ins"),
            "duties": ["academic"],
            "label": "教务系统",
        }
    )

    role: Literal["regulator", "institution", "auditor"]
    label: Label = Field(description="What the system is called; nobody's name")


class CredentialOut(WireOut):
    """A client's secret or key; the secret itself is shown once, when it is made."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [_CREDENTIAL]}}

    id: CredentialId
    client_id: ClientId
    kind: str = Field(description="SECRET or KEY")
    algorithm: str | None = None
    kid: str | None = None
    state: str = Field(description="PROPOSED, ACTIVE or REVOKED")
    not_before: Instant
    not_after: Instant
    added_by: str
    revoked_at: Instant | None = None
    secret: str | None = None
    transaction_id: str | None = None


class ClientOut(WireOut):
    """A system with access."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {"examples": [{**_CLIENT, "credentials": [_CREDENTIAL]}]}
    }

    id: ClientId
    role: str
    jurisdiction: str
    departments: list[str] | None = None
    institution_id: InstitutionId | None = None
    duties: list[str]
    label: str
    state: str = Field(description="PROPOSED, ACTIVE or REVOKED")
    added_by: str
    added_at: Instant
    revoked_at: Instant | None = None
    credentials: list[CredentialOut] | None = None
    transaction_id: str | None = None


class ClientPage(WireOut):
    """A page of clients in order of id."""

    items: list[ClientOut]
    next_cursor: str | None = None


class PeriodIn(WireIn):
    """From when to when a secret or key holds: at once and for a year, unless it is said."""

    model_config = examples({}, {"not_after": "2026-12-31T16:00:00+00:00"})

    not_before: InstantIn | None = None
    not_after: InstantIn | None = None

    def period(self, at_ms: int) -> tuple[datetime, datetime]:
        """Return the period from now; raises `RequestInvalid` for none, or more than 400 days."""
        now = datetime.fromtimestamp(at_ms / 1000, UTC)
        begins = self.not_before or now
        ends = self.not_after or begins + HOLDS_FOR
        if not max(begins, now) < ends <= begins + HOLDS_AT_MOST:
            raise RequestInvalid(reason="period", pointer="/not_after")
        return begins, ends


class SecretAwaitedOut(ApprovalOut):
    """A secret that waits for a second operator; it is shown this once."""

    model_config = ApprovalOut.model_config | {
        "json_schema_extra": {"examples": [{**APPROVAL, "secret": "ess_8sJ…"}]}
    }

    secret: str | None = None


class KeyIn(PeriodIn):
    """A public key as a JWK: Ed25519, P-256 or RSA of 2048 bits and more."""

    model_config = examples(
        {
            "key": {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            },
            "kid": "2026-a",
        }
    )

    key: dict[str, Any] = Field(description="JWK with its public members only")
    kid: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")] | None = Field(
        default=None, description="Key id; the JWK's own or its thumbprint unless given"
    )

    def public_key(self) -> PublicKey:
        """Return the key; raises `RequestInvalid` for one that cannot be used."""
        try:
            return assertions.public_key(self.key, self.kid)
        except Unfit as unfit:
            raise RequestInvalid(reason=f"key_{unfit}", pointer="/key") from None
