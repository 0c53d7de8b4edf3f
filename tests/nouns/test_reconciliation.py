"""Reconciliation over HTTP: bank against ledger, what is owed against what is held, breaks."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.service import District

TODAY = (datetime.now(UTC) + timedelta(hours=8)).date()


@dataclass
class Desk:
    """Who reconciles one school's account, and its bank."""

    academy: Academy
    custody_id: str

    @property
    def district(self) -> District:
        return self.academy.district

    async def statement(self, on: date, opening: str, closing: str, **values: Any) -> None:
        """Let the bank deliver a day."""
        body = {
            "custody_account_id": self.custody_id,
            "day": on.isoformat(),
            "opening": opening,
            "closing": closing,
            "credit_count": 0,
            "credit_sum": "0.00",
            "debit_count": 0,
            "debit_sum": "0.00",
        }
        answer = await self.academy.post("statements", self.district.banks["ICBC"], body | values)
        assert answer.status_code == 201, answer.text

    async def reconciled(self, on: date | None = TODAY) -> dict[str, Any]:
        """Reconcile the account on demand."""
        body: dict[str, Any] = {"custody_account_id": self.custody_id}
        if on is not None:
            body["day"] = on.isoformat()
        answer = await self.academy.post("reconciliations", self.district.operator, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def breaks(self, **narrowed: str) -> list[dict[str, Any]]:
        """List the breaks that stand."""
        found = await self.academy.get("breaks", self.district.auditor, **narrowed)
        return [each for each in found["items"] if each["state"] != "CLOSED"]

    async def received(self, amount: str, on: date = TODAY, **values: Any) -> dict[str, Any]:
        """Let the bank report money that came in, booked on a day."""
        day = on.isoformat()
        return await self.academy.receipt(amount, book_on=day, value_on=day, **values)


@pytest.fixture
async def desk(academy: Academy) -> Desk:
    """A school with an account that nothing was ever paid into."""
    return Desk(academy, academy.district.public("cus", academy.custody))


async def test_an_account_that_agrees_with_its_bank_and_holds_what_it_owes_is_covered(
    desk: Desk,
) -> None:
    await desk.received("4999.99")
    await desk.statement(TODAY, "0.00", "4999.99", credit_count=1, credit_sum="4999.99")

    made = await desk.reconciled()

    assert (made["external"], made["difference"], made["coverage"]) == ("AGREED", "0.00", "COVERED")
    assert (made["bank"], made["requirement"], made["sub_ledger"]) == ("4999.99",) * 3
    assert (made["sub_ledger_gap"], made["breaks_open"]) == ("0.00", 0)


async def test_without_a_statement_coverage_is_unknown_and_never_green(desk: Desk) -> None:
    await desk.received("4999.99")

    made = await desk.reconciled()

    assert (made["coverage"], made["bank_closing"]) == ("UNKNOWN", None)


async def test_money_that_only_the_bank_has_is_a_break_of_exactly_that_amount(desk: Desk) -> None:
    await desk.received("4999.99")
    await desk.statement(TODAY, "0.00", "5099.99", credit_count=2, credit_sum="5099.99")

    made = await desk.reconciled()
    [found] = await desk.breaks()

    assert (made["external"], made["difference"], made["coverage"]) == (
        "DIFFERENT",
        "100.00",
        "UNKNOWN",
    )
    assert (found["kind"], found["amount"], found["owner"]) == ("UNMATCHED", "100.00", "OPERATOR")
    assert (found["subject"], found["subject_key"]) == ("STATEMENT_DAY", TODAY.isoformat())


async def test_a_break_is_closed_when_the_bank_reports_what_was_missing(desk: Desk) -> None:
    await desk.received("4999.99")
    await desk.statement(TODAY, "0.00", "5099.99", credit_count=2, credit_sum="5099.99")
    await desk.reconciled()
    [found] = await desk.breaks()

    await desk.received("100.00")
    made = await desk.reconciled()

    closed = await desk.academy.get(f"breaks/{found['id']}", desk.district.auditor)
    assert (made["external"], made["breaks_open"], made["coverage"]) == ("AGREED", 0, "COVERED")
    assert closed["state"] == "CLOSED"
