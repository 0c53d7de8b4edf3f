"""Scopes: text prefixes over the whole division table, disjoint or nested, children summing up."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import paths
from service.store import reference


def divisions() -> list[str]:
    with (paths.seeds_dir() / "adcodes.csv").open(encoding="utf-8", newline="") as opened:
        return [row["code"] for row in csv.DictReader(opened)]


DIVISIONS = divisions()


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("100000", ""),
        ("000000", ""),
        ("500000", "50"),
        ("510500", "5105"),
        ("500106", "500106"),
        ("469000", "4690"),
    ],
)
def test_a_scope_is_the_code_without_trailing_pairs_of_zeros(code: str, path: str) -> None:
    assert reference.scope_path(code) == path


def test_the_city_sees_its_counties_beside_its_districts() -> None:
    seen = [c for c in ("500106", "500112", "500229", "510502") if reference.is_within(c, "50")]

    assert seen == ["500106", "500112", "500229"]


@given(st.sampled_from(DIVISIONS), st.sampled_from(DIVISIONS))
def test_two_scopes_are_disjoint_or_one_holds_the_other(one: str, other: str) -> None:
    first, second = reference.scope_path(one), reference.scope_path(other)
    both = [
        code
        for code in DIVISIONS
        if reference.is_within(code, first) and reference.is_within(code, second)
    ]

    nested = reference.is_within(first, second) or reference.is_within(second, first)

    assert nested or both == []


@given(st.sampled_from(DIVISIONS))
def test_the_children_of_a_division_together_are_the_division(code: str) -> None:
    path = reference.scope_path(code)
    below = {c for c in DIVISIONS if c.startswith(path) and c[len(path) :].strip("0")}
    parts = {c[: len(path) + 2] for c in below}

    together = [c for part in parts for c in below if reference.is_within(c, part)]

    assert sorted(together) == sorted(below)
    assert all(reference.is_within(c, path) for c in below)


def test_a_zone_does_not_see_into_one_whose_code_begins_alike() -> None:
    assert reference.is_within("500106~A", "500106")
    assert reference.is_within("500106~A~B", "500106~A")
    assert not reference.is_within("500106~AB", "500106~A")
