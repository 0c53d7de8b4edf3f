"""Banks' terms over HTTP, and what orders wait for: hours, working days, limits, restraints."""

import itertools
import uuid
from datetime import date, datetime
from typing import Any

import pytest

from ledger.calendars import SHANGHAI
from service.identity import tokens
from service.identity.callers import Role
from service.store import custodians
from service.store.facts import Update
from service.store.tables import CustodyAccount
from tests.fixtures.payouts import Payouts

NUMBERS = itertools.count(1)
TERMS = {
    "effective_on": "2030-01-01",
    "opens_at": "20:30",
    "cut_off_at": "17:30",
    "working_days_only": True,
    "small_value_limit": "105.00",
    "small_value_holiday_limit": "50.00",
}
FRIDAY_EVENING = "2030-01-04T18:00:00"
SATURDAY = "2030-01-05T12:00:00"
MONDAY = "2030-01-07T09:00:00"


class Banking:
    """A school's payouts at a bank of its own, whose terms concern nobody else."""

    def __init__(self, payouts: Payouts, code: str, token: str) -> None:
        self.payouts = payouts
        self.code = code
        self.token = token

    async def set(self, **values: Any) -> Any:
        path, operator = f"banks/{self.code}/terms", self.payouts.district.operator
        return await self.payouts.academy.post(path, operator, TERMS | values)

    async def fetched(self, **values: Any) -> list[str]:
        answer = await self.payouts.academy.post("payment-orders/fetch", self.token, values)
        assert answer.status_code == 200, answer.text
        return [order["amount"] for order in answer.json()["orders"]]

    async def at(self, local: str) -> None:
        """Let it be a moment in Asia/Shanghai."""
        district = self.payouts.district
        to = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)
        await district.service.store.move_clock(district.journal, to)

    async def waits(self, order: dict[str, Any]) -> tuple[str | None, str | None]:
        read = await self.payouts.order(order)
        if read["waits_until"] is None:
            return read["waits_for"], None
        local = datetime.fromisoformat(read["waits_until"]).astimezone(SHANGHAI)
        return read["waits_for"], local.strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
async def banking(payouts: Payouts) -> Banking:
    """A school at a bank of its own."""
    district = payouts.district
    code = f"TERMS{uuid.uuid4().hex[:8].upper()}"
    body = {"code": code, "name": "测试银行", "name_en": f"Test Bank {next(NUMBERS)}"}
    added = await payouts.academy.post("banks", district.operator, body)
    assert added.status_code == 201, added.text
    await district.plant(Update(CustodyAccount, (payouts.academy.custody,), {"bank_code": code}))
    async with district.service.engine.begin() as connection:
        await custodians.select_bank(connection, district.code, code, on=date(2026, 1, 5))
    token = await district.service.token(
        Role.BANK, tokens.Scope(district.code, bank=code, journal=district.journal)
    )
    return Banking(payouts, code, token)


async def test_a_bank_without_terms_takes_every_order(banking: Banking) -> None:
    order = await banking.payouts.ordered("100.00")

    waits = await banking.waits(order)

    assert waits == (None, None)
    assert await banking.fetched() == ["100.00"]


async def test_an_order_after_the_cut_off_waits_for_the_next_banking_day(banking: Banking) -> None:
    await banking.set()
    large = await banking.payouts.ordered("108.33")
    await banking.at(FRIDAY_EVENING)

    waits = await banking.waits(large)
    evening = await banking.fetched()
    await banking.at(MONDAY)
    monday = await banking.fetched()

    assert waits == ("CUT_OFF", "2030-01-06T20:30")
    assert evening == []
    assert monday == ["108.33"]


async def test_small_payments_go_at_any_hour_and_smaller_ones_on_holidays(banking: Banking) -> None:
    await banking.set()
    await banking.payouts.ordered("100.00")
    later = await banking.payouts.ordered("58.33")
    await banking.payouts.ordered("50.00")
    await banking.at(FRIDAY_EVENING)

    evening = await banking.fetched(limit=1)
    await banking.at(SATURDAY)
    saturday = await banking.fetched()

    assert evening == ["100.00"]
    assert saturday == ["50.00"]
    assert await banking.waits(later) == ("WORKING_DAY", "2030-01-06T20:30")


async def test_what_is_over_the_limit_waits_whole_and_lets_others_pass(banking: Banking) -> None:
    await banking.set(item_limit="105.00")
    large = await banking.payouts.ordered("108.33")
    await banking.payouts.ordered("100.00")
    await banking.at(MONDAY)

    passed = await banking.fetched(limit=1)
    waits = await banking.waits(large)
    await banking.set(effective_on="2030-01-08", item_limit="200.00")
    await banking.at("2030-01-08T09:00:00")

    assert passed == ["100.00"]
    assert waits == ("ITEM_LIMIT", None)
    assert await banking.waits(large) == (None, None)
    assert await banking.fetched() == ["108.33"]


async def test_a_stopped_order_tells_that_it_waits_for_people(banking: Banking) -> None:
    order = await banking.payouts.ordered("100.00")
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": banking.payouts.custody_id,
        "kind": "FENCE",
        "cause": "VERIFY",
    }
    await banking.payouts.academy.post("restraints", banking.payouts.district.regulator, body)

    assert await banking.waits(order) == ("RESTRAINT", None)


async def test_terms_are_set_for_a_day_once(banking: Banking) -> None:
    first = await banking.set()
    again = await banking.set()
    other = await banking.set(cut_off_at="16:00")
    late = await banking.set(effective_on="2026-01-01")

    listed = await banking.payouts.academy.get(f"banks/{banking.code}/terms", banking.token)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert (late.status_code, late.json()["code"]) == (422, "past_rejudged")
    assert [terms["cut_off_at"] for terms in listed["items"]] == ["17:30"]
    assert listed["items"][0]["small_value_limit"] == "105.00"


@pytest.mark.parametrize(
    "values", [{"cut_off_at": "24:00"}, {"cut_off_at": "00:00"}, {"item_limit": "1.5"}]
)
async def test_terms_that_make_no_sense_are_refused(
    banking: Banking, values: dict[str, str]
) -> None:
    refused = await banking.set(**values)

    assert (refused.status_code, refused.json()["code"]) == (400, "request_invalid")


async def test_nobody_sets_terms_of_a_bank_that_is_not_there(banking: Banking) -> None:
    banking.code = "NOSUCHBANK"

    refused = await banking.set()

    assert (refused.status_code, refused.json()["code"]) == (404, "bank_unknown")
