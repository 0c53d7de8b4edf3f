"""A pool spread over two custody accounts: cash follows the dividends, gaps follow the cash."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from service import verify
from service.refunds.sweep import settle_refunds
from service.store.facts import Insert
from service.store.tables import Agreement
from tests.fixtures.academies import Academy
from tests.fixtures.collapses import case_of, frozen
from tests.fixtures.databases import Database
from tests.fixtures.registers import Collapse, register
from tests.fixtures.service import fresh_id
from tests.fixtures.transfers import credited, debited, fetched

pytestmark = pytest.mark.usefixtures("official_calendar")


@dataclass
class Spread:
    """5,000.00 paid in at ICBC, 10,000.00 never paid in at CMB, and a plan that pools both."""

    collapse: Collapse
    far: UUID

    @property
    def academy(self) -> Academy:
        return self.collapse.academy

    async def settled(self, bank: str) -> list[dict[str, Any]]:
        """Order what can be paid, and let a bank fetch its orders."""
        district = self.academy.district
        await settle_refunds(district.service.store, district.journal)
        return await fetched(self.academy, bank)


@pytest.fixture
async def spread(academy: Academy, higher: str) -> Spread:
    """Collapse a school of two custody accounts, and post a pooled plan."""
    district = academy.district
    far = await district.plant_custody_account(academy.institution, bank="CMB", is_default=False)
    await district.plant(Insert(Agreement, _agreement(academy)))
    for number, (value, account) in enumerate((("5000.00", academy.custody), ("10000.00", far))):
        guardian = {"name": "张三", "account_number": f"622200{number}", "bank_name": "工商银行"}
        body = academy.legacy(
            value,
            10,
            contract_on=f"2025-06-0{number + 1}",
            custody_account_id=district.public("cus", account),
            guardian=guardian,
        )
        answer = await academy.post("enrolments/legacy", district.regulator, body)
        assert answer.status_code == 201, answer.text
    await academy.receipt("5000.00", kind="TOP_UP")
    await frozen(academy)
    await register(academy)
    collapse = Collapse(academy, await case_of(academy))
    await collapse.approved(higher, "POOLED")
    await collapse.posted()
    return Spread(collapse, far)


async def test_dividends_elsewhere_wait_until_the_pool_has_moved_there(spread: Spread) -> None:
    orders = await spread.settled("ICBC")
    nothing = await spread.settled("CMB")
    (transfer,) = [order for order in orders if order["kind"] == "TRANSFER"]
    (refund,) = [order for order in orders if order["kind"] == "REFUND"]
    await debited(spread.academy, "ICBC", transfer)
    await credited(spread.academy, "CMB", transfer)

    moved = await spread.settled("CMB")

    assert nothing == []
    assert (transfer["amount"], refund["amount"]) == ("3333.33", "1666.67")
    assert [order["amount"] for order in moved] == ["3333.33"]


async def test_a_move_that_the_bank_rejects_is_ordered_again_once(spread: Spread) -> None:
    academy, case = spread.academy, spread.collapse.case
    (failed,) = [o for o in await spread.settled("ICBC") if o["kind"] == "TRANSFER"]
    bank, report = academy.district.banks["ICBC"], {"status": "REJECTED", "reason": "AC04"}
    rejected = await academy.post(f"payment-orders/{failed['id']}/report", bank, report)
    assert rejected.status_code == 200, rejected.text

    first = await spread.collapse.post(f"wind-downs/{case['id']}/resend-moves")
    second = await spread.collapse.post(f"wind-downs/{case['id']}/resend-moves")

    (again,) = await fetched(academy, "ICBC")
    assert (first.status_code, first.json()["orders"]) == (201, [again["id"]])
    assert (second.status_code, second.json()["orders"]) == (200, [])
    assert (again["kind"], again["amount"]) == ("TRANSFER", failed["amount"])


async def test_when_all_is_paid_each_account_explains_its_own_residual(
    spread: Spread, higher: str, database: Database
) -> None:
    academy = spread.academy
    for number, order in enumerate(await spread.settled("ICBC")):
        await debited(academy, "ICBC", order, f"D-{number}")
        if order["kind"] == "TRANSFER":
            await credited(academy, "CMB", order)
    (last,) = await spread.settled("CMB")
    await debited(academy, "CMB", last)
    state = await spread.collapse.followed()

    closed = await spread.collapse.close(higher)

    report = await verify.verify(database.url("escrow_audit"), journals=[academy.district.journal])
    assert state == "RESIDUAL"
    assert closed.status_code == 200, closed.text
    assert [(found.check, found.example) for found in report.findings] == []


def _agreement(academy: Academy) -> dict[str, Any]:
    return {
        "agreement_id": fresh_id(),
        "institution_id": academy.institution,
        "bank_code": "CMB",
        "mode": "CUSTODY",
        "release_basis": "LESSON",
        "settlement_cadence": "DAILY",
        "document_hash": "00" * 32,
        "valid_from": date(2026, 1, 6),
        "valid_to": None,
        "seq": 0,
    }
