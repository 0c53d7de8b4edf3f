"""Statements over HTTP: a bank's day beside the ledger's, and the close of a business date."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from service.store import coverage_reads
from service.store.context import Context
from service.store.rows import table_of
from service.store.tables import JournalHead
from tests.fixtures import days
from tests.fixtures.academies import Academy
from tests.fixtures.service import District


@dataclass
class Statements:
    """A school's custody account and its bank."""

    academy: Academy
    custody_id: str

    @property
    def district(self) -> District:
        return self.academy.district

    def day(self, on: str, opening: str, closing: str, **values: Any) -> dict[str, Any]:
        """Write a day without entries, unless said otherwise."""
        return {
            "custody_account_id": self.custody_id,
            "day": on,
            "opening": opening,
            "closing": closing,
            "credit_count": 0,
            "credit_sum": "0.00",
            "debit_count": 0,
            "debit_sum": "0.00",
        } | values

    async def deliver(self, body: dict[str, Any], bank: str = "ICBC") -> httpx.Response:
        """Let a bank deliver a statement."""
        return await self.academy.post("statements", self.district.banks[bank], body)

    async def delivered(self, body: dict[str, Any]) -> dict[str, Any]:
        """Deliver a statement and expect it to be kept."""
        answer = await self.deliver(body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def close(self, on: str) -> httpx.Response:
        """Close a business date."""
        return await self.academy.post("statements/close-day", self.district.operator, {"day": on})

    async def known(self, on: str) -> bool:
        """Ask whether coverage is known on a date."""
        context = Context((self.district.journal,))
        async with self.district.service.store.reading(context) as connection:
            found = await coverage_reads.coverage_known(
                connection,
                self.district.journal,
                [self.academy.custody],
                on=date.fromisoformat(on),
                seq=1_000_000,
            )
        return found[self.academy.custody]


@pytest.fixture
async def statements(academy: Academy) -> Statements:
    """A school whose account took 4,999.99 on 2 March and paid a fee of 5.00 on 3 March."""
    made = Statements(academy, academy.district.public("cus", academy.custody))
    await academy.receipt("4999.99", book_on="2026-03-02", value_on="2026-03-02")
    fee = {
        "custody_account_id": made.custody_id,
        "bank_ref": "F-1",
        "amount": "5.00",
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "CHARGE",
    }
    await academy.post("debits", academy.district.banks["ICBC"], fee)
    return made


MONDAY = ("2026-03-02", "0.00", "4999.99")
TAKEN: dict[str, Any] = {"credit_count": 1, "credit_sum": "4999.99"}
TUESDAY = ("2026-03-03", "4999.99", "4994.99")
CHARGED: dict[str, Any] = {"debit_count": 1, "debit_sum": "5.00"}


async def test_a_day_that_the_ledger_has_too_is_agreed(statements: Statements) -> None:
    answer = await statements.delivered(statements.day(*MONDAY, **TAKEN))

    assert (answer["state"], answer["ledger_closing"], answer["difference"]) == (
        "AGREED",
        "4999.99",
        "0.00",
    )
    assert answer["ledger_day"]["credit_sum"] == "4999.99"


async def test_a_later_day_continues_from_the_closing_before(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))

    answer = await statements.delivered(statements.day(*TUESDAY, **CHARGED))

    assert (answer["state"], answer["ledger_closing"]) == ("AGREED", "4994.99")


async def test_an_entry_that_was_not_reported_makes_the_day_different(
    statements: Statements,
) -> None:
    body = statements.day("2026-03-02", "0.00", "5099.99", credit_count=2, credit_sum="5099.99")

    answer = await statements.delivered(body)

    assert (answer["state"], answer["ledger_closing"], answer["difference"]) == (
        "DIFFERENT",
        "4999.99",
        "100.00",
    )


async def test_equal_balances_with_other_entries_are_not_agreed(statements: Statements) -> None:
    body = statements.day(
        "2026-03-02",
        "0.00",
        "4999.99",
        credit_count=2,
        credit_sum="5000.00",
        debit_count=1,
        debit_sum="0.01",
    )

    answer = await statements.delivered(body)

    assert (answer["state"], answer["difference"]) == ("DIFFERENT", "0.00")


async def test_the_same_day_twice_is_a_duplicate(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))

    again = await statements.deliver(statements.day(*MONDAY, **TAKEN))

    assert again.status_code == 200
    assert again.json()["state"] == "AGREED"


async def test_the_same_day_with_other_figures_is_a_contradiction(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))

    other = await statements.deliver(statements.day(*MONDAY, **TAKEN | {"credit_count": 2}))

    assert (other.status_code, other.json()["code"]) == (409, "statement_contradicted")


@pytest.mark.parametrize("on", ["2026-03-01", "2026-03-03"])
async def test_a_day_that_breaks_the_chain_is_refused(statements: Statements, on: str) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))

    broken = await statements.deliver(statements.day(on, "5000.00", "5000.00"))

    assert (broken.status_code, broken.json()["code"]) == (409, "statement_chain_broken")


async def test_a_day_that_does_not_add_up_is_refused(statements: Statements) -> None:
    body = statements.day("2026-03-02", "0.00", "4999.98", **TAKEN)

    answer = await statements.deliver(body)

    assert (answer.status_code, answer.json()["code"]) == (422, "statement_unbalanced")


async def test_a_day_to_come_is_refused(statements: Statements) -> None:
    answer = await statements.deliver(statements.day("2099-01-01", "0.00", "0.00"))

    assert (answer.status_code, answer.json()["code"]) == (422, "date_in_future")


async def test_another_banks_account_is_not_there(statements: Statements) -> None:
    answer = await statements.deliver(statements.day(*MONDAY, **TAKEN), bank="CMB")

    assert (answer.status_code, answer.json()["code"]) == (404, "custody_account_unknown")


