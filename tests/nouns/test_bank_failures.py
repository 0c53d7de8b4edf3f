"""A custodian fails: its balance is a claim, what is paid is shared, the rest is lost by name."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.nouns.claim_calls import looked_at


@dataclass
class Failing:
    """A school with an account at ICBC, which fails, and one at CCB, where it goes on."""

    academy: Academy
    other: UUID
    lines: list[int] = field(default_factory=list)

    @property
    def here(self) -> str:
        return self.academy.district.public("cus", self.academy.custody)

    @property
    def there(self) -> str:
        return self.academy.district.public("cus", self.other)

    async def ask(self, **values: Any) -> httpx.Response:
        """Let a regulator ask for the bank to be declared failed."""
        body = {
            "custody_account_id": self.here,
            "failed_on": "2026-03-10",
            "document_hash": "ab" * 32,
        }
        regulator = self.academy.district.regulator
        return await self.academy.post("bank-failures", regulator, body | values)

    async def approved(self, asked: httpx.Response) -> dict[str, Any]:
        """Let a second regulator approve."""
        assert asked.status_code == 202, asked.text
        body = {"payload_hash": asked.json()["payload_hash"]}
        path = f"approvals/{asked.json()['id']}/approve"
        answer = await self.academy.post(path, self.academy.district.second_regulator, body)
        assert answer.status_code == 200, answer.text
        (failure,) = (await self.failures())["items"]
        return dict(failure)

    async def failures(self) -> dict[str, Any]:
        """List the failures."""
        return dict(await self.academy.get("bank-failures", self.academy.token))

    async def failed(self) -> dict[str, Any]:
        """Declare it."""
        return await self.approved(await self.ask())

    async def close(self, failure: dict[str, Any], **values: Any) -> httpx.Response:
        """Let a regulator ask for the failure to be closed."""
        path = f"bank-failures/{failure['id']}/close"
        return await self.academy.post(path, self.academy.district.regulator, values)

    async def paid(self, failure: dict[str, Any], amount: str) -> dict[str, Any]:
        """Let the receiver pay into the account at the other bank."""
        self.lines.append(1)
        body = {
            "custody_account_id": self.there,
            "bank_ref": f"F-{len(self.lines)}",
            "amount": amount,
            "book_on": "2026-03-20",
            "value_on": "2026-03-20",
            "kind": "FAILED_BANK_PAYMENT",
            "failure_id": failure["id"],
        }
        bank = self.academy.district.banks["CCB"]
        answer = await self.academy.post("receipts", bank, body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def balances(self, kind: str) -> int:
        """Add up one kind of account of the school, in fen."""
        found = await self.academy.get(
            "balances",
            self.academy.district.regulator,
            institution_id=self.academy.district.public("ins", self.academy.institution),
        )
        lines = [a["balance"] for a in found["accounts"] if a["kind"] == kind]
        return sum(int(line.replace(".", "")) for line in lines)


@pytest.fixture
async def failing(academy: Academy) -> Failing:
    """Plant it."""
    other = await academy.district.plant_custody_account(
        academy.institution, bank="CCB", is_default=False
    )
    return Failing(academy, other)


async def test_the_whole_balance_becomes_a_claim_on_the_bank_by_two_regulators(
    failing: Failing,
) -> None:
    await failing.academy.enrolled()

    failure = await failing.failed()

    assert (failure["state"], failure["balance"], failure["paid"]) == ("OPEN", "4999.99", "0.00")
    assert await failing.balances("CUSTODY_BANK") == 0
    assert await failing.balances("DUE_FROM_BANK") == 499_999


async def test_no_reference_of_the_bank_is_in_the_way_of_its_failure(failing: Failing) -> None:
    await failing.academy.enrolled()
    await failing.academy.receipt("1.00", bank_ref="FAILED:2026-03-10")

    failure = await failing.failed()

    assert (failure["state"], failure["balance"]) == ("OPEN", "5000.99")


async def test_a_payment_is_shared_over_the_students_and_they_go_on_at_the_other_bank(
    failing: Failing,
) -> None:
    first, second = await failing.academy.enrolled(), await failing.academy.enrolled()
    failure = await failing.failed()

    paid = await failing.paid(failure, "5000.00")
    await failing.academy.confirmed(first)

    moneys = [await failing.academy.money(one) for one in (first, second)]
    found = await failing.academy.get(f"enrolments/{first['id']}", failing.academy.token)
    (open_failure,) = (await failing.failures())["items"]
    assert paid["outcome"] == "FAILED_BANK_PAYMENT"
    assert [money["prepaid"] for money in moneys] == ["2395.84", "2500.00"]
    assert found["custody_account_id"] == failing.there
    assert (open_failure["paid"], open_failure["target_custody_account_id"]) == (
        "5000.00",
        failing.there,
    )


async def test_a_second_payment_is_shared_over_what_is_left(failing: Failing) -> None:
    enrolments = [await failing.academy.enrolled(), await failing.academy.enrolled()]
    failure = await failing.failed()

    await failing.paid(failure, "5000.00")
    await failing.paid(failure, "3000.00")

    moneys = [await failing.academy.money(one) for one in enrolments]
    assert [money["prepaid"] for money in moneys] == ["4000.00", "4000.00"]
    assert await failing.balances("DUE_FROM_BANK") == 199_998


async def test_what_is_paid_beyond_what_students_had_is_held_in_suspense(
    failing: Failing,
) -> None:
    enrolment = await failing.academy.enrolled()
    failure = await failing.failed()

    paid = await failing.paid(failure, "5100.00")

    assert (paid["suspense"], paid["suspense_reason"]) == ("100.01", "UNKNOWN_ENROLMENT")
    assert (await failing.academy.money(enrolment))["prepaid"] == "4999.99"


async def test_what_is_never_paid_is_a_residual_claim_of_each(failing: Failing) -> None:
    await failing.academy.enrolled()
    await failing.academy.enrolled()
    failure = await failing.failed()
    await failing.paid(failure, "8000.00")

    closed = await failing.approved(await failing.close(failure))

    assert (closed["state"], closed["lost"]) == ("CLOSED", "1999.98")
    assert await failing.balances("RESIDUAL_CLAIM") == 199_998


async def test_where_nothing_is_ever_paid_contracts_go_on_where_they_are_told_to(
    failing: Failing,
) -> None:
    enrolment = await failing.academy.enrolled()
    declared = failing.academy.legacy("2400.00", 24)
    legacy = await failing.academy.post("enrolments/legacy", failing.academy.token, declared)
    failure = await failing.failed()

    nowhere = await failing.close(failure)
    closed = await failing.approved(await failing.close(failure, custody_account_id=failing.there))

    found = [
        await failing.academy.get(f"enrolments/{one['id']}", failing.academy.token)
        for one in (enrolment, legacy.json())
    ]
    assert nowhere.json()["code"] == "custody_account_invalid"
    assert (closed["state"], closed["lost"]) == ("CLOSED", "4999.99")
    assert [one["custody_account_id"] for one in found] == [failing.there] * 2


async def test_what_is_not_settled_comes_before_a_failure(failing: Failing) -> None:
    enrolment = await failing.academy.enrolled()
    await failing.academy.recorded(enrolment)

    waiting = await failing.ask()
    future = await failing.ask(failed_on="2999-01-01")
    empty = await failing.ask(custody_account_id=failing.there)

    assert [answer.json()["code"] for answer in (waiting, future, empty)] == [
        "lessons_unsettled",
        "date_in_future",
        "amount_zero",
    ]


async def test_a_bank_fails_once_and_a_failure_is_closed_once(failing: Failing) -> None:
    await failing.academy.enrolled()
    failure = await failing.failed()
    again = await failing.ask()
    await failing.approved(await failing.close(failure, custody_account_id=failing.there))

    closed = await failing.close(failure)
    late = await failing.paid(failure, "1.00")

    assert (again.json()["code"], closed.json()["code"]) == ("already_exists", "wrong_state")
    assert late["outcome"] == "SUSPENSE"


async def test_a_payment_to_another_school_s_account_is_held(failing: Failing) -> None:
    await failing.academy.enrolled()
    failure = await failing.failed()
    district = failing.academy.district
    stranger = await district.plant_custody_account(await district.plant_institution(), bank="CCB")
    failing.other = stranger

    paid = await failing.paid(failure, "100.00")

    assert paid["outcome"] == "SUSPENSE"


async def test_a_journal_with_a_failed_bank_is_clean(database: Database, failing: Failing) -> None:
    first = await failing.academy.enrolled()
    await failing.academy.enrolled()
    declared = failing.academy.legacy("2400.00", 24)
    await failing.academy.post("enrolments/legacy", failing.academy.token, declared)
    failure = await failing.failed()
    declared_only = await looked_at(database, failing.academy.district.journal)
    await failing.paid(failure, "5000.00")
    paid = await looked_at(database, failing.academy.district.journal)
    await failing.academy.confirmed(first)
    await failing.approved(await failing.close(failure))

    closed = await looked_at(database, failing.academy.district.journal)

    reports = (declared_only, paid, closed)
    found = [f"{f.check} {f.example}" for report in reports for f in report.findings]
    assert not found, "\n".join(found)
