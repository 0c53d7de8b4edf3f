"""Bank messages in any order, each told twice, leave the same balances and holds (I-39)."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.service import District

MESSAGES = (
    ("channel-captures", {"channel": "WECHAT", "reference": "1", "amount": "300.00"}),
    ("channel-captures", {"channel": "WECHAT", "reference": "2", "amount": "200.00"}),
    (
        "receipts",
        {
            "kind": "CHANNEL_SETTLEMENT",
            "channel": "WECHAT",
            "fee": "3.00",
            "amount": "447.00",
            "bank_ref": "S-1",
        },
    ),
    ("cash-receipts", {"reference": "SJ-1", "amount": "80.00"}),
    ("receipts", {"kind": "CASH", "amount": "90.00", "bank_ref": "K-1"}),
    ("debits", {"kind": "ERROR", "amount": "40.00", "bank_ref": "E-1"}),
    ("receipts", {"kind": "ERROR_CORRECTED", "amount": "45.00", "bank_ref": "E-2"}),
    ("receipts", {"kind": "ERROR", "amount": "70.00", "bank_ref": "E-3"}),
    (
        "debits",
        {"kind": "ERROR_CORRECTED", "corrects_ref": "E-3", "amount": "75.00", "bank_ref": "E-4"},
    ),
    (
        "court-orders",
        {"document_number": "(2026)渝1号", "amount": "50.00", "ordered_on": "2026-03-02"},
    ),
    (
        "debits",
        {
            "kind": "COURT_DEDUCTION",
            "document_number": "(2026)渝1号",
            "amount": "20.00",
            "bank_ref": "D-1",
        },
    ),
)
"""What a bank, and the school for its cash, tell of one custody account."""

ORDERS = [
    list(range(len(MESSAGES)))[turn:] + list(range(len(MESSAGES)))[:turn]
    for turn in range(0, len(MESSAGES), 2)
]
ORDERS += [list(reversed(order)) for order in ORDERS]


async def _tell(academy: Academy, enrolment: dict[str, Any], number: int) -> None:
    path, said = MESSAGES[number]
    custody = academy.district.public("cus", academy.custody)
    days = {"book_on": "2026-03-05", "value_on": "2026-03-05"}
    body: dict[str, Any] = {"custody_account_id": custody, **said}
    token = academy.district.banks["ICBC"]
    if path == "channel-captures":
        body |= {"captured_on": "2026-03-01", "payment_code": enrolment["payment_code"]}
    elif path == "cash-receipts":
        body = {"enrolment_id": enrolment["id"], "taken_on": "2026-03-01", **said}
        token = academy.token
    elif path != "court-orders":
        body |= days
    answer = await academy.post(path, token, body)
    assert answer.status_code in {200, 201}, answer.text


async def _standing(academy: Academy) -> dict[tuple[str, str | None], Any]:
    district = academy.district
    found = await academy.get(
        "balances",
        district.regulator,
        institution_id=district.public("ins", academy.institution),
    )
    held = await academy.get("restraints", academy.token, kind="HOLD", in_force=True)
    totals = {(a["kind"], a.get("reason")): a["balance"] for a in found["accounts"]}
    return totals | {("HOLD", None): [item["amount"] for item in held["items"]]}


async def _told_in(district: District, order: list[int]) -> dict[tuple[str, str | None], Any]:
    academy = await academy_in(district)
    await academy.receipt("500.00", kind="TOP_UP")
    enrolment = await academy.opened()
    for number in order:
        await _tell(academy, enrolment, number)
        await _tell(academy, enrolment, number)
    return await _standing(academy)


@pytest.mark.parametrize("order", ORDERS[1:], ids=lambda order: "-".join(map(str, order)))
async def test_the_order_in_which_a_bank_tells_things_makes_no_difference(
    district: District, order: list[int]
) -> None:
    straight = await _told_in(district, ORDERS[0])

    told = await _told_in(district, order)

    assert told == straight
