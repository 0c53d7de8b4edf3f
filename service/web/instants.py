"""Instants in a query: RFC 3339 with date, time and offset, as in bodies; a number is none."""

from typing import Any, Final

from litestar import Request

from ledger.refusals import RequestInvalid

NAMES: Final = ("known_at", "since", "until")
"""Query parameters that are instants, on every route that has one of the name."""


def check_instants(request: Request[Any, Any, Any]) -> None:
    """Raise `RequestInvalid` for an instant that is read as seconds since 1970."""
    for name in NAMES:
        for value in request.query_params.getall(name, []):
            if "T" not in value.upper():
                raise RequestInvalid(reason="no_instant", pointer=f"/{name}")