async def test_a_batch_keeps_the_days_of_an_account_in_order(statements: Statements) -> None:
    items = [
        statements.day(*MONDAY, **TAKEN),
        statements.day(*TUESDAY, **CHARGED),
        statements.day("2026-03-04", "0.00", "0.00"),
        statements.day("2026-03-04", "4994.99", "4994.99"),
    ]

    answer = await statements.academy.post(
        "statements/batch", statements.district.banks["ICBC"], {"items": items}
    )

    results = answer.json()["results"]
    assert [r["code"] for r in results] == ["done", "done", "statement_chain_broken", "done"]
    assert results[3]["result"]["state"] == "AGREED"


async def test_statements_are_listed_with_both_figures(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))
    await statements.delivered(statements.day(*TUESDAY, **CHARGED))
    get, auditor = statements.academy.get, statements.district.auditor

    first = await get("statements", auditor, limit=1)
    rest = await get("statements", auditor, limit=1, cursor=first["next_cursor"])
    one = await get("statements", statements.academy.token, day="2026-03-03", state="AGREED")

    assert [s["day"] for s in first["items"] + rest["items"]] == ["2026-03-02", "2026-03-03"]
    assert [s["ledger_closing"] for s in one["items"]] == ["4994.99"]


# --- the day's close ----------------------------------------------------------------------------


async def test_a_day_is_closed_with_its_last_position(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))

    closed = await statements.close("2026-03-02")
    again = await statements.close("2026-03-02")
    listed = await statements.academy.get("statements/closed-days", statements.district.auditor)

    assert closed.status_code == 201, closed.text
    assert (closed.json()["state"], closed.json()["agreed"]) == ("AGREED", 1)
    assert again.status_code == 200
    assert again.json()["closed_at"] == closed.json()["closed_at"]
    assert [day["day"] for day in listed["items"]] == ["2026-03-02"]


async def test_days_are_closed_one_after_another(statements: Statements) -> None:
    await statements.close("2026-03-02")

    skipped = await statements.close("2026-03-04")
    following = await statements.close("2026-03-03")

    assert (skipped.status_code, skipped.json()["code"]) == (409, "day_not_closable")
    assert following.status_code == 201


async def test_a_day_that_is_not_over_is_not_closed(statements: Statements) -> None:
    today = days.today()

    answer = await statements.close(today.isoformat())

    assert (answer.status_code, answer.json()["code"]) == (409, "day_not_closable")


async def test_a_close_fixes_the_date_in_the_journals_head(statements: Statements) -> None:
    await statements.close("2026-03-02")

    source, journal = table_of(JournalHead), statements.district.journal
    async with statements.district.service.store.reading(Context((journal,))) as connection:
        closed_on = await connection.scalar(
            select(source.c.closed_on).where(source.c.journal_id == journal)
        )
    assert closed_on == date(2026, 3, 2)


async def test_a_missing_statement_of_a_banking_day_leaves_the_close_incomplete(
    statements: Statements,
) -> None:
    closed = await statements.close("2026-03-02")

    assert closed.json()["state"] == "INCOMPLETE"
    assert closed.json()["missing"] == [statements.custody_id]


async def test_a_bank_need_not_deliver_on_a_rest_day(statements: Statements) -> None:
    closed = await statements.close("2026-03-01")

    assert (closed.json()["state"], closed.json()["missing"]) == ("AGREED", [])


async def test_an_entry_that_came_late_makes_the_close_agree(statements: Statements) -> None:
    body = statements.day("2026-03-02", "0.00", "5099.99", credit_count=2, credit_sum="5099.99")
    before = await statements.delivered(body)
    await statements.academy.receipt("100.00", book_on="2026-03-02", value_on="2026-03-02")

    closed = await statements.close("2026-03-02")

    listed = await statements.academy.get("statements", statements.academy.token)
    assert before["state"] == "DIFFERENT"
    assert closed.json()["state"] == "AGREED"
    assert [(s["state"], s["difference"]) for s in listed["items"]] == [("AGREED", "0.00")]


async def test_a_bank_whose_entries_outgrow_its_statement_is_different_at_the_close(
    statements: Statements,
) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))
    await statements.academy.receipt("100.00", book_on="2026-03-02", value_on="2026-03-02")

    closed = await statements.close("2026-03-02")

    assert closed.json()["state"] == "DIFFERENT"
    assert closed.json()["different"] == [statements.custody_id]


# --- coverage -----------------------------------------------------------------------------------


async def test_coverage_is_known_until_a_second_banking_day_after_the_agreed_closing(
    statements: Statements,
) -> None:
    assert not await statements.known("2026-03-02")

    await statements.delivered(statements.day(*MONDAY, **TAKEN))

    assert await statements.known("2026-03-02")
    assert await statements.known("2026-03-03")
    assert not await statements.known("2026-03-04")


async def test_a_weekend_does_not_age_a_closing(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))
    await statements.delivered(statements.day(*TUESDAY, **CHARGED))
    await statements.delivered(statements.day("2026-03-06", "4994.99", "4994.99"))

    assert await statements.known("2026-03-09")
    assert not await statements.known("2026-03-10")


async def test_a_kept_entry_makes_coverage_unknown(statements: Statements) -> None:
    await statements.delivered(statements.day(*MONDAY, **TAKEN))
    debit = {
        "custody_account_id": statements.custody_id,
        "bank_ref": "D-9",
        "amount": "9999.99",
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "CHARGE",
    }

    kept = await statements.academy.post("debits", statements.district.banks["ICBC"], debit)

    assert kept.json()["outcome"] == "KEPT"
    assert not await statements.known("2026-03-03")
