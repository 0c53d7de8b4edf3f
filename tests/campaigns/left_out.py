"""What a description cannot say, so that a check's failure is none: each with its reason.

A failure is left out only where the answer itself says that it is such a case.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from schemathesis import Case
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response

ACCEPTANCE: Final = "positive_data_acceptance"
HEADER: Final = "missing_required_header"
REJECTION: Final = "negative_data_rejection"
CONFORMANCE: Final = "status_code_conformance"
OPAQUE: Final = frozenset({"cursor", "position"})
"""Texts that only an earlier answer can have given."""
TOGETHER: Final = frozenset(
    {
        *("one_scope", "custody_account_needed", "period", "validity", "several_authentications"),
        *("jurisdiction_needed", "role_has_no_institution", "institution_has_no_departments"),
    }
)
"""Fields that fit one by one and not together, where a use case says so."""
OF_A_FILE: Final = frozenset({"unknown_format", "no_status", "not_utf8", "key_kty", "not_a_key"})
"""What is read by a format's own rules: a bank's file, a public key."""
VALUE: Final = "Value error, "
INTEGER: Final = "Input should be a valid integer"


@dataclass(frozen=True)
class LeftOut:
    """A kind of failure that is none."""

    reason: str
    checks: frozenset[str]
    is_this: Callable[[Case[Any], Response, dict[str, Any]], bool]


def why(failure: Failure, case: Case[Any], response: Response) -> str | None:
    """Say why a failure is none, if it is none."""
    told = _problem(response)
    for each in LEFT_OUT:
        if each.checks.intersection(failure.checks) and each.is_this(case, response, told):
            return each.reason
    return None


def _problem(response: Response) -> dict[str, Any]:
    try:
        told = json.loads(response.content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _reason(told: dict[str, Any]) -> str:
    return str((told.get("facts") or {}).get("reason"))


def _all_are(told: dict[str, Any], *beginnings: str) -> bool:
    """Tell whether all that is wrong with a body's fields is said with these words."""
    messages = [each["message"] for each in told.get("errors") or []]
    return bool(messages) and all(message.startswith(beginnings) for message in messages)


LEFT_OUT: Final = (
    LeftOut(
        "422: a rule of the domain says no to what is well-formed",
        frozenset({ACCEPTANCE}),
        lambda _case, response, _told: response.status_code == 422,
    ),
    LeftOut(
        "400: fields that fit one by one and not together",
        frozenset({ACCEPTANCE}),
        lambda _case, _response, told: _reason(told) in TOGETHER or _all_are(told, VALUE),
    ),
    LeftOut(
        "400: an integer is written without a point, which JSON Schema cannot ask for",
        frozenset({ACCEPTANCE}),
        lambda _case, _response, told: _all_are(told, INTEGER, VALUE),
    ),
    LeftOut(
        "400: a file or a key is read by its own format's rules",
        frozenset({ACCEPTANCE}),
        lambda _case, _response, told: _reason(told) in OF_A_FILE,
    ),
    LeftOut(
        "413: a body or a list in it is no longer than its route takes",
        frozenset({ACCEPTANCE}),
        lambda _case, response, _told: response.status_code == 413,
    ),
    LeftOut(
        "414: no address is longer than any route needs, whatever its fields may be",
        frozenset({ACCEPTANCE, CONFORMANCE, REJECTION}),
        lambda _case, response, _told: response.status_code == 414,
    ),
    LeftOut(
        "400: a cursor or position is opaque, only an earlier answer can have given it",
        frozenset({ACCEPTANCE}),
        lambda _case, response, told: response.status_code == 400 and _reason(told) in OPAQUE,
    ),
    LeftOut(
        "400: texts have no control characters, invisible or bidirectional ones",
        frozenset({ACCEPTANCE}),
        lambda _case, _response, told: _reason(told) == "control_characters",
    ),
    LeftOut(
        "a dry run needs no idempotency key",
        frozenset({HEADER, REJECTION}),
        lambda case, _response, _told: str((case.query or {}).get("dry_run")).lower() == "true",
    ),
)
