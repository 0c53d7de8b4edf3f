"""A school that holds its fees collapses: they are called, and paid out of the deposit (E40)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service import verify
from service.store import ids
from service.store.facts import Insert
from service.store.parties import guardian_payee
from service.store.tables import Party
from service.worker import run_due
from tests.fixtures.collapses import act, opened, wait_until_after
from tests.fixtures.databases import Database
from tests.fixtures.deposits import Deposits, held
from tests.fixtures.registers import Collapse

pytestmark = pytest.mark.usefixtures("official_calendar")


async def with_account(holding: Deposits, enrolment: dict[str, Any]) -> None:
    """Let a guardian have an account that is known."""
    district = holding.academy.district
    guardian = ids.parse("pty", enrolment["guardian_id"])[1]
    row = {
        "party_id": guardian_payee(guardian),
        "institution_id": None,
        "kind": "PAYEE",
        "name": "张三",
        "account_number": "6222000099",
        "bank_name": "中国工商银行",
        "added_at": datetime.now(UTC),
    }
    await district.plant(Insert(Party, row))


async def charged(holding: Deposits, amount: str) -> None:
    """Let the bank take a charge from the deposit."""
    body = {
        "custody_account_id": holding.account_id,
        "bank_ref": "D-charge",
        "amount": amount,
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "CHARGE",
    }
    answer = await holding.academy.post("debits", holding.academy.district.banks["ICBC"], body)
    assert answer.status_code == 201, answer.text


async def test_students_are_paid_out_of_the_deposit_account_as_far_as_it_reaches(
    database: Database, holding: Deposits, higher: str
) -> None:
    academy, district = holding.academy, holding.academy.district
    await holding.lodged("10000.00")
    enrolments = [await held(holding) for _ in range(2)]
    for enrolment in enrolments:
        await with_account(holding, enrolment)
    await charged(holding, "5000.00")

    case = await opened(academy, higher)
    registered = await act(academy, case, "register")
    await wait_until_after(academy, registered["objections_until"])
    await act(academy, case, "set-off")
    called = await act(academy, case, "draw-deposit")
    drawn = await act(academy, called, "draw-deposit")
    collapse = Collapse(academy, drawn)
    await collapse.approved(higher)
    await collapse.posted()
    await run_due(district.service.store, district.journal)
    fetched = await academy.post("payment-orders/fetch", district.banks["ICBC"])
    orders = fetched.json()["orders"]
    for number, order in enumerate(orders):
        await holding.debited(order, f"D-{number}")

    left, shown = await collapse.now(), await holding.shown()
    report = await verify.verify(database.url("escrow_audit"), journals=[district.journal])
    assert (left["claimed"], left["distributed"], left["residual"]) == (
        "9600.00",
        "5000.00",
        "4600.00",
    )
    assert [(order["kind"], order["amount"]) for order in orders] == [("REFUND", "2500.00")] * 2
    assert (shown["held"], shown["in_bank"]) == ("0.00", "0.00")
    assert [(found.check, found.example) for found in report.findings] == []
