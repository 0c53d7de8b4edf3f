"""docs/faults.md: each of the 78 faults stands there once, and every test it names is there."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"
FAULTS = 78


def rows() -> list[tuple[int, str, str]]:
    """Read the page's rows: number, fault, what shows it."""
    found = re.findall(
        r"^\| (\d\d) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return [(int(number), fault.strip(), shown.strip()) for number, fault, shown in found]


def test_every_fault_stands_there_once_in_order() -> None:
    assert [number for number, _, _ in rows()] == list(range(1, FAULTS + 1))


def test_every_fault_has_a_test_a_task_or_a_reason() -> None:
    reasons = ("Not tried", "Does not apply", "Of the database: not tried")

    bare = [n for n, _, shown in rows() if "](" not in shown and not shown.startswith(reasons)]

    assert bare == []


def test_every_file_that_is_linked_is_there() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text("utf-8"))

    assert linked
    assert [link for link in linked if not (PAGE.parent / link).is_file()] == []


def test_every_link_to_a_test_says_its_name() -> None:
    links = re.findall(r"\[(test_\w+)\]\(\.\./tests/([\w/]+)\.py\)", PAGE.read_text("utf-8"))

    assert links
    assert [path for name, path in links if path.rpartition("/")[2] != name] == []


def test_every_task_that_is_named_is_one() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    tasks = set(settings["tool"]["poe"]["tasks"])

    named = set(re.findall(r"`poe (\w[\w-]*)", PAGE.read_text("utf-8")))

    assert named - tasks == set()
