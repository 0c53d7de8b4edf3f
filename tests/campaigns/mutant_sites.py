"""Every mutant of a module: where it differs, what stands there instead, and its compiled code.

A mutant differs from the module in one place. What says nothing to a machine is left as it is:
annotations, docstrings, decorators, the words of assertions and of errors, an enum's own values.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Final

from tests.campaigns import mutant_operators as operators

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_ENUMS: Final = frozenset({"StrEnum", "IntEnum", "Enum"})
_SPOKEN: Final = {"annotation", "returns", "decorator_list", "msg", "format_spec", "bases"}
"""Fields of nodes whose contents are left as they are."""
_ACCOUNTS: Final = ("ledger/entitlement.py", "ledger/rules/places.py")
_MEMBERS: Final = ("ledger/accounts.py", "ledger/transactions.py")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One module with one change; `function` is empty outside functions, `times` counts likes."""

    path: str
    function: str
    line: int
    before: str
    after: str
    times: int
    number: int

    @property
    def name(self) -> tuple[str, str, str, str, int]:
        """What it is called, whatever stands around it."""
        return (self.path, self.function, self.before, self.after, self.times)

    def __str__(self) -> str:
        """Say where and what, for people."""
        place = f"{self.path}:{self.line} {self.function or '(module)'}"
        return f"{place}: {self.before or '…'}  →  {self.after or 'nothing'}"


@dataclass(frozen=True, slots=True)
class _Site:
    """A field of a node, or one item of it."""

    parent: ast.AST
    name: str
    index: int | None
    function: str
    returns: str

    @property
    def node(self) -> ast.AST:
        value = getattr(self.parent, self.name)
        found: ast.AST = value if self.index is None else value[self.index]
        return found

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.index] = node


def mutants_of(path: str) -> list[Mutant]:
    """List the mutants of a module, in the order of its text."""
    found: list[Mutant] = []
    seen: dict[tuple[str, str, str], int] = {}
    for number, (site, other) in enumerate(_changes(_parsed(path))):
        before, after = _told(site.node), _told(other)
        key = (site.function, before, after)
        seen[key] = seen.get(key, 0) + 1
        line = getattr(site.node, "lineno", getattr(site.parent, "lineno", 0))
        found.append(Mutant(path, site.function, line, before, after, seen[key], number))
    return found


def compiled(mutant: Mutant) -> CodeType:
    """Compile the module with the mutant's change."""
    tree = _parsed(mutant.path)
    for number, (site, other) in enumerate(_changes(tree)):
        if number == mutant.number:
            site.put(other)
            break
    return compile(ast.fix_missing_locations(tree), str(ROOT / mutant.path), "exec")


def module_of(path: str) -> str:
    """Name the module of a file."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def _told(node: ast.AST) -> str:
    if isinstance(node, ast.Pass):
        return ""
    text = " ".join(ast.unparse(node).split())
    if isinstance(node, ast.If | ast.While):
        text = text.split(":")[0]
    return text


def _changes(tree: ast.Module) -> Iterator[tuple[_Site, ast.AST]]:
    for site in _sites(tree, "", ""):
        node = site.node
        if isinstance(node, ast.stmt):
            yield from ((site, other) for other in operators.statements(node))
        elif isinstance(node, ast.comprehension):
            yield from ((site, other) for other in operators.unconditional(node))
        elif isinstance(node, ast.expr):
            yield from ((site, other) for other in _mistakes(site, node))


def _mistakes(site: _Site, node: ast.expr) -> Iterator[ast.expr]:
    parent = site.parent
    if isinstance(parent, ast.Return):
        yield from operators.returned(node, site.returns)
    one_by_one = (isinstance(parent, ast.Compare) and site.name == "comparators") or (
        isinstance(parent, ast.For | ast.comprehension) and site.name == "iter"
    )
    if isinstance(node, ast.Tuple) and (one_by_one or not site.function):
        yield from operators.members(node)
        return
    own = _families().get(site.function.split(".")[0], {})
    yield from operators.expressions(node, {**_families(), "self": own})


def _sites(node: ast.AST, function: str, returns: str) -> Iterator[_Site]:
    """Walk a tree, parents first, past what is left as it is."""
    for name, value in ast.iter_fields(node):
        if name in _SPOKEN or (isinstance(node, ast.Raise) and name == "exc"):
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or _is_left_as_it_is(child):
                continue
            place = index if isinstance(value, list) else None
            yield _Site(node, name, place, function, returns)
            yield from _sites(child, *_inside(child, function, returns))


def _inside(node: ast.AST, function: str, returns: str) -> tuple[str, str]:
    """Say in which function the children of a node stand, and what that returns."""
    if isinstance(node, ast.FunctionDef):
        told = ast.unparse(node.returns) if node.returns else ""
        return f"{function}.{node.name}".lstrip("."), told
    if isinstance(node, ast.ClassDef):
        return node.name, ""
    return function, returns


def _is_left_as_it_is(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.ClassDef(bases=[ast.Name(id=name)]):
            return name in _ENUMS
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name.startswith("__")
        case ast.Subscript(value=ast.Name(id="tuple")):
            return True
        case ast.expr_context() | ast.keyword(arg="strict" | "repr"):
            return True
    return isinstance(getattr(node, "ctx", None), ast.Store)


@cache
def _families() -> operators.Families:
    """Find the members of each enum, and the accounts that one contract or place has."""
    families: dict[str, dict[str, str]] = {}
    for path in (*_MEMBERS, *_ACCOUNTS):
        for node in _parsed(path).body:
            if isinstance(node, ast.ClassDef):
                families[node.name] = _next(_named(node)) if path in _MEMBERS else _alike(node)
    return families


def _named(node: ast.ClassDef) -> list[str]:
    named = [s.targets[0].id for s in node.body if _names(s)]  # type: ignore[attr-defined]
    return [name for name in named if not name.startswith("_")]


def _names(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def _alike(node: ast.ClassDef) -> dict[str, str]:
    """Pair the methods that answer with an account and are asked alike."""
    found: dict[str, list[str]] = {}
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            asked = ", ".join(ast.unparse(arg.annotation or arg) for arg in method.args.args[1:])
            if method.returns is not None and ast.unparse(method.returns) == "Account":
                found.setdefault(asked, []).append(method.name)
    return {name: other for names in found.values() for name, other in _next(names).items()}


def _next(names: list[str]) -> dict[str, str]:
    after = [*names[1:], *names[:1]]
    return {name: other for name, other in zip(names, after, strict=True) if name != other}
