"""What a gap is demanded for: nothing that the next payout makes good before it is paid (E29)."""

from datetime import date
from typing import Any

import pytest

from ledger.coverage import NOTHING_IN_TIME, InTime
from service.store.facts import Record
from service.store.reconciliation_facts import Looked
from service.store.shortfalls import missing

PREPAID, EARNED, BANK = ("STUDENT_PREPAID", ""), ("INSTITUTION_PAYABLE", ""), ("CUSTODY_BANK", "")
CLAWED_BACK, CHARGED = (
    ("DUE_FROM_INSTITUTION", "CLAWBACK"),
    ("DUE_FROM_INSTITUTION", "BANK_CHARGE"),
)
ON_ITS_WAY = ("CHANNEL_CLEARING", "WECHAT")


def looked(now: dict[tuple[str, str], int], **values: Any) -> Looked:
    account = Record({"purpose": values.pop("purpose", "CUSTODY")})
    in_time = values.pop("in_time", NOTHING_IN_TIME)
    return Looked(account, date(2026, 3, 2), 1, 1, now, now, in_time, {})


@pytest.mark.parametrize(
    ("now", "demanded"),
    [
        pytest.param({BANK: 100, PREPAID: 100}, "0.00", id="nothing is missing"),
        pytest.param({BANK: 100, PREPAID: 150, CHARGED: 50}, "0.50", id="a fee"),
        pytest.param(
            {BANK: 100, PREPAID: 150, CLAWED_BACK: 50}, "0.50", id="clawed back, nothing earned"
        ),
        pytest.param(
            {BANK: 100, PREPAID: 70, EARNED: 80, CLAWED_BACK: 50}, "0.00", id="earned again since"
        ),
        pytest.param(
            {BANK: 100, PREPAID: 130, EARNED: 20, CLAWED_BACK: 50}, "0.30", id="earned in part"
        ),
    ],
)
def test_what_is_demanded_is_the_gap_that_earned_money_does_not_close(
    now: dict[tuple[str, str], int], demanded: str
) -> None:
    assert str(missing(looked(now))) == demanded


def test_money_on_its_way_in_time_is_not_demanded() -> None:
    captured = {BANK: 100, PREPAID: 150, ON_ITS_WAY: 50}

    assert str(missing(looked(captured))) == "0.50"
    assert str(missing(looked(captured, in_time=InTime(channel_fen=40)))) == "0.10"


def test_nothing_is_demanded_for_a_deposit_account() -> None:
    assert str(missing(looked({PREPAID: 150}, purpose="DEPOSIT"))) == "0.00"
