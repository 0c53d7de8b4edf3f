"""Failpoints: named places in the code where a test lets a process die, stall or fail.

Nothing happens at any of them unless they are armed, as `unit.copied=kill@7; sweep.done=stall:2`:
a point, what happens there, and when: at the 7th time it is reached, with `@p0.1` at each time by
a chance of one in ten, without either every time. Actions are `kill` (SIGKILL to this very
process: nothing is closed or rolled back), `stall:SECONDS` (the whole process stands
still) and `raise` (a fault, as a mistake of ours would be). A service that is no demonstration
refuses to start with any armed.
"""

import os
import random
import re
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Point(StrEnum):
    """Every failpoint there is."""

    UNIT_BEGUN = "unit.begun"
    """A unit of work has its connection, and has asked nothing yet."""
    UNIT_LOCKED = "unit.locked"
    """Rows and the journal's head are locked."""
    UNIT_DECIDED = "unit.decided"
    """Everything is decided and nothing written."""
    ROWS_WRITTEN = "unit.rows_written"
    """Rows and stored answers are written, the journal is not."""
    JOURNAL_COPIED = "unit.copied"
    """The sealed rows are copied, the head has not moved."""
    BEFORE_COMMIT = "unit.before_commit"
    """Everything is written; COMMIT has not been sent."""
    AFTER_COMMIT = "unit.after_commit"
    """The server has committed; nobody has been told."""
    REFERENCE_WRITTEN = "reference.written"
    """Reference data is written; COMMIT has not been sent."""
    FILE_PART_TAKEN = "file.part_taken"
    """A part of a statement file is posted; neither the next one is, nor are its days compared."""
    ANSWER_READY = "answer.ready"
    """The answer is known and recorded; not a byte of it has been sent."""
    ANSWER_SENT = "answer.sent"
    """The answer has been handed to the connection."""
    NOTICE_SENT = "notice.sent"
    """Notices have left by a sender, and are not marked as sent."""
    SWEEP_CARRIED_OUT = "sweep.carried_out"
    """A sweep has carried out one chunk, and goes on to the next."""


class FaultInjected(Exception):  # noqa: N818 - a fault of no kind that anybody expects
    """An armed failpoint failed, as its test asked."""


@dataclass(slots=True)
class _Armed:
    action: str
    seconds: Decimal
    at: int | None
    chance: Decimal | None
    reached: int = 0


_ARMING: Final = re.compile(
    r"(?P<point>[a-z_.]+)=(?P<action>kill|raise|stall:(?P<seconds>\d+(\.\d+)?))"
    r"(@((?P<at>[1-9]\d*)|p(?P<chance>[01](\.\d+)?)))?"
)
_armed: dict[Point, _Armed] = {}


def arm(told: str) -> None:
    """Arm the points named, in place of those armed before; raises `ValueError`."""
    armed = dict(_read(each.strip()) for each in told.split(";") if each.strip())
    _armed.clear()
    _armed.update(armed)


def armed() -> Iterable[Point]:
    """Return the points that are armed."""
    return tuple(_armed)


def reach(point: Point) -> None:
    """Do here what the point was armed for: nothing, as a rule."""
    if _armed and point in _armed:
        _fire(point, _armed[point])


def _read(each: str) -> tuple[Point, _Armed]:
    found = _ARMING.fullmatch(each)
    if found is None or found["point"] not in set(Point):
        raise ValueError(f"no failpoint and action: {each!r}")
    return Point(found["point"]), _Armed(
        action=found["action"].partition(":")[0],
        seconds=Decimal(found["seconds"] or 0),
        at=int(found["at"]) if found["at"] else None,
        chance=Decimal(found["chance"]) if found["chance"] else None,
    )


def _fire(point: Point, armed: _Armed) -> None:
    armed.reached += 1
    if armed.at is not None and armed.reached != armed.at:
        return
    if armed.chance is not None and random.random() >= armed.chance:  # noqa: S311 - no secret
        return
    if armed.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if armed.action == "stall":
        time.sleep(float(armed.seconds))
    if armed.action == "raise":
        raise FaultInjected(point)
