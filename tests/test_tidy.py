"""The house rules, checked on whatever stands in the tree.

Who imports what, what things are called, and that every refusal, route and posting rule has its
place, its policy and its property.
"""

import ast
import csv
import importlib
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from litestar.handlers import HTTPRouteHandler

from ledger import refusals

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ROOT / "openapi" / "openapi.json"
AUTHORIZATION = ROOT / "tests" / "authorization_matrix.csv"
LINES_MAX = 350

LAYERS = {
    *("bank_entries", "bank_simulator", "commands", "console", "demo", "identity"),
    *("recovery", "statement_files", "store", "verify", "web", "worker"),
}
"""Folders of service/ that are layers; every other one is a noun."""

IMPURE = {
    *("asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "os", "pathlib"),
    *("random", "secrets", "socket", "sqlite3", "subprocess", "threading", "time", "urllib"),
}
"""What the standard library has and a pure ledger must not use."""

MAY_COMMIT = {
    "service/store/transact.py",  # the one BEGIN and COMMIT of every command
    "service/store/migrate.py",  # schema changes, by the migration login
}

KEYLESS = {
    "moveClock",  # exists in demonstrations only, and moving to an instant twice is moving once
    # Who somebody is, not what they do: a secret, code or ticket is good once by itself.
    *("getToken", "revokeToken", "logIn", "logInWithCode", "acceptInvitation"),
    *("confirmInvitation", "logOut", "revokeDevice", "confirmSession", "changePassword"),
    *("chooseAuthenticator", "changeAuthenticator"),
    *("requestCode", "loginParent", "renewParentSession", "forgetParentDevice"),
    "findContracts",  # what it finds is linked once
    "readShortMessages",  # a phone does not stand in an address
}
"""POST operations that neither move money nor decide anything, so need no idempotency key."""

VAGUE_WORDS = {"utils", "helpers", "common", "misc", "manager", "handle"}
VAGUE_STARTS = {"process", "do", "base"}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def known_as(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{known_as(path)} imports relatively"
            yield node.module or ""


def called(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the last name of everything called, `x.begin()` as begin, and its line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
            )
            yield name, node.lineno


def nouns() -> list[Path]:
    folders = {path.parent for path in (ROOT / "service").glob("*/*.py")}
    return sorted(f for f in folders if f.name not in LAYERS and not f.name.startswith("_"))


def handlers() -> Iterator[HTTPRouteHandler]:
    for noun in nouns():
        routes = importlib.import_module(f"service.{noun.name}.routes")
        for value in vars(routes).values():
            if isinstance(value, HTTPRouteHandler):
                yield value


def operations() -> Iterator[tuple[str, dict[str, object]]]:
    for path in json.loads(PUBLISHED.read_text())["paths"].values():
        yield from ((m, op) for m, op in path.items() if m in {"get", "post", "put", "delete"})


def answers() -> list[type[refusals.Refusal]]:
    """Return the refusals that a caller can meet: the classes at the end of the tree."""
    found = [value for value in vars(refusals).values() if inspect.isclass(value)]
    return [
        value
        for value in found
        if issubclass(value, refusals.Refusal) and not value.__subclasses__()
    ]


def posting_rules() -> Iterator[str]:
    for path in modules("ledger/rules"):
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                given = ast.unparse(node.returns) if node.returns else ""
                if re.search(r"\bTransaction\b", given):
                    yield node.name


# --- the ledger is pure -------------------------------------------------------------------------


@pytest.mark.parametrize("path", modules("ledger"), ids=known_as)
def test_the_ledger_imports_only_itself_and_the_pure_standard_library(path: Path) -> None:
    allowed = (sys.stdlib_module_names - IMPURE) | {"ledger"}

    strangers = {name for name in imported(path) if name.split(".")[0] not in allowed}

    assert strangers == set()


@pytest.mark.parametrize("path", modules("ledger"), ids=known_as)
def test_the_ledger_reads_no_clock_and_draws_no_chance(path: Path) -> None:
    world = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "input"}

    assert [(name, line) for name, line in called(path) if name in world] == []


@pytest.mark.parametrize(
    "path", modules("ledger", "service/store", "service/statement_files"), ids=known_as
)
def test_nothing_near_money_is_a_float(path: Path) -> None:
    # How long to wait is no money.
    waits = {
        id(inner)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep")
        for inner in ast.walk(node)
    }
    floats = [
        (ast.unparse(node), node.lineno)
        for node in ast.walk(tree(path))
        if id(node) not in waits
        and (
            (isinstance(node, ast.Constant) and isinstance(node.value, float))
            or (isinstance(node, ast.Name) and node.id == "float")
        )
    ]

    assert floats == []


# --- one way to write ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", modules("service"), ids=known_as)
def test_only_transact_begins_and_commits(path: Path) -> None:
    begun = [(name, line) for name, line in called(path) if name in {"begin", "commit"}]

    assert known_as(path) in MAY_COMMIT or begun == []


# --- words --------------------------------------------------------------------------------------

EVERYWHERE = modules("ledger", "service", "migrations", "seeds", "tests")


@pytest.mark.parametrize("path", EVERYWHERE, ids=known_as)
def test_every_module_says_what_it_is_and_is_short_enough_to_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")

    assert ast.get_docstring(tree(path)), "no docstring"
    assert lines <= LINES_MAX or "versions" in path.parts


@pytest.mark.parametrize("path", EVERYWHERE, ids=known_as)
def test_nothing_is_left_for_later_or_printed(path: Path) -> None:
    later = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b")
    lines = path.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if later.search(line)] == []
    assert [line for name, line in called(path) if name == "print"] == []


