"""Changing a rule pack without touching its past: versions, what differs, what may not.

A version says of every day what its rules are. The next version says the same of every day before
the change is effective (I-41); what was judged then would be judged the same again. Values are
looked at as spans: for each parameter and scope, which value governs from when to when.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from ledger.parameter_rules import is_looser, within_bounds
from ledger.parameters import PARAMETERS, Category, Scope
from ledger.policy import PolicyValue, RulePack
from ledger.refusals import (
    NothingChanged,
    ParameterInvalid,
    PastRejudged,
    PolicyMissing,
    RuleLoosened,
)

_DAY: Final = timedelta(days=1)
Name = tuple[str, Scope | None]
"""A parameter and the scope it is said for."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What another version says differently: a parameter and scope, from when to when.

    `before` and `after` are None where nothing governs.
    """

    parameter: str
    scope: Scope | None
    effective_from: date
    effective_to: date | None
    before: object
    after: object


def names_of(*packs: RulePack) -> list[Name]:
    """Return every (parameter, scope) that packs speak of, in a fixed order."""
    found = {(value.parameter.name, value.scope) for pack in packs for value in pack.values}
    return sorted(found, key=lambda name: (name[0], name[1] or ""))


def spans(pack: RulePack, name: Name) -> list[PolicyValue]:
    """Return which value governs when: spans that do not overlap, in order of time.

    Of two values in force the later one governs, and where it ends the earlier one again.
    """
    said = [v for v in pack.values if (v.parameter.name, v.scope) == name]
    starts = {value.effective_from for value in said}
    starts |= {value.effective_to + _DAY for value in said if value.effective_to is not None}
    found: list[PolicyValue] = []
    for start, end in _between(sorted(starts)):
        governing = [value for value in said if _covers(value, start)]
        if not governing:
            continue
        latest = max(governing, key=lambda value: value.effective_from)
        last = found[-1] if found else None
        if last is not None and _continues(last, latest, start):
            found[-1] = replace(last, effective_to=end)
        else:
            found.append(replace(latest, effective_from=start, effective_to=end))
    return found


def changed(pack: RulePack, delta: Sequence[PolicyValue], *, since: date) -> RulePack:
    """Return the next version: each value of `delta` holds from its day, the rest as before.

    A value that ends gives way to what would have held after it. Raises `ParameterInvalid` (out of
    its bounds, or said twice from one day), `PastRejudged` (it begins before `since`) and
    `NothingChanged`.
    """
    days = {(value.parameter.name, value.scope, value.effective_from) for value in delta}
    if len(days) < len(delta):
        raise ParameterInvalid(reason="said_twice")
    names = {(value.parameter.name, value.scope) for value in delta}
    kept = [v for v in pack.values if (v.parameter.name, v.scope) not in names]
    for name in sorted(names, key=lambda name: (name[0], name[1] or "")):
        held = spans(pack, name)
        own = [value for value in delta if (value.parameter.name, value.scope) == name]
        for value in sorted(own, key=lambda value: value.effective_from):
            _require_sound(value, since)
            held = _laid_over(held, value)
        kept += held
    made = replace(pack, version=pack.version + 1, values=tuple(kept))
    if not differences(pack, made):
        raise NothingChanged(pack=pack.label)
    return made


def followed(before: RulePack, after: RulePack, *, since: date) -> RulePack:
    """Return the rules of a jurisdiction that has one pack until a day and another from it on."""
    if before.code == after.code:
        return after
    values: list[PolicyValue] = []
    for name in names_of(before, after):
        values += _clipped(spans(before, name), None, since - _DAY)
        values += _clipped(spans(after, name), since, None)
    return replace(after, values=tuple(values))


def differences(before: RulePack, after: RulePack) -> list[Difference]:
    """Say what another version says differently, by parameter, scope and time."""
    found: list[Difference] = []
    for name in names_of(before, after):
        one, other = spans(before, name), spans(after, name)
        starts = {span.effective_from for span in (*one, *other)}
        starts |= {s.effective_to + _DAY for s in (*one, *other) if s.effective_to is not None}
        for start, end in _between(sorted(starts)):
            was, now = _at(one, start), _at(other, start)
            if was == now:
                continue
            last = found[-1] if found else None
            if last is not None and _joins(last, name, start, was, now):
                found[-1] = replace(last, effective_to=end)
            else:
                found.append(Difference(name[0], name[1], start, end, was, now))
    return found


def require_past_kept(before: RulePack, after: RulePack, *, since: date) -> None:
    """Refuse a version that says anything else of a day before `since` (`PastRejudged`)."""
    for difference in differences(before, after):
        if difference.effective_from < since:
            raise PastRejudged(
                parameter=difference.parameter,
                changes_from=difference.effective_from.isoformat(),
                earliest=since.isoformat(),
            )


def require_not_looser(pack: RulePack, above: RulePack, *, since: date) -> None:
    """Refuse a pack that from a day on is looser than the one above it (`RuleLoosened`).

    Judged for every category, on every day on which either changes.
    """
    for name in sorted({value.parameter.name for value in above.values}):
        parameter = PARAMETERS[name]
        for category in Category:
            for day in _days_of_change((pack, above), name, since):
                try:
                    limit = above.value(parameter, on=day, category=category)
                    value = pack.value(parameter, on=day, category=category)
                except PolicyMissing:
                    continue
                if is_looser(parameter, value, limit):
                    raise RuleLoosened(
                        parameter=name,
                        category=category.value,
                        on=day.isoformat(),
                        above=above.label,
                    )


def tightened(pack: RulePack, above: RulePack, *, since: date) -> list[PolicyValue]:
    """Return the values a pack needs from a day on, so that it is no looser than the one above.

    The rule of the level above holds wherever the pack's own would be looser; none where it is not.
    """
    found: list[PolicyValue] = []
    for name in sorted({value.parameter.name for value in above.values}):
        parameter = PARAMETERS[name]
        for category in (Category.SUBJECT, Category.OTHER):
            for start, end in _between(_days_of_change((pack, above), name, since)):
                try:
                    limit = above.value(parameter, on=start, category=category)
                    value = pack.value(parameter, on=start, category=category)
                except PolicyMissing:
                    continue
                if is_looser(parameter, value, limit):
                    found.append(
                        PolicyValue(parameter, limit, start, above.label, end, category.scope)
                    )
    return found


def _require_sound(value: PolicyValue, since: date) -> None:
    if value.effective_from < since:
        raise PastRejudged(
            parameter=value.parameter.name,
            changes_from=value.effective_from.isoformat(),
            earliest=since.isoformat(),
        )
    if not within_bounds(value.parameter, value.value):
        raise ParameterInvalid(parameter=value.parameter.name, reason="out_of_bounds")


def _laid_over(held: Sequence[PolicyValue], value: PolicyValue) -> list[PolicyValue]:
    """Lay a value over spans: what was before it stays, and what comes after its end."""
    before = _clipped(held, None, value.effective_from - _DAY)
    after = [] if value.effective_to is None else _clipped(held, value.effective_to + _DAY, None)
    return [*before, value, *after]


def _clipped(
    held: Iterable[PolicyValue], first: date | None, last: date | None
) -> list[PolicyValue]:
    """Cut spans to the days from `first` to `last`; None is without limit."""
    cut: list[PolicyValue] = []
    for span in held:
        start = span.effective_from if first is None else max(span.effective_from, first)
        ends = [day for day in (span.effective_to, last) if day is not None]
        end = min(ends) if ends else None
        if end is None or start <= end:
            cut.append(replace(span, effective_from=start, effective_to=end))
    return cut


def _days_of_change(packs: Iterable[RulePack], name: str, since: date) -> list[date]:
    days = {since}
    for pack in packs:
        for value in pack.values:
            if value.parameter.name != name:
                continue
            days.add(value.effective_from)
            if value.effective_to is not None:
                days.add(value.effective_to + _DAY)
    return sorted(day for day in days if day >= since)


def _between(starts: Sequence[date]) -> list[tuple[date, date | None]]:
    """Pair each start with the day before the next; the last has no end."""
    ends = [start - _DAY for start in starts[1:]]
    return list(zip(starts, [*ends, None], strict=True)) if starts else []


def _covers(value: PolicyValue, on: date) -> bool:
    return value.effective_from <= on and (value.effective_to is None or on <= value.effective_to)


def _continues(last: PolicyValue, value: PolicyValue, start: date) -> bool:
    adjacent = last.effective_to is not None and last.effective_to + _DAY == start
    return adjacent and (last.value, last.source) == (value.value, value.source)


def _at(held: Iterable[PolicyValue], on: date) -> object:
    return next((span.value for span in held if _covers(span, on)), None)


def _joins(last: Difference, name: Name, start: date, was: object, now: object) -> bool:
    adjacent = last.effective_to is not None and last.effective_to + _DAY == start
    same = (last.parameter, last.scope, last.before, last.after) == (*name, was, now)
    return adjacent and same
