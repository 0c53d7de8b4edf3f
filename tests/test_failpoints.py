"""Failpoints: nothing unless armed, exactly what was armed then, and never where money is real."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import failpoints
from service.failpoints import FaultInjected, Point
from service.launch import NotServable, arm_failpoints
from service.settings import Settings

SERVICE = Path(failpoints.__file__).parent


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


@pytest.mark.parametrize("point", Point)
def test_a_point_that_is_not_armed_does_nothing(point: Point) -> None:
    other = next(each for each in Point if each is not point)
    failpoints.arm(f"{other}=raise")

    failpoints.reach(point)

    assert failpoints.armed() == (other,)


def test_a_point_fires_at_the_time_it_was_armed_for_and_at_no_other() -> None:
    failpoints.arm("unit.copied=raise@3")
    fired = []

    for time in range(1, 6):
        try:
            failpoints.reach(Point.JOURNAL_COPIED)
        except FaultInjected:
            fired.append(time)

    assert fired == [3]


@pytest.mark.parametrize(("chance", "times"), [("0", 0), ("1", 20)])
def test_a_point_fires_by_its_chance(chance: str, times: int) -> None:
    failpoints.arm(f"unit.begun=raise@p{chance}")
    fired = 0

    for _ in range(20):
        try:
            failpoints.reach(Point.UNIT_BEGUN)
        except FaultInjected:
            fired += 1

    assert fired == times


def test_several_points_are_armed_at_once_and_arming_again_forgets_them() -> None:
    failpoints.arm("unit.begun=raise; sweep.carried_out=stall:0")
    both = set(failpoints.armed())
    failpoints.arm("answer.sent=raise")

    assert both == {Point.UNIT_BEGUN, Point.SWEEP_CARRIED_OUT}
    assert failpoints.armed() == (Point.ANSWER_SENT,)


@pytest.mark.parametrize(
    "told",
    [
        *("unit.begun", "unit.begun=", "unit.begun=explode", "nowhere=kill", "unit.begun=kill@0"),
        *("unit.begun=stall", "unit.begun=kill@p2", "unit.begun=kill@p0.1@3", "=kill"),
    ],
)
def test_what_reads_as_no_point_and_action_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="no failpoint and action"):
        failpoints.arm(told)


def test_killing_ends_the_process_at_once_and_tidies_nothing() -> None:
    script = (
        "import atexit, sys\n"
        "from service import failpoints\n"
        "atexit.register(lambda: sys.stdout.write('ended well'))\n"
        "failpoints.arm('unit.after_commit=kill@2')\n"
        "for time in (1, 2, 3):\n"
        "    sys.stdout.write(f'{time} ')\n"
        "    sys.stdout.flush()\n"
        "    failpoints.reach(failpoints.Point.AFTER_COMMIT)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (-9, "1 2 ")


def test_a_service_that_is_no_demonstration_refuses_to_start_with_any_armed() -> None:
    with pytest.raises(NotServable, match="for tests"):
        arm_failpoints(Settings(failpoints="unit.begun=raise", demo=False))

    assert failpoints.armed() == ()


def test_a_demonstration_is_told_what_it_reads_wrong() -> None:
    with pytest.raises(NotServable, match="nowhere=kill"):
        arm_failpoints(Settings(failpoints="nowhere=kill", demo=True))


def test_a_demonstration_arms_what_it_was_asked_for() -> None:
    arm_failpoints(Settings(failpoints="unit.begun=raise", demo=True))

    assert failpoints.armed() == (Point.UNIT_BEGUN,)


def test_nothing_is_armed_where_nobody_asks() -> None:
    failpoints.arm("unit.begun=raise")
    failpoints.arm("")

    arm_failpoints(Settings(demo=False))

    assert failpoints.armed() == ()


def test_every_point_is_reached_somewhere_in_the_service() -> None:
    reached = {
        node.args[0].attr
        for path in SERVICE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "reach"
        and isinstance(node.args[0], ast.Attribute)
    }

    assert reached == {point.name for point in Point}
