"""Rule packs as text: the strict reading of a pack's JSON document, and writing it back.

One value reads `{"parameter": "amount_cap", "value": "5000.00", "from": "2021-10-21",
"source": "…"}`, with `to` and `scope` where they apply. Anything unknown, said twice or of another
type is refused, so that a misspelt cap is an error and not a cap that is not there.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any, Final, TypeVar

from ledger.money import Money
from ledger.parameters import PARAMETERS, GuidePrice, GuidePrices
from ledger.policy import PolicyValue, RulePack, Scope

T = TypeVar("T")

_AMOUNT: Final = re.compile(r"\A(0|[1-9][0-9]{0,12})\.[0-9]{2}\Z")
_TIME: Final = re.compile(r"\A[0-2][0-9]:[0-5][0-9]\Z")
_PACK_KEYS: Final = {"code", "version", "title", "jurisdiction", "values"}
_LINE_KEYS: Final = {"online", "class_size_max", "minutes", "base"}


class RulePackInvalid(ValueError):  # noqa: N818 - named like the refusals
    """The document is not a rule pack; the message says where."""


def parse(text: str) -> RulePack:
    """Read a pack from its JSON document.

    Raises RulePackInvalid for anything that is not exactly a rule pack.
    """
    try:
        document = json.loads(text, object_pairs_hook=_once)
        _only(document, _PACK_KEYS, {"title", "jurisdiction"})
        values = _typed(document["values"], list)
        level = document.get("jurisdiction")
        return RulePack(
            code=_typed(document["code"], str),
            version=_typed(document["version"], int),
            values=tuple(_value(item) for item in values),
            jurisdiction=None if level is None else _typed(level, str),
        )
    except (ValueError, RecursionError) as wrong:
        raise RulePackInvalid(f"not a rule pack: {wrong}") from wrong


def render(pack: RulePack) -> str:
    """Write a pack as the JSON document `parse` reads back to the same pack."""
    document: dict[str, object] = {"code": pack.code, "version": pack.version}
    if pack.jurisdiction is not None:
        document["jurisdiction"] = pack.jurisdiction
    document["values"] = [rendered(value) for value in pack.values]
    return json.dumps(document, ensure_ascii=False, indent=2)


def value_of(document: object) -> PolicyValue:
    """Read one value as it stands in a pack; raises RulePackInvalid."""
    try:
        return _value(document)
    except (ValueError, KeyError) as wrong:
        raise RulePackInvalid(f"not a value of a rule pack: {wrong}") from wrong


def _value(document: object) -> PolicyValue:
    item = _typed(document, dict)
    _only(item, {"parameter", "value", "from", "to", "scope", "source"}, {"to", "scope"})
    name = _typed(item["parameter"], str)
    if name not in PARAMETERS:
        raise ValueError(f"there is no parameter {name}")
    parameter = PARAMETERS[name]
    until, scope = item.get("to"), item.get("scope")
    return PolicyValue(
        parameter=parameter,
        value=_READ[parameter.kind](item["value"]),
        effective_from=_date(item["from"]),
        effective_to=None if until is None else _date(until),
        scope=None if scope is None else Scope(scope),
        source=_typed(item["source"], str),
    )


def rendered(value: PolicyValue) -> dict[str, object]:
    """Write one value as it stands in a pack."""
    item: dict[str, object] = {
        "parameter": value.parameter.name,
        "value": _WRITE[value.parameter.kind](value.value),
        "from": value.effective_from.isoformat(),
    }
    if value.effective_to is not None:
        item["to"] = value.effective_to.isoformat()
    if value.scope is not None:
        item["scope"] = value.scope.value
    return item | {"source": value.source}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key stands twice")
    return document


def _only(document: object, allowed: set[str], optional: set[str]) -> None:
    keys = set(_typed(document, dict))
    if unknown := keys - allowed:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if missing := allowed - optional - keys:
        raise ValueError(f"missing: {', '.join(sorted(missing))}")


def _typed(value: object, kind: type[T]) -> T:
    # A bool is an int to isinstance; here it is not.
    if not isinstance(value, kind) or type(value) is not kind:
        raise ValueError(f"{value!r} is not a {kind.__name__}")
    return value


def _matching(value: object, pattern: re.Pattern[str]) -> str:
    text = _typed(value, str)
    if not pattern.match(text):
        raise ValueError(f"{text!r} is not written as expected")
    return text


def _date(value: object) -> date:
    return date.fromisoformat(_typed(value, str))


def _money(value: object) -> Money:
    return Money.of(_matching(value, _AMOUNT))


def _guide_prices(value: object) -> GuidePrices:
    table: Mapping[str, object] = _typed(value, dict)
    _only(table, {"lines", "float_percent_max"}, set())
    return GuidePrices(
        lines=tuple(_guide_price(line) for line in _typed(table["lines"], list)),
        float_percent_max=_typed(table["float_percent_max"], int),
    )


def _guide_price(document: object) -> GuidePrice:
    line = _typed(document, dict)
    _only(line, _LINE_KEYS, set())
    size = line["class_size_max"]
    return GuidePrice(
        online=_typed(line["online"], bool),
        class_size_max=None if size is None else _typed(size, int),
        minutes=_typed(line["minutes"], int),
        base=_money(line["base"]),
    )


def _guide_prices_written(table: GuidePrices) -> dict[str, object]:
    lines = [
        {
            "online": line.online,
            "class_size_max": line.class_size_max,
            "minutes": line.minutes,
            "base": str(line.base),
        }
        for line in table.lines
    ]
    return {"lines": lines, "float_percent_max": table.float_percent_max}


_READ: Final[dict[type, Callable[[object], object]]] = {
    Money: _money,
    int: lambda value: _typed(value, int),
    bool: lambda value: _typed(value, bool),
    time: lambda value: time.fromisoformat(_matching(value, _TIME)),
    GuidePrices: _guide_prices,
}
_WRITE: Final[dict[type, Callable[[Any], object]]] = {
    Money: str,
    int: int,
    bool: bool,
    time: lambda value: value.isoformat("minutes"),
    GuidePrices: _guide_prices_written,
}
