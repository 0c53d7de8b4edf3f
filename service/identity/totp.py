"""Time-based one-time codes (动态口令, RFC 6238): SHA-1, six digits, steps of 30 seconds.

The step of a code that was taken is kept, and none at or before it is taken again: a code that was
looked at over a shoulder is worth nothing.
"""

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

STEP_S: Final = 30
DIGITS: Final = 6
DRIFT_STEPS: Final = 1
"""How far a person's clock may be off, in steps."""

SECRET_BYTES: Final = 20
RECOVERY_CODES: Final = 10
_ISSUER: Final = "Tuition Escrow"


def new_secret() -> str:
    """Make the secret of an authenticator, in base32 as authenticators take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code(secret: str, step: int) -> str:
    """Return the code of a time step (RFC 4226 with the step as counter)."""
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8), "sha1")
    at = mac[-1] & 0xF
    number = int.from_bytes(mac[at : at + 4]) & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_at(at_s: int) -> int:
    """Return the time step of a second since 1970."""
    return at_s // STEP_S


def matched(secret: str, given: str, *, at_s: int, after: int) -> int | None:
    """Return the step whose code was given: now's or a neighbour's, later than `after`; else None.

    Every candidate is compared, whatever the first of them says.
    """
    now = step_at(at_s)
    fitting = [
        step
        for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
        if hmac.compare_digest(code(secret, step).encode(), given.encode()) and step > after
    ]
    return fitting[0] if fitting else None


def address(secret: str, account: str) -> str:
    """Write what an authenticator reads as a QR code (otpauth)."""
    label = quote(f"{_ISSUER}:{account}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': _ISSUER})}"


def new_recovery_codes() -> list[str]:
    """Make the codes that stand in for a lost authenticator: 80 random bits each."""
    drawn = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(text[i : i + 4] for i in range(0, 16, 4)).lower() for text in drawn]
