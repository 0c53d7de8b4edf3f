"""Logins, sessions and tokens on the wire."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, StringConstraints

from service.access.schemas import LoginName
from service.identity.people import Code
from service.identity.sessions import CodeNeeded, SignedIn
from service.web.wire import Instant, WireIn, WireOut, example_id, examples

Password = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=256)]
SixDigits = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{6}$")]
RecoveryText = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[a-z2-7]{4}(-[a-z2-7]{4}){3}$")
]
Opaque = Annotated[str, StringConstraints(strict=True, pattern=r"^[!-~]{1,128}$")]

_CODE: Final = {"code": "492039"}
_SESSION: Final[dict[str, Any]] = {
    "state": "SIGNED_IN",
    "person_id": example_id("prs"),
    "token": "esk_0wVn...",
    "expires_at": "2026-03-02T17:30:00+00:00",
    "device_id": example_id("dev"),
    "device": "esd_4tQf...",
}
_AUTHENTICATOR: Final[dict[str, Any]] = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "address": "otpauth://totp/Tuition%20Escrow%3Aprs_aaaq?secret=JBSWY3DPEHPK3PXP",
}


class CodeIn(WireIn):
    """The second factor: a code of the authenticator, or a recovery code in its place."""

    model_config = examples(_CODE)

    code: SixDigits | None = None
    recovery_code: RecoveryText | None = None

    def given(self) -> Code:
        """Return what was given."""
        return Code(self.code, self.recovery_code)


class LoginIn(CodeIn):
    """A login: in one step with the code, or the first of two without."""

    model_config = examples(
        {"login": "li@qiming.example", "password": "correct horse battery staple", **_CODE},
        {"login": "li@qiming.example", "password": "correct horse battery staple"},
    )

    login: LoginName
    password: Password
    device: Opaque | None = Field(
        default=None, description="Secret of a device that was logged in on before"
    )


class TicketCodeIn(CodeIn):
    """The second step of a login."""

    model_config = examples({"ticket": "est_k2J9...", **_CODE})

    ticket: Opaque


class LoginOut(WireOut):
    """A session, or the ticket for the second step; answers with it are never cached."""

    model_config = ConfigDict(
        **WireOut.model_config,
        json_schema_extra={
            "examples": [
                _SESSION,
                {
                    "state": "CODE_NEEDED",
                    "ticket": "est_k2J9...",
                    "expires_at": "2026-03-02T09:35:00+00:00",
                },
            ]
        },
    )

    state: str = Field(description="SIGNED_IN or CODE_NEEDED")
    person_id: str | None = None
    token: str | None = Field(default=None, description="Bearer token of the session")
    ticket: str | None = None
    expires_at: Instant
    device_id: str | None = None
    device: str | None = Field(
        default=None, description="Secret of a device not known before; keep it for later logins"
    )

    @classmethod
    def of(cls, found: SignedIn | CodeNeeded) -> "LoginOut":
        """Write what a login came to."""
        if isinstance(found, CodeNeeded):
            return cls(state="CODE_NEEDED", ticket=found.ticket, expires_at=found.expires_at)
        return cls(
            state="SIGNED_IN",
            person_id=found.person,
            token=found.token,
            expires_at=found.expires_at,
            device_id=found.device_id,
            device=found.device,
        )


class AcceptIn(WireIn):
    """A password chosen with an invitation."""

    model_config = examples(
        {
            "invitation": "esi_N3dYv0...",
            "login": "li@qiming.example",
            "password": "correct horse battery staple",
        }
    )

    invitation: Opaque
    login: LoginName
    password: Password


class AuthenticatorOut(WireOut):
    """The secret of a new authenticator, and the same as what a QR code says."""

    model_config = ConfigDict(
        **WireOut.model_config, json_schema_extra={"examples": [_AUTHENTICATOR]}
    )

    secret: str
    address: str
    ticket: str | None = None


class FirstCodeIn(WireIn):
    """A first code, which shows that the authenticator works."""

    model_config = examples({"invitation": "esi_N3dYv0...", **_CODE})

    invitation: Opaque
    code: SixDigits


class BegunOut(WireOut):
    """The first session, with the recovery codes that are shown this once."""

    model_config = ConfigDict(
        **WireOut.model_config,
        json_schema_extra={
            "examples": [{"session": _SESSION, "recovery_codes": ["k7xq-2m4d-3fzp-6w2a"]}]
        },
    )

    session: LoginOut
    recovery_codes: list[str]


class SessionOut(WireOut):
    """The session that asks: whose it is, what it may, since when the second factor is shown."""

    model_config = ConfigDict(
        **WireOut.model_config,
        json_schema_extra={
            "examples": [
                {
                    "caller_id": example_id("prs"),
                    "role": "institution",
                    "duties": ["finance"],
                    "session_id": example_id("ses"),
                    "device_id": example_id("dev"),
                    "authenticated_at": "2026-03-02T09:30:00+00:00",
                }
            ]
        },
    )

    caller_id: str
    role: str
    duties: list[str]
    session_id: str | None = None
    device_id: str | None = None
    authenticated_at: Instant | None = None


class PasswordIn(CodeIn):
    """A new password, with the one of before and a code."""

    model_config = examples(
        {"current": "correct horse battery staple", "new": "quite another long phrase", **_CODE}
    )

    current: Password
    new: Password


class NewAuthenticatorIn(WireIn):
    """A first code of the new authenticator."""

    model_config = examples({"ticket": "est_k2J9...", **_CODE})

    ticket: Opaque
    code: SixDigits


class RecoveryOut(WireOut):
    """New recovery codes, shown this once; those of before are void."""

    model_config = ConfigDict(
        **WireOut.model_config,
        json_schema_extra={"examples": [{"recovery_codes": ["k7xq-2m4d-3fzp-6w2a"]}]},
    )

    recovery_codes: list[str]


class DoneOut(WireOut):
    """It is done."""

    model_config = ConfigDict(
        **WireOut.model_config, json_schema_extra={"examples": [{"done": True}]}
    )

    done: bool = True


class TokenForm(WireIn):
    """A client's request for a token (RFC 6749 section 4.4); what else it says is left unread."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"grant_type": "client_credentials", "scope": "finance"}]},
    )

    grant_type: str | None = None
    scope: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_assertion_type: str | None = None
    client_assertion: str | None = None


class RevokeForm(TokenForm):
    """A client's request to revoke a token (RFC 7009)."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"token": "esk_0wVn..."}]},
    )

    token: str | None = None
    token_type_hint: str | None = None


class TokenOut(WireOut):
    """An access token."""

    model_config = ConfigDict(
        **WireOut.model_config,
        json_schema_extra={
            "examples": [
                {
                    "access_token": "esk_0wVn...",
                    "token_type": "Bearer",
                    "expires_in": 600,
                    "scope": "finance",
                }
            ]
        },
    )

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind of token
    expires_in: int
    scope: str


class OAuthErrorOut(WireOut):
    """Why there is no token (RFC 6749 section 5.2)."""

    model_config = ConfigDict(
        **WireOut.model_config, json_schema_extra={"examples": [{"error": "invalid_client"}]}
    )

    error: str
    error_description: str | None = None
