"""Rule packs: which value is in force when, for whom, and what cannot be made at all."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import parameters
from ledger.parameters import Parameter
from ledger.policy import Category, Department, PolicyValue, RulePack, Scope
from ledger.refusals import PolicyMissing
from tests.ledger.rule_packs import PACK, SINCE, pack_of


def test_before_any_rule_is_in_force_nothing_is_allowed() -> None:
    with pytest.raises(PolicyMissing) as refused:
        PACK.value(parameters.LESSONS_MAX, on=SINCE - timedelta(days=1), category=Category.ART)

    assert refused.value.facts == {
        "parameter": "lessons_max",
        "on": "2021-10-20",
        "category": "art",
        "pack": "test@1",
    }


def test_a_value_is_in_force_on_its_first_and_last_day_and_gives_way_to_the_older_after() -> None:
    summer = PolicyValue(
        parameters.TERM_BREAK,
        value=True,
        effective_from=date(2026, 7, 11),
        effective_to=date(2026, 8, 31),
        source="term dates",
    )
    pack = pack_of(summer)

    in_break = {
        on: pack.value(parameters.TERM_BREAK, on=on)
        for on in (date(2026, 7, 10), date(2026, 7, 11), date(2026, 8, 31), date(2026, 9, 1))
    }

    assert list(in_break.values()) == [False, True, True, False]


def test_a_value_for_the_category_stands_before_a_later_general_one() -> None:
    art = PolicyValue(parameters.LESSONS_MAX, 48, SINCE, "local", scope=Scope.NON_SUBJECT)
    general = PolicyValue(parameters.LESSONS_MAX, 40, date(2023, 1, 1), "national")
    pack = pack_of(general, art)
    on = date(2025, 1, 1)

    assert pack.value(parameters.LESSONS_MAX, on=on, category=Category.SPORT) == 48
    assert pack.value(parameters.LESSONS_MAX, on=on, category=Category.SUBJECT) == 40
    assert pack.value(parameters.LESSONS_MAX, on=on) == 40


@given(
    starts=st.lists(st.dates(date(2021, 1, 1), date(2026, 1, 1)), unique=True, max_size=6),
    on=st.dates(date(2020, 1, 1), date(2027, 1, 1)),
    order=st.randoms(use_true_random=False),
)
def test_the_latest_value_to_take_effect_is_in_force_whatever_the_order_of_writing(
    starts: list[date], on: date, order: Any
) -> None:
    values = [PolicyValue(parameters.LESSONS_MAX, n, day, "x") for n, day in enumerate(starts)]
    order.shuffle(values)
    pack = RulePack("p", 1, tuple(values))
    begun = [day for day in starts if day <= on]

    if begun:
        assert pack.value(parameters.LESSONS_MAX, on=on) == starts.index(max(begun))
    else:
        with pytest.raises(PolicyMissing):
            pack.value(parameters.LESSONS_MAX, on=on)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 60.0},
        {"value": True},
        {"value": "60"},
        {"effective_to": SINCE - timedelta(days=1)},
        {"source": "  "},
    ],
)
def test_a_value_that_could_not_be_used_cannot_be_made(wrong: dict[str, Any]) -> None:
    good = PolicyValue(parameters.LESSONS_MAX, 60, SINCE, "notice", effective_to=SINCE)

    with pytest.raises(ValueError, match="lessons_max"):
        replace(good, **wrong)


def test_a_pack_cannot_give_one_parameter_two_values_from_the_same_day() -> None:
    with pytest.raises(ValueError, match="test@1"):
        pack_of(PolicyValue(parameters.LESSONS_MAX, 48, SINCE, "contradiction"))


def test_each_category_has_its_competent_department() -> None:
    assert {category: category.competent for category in Category} == {
        Category.SUBJECT: Department.EDUCATION,
        Category.ART: Department.CULTURE,
        Category.SPORT: Department.SPORT,
        Category.SCIENCE: Department.SCIENCE,
        Category.OTHER: Department.EDUCATION,
    }


def test_every_parameter_is_listed_under_its_own_name() -> None:
    listed = parameters.PARAMETERS

    declared = [each for each in vars(parameters).values() if isinstance(each, Parameter)]
    assert {each.name for each in declared} == set(listed)
    assert len(declared) == len(listed)
    assert all(name == parameter.name for name, parameter in listed.items())
