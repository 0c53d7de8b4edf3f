"""The second person: what is judged again of two people where the act itself is carried out.

They are two, on two devices and in two sessions; both still may; and the one who approves has shown
within the last minutes who they are.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ledger.refusals import (
    MakerIsChecker,
    MakerRevoked,
    NotAuthenticated,
    SameDevice,
    StepUpRequired,
)
from service.store.facts import Presence

STEP_UP_WITHIN: Final = timedelta(minutes=5)
"""How long ago a person may have shown who they are when they approve."""


def require_other(
    maker: str, made_with: Mapping[str, Any], checker: str, presence: Presence | None
) -> None:
    """Refuse one person, one session and one device.

    Raises `MakerIsChecker`, `SameDevice`.
    """
    if maker == checker:
        raise MakerIsChecker
    if presence is None:
        return
    pairs = (
        (made_with.get("session"), presence.session),
        (made_with.get("device"), presence.device),
    )
    if any(one is not None and one == other for one, other in pairs):
        raise SameDevice


def require_standing(maker: str, checker: str, fallen: frozenset[str]) -> None:
    """Refuse when one of the two may no longer. Raises `NotAuthenticated`, `MakerRevoked`."""
    require_checker(checker, fallen)
    if maker in fallen:
        raise MakerRevoked


def require_checker(checker: str, fallen: frozenset[str]) -> None:
    """Refuse a second person who was revoked since they were let in."""
    if checker in fallen:
        raise NotAuthenticated


def require_fresh(presence: Presence | None, at: datetime | None) -> None:
    """Refuse a person who has not shown of late who they are; systems have no such moment.

    Raises `StepUpRequired`.
    """
    shown_at = None if presence is None else presence.authenticated_at
    if shown_at is not None and at is not None and at - shown_at > STEP_UP_WITHIN:
        raise StepUpRequired(minutes=STEP_UP_WITHIN.seconds // 60)
