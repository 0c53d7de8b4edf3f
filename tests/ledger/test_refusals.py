"""Refusals: each has a stable code, a title in two languages, and a place in the precedence."""

import re

import pytest

from ledger import refusals
from ledger.refusals import (
    BalanceTooLow,
    CallerRefused,
    Malformed,
    ObjectUnknown,
    Refusal,
    Restrained,
    RuleBroken,
    SignatureRefused,
    StateConflict,
    Unavailable,
    all_refusals,
)

PRECEDENCE = (
    Malformed,
    CallerRefused,
    ObjectUnknown,
    StateConflict,
    Restrained,
    BalanceTooLow,
    RuleBroken,
    Unavailable,
)


def is_refusal(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Refusal)


@pytest.mark.parametrize("refusal", all_refusals())
def test_a_code_is_made_from_the_name_and_never_from_prose(refusal: type[Refusal]) -> None:
    assert re.fullmatch("[a-z]+(_[a-z]+)*", refusal.code)
    assert refusal.code.replace("_", "") == refusal.__name__.lower()


@pytest.mark.parametrize("refusal", all_refusals())
def test_a_title_is_one_sentence_in_each_language(refusal: type[Refusal]) -> None:
    title = refusal().title

    assert title == refusal.__doc__
    assert title.endswith(".")
    assert "\n" not in title
    assert re.search("[一-鿿]", refusal.zh)


def test_codes_are_unique() -> None:
    codes = [refusal.code for refusal in all_refusals()]

    assert len(set(codes)) == len(codes)


def test_refusals_are_listed_in_the_documented_order_of_precedence() -> None:
    ranks = [
        next(PRECEDENCE.index(parent) for parent in refusal.mro() if parent in PRECEDENCE)
        for refusal in all_refusals()
    ]

    assert ranks == sorted(ranks)
    assert set(ranks) == set(range(len(PRECEDENCE)))


def test_every_class_is_either_a_category_or_can_be_answered() -> None:
    classes = {found for found in vars(refusals).values() if is_refusal(found)}

    left = classes - set(all_refusals())

    assert left == {Refusal, SignatureRefused, *PRECEDENCE} - {BalanceTooLow}


def test_a_refusal_keeps_its_facts_and_shows_them_to_a_developer() -> None:
    refusal = BalanceTooLow(account="STUDENT_PREPAID", missing="0.01")

    assert refusal.facts == {"account": "STUDENT_PREPAID", "missing": "0.01"}
    assert "balance_too_low" in str(refusal)
    assert "0.01" in str(refusal)


def test_a_refusal_without_a_docstring_has_an_empty_title() -> None:
    class Undocumented(Refusal):
        pass

    assert Undocumented().title == ""
    assert Undocumented.code == "undocumented"
    assert Undocumented not in all_refusals()
