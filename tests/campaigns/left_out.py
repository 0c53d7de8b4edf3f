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
OPAQUE: Final = frozenset({"cursor", "position"})
"""Texts that only an earlier answer can have given."""


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


def _errors(told: dict[str, Any]) -> list[dict[str, Any]]:
    return list(told.get("errors") or [])


def _reason(told: dict[str, Any]) -> str:
    return str((told.get("facts") or {}).get("reason"))


def _is_between_fields(_case: Case[Any], response: Response, told: dict[str, Any]) -> bool:
    """Fields that fit one by one and not together, as a model's own validator says."""
    errors = _errors(told)
    return (
        response.status_code == 400
        and bool(errors)
        and all(each["message"].startswith("Value error, ") for each in errors)
    )


LEFT_OUT: Final = (
    LeftOut(
        "422: a rule of the domain says no to what is well-formed",
        frozenset({ACCEPTANCE}),
        lambda _case, response, _told: response.status_code == 422,
    ),
    LeftOut(
        "400: fields that fit one by one and not together",
        frozenset({ACCEPTANCE}),
        _is_between_fields,
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
