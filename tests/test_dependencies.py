"""Whoever installs the package gets all that it imports, whatever else is installed here."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN: Final = frozenset({"service", "ledger", "seeds", *sys.stdlib_module_names})
DISTRIBUTIONS: Final = packages_distributions()
SOURCES: Final = [*(ROOT / "service").rglob("*.py"), *(ROOT / "ledger").rglob("*.py")]


def test_what_is_imported_at_once_is_installed_with_the_package() -> None:
    given = installed_by(PROJECT["dependencies"])

    missing = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in SOURCES
        for module in imported(ast.parse(path.read_text()).body)
        if not distributions_of(module) & given
    }

    assert missing == set()


def test_what_is_imported_later_is_installed_with_the_package_or_an_extra_of_it() -> None:
    extras = [each for extra in PROJECT["optional-dependencies"].values() for each in extra]
    given = installed_by([*PROJECT["dependencies"], *extras])

    missing = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in SOURCES
        for module in imported(ast.walk(ast.parse(path.read_text())))
        if not distributions_of(module) & given
    }

    assert missing == set()


def imported(nodes: Iterable[Any]) -> Iterator[str]:
    """Name the packages of others that these statements import."""
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from {name.partition(".")[0] for name in names} - OWN


def distributions_of(module: str) -> set[str]:
    """Name the distributions that an importable package comes with."""
    return {normal(name) for name in DISTRIBUTIONS.get(module, [])}


def installed_by(requirements: Iterable[str]) -> set[str]:
    """Name all distributions that these requirements bring with them, and theirs in turn."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        each = waiting.pop()
        known = normal(each.name), frozenset(each.extras)
        if known in found:
            continue
        found.add(known)
        for extra in ("", *each.extras):
            theirs = map(Requirement, requires(each.name) or [])
            waiting += [
                their
                for their in theirs
                if their.marker is None or their.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
