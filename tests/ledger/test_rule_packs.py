"""Rule packs as text: written and read back the same, and refused when anything is odd."""

import json
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import parameters
from ledger.money import Money
from ledger.parameters import GuidePrice, GuidePrices
from ledger.policy import PolicyValue, RulePack, Scope
from ledger.rule_packs import RulePackInvalid, parse, render, rendered, value_of
from tests.ledger.rule_packs import PACK

amounts = st.integers(0, 10**12).map(Money.from_fen)
guide_prices = st.builds(
    GuidePrices,
    st.lists(
        st.builds(
            GuidePrice,
            online=st.booleans(),
            class_size_max=st.none() | st.integers(1, 100),
            minutes=st.integers(1, 90),
            base=amounts,
        ),
        max_size=3,
    ).map(tuple),
    st.integers(0, 20),
)
contents: dict[type, st.SearchStrategy[Any]] = {
    Money: amounts,
    int: st.integers(0, 1000),
    bool: st.booleans(),
    time: st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    GuidePrices: guide_prices,
}


@st.composite
def policy_values(draw: st.DrawFn) -> PolicyValue:
    parameter = draw(st.sampled_from(list(parameters.PARAMETERS.values())))
    begins = draw(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
    return PolicyValue(
        parameter=parameter,
        value=draw(contents[parameter.kind]),
        effective_from=begins,
        effective_to=draw(st.none() | st.dates(begins, date(2031, 1, 1))),
        scope=draw(st.none() | st.sampled_from(Scope)),
        source=draw(st.text('国办发〔2021〕号 "\\', max_size=8).map("notice {}".format)),
    )


@given(
    values=st.lists(
        policy_values(),
        unique_by=lambda value: (value.parameter.name, value.scope, value.effective_from),
        max_size=8,
    ),
    version=st.integers(1, 99),
)
def test_a_pack_written_and_read_is_the_same_pack(values: list[PolicyValue], version: int) -> None:
    pack = RulePack("cn", version, tuple(values))

    assert parse(render(pack)) == pack


VALUE = {"parameter": "lessons_max", "value": 60, "from": "2021-10-21", "source": "notice"}
GUIDE_LINE = {"online": False, "class_size_max": 9, "minutes": 45, "base": "45.00"}


def document(**change: Any) -> str:
    return json.dumps({"code": "cn", "version": 1, "values": [VALUE | change]})


def guide(**change: Any) -> str:
    table = {"lines": [GUIDE_LINE | change], "float_percent_max": 10}
    return document(parameter="guide_prices", value=table)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expecting value"),
        ("[]", "not a dict"),
        ("[" * 100_000, "not a rule pack"),
        ('{"code": "cn", "version": 1}', "missing: values"),
        ('{"code": "cn", "code": "cn", "version": 1, "values": []}', "twice"),
        ('{"code": "cn", "version": true, "values": []}', "not a int"),
        ('{"code": "cn", "version": 1, "values": [], "value": 1}', "unknown: value"),
        (document(parameter="lesson_max"), "no parameter lesson_max"),
        (document(until="2022-01-01"), "unknown: until"),
        (document(value="60"), "not a int"),
        (document(value=60.0), "not a int"),
        (document(value=True), "not a int"),
        (document(**{"from": "21.10.2021"}), "21.10.2021"),
        (document(to="2021-10-20"), "ends before"),
        (document(scope="everybody"), "everybody"),
        (document(source=""), "source"),
        (document(parameter="amount_cap", value="5000"), "5000"),
        (document(parameter="amount_cap", value="5000.00 "), "5000"),
        (document(parameter="amount_cap", value=5000), "not a str"),
        (document(parameter="online_end_by", value="25:00"), "hour"),
        (document(parameter="online_end_by", value="9 pm"), "9 pm"),
        (guide(base=45), "not a str"),
        (guide(class_size_max="9"), "not a int"),
        (guide(online=0), "not a bool"),
        (guide(form="offline"), "unknown: form"),
    ],
)
def test_what_is_not_exactly_a_rule_pack_is_refused(text: str, says: str) -> None:
    with pytest.raises(RulePackInvalid, match=says):
        parse(text)


def test_a_pack_may_carry_a_title_and_two_values_of_one_day_are_refused() -> None:
    titled = json.loads(render(PACK)) | {"title": {"zh": "测试"}}
    doubled = titled | {"values": titled["values"] * 2}

    assert parse(json.dumps(titled)) == PACK
    with pytest.raises(RulePackInvalid, match="same day"):
        parse(json.dumps(doubled))


def test_a_pack_says_which_level_says_it() -> None:
    document = json.loads(render(PACK)) | {"jurisdiction": "500106"}

    read = parse(json.dumps(document))

    assert (PACK.jurisdiction, read.jurisdiction) == (None, "500106")
    assert parse(render(read)) == read
    with pytest.raises(RulePackInvalid):
        parse(json.dumps(document | {"jurisdiction": 500106}))


def test_one_value_is_read_as_strictly_as_a_whole_pack() -> None:
    written = rendered(PACK.values[0])

    assert value_of(written) == PACK.values[0]
    wrongs: tuple[Any, ...] = (
        written | {"value": 5},
        written | {"more": 1},
        {"parameter": "no_such"},
        [],
    )
    for wrong in wrongs:
        with pytest.raises(RulePackInvalid):
            value_of(wrong)
