"""Payouts over HTTP: earned money only, from its own account, never more than coverage leaves."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from service.payouts.sweep import settle_week
from service.store.context import Context
from service.store.facts import Insert, Update
from service.store.rows import table_of
from service.store.tables import Agreement, Institution
from tests.fixtures.academies import Academy
from tests.fixtures.service import District, fresh_id


@dataclass
class Payouts:
    """What a school, its bank and the operator do about payouts."""

    academy: Academy
    custody_id: str

    @property
    def district(self) -> District:
        return self.academy.district

    @property
    def bank(self) -> str:
        return self.district.banks["ICBC"]

    async def ask(self, amount: str | None = None, **values: Any) -> httpx.Response:
        """Ask for a payout."""
        body = {"custody_account_id": self.custody_id, "amount": amount} | values
        return await self.academy.post("payouts", self.academy.token, body)

    async def ordered(self, amount: str | None = None, **values: Any) -> dict[str, Any]:
        """Ask for a payout and get it."""
        answer = await self.ask(amount, **values)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def fetched(self, amount: str | None = None) -> dict[str, Any]:
        """Ask for a payout and let the bank fetch it."""
        order = await self.ordered(amount)
        answer = await self.academy.post("payment-orders/fetch", self.bank)
        assert [found["id"] for found in answer.json()["orders"]] == [order["id"]]
        return order

    async def report(self, order: dict[str, Any], status: str, **values: Any) -> httpx.Response:
        """Let the bank report on an order."""
        path = f"payment-orders/{order['id']}/report"
        return await self.academy.post(path, self.bank, {"status": status} | values)

    async def debited(self, order: dict[str, Any], reference: str = "D-1") -> dict[str, Any]:
        """Let the bank book the debit of an order."""
        body = self.line(order["amount"], reference) | {"kind": "ORDER"}
        answer = await self.academy.post("debits", self.bank, body | {"end_to_end_id": order["id"]})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def returned(self, order: dict[str, Any], reference: str = "C-1") -> dict[str, Any]:
        """Let the bank book an order's money coming back."""
        body = self.line(order["amount"], reference) | {"kind": "RETURN"}
        answer = await self.academy.post(
            "receipts", self.bank, body | {"end_to_end_id": order["id"]}
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def line(self, amount: str, reference: str) -> dict[str, Any]:
        """Write a bank line."""
        return {
            "custody_account_id": self.custody_id,
            "bank_ref": reference,
            "amount": amount,
            "book_on": "2026-03-05",
            "value_on": "2026-03-05",
        }

    async def order(self, order: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        """Read an order."""
        return dict(
            await self.academy.get(f"payment-orders/{order['id']}", token or self.academy.token)
        )

    async def preview(self) -> dict[str, Any]:
        """Ask what could be paid."""
        return dict(
            await self.academy.get(
                "payouts/preview", self.academy.token, custody_account_id=self.custody_id
            )
        )


async def settled(academy: Academy) -> None:
    """Give a school a settlement account."""
    party = await academy.district.plant_party(
        "SETTLEMENT",
        academy.institution,
        name="启明艺术培训学校",
        phone=None,
        account_number="6222000000000000001",
        bank_name="工商银行",
    )
    await academy.district.plant(
        Update(Institution, (academy.institution,), {"settlement_party_id": party})
    )


@pytest.fixture
async def payouts(academy: Academy) -> Payouts:
    """A school that earned 208.33 of a contract of 4,999.99, and can be paid."""
    await settled(academy)
    enrolment = await academy.enrolled()
    for _ in range(2):
        await academy.confirmed(enrolment)
    return Payouts(academy, academy.district.public("cus", academy.custody))


# --- asking -------------------------------------------------------------------------------------


async def test_what_was_earned_becomes_an_order_and_leaves_the_payable(payouts: Payouts) -> None:
    order = await payouts.ordered("208.33")

    assert (order["kind"], order["state"], order["amount"]) == ("EARNED", "NEW", "208.33")
    assert order["balances"] == {"earned": "0.00", "own_funds": "0.00", "in_transit": "208.33"}


async def test_an_order_without_amount_is_for_all_that_was_earned(payouts: Payouts) -> None:
    order = await payouts.ordered()

    assert order["amount"] == "208.33"


async def test_one_fen_more_than_was_earned_is_refused(payouts: Payouts) -> None:
    answer = await payouts.ask("208.34")

    assert answer.status_code == 422
    assert answer.json()["code"] == "balance_too_low"
    assert answer.json()["facts"]["missing"] == "0.01"


@pytest.mark.parametrize("amount", ["0.00", None])
async def test_an_order_for_nothing_is_refused(payouts: Payouts, amount: str | None) -> None:
    await payouts.ordered()

    answer = await payouts.ask(amount)

    assert answer.status_code == 422
    assert answer.json()["code"] == "amount_zero"


async def test_a_school_without_settlement_account_is_not_paid(
    payouts: Payouts, district: District
) -> None:
    school = payouts.academy.institution
    await district.plant(Update(Institution, (school,), {"settlement_party_id": None}))

    answer = await payouts.ask("208.33")

    assert answer.status_code == 422
    assert answer.json()["code"] == "settlement_account_missing"


async def test_another_schools_custody_account_is_not_there(
    payouts: Payouts, district: District
) -> None:
    stranger = await district.institution_token(await district.plant_institution())

    answer = await district.service.post(
        "/v1/payouts", stranger, {"custody_account_id": payouts.custody_id}
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "custody_account_unknown"


async def test_the_same_key_makes_one_order(payouts: Payouts) -> None:
    body = {"custody_account_id": payouts.custody_id, "amount": "100.00"}
    post, token = payouts.district.service.post, payouts.academy.token

    first = await post("/v1/payouts", token, body, key="once")
    again = await post("/v1/payouts", token, body, key="once")

    assert again.content == first.content
    assert (await payouts.preview())["earned"] == "108.33"


async def test_a_dry_run_orders_nothing(payouts: Payouts) -> None:
    body = {"custody_account_id": payouts.custody_id}

    tried = await payouts.academy.post("payouts", payouts.academy.token, body, dry_run=True)

    assert tried.status_code == 200
    assert tried.json()["balances"]["in_transit"] == "208.33"
    assert (await payouts.preview())["earned"] == "208.33"


async def test_a_batch_decides_its_items_in_order(payouts: Payouts) -> None:
    item = {"custody_account_id": payouts.custody_id, "amount": "150.00"}

    answer = await payouts.academy.post(
        "payouts/batch", payouts.academy.token, {"items": [item, item]}
    )

    assert [result["code"] for result in answer.json()["results"]] == ["done", "balance_too_low"]


async def test_money_earned_in_one_account_is_not_paid_from_another(payouts: Payouts) -> None:
    second = await payouts.district.plant_custody_account(
        payouts.academy.institution, bank="CQRCB", is_default=False
    )

    answer = await payouts.ask("208.33", custody_account_id=payouts.district.public("cus", second))

    assert answer.json()["code"] == "balance_too_low"


# --- coverage and debts -------------------------------------------------------------------------


async def test_what_students_are_owed_stays_in_the_account(payouts: Payouts) -> None:
    await payouts.academy.post(
        "debits", payouts.bank, payouts.line("5.00", "F-1") | {"kind": "CHARGE"}
    )

    refused = await payouts.ask("208.33")
    paid = await payouts.ordered()

    assert refused.json()["code"] == "payout_not_covered"
    assert refused.json()["facts"] == {"room": "203.33", "amount": "208.33"}
    assert paid["amount"] == "203.33"


async def test_a_legacy_gap_leaves_no_room_for_a_payout(payouts: Payouts) -> None:
    declared = await payouts.academy.post(
        "enrolments/legacy", payouts.academy.token, payouts.academy.legacy("3000.00", 30)
    )
    assert declared.status_code == 201, declared.text

    answer = await payouts.ask()
    preview = await payouts.preview()

    assert answer.json()["code"] == "payout_not_covered"
    assert preview["stopped_by"] == ["payout_not_covered"]
    assert (preview["room"], preview["shortfall"]) == ("0.00", "3000.00")


async def test_a_surplus_is_withdrawn_only_when_nothing_is_owed(payouts: Payouts) -> None:
    await payouts.academy.receipt("300.00", kind="TOP_UP")

    order = await payouts.ordered("300.00", kind="SURPLUS")
    more = await payouts.ask("0.01", kind="SURPLUS")

    assert (order["kind"], order["balances"]["own_funds"]) == ("SURPLUS", "0.00")
    assert more.json()["code"] == "balance_too_low"


# --- restraints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target_type", "kind", "code"),
    [
        ("CUSTODY_ACCOUNT", "PAYOUT_STOP", "payout_stopped"),
        ("INSTITUTION", "PAYOUT_STOP", "payout_stopped"),
        ("INSTITUTION", "FREEZE", "institution_frozen"),
        ("CUSTODY_ACCOUNT", "FENCE", "account_fenced"),
    ],
)
async def test_a_restraint_stops_a_payout_and_the_preview_says_so(
    payouts: Payouts, target_type: str, kind: str, code: str
) -> None:
    institution = payouts.district.public("ins", payouts.academy.institution)
    target = institution if target_type == "INSTITUTION" else payouts.custody_id
    body = {"target_type": target_type, "target_id": target, "kind": kind, "cause": "INSPECTION"}
    placed = await payouts.academy.post("restraints", payouts.district.regulator, body)
    assert placed.status_code == 201, placed.text

    answer = await payouts.ask()
    preview = await payouts.preview()

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert preview["stopped_by"] == [code]
    assert preview["payable_now"] == "0.00"
    assert [stop["kind"] for stop in preview["restraints"]] == [kind]


async def test_a_hold_reduces_what_can_be_paid(payouts: Payouts) -> None:
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "HOLD",
        "amount": "200.00",
        "cause": "COURT_NOTICE",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    refused = await payouts.ask("8.34")
    paid = await payouts.ordered()

    assert refused.json()["code"] == "hold_exceeded"
    assert paid["amount"] == "8.33"


# --- the bank -----------------------------------------------------------------------------------


async def test_a_bank_fetches_its_orders_once_with_whom_to_pay(payouts: Payouts) -> None:
    order = await payouts.ordered()
    post, bank = payouts.district.service.post, payouts.bank

    first = await post("/v1/payment-orders/fetch", bank, {"limit": 10}, key="f-1")
    replayed = await post("/v1/payment-orders/fetch", bank, {"limit": 10}, key="f-1")
    again = await post("/v1/payment-orders/fetch", bank, {"limit": 10})

    handed = first.json()["orders"]
    assert [(o["id"], o["state"]) for o in handed] == [(order["id"], "SENT")]
    assert handed[0]["payee"] == {
        "name": "启明艺术培训学校",
        "account_number": "6222000000000000001",
        "bank_name": "工商银行",
    }
    assert replayed.json() == first.json()
    assert again.json()["orders"] == []


async def test_only_the_paying_bank_sees_the_payee(payouts: Payouts) -> None:
    order = await payouts.ordered()

    mine = await payouts.order(order, payouts.bank)
    schools = await payouts.order(order)
    others = await payouts.district.service.get(
        f"/v1/payment-orders/{order['id']}", payouts.district.banks["CMB"]
    )

    assert mine["payee"]["account_number"] == "6222000000000000001"
    assert schools["payee"] is None
    assert others.status_code == 404


async def test_an_order_is_not_handed_over_while_its_account_is_fenced(payouts: Payouts) -> None:
    await payouts.ordered()
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "FENCE",
        "cause": "VERIFY",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    answer = await payouts.academy.post("payment-orders/fetch", payouts.bank)

    assert answer.json()["orders"] == []


async def test_the_banks_debit_executes_an_order(payouts: Payouts) -> None:
    order = await payouts.fetched()

    debit = await payouts.debited(order)

    assert debit["outcome"] == "ORDER"
    assert debit["balances"] == {"custody_bank": "4791.66"}
    read = await payouts.order(order)
    assert (read["state"], read["executed_by"]) == ("EXECUTED", debit["id"])


async def test_a_rejected_order_gives_its_money_back_to_what_was_earned(payouts: Payouts) -> None:
    order = await payouts.fetched()

    rejected = await payouts.report(order, "REJECTED", reason="AC04")
    again = await payouts.report(order, "REJECTED", reason="AC04")

    assert rejected.status_code == 200
    assert rejected.json()["balances"]["earned"] == "208.33"
    assert (rejected.json()["state"], rejected.json()["reason"]) == ("REJECTED", "AC04")
    assert again.status_code == 200
    assert "balances" not in again.json() or again.json()["balances"] is None


async def test_an_executed_order_that_comes_back_is_earned_again(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.debited(order)

    credit = await payouts.returned(order)

    assert credit["outcome"] == "RETURN"
    assert credit["balances"] == {"custody_bank": "4999.99"}
    assert (await payouts.order(order))["state"] == "RETURNED"
    assert (await payouts.preview())["earned"] == "208.33"


async def test_a_rejected_surplus_goes_back_to_own_funds(payouts: Payouts) -> None:
    await payouts.academy.receipt("300.00", kind="TOP_UP")
    order = await payouts.ordered("300.00", kind="SURPLUS")
    await payouts.academy.post("payment-orders/fetch", payouts.bank)

    rejected = await payouts.report(order, "REJECTED")

    assert rejected.json()["balances"] == {"earned": "208.33", "own_funds": "300.00"}


async def test_unknown_and_accepted_move_no_money(payouts: Payouts) -> None:
    order = await payouts.fetched()

    unknown = await payouts.report(order, "UNKNOWN")
    debit = await payouts.debited(order)

    assert unknown.json()["state"] == "UNKNOWN"
    assert unknown.json()["balances"] == {"earned": "0.00", "own_funds": "0.00"}
    assert debit["outcome"] == "ORDER"


@pytest.mark.parametrize(
    ("first", "then"),
    [("REJECTED", "ACCEPTED"), ("ACCEPTED", "UNKNOWN"), ("REJECTED", "UNKNOWN")],
)
async def test_every_other_step_is_the_wrong_state(payouts: Payouts, first: str, then: str) -> None:
    order = await payouts.fetched()
    await payouts.report(order, first)

    answer = await payouts.report(order, then)

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_an_executed_order_is_not_rejected_any_more(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.debited(order)

    answer = await payouts.report(order, "REJECTED")

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_debit_of_a_rejected_order_is_kept_not_posted(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "REJECTED")

    debit = await payouts.debited(order)

    assert debit["outcome"] == "KEPT"


async def test_reports_come_in_batches(payouts: Payouts) -> None:
    orders = [await payouts.ordered(amount) for amount in ("100.00", "108.33")]
    await payouts.academy.post("payment-orders/fetch", payouts.bank)
    items = [
        {"order_id": orders[0]["id"], "status": "ACCEPTED"},
        {"order_id": orders[1]["id"], "status": "REJECTED"},
        {"order_id": orders[1]["id"], "status": "ACCEPTED"},
    ]

    answer = await payouts.academy.post(
        "payment-orders/report/batch", payouts.bank, {"items": items}
    )

    results = answer.json()["results"]
    assert [result["code"] for result in results] == ["done", "done", "wrong_state"]
    assert results[1]["result"]["balances"]["earned"] == "108.33"


async def test_an_order_is_cancelled_only_before_its_bank_has_it(payouts: Payouts) -> None:
    first = await payouts.ordered("100.00")
    cancelled = await payouts.academy.post(
        f"payment-orders/{first['id']}/cancel", payouts.academy.token
    )
    second = await payouts.fetched("100.00")

    late = await payouts.academy.post(
        f"payment-orders/{second['id']}/cancel", payouts.academy.token
    )

    assert cancelled.json()["state"] == "CANCELLED"
    assert cancelled.json()["balances"]["earned"] == "208.33"
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_a_rejected_return_stands_in_suspense_again(payouts: Payouts) -> None:
    held = await payouts.academy.receipt("88.00", payer_name="李四", payer_account="62220001")
    sent = await payouts.academy.post(f"receipts/{held['id']}/return", payouts.district.operator)
    await payouts.academy.post("payment-orders/fetch", payouts.bank)

    rejected = await payouts.report(sent.json(), "REJECTED", reason="AC01")

    assert rejected.status_code == 200, rejected.text
    again = await payouts.academy.get(f"receipts/{held['id']}", payouts.district.operator)
    assert (again["outcome"], again["suspense"]) == ("SUSPENSE", "88.00")


# --- the sweep ----------------------------------------------------------------------------------


async def test_a_sweep_pays_what_may_be_paid_and_names_the_rest(payouts: Payouts) -> None:
    operator = payouts.district.operator

    swept = await payouts.academy.post("payouts/generate", operator)
    again = await payouts.academy.post("payouts/generate", operator)

    assert swept.status_code == 201, swept.text
    assert [order["amount"] for order in swept.json()["orders"]] == ["208.33"]
    assert again.json() | {"transaction_id": None} == {
        "orders": [],
        "skipped": [],
        "transaction_id": None,
    }


async def test_a_sweep_names_an_account_it_left_out(payouts: Payouts) -> None:
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "PAYOUT_STOP",
        "cause": "INSPECTION",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    swept = await payouts.academy.post("payouts/generate", payouts.district.operator)

    assert swept.json()["orders"] == []
    assert swept.json()["skipped"] == [
        {"custody_account_id": payouts.custody_id, "code": "payout_stopped"}
    ]


async def agreed(payouts: Payouts, bank: str) -> None:
    """Sign the school's agreement with another bank."""
    signed = {
        "agreement_id": fresh_id(),
        "institution_id": payouts.academy.institution,
        "bank_code": bank,
        "mode": "CUSTODY",
        "release_basis": "LESSON",
        "settlement_cadence": "LESSON",
        "document_hash": "00" * 32,
        "valid_from": date(2026, 1, 6),
        "valid_to": None,
        "seq": 0,
    }
    await payouts.district.plant(Insert(Agreement, signed))


async def by_the_week(payouts: Payouts) -> None:
    """Let the school's agreement settle by the week."""
    source = table_of(Agreement)
    async with payouts.district.service.store.reading(
        Context((payouts.district.journal,))
    ) as connection:
        agreement = await connection.scalar(
            select(source.c.agreement_id).where(
                source.c.institution_id == payouts.academy.institution
            )
        )
    await payouts.district.plant(Update(Agreement, (agreement,), {"settlement_cadence": "WEEK"}))


async def test_a_sweep_of_one_cadence_leaves_the_others(payouts: Payouts) -> None:
    await by_the_week(payouts)
    operator = payouts.district.operator

    by_lesson = await payouts.academy.post("payouts/generate", operator, {"cadence": "LESSON"})
    by_week = await payouts.academy.post("payouts/generate", operator, {"cadence": "WEEK"})

    assert by_lesson.json()["orders"] == []
    assert len(by_week.json()["orders"]) == 1


async def test_the_weeks_settlement_pays_once_a_week(payouts: Payouts) -> None:
    await by_the_week(payouts)
    store, journal = payouts.district.service.store, payouts.district.journal

    first = await settle_week(store, journal)
    enrolment = await payouts.academy.enrolled()
    await payouts.academy.confirmed(enrolment)
    same_week = await settle_week(store, journal)
    await store.move_clock(journal, datetime.now(UTC) + timedelta(days=7))
    next_week = await settle_week(store, journal)

    assert (first, same_week, next_week) == (1, 0, 1)


async def test_each_custody_account_pays_what_was_earned_in_it(
    payouts: Payouts, district: District
) -> None:
    """As in case 8.9: two banks, and neither account pays what was earned in the other."""
    second = await district.plant_custody_account(
        payouts.academy.institution, bank="CQRCB", is_default=False
    )
    await agreed(payouts, "CQRCB")
    course = await district.plant_course(
        payouts.academy.institution,
        price_fen=450_000,
        lessons=60,
        custody_account_id=second,
    )
    other = replace(payouts.academy, custody=second, course=course)
    enrolment = await other.opened()
    await other.post(
        "receipts",
        district.banks["CQRCB"],
        payouts.line("4500.00", "S3")
        | {
            "custody_account_id": district.public("cus", second),
            "payment_code": enrolment["payment_code"],
        },
    )
    for _ in range(8):
        await other.confirmed(enrolment)

    wrong = await payouts.ask("808.33")
    right = await payouts.ordered("208.33")
    theirs = await payouts.ordered("600.00", custody_account_id=district.public("cus", second))

    assert (wrong.status_code, wrong.json()["code"]) == (422, "balance_too_low")
    assert (right["bank"], theirs["bank"]) == ("ICBC", "CQRCB")


async def test_orders_are_listed_in_scope_and_by_state(payouts: Payouts) -> None:
    order = await payouts.ordered("100.00")
    await payouts.ordered("108.33")
    await payouts.academy.post(f"payment-orders/{order['id']}/cancel", payouts.academy.token)
    get, regulator = payouts.academy.get, payouts.district.regulator

    new = await get("payment-orders", regulator, state="NEW")
    first = await get("payment-orders", regulator, limit=1)
    rest = await get("payment-orders", regulator, limit=1, cursor=first["next_cursor"])

    assert [found["amount"] for found in new["items"]] == ["108.33"]
    assert [found["amount"] for found in first["items"] + rest["items"]] == ["100.00", "108.33"]
    assert rest["next_cursor"] is None
