"""A plan's inputs as they are told, and the place a list of its shares continues from."""

import json
from typing import Any

from ledger.refusals import RequestInvalid


def parsed_inputs(written: str) -> dict[str, Any]:
    """Read the canonical inputs of a plan."""
    inputs: dict[str, Any] = json.loads(written)
    return inputs


def share_after(after: list[Any] | None) -> int:
    """Return the register number a list continues after; raises `RequestInvalid`."""
    if after is None:
        return 0
    if len(after) != 1 or type(after[0]) is not int:
        raise RequestInvalid(reason="cursor")
    number: int = after[0]
    return number
