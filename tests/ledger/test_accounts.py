"""The chart of accounts: complete, in the supervisor's words, on the right side."""

import re
from dataclasses import replace
from uuid import UUID

import pytest

from ledger.accounts import (
    ASSETS,
    CHART,
    LIABILITIES,
    NOT_REQUIRED,
    STUDENT_OWNED,
    Account,
    AccountKind,
    Reason,
    Side,
    Unit,
    own_account,
)

OWNER, CUSTODY, INSTITUTION = UUID(int=1), UUID(int=2), UUID(int=3)


def test_every_kind_stands_in_the_chart_under_its_own_code() -> None:
    codes = [CHART[kind].code for kind in AccountKind]

    assert codes == [
        *(f"A{number}" for number in range(1, 9)),
        *(f"L{number}" for number in range(1, 17)),
        "U0",
        "U1",
        "U2",
    ]


@pytest.mark.parametrize("kind", AccountKind)
def test_an_account_grows_on_the_side_and_in_the_unit_of_its_code(kind: AccountKind) -> None:
    chart = CHART[kind]

    account = Account(kind, OWNER, CUSTODY)

    debit = chart.code[0] == "A" or chart.code == "U0"
    assert account.side is (Side.DEBIT if debit else Side.CREDIT)
    assert account.unit is (Unit.LESSON if chart.code[0] == "U" else Unit.CNY)


@pytest.mark.parametrize("kind", AccountKind)
def test_every_kind_has_a_chinese_and_an_english_name(kind: AccountKind) -> None:
    chart = CHART[kind]

    assert re.search("[一-鿿]", chart.zh)
    assert chart.en.isascii()
    assert chart.en


def test_names_are_unique_in_both_languages() -> None:
    assert len({chart.zh for chart in CHART.values()}) == len(CHART)
    assert len({chart.en for chart in CHART.values()}) == len(CHART)


def test_assets_and_liabilities_are_the_whole_of_the_money() -> None:
    money = {kind for kind in AccountKind if CHART[kind].unit is Unit.CNY}

    assert set(ASSETS) | set(LIABILITIES) == money
    assert not set(ASSETS) & set(LIABILITIES)
    assert all(CHART[kind].code[0] == "A" for kind in ASSETS)


def test_what_students_own_is_the_documented_list() -> None:
    codes = [CHART[kind].code for kind in STUDENT_OWNED]

    assert codes == ["L1", "L2", "L3", "L6", "L7", "L8", "L9", "L11", "L15"]
    assert [CHART[kind].code for kind in NOT_REQUIRED] == ["L12", "L16"]


@pytest.mark.parametrize(
    "other",
    [
        Account(AccountKind.LESSON_PENDING, OWNER, CUSTODY, Reason.LEGACY),
        Account(AccountKind.DUE_FROM_INSTITUTION, CUSTODY, CUSTODY, Reason.LEGACY),
        Account(AccountKind.DUE_FROM_INSTITUTION, OWNER, OWNER, Reason.LEGACY),
        Account(AccountKind.DUE_FROM_INSTITUTION, OWNER, CUSTODY, Reason.CLAWBACK),
        Account(AccountKind.DUE_FROM_INSTITUTION, OWNER, CUSTODY),
    ],
)
def test_kind_owner_custody_and_reason_each_make_another_account(other: Account) -> None:
    account = Account(AccountKind.DUE_FROM_INSTITUTION, OWNER, CUSTODY, Reason.LEGACY)

    assert account != other


def test_the_institution_is_told_but_does_not_make_another_account() -> None:
    account = Account(AccountKind.STUDENT_PREPAID, OWNER, CUSTODY, institution=INSTITUTION)

    same = replace(account, institution=None)

    assert account == same
    assert hash(account) == hash(same)


def test_an_account_is_nothing_but_an_account() -> None:
    account = Account(AccountKind.STUDENT_PREPAID, OWNER, CUSTODY)

    assert account != "STUDENT_PREPAID"
    assert account == account  # noqa: PLR0124 - the same object is not compared at all


def test_an_institutions_own_account_is_the_same_object_each_time() -> None:
    one, other = (
        own_account(AccountKind.INSTITUTION_PAYABLE, OWNER, CUSTODY, None, OWNER) for _ in range(2)
    )

    assert one is other
    assert one == Account(AccountKind.INSTITUTION_PAYABLE, OWNER, CUSTODY)