@pytest.mark.parametrize("path", EVERYWHERE, ids=known_as)
def test_no_file_function_or_class_has_a_name_that_says_nothing(path: Path) -> None:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    defined = [node.name for node in ast.walk(tree(path)) if isinstance(node, kinds)]
    named = [path.stem, *(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", n).lower() for n in defined)]

    words = {name: name.strip("_").split("_") for name in named}
    vague = {n for n, w in words.items() if VAGUE_WORDS & set(w) or w[0] in VAGUE_STARTS}

    # SQLAlchemy's word for the class that tables derive from.
    assert vague - {"base"} == set()


# --- the shape ----------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", nouns(), ids=lambda folder: folder.name)
def test_every_noun_holds_its_three_files_and_stands_in_the_import_contract(noun: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]

    assert {"routes.py", "schemas.py", "use_cases.py"} <= {path.name for path in noun.iterdir()}
    assert any(re.search(rf"\bservice\.{noun.name}\b", layer) for layer in layers)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", answers(), ids=lambda refusal: refusal.code)
def test_every_refusal_has_a_title_in_both_languages(refusal: type[refusals.Refusal]) -> None:
    assert (refusal.__doc__ or "").strip().endswith(".")
    assert refusal.code in refusals.TITLES_ZH


@pytest.mark.parametrize("refusal", answers(), ids=lambda refusal: refusal.code)
def test_every_refusal_has_a_row_in_the_status_table(refusal: type[refusals.Refusal]) -> None:
    problems = importlib.import_module("service.web.problems")

    assert any(ancestor in problems.STATUS for ancestor in refusal.__mro__)


def test_every_refusal_is_published() -> None:
    published = PUBLISHED.read_text()

    assert [r.code for r in answers() if f'"{r.code}"' not in published] == []


# --- routes -------------------------------------------------------------------------------------


def test_every_route_has_an_operation_id_a_policy_and_a_line_in_the_authorization_matrix() -> None:
    with AUTHORIZATION.open(newline="") as opened:
        lines = {cell for row in csv.reader(opened) for cell in row}

    served = list(handlers())

    assert served
    assert [str(h) for h in served if not h.operation_id] == []
    assert [h.operation_id for h in served if "policy" not in h.opt] == []
    assert [h.operation_id for h in served if h.operation_id not in lines] == []


def test_every_post_that_moves_money_or_decides_takes_an_idempotency_key() -> None:
    keyless = set()
    for method, operation in operations():
        parameters = operation.get("parameters", [])
        assert isinstance(parameters, list)
        if method == "post" and "Idempotency-Key" not in {p.get("name") for p in parameters}:
            keyless.add(operation["operationId"])

    assert keyless <= KEYLESS


# --- rules --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", list(posting_rules()))
def test_every_posting_rule_is_exercised_by_a_property(rule: str) -> None:
    properties = [
        text
        for path in modules("tests")
        if "@given" in (text := path.read_text()) or "RuleBasedStateMachine" in text
    ]

    assert any(re.search(rf"\b{rule}\b", text) for text in properties)
