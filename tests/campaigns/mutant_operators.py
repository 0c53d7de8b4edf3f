"""What can be wrong with a piece of code: each node's mistakes, as the nodes that stand instead.

They are the ones a ledger would suffer from: a bound off by one, the wrong side, account, kind or
order, an entry left out, a refusal that is not made. Whatever a type checker or the first call
would find anyway is left out where that is cheap to see.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
}
_CALLED: Final = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_SYMMETRIC: Final = {"min", "max", "isinstance", "money_transfers"}
"""Functions whose arguments say the same in any order (an entry's lines), or bear no other."""
_NAMING: Final = "references"
"""The function whose keywords become references: leaving one out is no error of its own."""
_TUPLES_MAX: Final = 6
T = TypeVar("T")

Families = Mapping[str, Mapping[str, str]]
"""By class: each member or account, and the one that is mistaken for it."""


def statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the mistakes of a statement as a whole."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Assert() | ast.AugAssign():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]) | ast.Continue():
            yield ast.Pass()
        case ast.If(body=body, orelse=orelse):
            yield ast.If(ast.Constant(value=True), body, orelse)
            yield ast.If(ast.Constant(value=False), body, orelse)
        case ast.While(body=body, orelse=orelse):
            yield ast.While(ast.Constant(value=False), body, orelse)
    if isinstance(node, ast.AugAssign) and type(node.op) in _COMPUTED:
        yield ast.AugAssign(node.target, _COMPUTED[type(node.op)](), node.value)


def returned(value: ast.expr, annotation: str) -> Iterator[ast.expr]:
    """Yield what a function of that return type could answer instead."""
    if annotation == "bool":
        yield ast.UnaryOp(ast.Not(), value)
    elif annotation == "Money":
        yield ast.UnaryOp(ast.USub(), value)
    elif annotation.endswith("| None") and not _is_none(value):
        yield ast.Constant(value=None)


def expressions(node: ast.expr, families: Families) -> Iterator[ast.expr]:
    """Yield the mistakes of an expression."""
    if isinstance(node, ast.Attribute):
        yield from _mistaken(node, families)
    elif type(node) in _EXPRESSIONS:
        yield from _EXPRESSIONS[type(node)](node)


def members(node: ast.Tuple) -> Iterator[ast.Tuple]:
    """Yield a tuple that says what belongs somewhere, with each of them left out."""
    if len(node.elts) > 1:
        yield from (ast.Tuple(rest, ast.Load()) for rest in _each_left_out(node.elts))


def unconditional(node: ast.comprehension) -> Iterator[ast.comprehension]:
    """Yield a comprehension with each condition left out."""
    for rest in _each_left_out(node.ifs):
        yield ast.comprehension(node.target, node.iter, rest, node.is_async)


def _compared(node: ast.Compare) -> Iterator[ast.expr]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def _computed(node: ast.BinOp) -> Iterator[ast.expr]:
    if type(node.op) in _COMPUTED:
        yield ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right)
    if isinstance(node.op, ast.Add | ast.Sub | ast.BitOr):
        yield node.left
    if isinstance(node.op, ast.BitOr):
        yield node.right


def _decided(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for rest in _each_left_out(node.values):
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _turned(node: ast.UnaryOp) -> Iterator[ast.expr]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _chosen(node: ast.IfExp) -> Iterator[ast.expr]:
    yield node.body
    yield node.orelse


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(value=not value)
    elif isinstance(value, int):
        yield ast.Constant(value=value + 1)
        yield ast.Constant(value=value - 1)
    elif isinstance(value, str):
        yield ast.Constant(value=value + "X")


def _called(node: ast.Call) -> Iterator[ast.expr]:
    args, name = node.args, node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _CALLED:
        keywords = [] if name == "sorted" else node.keywords
        yield ast.Call(ast.Name(_CALLED[name], ast.Load()), args, keywords)
    for index in range(len(args) - 1):
        first, second = args[index : index + 2]
        if name not in _SYMMETRIC and type(first) is type(second) is not ast.Starred:
            swapped = [*args[:index], second, first, *args[index + 2 :]]
            yield ast.Call(node.func, swapped, node.keywords)
    for index, arg in enumerate(args):
        if isinstance(arg, ast.Tuple | ast.Starred):
            yield ast.Call(node.func, [*args[:index], *args[index + 1 :]], node.keywords)
    if name == _NAMING:
        for rest in _each_left_out(node.keywords):
            yield ast.Call(node.func, args, rest)


def _reordered(node: ast.Tuple) -> Iterator[ast.expr]:
    if any(isinstance(item, ast.Starred) for item in node.elts):
        return
    if 1 < len(node.elts) <= _TUPLES_MAX:
        first, second, *rest = node.elts
        if ast.dump(first) != ast.dump(second):
            yield ast.Tuple([second, first, *rest], ast.Load())


def _left_out_of_dict(node: ast.Dict) -> Iterator[ast.expr]:
    if len(node.keys) > 1:
        rests = zip(_each_left_out(node.keys), _each_left_out(node.values), strict=True)
        yield from (ast.Dict(keys, values) for keys, values in rests)


def _left_out_of_set(node: ast.Set) -> Iterator[ast.expr]:
    if len(node.elts) > 1:
        yield from (ast.Set(rest) for rest in _each_left_out(node.elts))


def _unbounded(node: ast.Slice) -> Iterator[ast.expr]:
    if node.upper is not None:
        yield ast.Slice(node.lower, None, node.step)
    if node.lower is not None:
        yield ast.Slice(None, node.upper, node.step)


def _mistaken(node: ast.Attribute, families: Families) -> Iterator[ast.expr]:
    """Take an enum's next member, or an account's next of the same owner."""
    of = ast.unparse(node.value)
    family = families.get(of)
    if family is None:
        likely, other = ("Contract", "Place") if "contract" in of else ("Place", "Contract")
        family = families[likely] if node.attr in families[likely] else families[other]
    mistaken = family.get(node.attr)
    if mistaken is not None:
        yield ast.Attribute(node.value, mistaken, ast.Load())


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _each_left_out(items: Sequence[T]) -> list[list[T]]:
    return [[*items[:index], *items[index + 1 :]] for index in range(len(items))]


_EXPRESSIONS: Final[dict[type[ast.expr], Callable[[Any], Iterator[ast.expr]]]] = {
    ast.BinOp: _computed,
    ast.BoolOp: _decided,
    ast.Call: _called,
    ast.Compare: _compared,
    ast.Constant: _constant,
    ast.Dict: _left_out_of_dict,
    ast.IfExp: _chosen,
    ast.Set: _left_out_of_set,
    ast.Slice: _unbounded,
    ast.Tuple: _reordered,
    ast.UnaryOp: _turned,
}
