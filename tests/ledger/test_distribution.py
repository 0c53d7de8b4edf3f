"""A pool is shared out to the last fen, to nobody more than is owed, and by anyone the same."""

import os
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import chain, distribution
from ledger.distribution import POOLED, TRACED_FIRST
from tests.ledger import second_distribution
from tests.ledger.drawn_registers import amounts, collapsed, fen, inputs

EXAMPLES = int(os.environ.get("ESCROW_ARITHMETIC_CASES", "200"))
"""How many registers both implementations share out; `poe arithmetic` asks for a million."""


def test_a_pooled_collapse_pays_each_parent_what_case_8_6_says() -> None:
    plan = distribution.planned(collapsed(POOLED))

    assert _yuan(one + two for _, one, two in plan.shares) == [
        "3500.33",
        "2260.64",
        "7000.68",
        "875.09",
        "875.08",
        "0.01",
        "5833.90",
    ]
    assert (plan.pool, plan.distributed) == (fen("20345.73"), fen("20345.73"))
    assert (plan.claimed, plan.residual) == (fen("29062.50"), fen("8716.77"))


def test_a_traced_collapse_pays_each_parent_what_case_8_7_says() -> None:
    plan = distribution.planned(collapsed(TRACED_FIRST))

    assert _yuan(one for _, one, _ in plan.shares) == [
        "4025.10",
        "2599.55",
        "0.00",
        "1006.28",
        "1006.28",
        "0.01",
        "6708.51",
    ]
    assert _yuan(two for _, _, two in plan.shares) == [
        "355.36",
        "229.51",
        "3645.17",
        "88.84",
        "88.84",
        "0.00",
        "592.28",
    ]
    assert (plan.distributed, plan.residual) == (fen("20345.73"), fen("8716.77"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(inputs())
def test_two_implementations_share_out_every_register_alike(drawn: dict[str, Any]) -> None:
    shared = distribution.replay(drawn)

    assert shared == second_distribution.shares(drawn)


@given(inputs())
def test_the_whole_pool_is_given_out_and_nobody_gets_more_than_is_claimed(
    drawn: dict[str, Any],
) -> None:
    plan = distribution.planned(drawn)

    assert plan.distributed == min(plan.pool, plan.claimed)
    for entitlement, (_, one, two) in zip(drawn["entitlements"], plan.shares, strict=True):
        assert one >= 0
        assert two >= 0
        assert one + two <= entitlement["claim"]


@given(amounts, st.lists(amounts, min_size=1, max_size=20))
def test_each_rateable_share_is_within_a_fen_of_the_exact_one_and_in_order_of_the_claims(
    pool: int, claims: list[int]
) -> None:
    given_out = distribution.rateably(pool, claims)

    whole = sum(claims)
    payable = min(pool, whole)
    for claim, share in zip(claims, given_out, strict=True):
        assert abs(share * whole - payable * claim) < max(whole, 1)
    for (claim, share), (other, others) in combinations(zip(claims, given_out, strict=True), 2):
        assert claim <= other or share >= others
        assert claim != other or 0 <= share - others <= 1


@given(inputs(), st.randoms(use_true_random=False))
def test_the_order_in_which_the_inputs_are_written_changes_nothing(
    drawn: dict[str, Any], chance: Any
) -> None:
    shuffled = {**drawn, "entitlements": list(drawn["entitlements"])}
    chance.shuffle(shuffled["entitlements"])

    assert distribution.replay(shuffled) == distribution.replay(drawn)


@given(inputs(basis=TRACED_FIRST))
def test_tier_one_shares_no_more_than_the_own_account_holds_and_nothing_unfunded(
    drawn: dict[str, Any],
) -> None:
    shared = distribution.replay(drawn)

    for fund in drawn["accounts"]:
        own = [e for e in drawn["entitlements"] if e["account"] == fund["number"]]
        given_out = [shared[e["number"] - 1][1] for e in own]
        traced = [e["claim"] - e["unfunded"] for e in own]
        assert sum(given_out) == min(fund["pool"], sum(traced))
        assert all(one <= held for one, held in zip(given_out, traced, strict=True))


@given(inputs())
def test_after_the_moves_every_account_can_pay_its_own_entitlements(drawn: dict[str, Any]) -> None:
    plan = distribution.planned(drawn)

    cash = second_distribution.moved(drawn, plan.moves)
    for entitlement, (_, one, two) in zip(drawn["entitlements"], plan.shares, strict=True):
        cash[entitlement["account"]] -= one + two
    assert all(left >= 0 for left in cash.values())
    assert sum(cash.values()) == plan.pool - plan.distributed
    assert all(moved > 0 for _, _, moved in plan.moves)


@given(inputs(), st.lists(amounts, max_size=4))
def test_later_rounds_over_what_is_left_never_take_back_a_fen(
    drawn: dict[str, Any], recoveries: list[int]
) -> None:
    paid = [one + two for _, one, two in distribution.replay(drawn)]
    for number, recovery in enumerate(recoveries, start=2):
        later = _round(drawn, paid, number, recovery)

        shares = distribution.replay(later)

        assert all(one >= 0 and two >= 0 for _, one, two in shares)
        paid = [so_far + one + two for so_far, (_, one, two) in zip(paid, shares, strict=True)]
        assert all(
            fen_paid <= entitlement["claim"]
            for fen_paid, entitlement in zip(paid, drawn["entitlements"], strict=True)
        )


@given(inputs())
def test_the_hash_covers_inputs_and_shares_in_their_one_form(drawn: dict[str, Any]) -> None:
    plan = distribution.planned(drawn)
    other = {**drawn, "round": drawn["round"] + 1}

    assert plan.digest == distribution.digest(dict(reversed(drawn.items())), plan.shares)
    assert plan.digest != distribution.digest(other, plan.shares)
    written = [list(share) for share in plan.shares]
    assert distribution.canonical([drawn, written]) == chain.canonical_json([drawn, written])


@pytest.mark.parametrize(
    "wrong",
    [
        {"basis": "FIRST_COME"},
        {"accounts": [{"number": 1, "pool": -1, "later": 0}]},
        {"accounts": [{"number": 1, "pool": 1}]},
        {"accounts": [{"number": 1, "pool": 1, "later": 0}] * 2},
        {"accounts": [{"number": 2, "pool": 1, "later": 0}]},
        {"entitlements": [{"number": 1, "account": 1, "claim": 1.5, "unfunded": 0}]},
        {"entitlements": [{"number": 1, "account": 1, "claim": 1, "unfunded": 2}]},
    ],
)
def test_inputs_that_no_register_could_have_given_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"basis|whole|once|account"):
        distribution.replay(collapsed(POOLED) | wrong)


def _round(drawn: dict[str, Any], paid: list[int], number: int, recovery: int) -> dict[str, Any]:
    return {
        **drawn,
        "round": number,
        "accounts": [
            {"number": fund["number"], "pool": 0, "later": recovery if fund["number"] == 1 else 0}
            for fund in drawn["accounts"]
        ],
        "entitlements": [
            {**entitlement, "claim": entitlement["claim"] - so_far, "unfunded": 0}
            for entitlement, so_far in zip(drawn["entitlements"], paid, strict=True)
        ],
    }


def _yuan(amounts_fen: Any) -> list[str]:
    return [f"{amount // 100}.{amount % 100:02d}" for amount in amounts_fen]


@pytest.mark.parametrize(
    ("pool", "claims", "shares"),
    [
        (1, [333_333, 333_334, 333_333], [0, 1, 0]),
        (2, [333_333, 333_334, 333_333], [1, 1, 0]),
        (1, [250_001, 250_000, 250_002, 249_997], [0, 0, 1, 0]),
    ],
)
def test_of_nearly_equal_remainders_the_larger_gets_the_fen(
    pool: int, claims: list[int], shares: list[int]
) -> None:
    assert distribution.rateably(pool, claims) == shares


def test_an_account_with_just_enough_neither_gives_nor_gets() -> None:
    accounts = [(1, 100), (2, 200), (3, 0)]
    inputs = {
        "accounts": [{"number": n, "pool": pool, "later": 0} for n, pool in accounts],
        "entitlements": [
            {"number": n, "account": n, "claim": 100, "unfunded": 0} for n, _ in accounts
        ],
    }

    moves = distribution.moves(inputs, [(1, 100, 0), (2, 100, 0), (3, 60, 40)])

    assert moves == [(2, 3, 100)]


def test_one_fen_to_spare_goes_where_it_is_lacking() -> None:
    inputs = {
        "accounts": [
            {"number": 1, "pool": 101, "later": 0},
            {"number": 2, "pool": 99, "later": 0},
        ],
        "entitlements": [{"number": n, "account": n, "claim": 100, "unfunded": 0} for n in (1, 2)],
    }

    moves = distribution.moves(inputs, [(1, 100, 0), (2, 99, 1)])

    assert moves == [(1, 2, 1)]


def test_accounts_give_and_get_in_the_order_of_their_numbers() -> None:
    accounts = [(4, 0), (3, 150), (2, 0), (1, 50)]
    inputs = {
        "accounts": [{"number": n, "pool": pool, "later": 0} for n, pool in accounts],
        "entitlements": [{"number": n, "account": n, "claim": 100, "unfunded": 0} for n in (2, 4)],
    }

    moves = distribution.moves(inputs, [(2, 100, 0), (4, 100, 0)])

    assert moves == [(1, 2, 50), (3, 2, 50), (3, 4, 100)]
