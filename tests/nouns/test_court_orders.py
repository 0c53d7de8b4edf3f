"""Court orders over HTTP: held as the bank notices them, used up by deductions, made good."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from service.store.context import Context
from tests.fixtures.academies import Academy
from tests.fixtures.refunds import Refunds

DOCUMENT = "(2026)渝0106执123号"


def _notice(refunds: Refunds, **values: Any) -> dict[str, Any]:
    return {
        "custody_account_id": refunds.district.public("cus", refunds.academy.custody),
        "document_number": DOCUMENT,
        "amount": "3000.00",
        "ordered_on": "2026-03-02",
        "until_on": "2027-03-01",
    } | values


async def _noticed(refunds: Refunds, **values: Any) -> dict[str, Any]:
    answer = await refunds.post("court-orders", refunds.bank, _notice(refunds, **values))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _deducted(refunds: Refunds, amount: str, document: str = DOCUMENT) -> dict[str, Any]:
    body = refunds.line(amount) | {"kind": "COURT_DEDUCTION", "document_number": document}
    answer = await refunds.post("debits", refunds.bank, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _preview(refunds: Refunds) -> dict[str, Any]:
    custody = refunds.district.public("cus", refunds.academy.custody)
    found = await refunds.academy.get(
        "payouts/preview", refunds.academy.token, custody_account_id=custody
    )
    return dict(found)


async def _holds(refunds: Refunds) -> list[str]:
    found = await refunds.academy.get(
        "restraints", refunds.district.regulator, kind="HOLD", in_force=True
    )
    return [item["amount"] for item in found["items"]]


async def _restraint(refunds: Refunds, order: dict[str, Any]) -> dict[str, Any]:
    path = f"restraints/{order['restraint_id']}"
    return dict(await refunds.academy.get(path, refunds.district.regulator))


async def _lifted(refunds: Refunds, order: dict[str, Any]) -> None:
    asked = await refunds.post(
        f"restraints/{order['restraint_id']}/lift",
        refunds.district.regulator,
        {"reason": "COURT_LET_GO"},
    )
    await refunds.approved(asked)


@pytest.fixture
async def enrolment(academy: Academy) -> dict[str, Any]:
    """An enrolment of 4,999.99 over 48 lessons: two confirmed."""
    opened = await academy.enrolled()
    for _ in range(2):
        await academy.confirmed(opened)
    return opened


@pytest.mark.usefixtures("enrolment")
async def test_what_a_court_froze_is_held_from_the_bank_s_notice_on(refunds: Refunds) -> None:
    before = await _preview(refunds)

    order = await _noticed(refunds)

    after = await _preview(refunds)
    assert (order["state"], order["amount"], order["deducted"]) == ("HELD", "3000.00", "0.00")
    assert await _holds(refunds) == ["3000.00"]
    assert (before["payable_now"], after["payable_now"]) == ("208.33", "0.00")
    assert (await _restraint(refunds, order))["cause"] == "COURT_ORDER"


async def test_the_same_notice_again_holds_nothing_more(refunds: Refunds) -> None:
    first = await _noticed(refunds)

    again = await refunds.post("court-orders", refunds.bank, _notice(refunds))

    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert await _holds(refunds) == ["3000.00"]


async def test_the_same_document_with_another_amount_is_refused(refunds: Refunds) -> None:
    await _noticed(refunds)

    other = await refunds.post("court-orders", refunds.bank, _notice(refunds, amount="4000.00"))

    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert await _holds(refunds) == ["3000.00"]


async def test_a_deduction_uses_up_what_was_held_and_is_due_from_the_institution(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    order = await _noticed(refunds)

    entry = await _deducted(refunds, "1000.00")

    found = await academy.get(f"court-orders/{order['id']}", refunds.bank)
    preview = await _preview(refunds)
    assert entry["outcome"] == "COURT_DEDUCTION"
    assert (found["state"], found["deducted"]) == ("HELD", "1000.00")
    assert await _holds(refunds) == ["2000.00"]
    assert [(d["reason"], d["amount"]) for d in preview["debts"]] == [
        ("COURT_DEDUCTION", "1000.00")
    ]
    assert (await academy.money(enrolment))["prepaid"] == "4791.66"


async def test_a_deduction_of_all_that_was_held_leaves_no_hold(refunds: Refunds) -> None:
    await refunds.academy.receipt("5000.00", kind="TOP_UP")
    order = await _noticed(refunds)

    await _deducted(refunds, "3000.00")

    found = await refunds.academy.get(f"court-orders/{order['id']}", refunds.academy.token)
    preview = await _preview(refunds)
    assert (found["state"], found["deducted"]) == ("DEDUCTED", "3000.00")
    assert await _holds(refunds) == []
    assert (preview["debts"], preview["own_funds"]) == ([], "2000.00")


@pytest.mark.usefixtures("enrolment")
async def test_a_deduction_without_a_notice_before_is_booked_all_the_same(refunds: Refunds) -> None:
    await _deducted(refunds, "500.00", "(2026)渝05执9号")

    listed = await refunds.academy.get("court-orders", refunds.district.regulator)
    assert [(o["state"], o["deducted"], o["restraint_id"]) for o in listed["items"]] == [
        ("DEDUCTED", "500.00", None)
    ]


@pytest.mark.usefixtures("enrolment")
async def test_a_freeze_noticed_after_its_deduction_holds_only_what_is_left(
    refunds: Refunds,
) -> None:
    await _deducted(refunds, "500.00")

    answer = await refunds.post("court-orders", refunds.bank, _notice(refunds))
    again = await refunds.post("court-orders", refunds.bank, _notice(refunds))

    found = answer.json()
    assert (found["state"], found["amount"], found["deducted"]) == ("HELD", "3000.00", "500.00")
    assert (await _holds(refunds), again.status_code) == (["2500.00"], 200)


@pytest.mark.usefixtures("enrolment")
async def test_a_freeze_noticed_after_all_of_it_was_deducted_holds_nothing(
    refunds: Refunds,
) -> None:
    await _deducted(refunds, "3000.00")

    answer = await refunds.post("court-orders", refunds.bank, _notice(refunds))

    assert (answer.json()["state"], answer.json()["restraint_id"]) == ("DEDUCTED", None)
    assert await _holds(refunds) == []


async def test_a_deduction_waits_for_the_money_and_is_posted_once_it_came(
    refunds: Refunds,
) -> None:
    order = await _noticed(refunds)

    kept = await _deducted(refunds, "1000.00")
    await refunds.academy.receipt("1500.00", kind="TOP_UP")

    found = await refunds.academy.get(f"receipts/{kept['id']}", refunds.bank)
    told = await refunds.academy.get(f"court-orders/{order['id']}", refunds.bank)
    assert kept["outcome"] == "KEPT"
    assert (found["outcome"], told["deducted"]) == ("COURT_DEDUCTION", "1000.00")
    assert await _holds(refunds) == ["2000.00"]


async def test_what_the_court_let_go_of_is_held_until_two_regulators_lift_it(
    refunds: Refunds,
) -> None:
    order = await _noticed(refunds)

    released = await refunds.post(f"court-orders/{order['id']}/release", refunds.bank)
    still = await _holds(refunds)
    await _lifted(refunds, order)

    assert (released.status_code, released.json()["state"]) == (200, "RELEASED")
    assert (still, await _holds(refunds)) == (["3000.00"], [])


async def test_an_order_that_was_used_up_is_not_released(refunds: Refunds) -> None:
    await refunds.academy.receipt("5000.00", kind="TOP_UP")
    order = await _noticed(refunds)
    await _deducted(refunds, "3000.00")

    refused = await refunds.post(f"court-orders/{order['id']}/release", refunds.bank)

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


@pytest.mark.usefixtures("enrolment")
async def test_the_institution_is_told_of_a_freeze_and_of_a_deduction(refunds: Refunds) -> None:
    await _noticed(refunds)
    await _deducted(refunds, "100.00")

    async with refunds.district.service.engine.begin() as connection:
        await Context.writer(refunds.district.journal).enter(connection, statement_timeout="10s")
        told = await connection.scalars(
            text(
                "SELECT kind FROM escrow.notice WHERE journal_id = :journal"
                " AND kind LIKE 'COURT%' AND recipient_id = :institution ORDER BY kind"
            ),
            {
                "journal": refunds.district.journal,
                "institution": refunds.academy.institution,
            },
        )
        assert list(told) == ["COURT_ORDER_DEDUCTED", "COURT_ORDER_NOTICED"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0.00"},
        {"until_on": "2026-03-01"},
        {"document_number": " "},
        {"document_number": "张三 (2026)渝0106执123号"},
        {"document_number": "(2026)渝0106执123号 张三"},
    ],
    ids=["nothing held", "until a day before", "no document", "a name before", "a name after"],
)
async def test_a_notice_that_says_nothing_is_malformed(
    refunds: Refunds, wrong: dict[str, str]
) -> None:
    answer: httpx.Response = await refunds.post(
        "court-orders", refunds.bank, _notice(refunds, **wrong)
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_another_bank_s_account_is_not_there(refunds: Refunds) -> None:
    order = await _noticed(refunds)
    other = refunds.district.banks["CCB"]

    notice = await refunds.post(
        "court-orders", other, _notice(refunds, document_number="(2026)渝1号")
    )
    release = await refunds.post(f"court-orders/{order['id']}/release", other)

    assert (notice.json()["code"], release.json()["code"]) == (
        "custody_account_unknown",
        "court_order_unknown",
    )
