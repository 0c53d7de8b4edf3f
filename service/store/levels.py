"""Levels of government: of two persons, one must be of a higher level than the institution's own.

A regulator's scope is a path; one that contains another is of a higher level (domain.md, 5.2).
The maker's scope is written into the payload of an approval, the checker's is known when it is
given.
"""

from collections.abc import Mapping
from typing import Any, Final

from ledger.refusals import LevelTooLow
from service.store import reference
from service.store.facts import Facts

MAKER_PATH: Final = "maker_path"
"""Where a payload says which scope its maker has."""

HIGHER_LEVEL: Final = (
    "两人中须有一人来自上一级主管部门",
    "One of the two has to be of a higher level",
)
"""What the second person reads of such a command."""


def is_higher(scope: str, area: str) -> bool:
    """Tell whether a scope lies strictly above an area; nothing lies above the nation."""
    return scope != area and reference.is_within(area, scope)


def require_higher_level(facts: Facts, payload: Mapping[str, Any], area: str) -> None:
    """Refuse unless the maker or the checker of an approval is of a higher level than `area`.

    Raises `LevelTooLow`. What the nation itself approved has nobody above it.
    """
    checker: str = facts.extra["checker_path"]
    if area and not any(is_higher(scope, area) for scope in (payload[MAKER_PATH], checker)):
        raise LevelTooLow
