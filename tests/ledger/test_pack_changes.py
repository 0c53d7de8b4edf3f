"""Changing a rule pack: the past stays as it was, and lower levels stay as strict."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import parameters
from ledger.money import Money
from ledger.pack_changes import (
    changed,
    differences,
    followed,
    require_not_looser,
    require_past_kept,
    spans,
    tightened,
)
from ledger.parameter_rules import RULES, Stricter, is_looser, within_bounds
from ledger.parameters import PARAMETERS, Category, GuidePrices, Parameter, Scope
from ledger.policy import PolicyValue, RulePack
from ledger.refusals import (
    NothingChanged,
    ParameterInvalid,
    PastRejudged,
    PolicyMissing,
    RuleLoosened,
)
from tests.ledger.rule_packs import GUIDE, PACK, pack_of

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)
FIRST = date(2024, 1, 1)

days = st.dates(FIRST, date(2028, 12, 31))
scopes = st.none() | st.sampled_from(Scope)
counts = st.sampled_from([parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX])


def value(
    parameter: Parameter[Any], what: object, since: date = TODAY, **values: Any
) -> PolicyValue:
    return PolicyValue(parameter, what, since, "notice 1", **values)


def read(pack: RulePack, parameter: Parameter[Any], on: date, category: Category) -> object:
    try:
        return pack.value(parameter, on=on, category=category)
    except PolicyMissing:
        return None


@st.composite
def packs(draw: st.DrawFn, code: str = "drawn") -> RulePack:
    held: dict[object, PolicyValue] = {}
    for _ in range(draw(st.integers(0, 8))):
        parameter, scope, since = draw(counts), draw(scopes), draw(days)
        ends = draw(st.none() | st.integers(0, 900).map(timedelta))
        held[parameter.name, scope, since] = PolicyValue(
            parameter,
            draw(st.integers(1, 6)),
            since,
            draw(st.sampled_from(["a", "b"])),
            None if ends is None else since + ends,
            scope,
        )
    return RulePack(code, 1, tuple(held.values()))


@st.composite
def deltas(draw: st.DrawFn, since: date = TODAY) -> list[PolicyValue]:
    held: dict[object, PolicyValue] = {}
    for _ in range(draw(st.integers(1, 4))):
        parameter, scope = draw(counts), draw(scopes)
        begins = since + timedelta(days=draw(st.integers(0, 600)))
        ends = draw(st.none() | st.integers(0, 300).map(timedelta))
        held[parameter.name, scope, begins] = PolicyValue(
            parameter,
            draw(st.integers(1, 6)),
            begins,
            "c",
            None if ends is None else begins + ends,
            scope,
        )
    return list(held.values())


@given(pack=packs(), delta=deltas(), on=days, category=st.sampled_from(Category))
def test_another_version_judges_no_day_before_it_otherwise(
    pack: RulePack, delta: list[PolicyValue], on: date, category: Category
) -> None:
    try:
        version = changed(pack, delta, since=TODAY)
    except NothingChanged:
        version = pack

    require_past_kept(pack, version, since=TODAY)
    for parameter in (parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX):
        day = min(on, TODAY - DAY)
        assert read(version, parameter, day, category) == read(pack, parameter, day, category)


@given(pack=packs(), delta=deltas(), on=days, category=st.sampled_from(Category))
def test_each_value_of_a_change_holds_from_its_day_to_its_end_and_then_what_held_before(
    pack: RulePack, delta: list[PolicyValue], on: date, category: Category
) -> None:
    try:
        version = changed(pack, delta, since=TODAY)
    except NothingChanged:
        return

    for parameter in (parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX):
        for scope in (category.scope, None):
            own = [v for v in delta if (v.parameter, v.scope) == (parameter, scope)]
            covering = [v for v in own if v.governs(on, category)]
            held = [v for v in spans(version, (parameter.name, scope)) if v.governs(on, category)]
            if covering:
                latest = max(covering, key=lambda v: v.effective_from)
                assert [v.value for v in held] == [latest.value]
            elif not any(v.effective_from <= on for v in own):
                before = spans(pack, (parameter.name, scope))
                assert [v.value for v in held] == [
                    v.value for v in before if v.governs(on, category)
                ]


@given(pack=packs(), on=days, scope=scopes)
def test_spans_say_of_every_day_what_the_pack_says(
    pack: RulePack, on: date, scope: Scope | None
) -> None:
    for parameter in (parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX):
        said = [v for v in pack.values if (v.parameter, v.scope) == (parameter, scope)]
        category = Category.SUBJECT if scope is Scope.SUBJECT else Category.ART
        governing = [v for v in said if v.governs(on, category)]
        held = [v for v in spans(pack, (parameter.name, scope)) if v.governs(on, category)]

        latest = max(governing, key=lambda v: v.effective_from, default=None)
        assert [v.value for v in held] == ([] if latest is None else [latest.value])


@given(before=packs("before"), after=packs("after"), on=days, category=st.sampled_from(Category))
def test_another_pack_from_a_day_on_leaves_the_days_before_to_the_first(
    before: RulePack, after: RulePack, on: date, category: Category
) -> None:
    rules = followed(before, after, since=TODAY)

    standing = before if on < TODAY else after
    for parameter in (parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX):
        assert read(rules, parameter, on, category) == read(standing, parameter, on, category)
    assert rules.label == after.label


@given(pack=packs(), other=packs(), on=days, category=st.sampled_from(Category))
def test_what_differs_is_told_and_nothing_else(
    pack: RulePack, other: RulePack, on: date, category: Category
) -> None:
    told = differences(pack, other)

    assert (told == []) is (
        {n: [(s.value, s.effective_from, s.effective_to) for s in joined(pack, n)] for n in NAMES}
        == {
            n: [(s.value, s.effective_from, s.effective_to) for s in joined(other, n)]
            for n in NAMES
        }
    )
    if not told:
        for parameter in (parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX):
            assert read(pack, parameter, on, category) == read(other, parameter, on, category)


NAMES = [
    (parameter.name, scope)
    for parameter in (parameters.LESSONS_MAX, parameters.SPAN_MONTHS_MAX)
    for scope in (None, *Scope)
]


def joined(pack: RulePack, name: Any) -> list[PolicyValue]:
    """Join adjacent spans of one value, whatever their sources."""
    plain = RulePack(
        "plain",
        1,
        tuple(
            PolicyValue(s.parameter, s.value, s.effective_from, "x", s.effective_to, s.scope)
            for s in spans(pack, name)
        ),
    )
    return spans(plain, name)


def test_a_change_that_begins_before_its_day_is_refused() -> None:
    delta = [value(parameters.LESSONS_MAX, 48, TODAY - DAY)]

    with pytest.raises(PastRejudged):
        changed(PACK, delta, since=TODAY)
    with pytest.raises(PastRejudged):
        require_past_kept(PACK, pack_of(*delta), since=TODAY)


@pytest.mark.parametrize(
    ("parameter", "what"),
    [
        (parameters.LESSONS_MAX, 0),
        (parameters.LESSONS_MAX, 241),
        (parameters.AMOUNT_CAP, Money.of("1000000.01")),
        (parameters.GUIDE_PRICES, GuidePrices((), 10)),
        (parameters.GUIDE_PRICES, GuidePrices(GUIDE.lines, 101)),
    ],
)
def test_a_value_outside_its_bounds_is_refused(parameter: Parameter[Any], what: object) -> None:
    with pytest.raises(ParameterInvalid):
        changed(PACK, [value(parameter, what)], since=TODAY)


def test_a_value_said_twice_from_one_day_is_refused() -> None:
    twice = [value(parameters.LESSONS_MAX, 48), value(parameters.LESSONS_MAX, 40, TODAY + DAY)]
    held = changed(PACK, twice, since=TODAY)

    assert held.value(parameters.LESSONS_MAX, on=TODAY) == 48
    assert held.value(parameters.LESSONS_MAX, on=TODAY + DAY) == 40
    with pytest.raises(ParameterInvalid, match="said_twice"):
        changed(PACK, [twice[0], value(parameters.LESSONS_MAX, 40)], since=TODAY)


def test_a_change_that_changes_nothing_is_refused() -> None:
    with pytest.raises(NothingChanged):
        changed(PACK, [value(parameters.LESSONS_MAX, 60)], since=TODAY)


def test_a_lower_level_may_be_stricter_and_not_looser_on_any_day_for_any_category() -> None:
    stricter = changed(PACK, [value(parameters.LESSONS_MAX, 48)], since=TODAY)
    looser = changed(PACK, [value(parameters.LESSONS_MAX, 61)], since=TODAY)
    for_art = changed(
        PACK,
        [value(parameters.AMOUNT_CAP, Money.of("5000.01"), scope=Scope.NON_SUBJECT)],
        since=TODAY,
    )
    in_summer = changed(
        PACK,
        [value(parameters.OFFLINE_END_BY, PACK.values[6].value, date(2026, 7, 1))],
        since=TODAY,
    )

    require_not_looser(stricter, PACK, since=TODAY)
    for pack in (looser, for_art, in_summer):
        with pytest.raises(RuleLoosened):
            require_not_looser(pack, PACK, since=TODAY)
    require_not_looser(pack_of(without=parameters.LESSONS_MAX), PACK, since=TODAY)


@given(pack=packs("below"), above=packs("above"))
def test_a_lower_level_follows_where_the_level_above_becomes_stricter(
    pack: RulePack, above: RulePack
) -> None:
    delta = tightened(pack, above, since=TODAY)

    if delta:
        followed_above = changed(pack, delta, since=TODAY)
        require_not_looser(followed_above, above, since=TODAY)
        require_past_kept(pack, followed_above, since=TODAY)
        assert tightened(followed_above, above, since=TODAY) == []
    else:
        require_not_looser(pack, above, since=TODAY)


def test_a_jurisdiction_that_keeps_its_pack_has_its_newest_version() -> None:
    version = changed(PACK, [value(parameters.LESSONS_MAX, 48)], since=TODAY)

    assert followed(PACK, version, since=TODAY) is version


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_has_names_a_unit_and_bounds_of_its_type(name: str) -> None:
    rule = RULES[name]

    assert rule.zh
    assert rule.en
    if rule.least is not None:
        assert type(rule.least) is type(rule.most) is PARAMETERS[name].kind
        assert within_bounds(PARAMETERS[name], rule.least)
        assert within_bounds(PARAMETERS[name], rule.most)


def test_which_way_is_stricter_depends_on_the_parameter() -> None:
    assert is_looser(parameters.LESSONS_MAX, 61, 60)
    assert is_looser(parameters.COOLING_OFF_DAYS, 6, 7)
    assert not is_looser(parameters.COOLING_OFF_DAYS, 8, 7)
    assert RULES["term_break"].stricter is Stricter.FREE
    assert not is_looser(parameters.TERM_BREAK, value=True, than=False)
