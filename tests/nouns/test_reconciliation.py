"""Reconciliation over HTTP: bank against ledger, what is owed against what is held, breaks."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.days import today
from tests.fixtures.service import District


@dataclass
class Desk:
    """Who reconciles one school's account, and its bank."""

    academy: Academy
    custody_id: str
    today: date

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

    async def reconciled(self) -> dict[str, Any]:
        """Reconcile the account on demand, for its day."""
        body = {"custody_account_id": self.custody_id, "day": self.today.isoformat()}
        answer = await self.academy.post("reconciliations", self.district.operator, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def breaks(self, **narrowed: str) -> list[dict[str, Any]]:
        """List the breaks that stand."""
        found = await self.academy.get("breaks", self.district.auditor, **narrowed)
        return [each for each in found["items"] if each["state"] != "CLOSED"]

    async def received(self, amount: str, on: date | None = None, **values: Any) -> dict[str, Any]:
        """Let the bank report money that came in, booked on a day or today."""
        day = (on or self.today).isoformat()
        return await self.academy.receipt(amount, book_on=day, value_on=day, **values)


@pytest.fixture
async def desk(academy: Academy) -> Desk:
    """A school with an account that nothing was ever paid into."""
    return Desk(academy, academy.district.public("cus", academy.custody), today())


async def test_an_account_that_agrees_with_its_bank_and_holds_what_it_owes_is_covered(
    desk: Desk,
) -> None:
    await desk.received("4999.99")
    await desk.statement(desk.today, "0.00", "4999.99", credit_count=1, credit_sum="4999.99")

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
    await desk.statement(desk.today, "0.00", "5099.99", credit_count=2, credit_sum="5099.99")

    made = await desk.reconciled()
    [found] = await desk.breaks()

    assert (made["external"], made["difference"], made["coverage"]) == (
        "DIFFERENT",
        "100.00",
        "UNKNOWN",
    )
    assert (found["kind"], found["amount"], found["owner"]) == ("UNMATCHED", "100.00", "OPERATOR")
    assert (found["subject"], found["subject_key"]) == ("STATEMENT_DAY", desk.today.isoformat())


async def test_a_break_is_closed_when_the_bank_reports_what_was_missing(desk: Desk) -> None:
    await desk.received("4999.99")
    await desk.statement(desk.today, "0.00", "5099.99", credit_count=2, credit_sum="5099.99")
    await desk.reconciled()
    [found] = await desk.breaks()

    await desk.received("100.00")
    made = await desk.reconciled()

    closed = await desk.academy.get(f"breaks/{found['id']}", desk.district.auditor)
    assert (made["external"], made["breaks_open"], made["coverage"]) == ("AGREED", 0, "COVERED")
    assert closed["state"] == "CLOSED"


# --- a gap --------------------------------------------------------------------------------------


async def top_up(desk: Desk, amount: str) -> None:
    """Let the institution pay into its account."""
    answer = await desk.received(amount, kind="TOP_UP")
    assert answer["outcome"] == "TOP_UP"


async def charge(desk: Desk, amount: str) -> dict[str, Any]:
    """Let the bank debit a fee, which the institution owes."""
    body = {
        "custody_account_id": desk.custody_id,
        "bank_ref": f"F-{amount}",
        "amount": amount,
        "book_on": desk.today.isoformat(),
        "value_on": desk.today.isoformat(),
        "kind": "CHARGE",
    }
    answer = await desk.academy.post("debits", desk.district.banks["ICBC"], body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def demands(desk: Desk) -> list[dict[str, Any]]:
    """List what the institution was asked to pay in, as it sees it."""
    found = await desk.academy.get("top-up-demands", desk.academy.token)
    return list(found["items"])


async def stops(desk: Desk) -> list[dict[str, Any]]:
    """List the stops in force."""
    found = await desk.academy.get("restraints", desk.district.regulator, in_force="true")
    return list(found["items"])


async def test_a_gap_is_demanded_the_same_day_and_stops_payouts_by_rule(desk: Desk) -> None:
    await desk.received("4999.99")
    await charge(desk, "5.00")

    made = await desk.reconciled()

    [demand], [stop] = await demands(desk), await stops(desk)
    assert (made["shortfall"], made["hard_shortfall"], made["due_from_institution"]) == (
        "5.00",
        "5.00",
        "5.00",
    )
    assert (demand["amount"], demand["state"], demand["restraint_id"]) == (
        "5.00",
        "OPEN",
        stop["id"],
    )
    assert demand["due_on"] >= desk.today.isoformat()
    assert (stop["kind"], stop["target_id"], stop["cause"], stop["placed_by"]) == (
        "PAYOUT_STOP",
        desk.custody_id,
        "HARD_SHORTFALL",
        "rule:hard-shortfall",
    )


async def test_the_stop_is_lifted_by_the_rule_when_nothing_is_missing_any_more(
    desk: Desk,
) -> None:
    await desk.received("4999.99")
    await charge(desk, "5.00")
    await desk.reconciled()

    await top_up(desk, "5.00")
    await desk.reconciled()

    [demand], [lifted] = (
        await demands(desk),
        (await desk.academy.get("restraints", desk.district.regulator))["items"],
    )
    assert demand["state"] == "MET"
    assert await stops(desk) == []
    assert lifted["lifted_by"] == "rule:hard-shortfall"


async def test_a_gap_of_another_size_is_demanded_anew_under_the_same_stop(desk: Desk) -> None:
    await desk.received("4999.99")
    await charge(desk, "5.00")
    await desk.reconciled()

    await charge(desk, "2.00")
    await desk.reconciled()
    await desk.reconciled()

    first, second = await demands(desk)
    assert (first["state"], first["amount"]) == ("SUPERSEDED", "5.00")
    assert (second["state"], second["amount"]) == ("OPEN", "7.00")
    assert [stop["id"] for stop in await stops(desk)] == [second["restraint_id"]]


async def test_while_an_entry_waits_to_be_posted_the_stop_stays(desk: Desk) -> None:
    await desk.received("4999.99")
    await charge(desk, "5.00")
    await desk.reconciled()
    kept = await charge(desk, "9999.99")

    await top_up(desk, "5.00")
    made = await desk.reconciled()

    assert (kept["outcome"], made["entries_unposted"], made["coverage"]) == ("KEPT", 1, "UNKNOWN")
    assert len(await stops(desk)) == 1


async def test_what_the_next_payout_makes_good_of_itself_is_not_demanded(desk: Desk) -> None:
    enrolment = await desk.academy.enrolled()
    lesson = await desk.academy.confirmed(enrolment)
    await desk.reconciled()

    assert lesson["state"] == "CONFIRMED"
    assert await demands(desk) == []


async def test_a_stop_that_a_person_placed_is_left_alone(desk: Desk) -> None:
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": desk.custody_id,
        "kind": "PAYOUT_STOP",
        "cause": "HARD_SHORTFALL",
    }
    placed = await desk.academy.post("restraints", desk.district.regulator, body)

    await desk.reconciled()

    assert [stop["id"] for stop in await stops(desk)] == [placed.json()["id"]]


async def test_a_frozen_institution_is_past_topping_up(desk: Desk) -> None:
    await desk.received("4999.99")
    await charge(desk, "5.00")
    body = {
        "target_type": "INSTITUTION",
        "target_id": desk.district.public("ins", desk.academy.institution),
        "kind": "FREEZE",
        "cause": "COLLAPSE",
    }
    await desk.academy.post("restraints", desk.district.regulator, body)

    made = await desk.reconciled()

    assert made["hard_shortfall"] == "5.00"
    assert await demands(desk) == []


async def test_a_day_to_come_is_not_reconciled(desk: Desk) -> None:
    body = {"custody_account_id": desk.custody_id, "day": "2099-01-01"}

    answer = await desk.academy.post("reconciliations", desk.district.operator, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "date_in_future")
