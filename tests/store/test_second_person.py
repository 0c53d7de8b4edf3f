"""The second person: another one, on another device, who showed of late who they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.refusals import (
    MakerIsChecker,
    MakerRevoked,
    NotAuthenticated,
    Refusal,
    SameDevice,
    StepUpRequired,
)
from service.store import approvals, second_person
from service.store.facts import Presence

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def presence(**values: Any) -> Presence:
    return Presence("regulator", "500106", ("officer",), **values)


def made_with(**values: Any) -> Any:
    return approvals.presence_of(approvals.written_presence(presence(**values)))


@pytest.mark.parametrize(
    ("maker", "checker", "refusal"),
    [
        ({"session": "ses_1", "device": "dev_1"}, {"session": "ses_2", "device": "dev_2"}, None),
        ({"session": "ses_1", "device": "dev_1"}, {"session": "ses_1"}, SameDevice),
        ({"device": "dev_1"}, {"session": "ses_2", "device": "dev_1"}, SameDevice),
        ({}, {}, None),
        ({"session": "ses_1"}, {}, None),
    ],
)
def test_two_people_on_one_device_or_in_one_session_are_not_two(
    maker: dict[str, str], checker: dict[str, str], refusal: type[Refusal] | None
) -> None:
    said = made_with(**maker)

    if refusal is None:
        second_person.require_other("li", said, "wang", presence(**checker))
    else:
        with pytest.raises(refusal):
            second_person.require_other("li", said, "wang", presence(**checker))
    with pytest.raises(MakerIsChecker):
        second_person.require_other("li", said, "li", presence(**checker))


def test_a_rule_of_ours_has_no_device_and_an_old_approval_no_presence() -> None:
    second_person.require_other("li", made_with(device="dev_1"), "wang", None)
    second_person.require_other("li", approvals.presence_of(None), "wang", presence(device="d"))

    assert approvals.written_presence(None) is None


def test_both_have_to_stand_still() -> None:
    second_person.require_standing("li", "wang", frozenset())

    with pytest.raises(MakerRevoked):
        second_person.require_standing("li", "wang", frozenset({"li"}))
    with pytest.raises(NotAuthenticated):
        second_person.require_standing("li", "wang", frozenset({"li", "wang"}))


@pytest.mark.parametrize(("minutes", "fresh"), [(0, True), (5, True), (6, False)])
def test_a_person_has_shown_within_five_minutes_who_they_are(minutes: int, *, fresh: bool) -> None:
    shown = presence(authenticated_at=NOW - timedelta(minutes=minutes))

    if fresh:
        second_person.require_fresh(shown, NOW)
    else:
        with pytest.raises(StepUpRequired):
            second_person.require_fresh(shown, NOW)
    second_person.require_fresh(presence(), NOW)


def test_a_presence_is_kept_as_it_was() -> None:
    kept = made_with(session="ses_1", authenticated_at=NOW)

    assert kept == {
        "role": "regulator",
        "path": "500106",
        "duties": ["officer"],
        "session": "ses_1",
        "authenticated_at": NOW.isoformat(),
    }
