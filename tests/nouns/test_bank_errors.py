"""Bank errors over HTTP: what a bank takes or gives wrongly stays the bank's until corrected."""

from typing import Any

import httpx
import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.refunds import Refunds
from tests.fixtures.service import open_district
from tests.nouns.claim_calls import looked_at


async def _line(refunds: Refunds, noun: str, amount: str, **values: Any) -> dict[str, Any]:
    answer = await refunds.post(noun, refunds.bank, refunds.line(amount) | values)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _due_from_bank(refunds: Refunds) -> str:
    return await _total(refunds, "DUE_FROM_BANK")


async def _total(refunds: Refunds, kind: str) -> str:
    found = await refunds.academy.get(
        "balances",
        refunds.district.regulator,
        institution_id=refunds.district.public("ins", refunds.academy.institution),
    )
    fen = sum(int(a["balance"].replace(".", "")) for a in found["accounts"] if a["kind"] == kind)
    return f"{fen // 100}.{fen % 100:02d}"


async def _find(
    refunds: Refunds, entry: dict[str, Any], token: str | None = None
) -> httpx.Response:
    body = {"receipt_id": entry["id"], "reason": "WRONG_ACCOUNT"}
    return await refunds.post("bank-errors", token or refunds.district.operator, body)


@pytest.fixture
async def enrolment(academy: Academy) -> dict[str, Any]:
    """An enrolment of 4,999.99, paid."""
    return await academy.enrolled()


@pytest.mark.usefixtures("enrolment")
async def test_a_wrong_debit_is_due_from_the_bank_until_it_gives_it_back(refunds: Refunds) -> None:
    taken = await _line(refunds, "debits", "100.00", kind="ERROR")
    owed = await _due_from_bank(refunds)

    given = await _line(refunds, "receipts", "100.00", kind="ERROR_CORRECTED")

    assert (taken["outcome"], given["outcome"]) == ("ERROR", "ERROR_CORRECTED")
    assert (owed, await _due_from_bank(refunds)) == ("100.00", "0.00")


@pytest.mark.usefixtures("enrolment")
async def test_what_a_bank_gives_back_beyond_what_it_took_is_its_own_money(
    refunds: Refunds,
) -> None:
    await _line(refunds, "debits", "100.00", kind="ERROR")

    await _line(refunds, "receipts", "130.00", kind="ERROR_CORRECTED")

    assert await _due_from_bank(refunds) == "0.00"
    assert await _total(refunds, "BANK_ERROR_CREDIT") == "30.00"


@pytest.mark.usefixtures("enrolment")
async def test_a_wrong_credit_is_the_banks_own_and_goes_when_it_takes_it_back(
    refunds: Refunds,
) -> None:
    given = await _line(refunds, "receipts", "700.00", kind="ERROR")
    held = await _total(refunds, "BANK_ERROR_CREDIT")

    taken = await _line(
        refunds, "debits", "700.00", kind="ERROR_CORRECTED", corrects_ref=given["bank_ref"]
    )

    assert (given["outcome"], taken["outcome"], held) == ("ERROR", "ERROR_CORRECTED", "700.00")
    assert await _total(refunds, "BANK_ERROR_CREDIT") == "0.00"


@pytest.mark.usefixtures("enrolment")
async def test_what_a_bank_takes_back_beyond_what_it_gave_is_due_from_it(refunds: Refunds) -> None:
    given = await _line(refunds, "receipts", "700.00", kind="ERROR")

    await _line(refunds, "debits", "750.00", kind="ERROR_CORRECTED", corrects_ref=given["bank_ref"])
    await _line(refunds, "debits", "5.00", kind="ERROR_CORRECTED", corrects_ref="NEVER-SEEN")

    assert await _due_from_bank(refunds) == "55.00"


async def test_a_wrong_debit_waits_for_the_money_it_took(refunds: Refunds) -> None:
    kept = await _line(refunds, "debits", "100.00", kind="ERROR")

    await refunds.academy.receipt("100.00", kind="TOP_UP")

    found = await refunds.academy.get(f"receipts/{kept['id']}", refunds.bank)
    assert (kept["outcome"], found["outcome"]) == ("KEPT", "ERROR")


async def test_money_in_suspense_becomes_the_banks_when_two_people_find_its_error(
    refunds: Refunds,
) -> None:
    entry = await refunds.academy.receipt("300.00")

    await refunds.approved(await _find(refunds, entry))

    found = await refunds.academy.get(f"receipts/{entry['id']}", refunds.bank)
    assert (found["outcome"], found["suspense"]) == ("ERROR", "0.00")
    assert await _total(refunds, "BANK_ERROR_CREDIT") == "300.00"


async def test_what_two_people_found_a_bank_takes_back_by_its_own_reference(
    refunds: Refunds,
) -> None:
    entry = await refunds.academy.receipt("300.00")
    await refunds.approved(await _find(refunds, entry))

    await _line(refunds, "debits", "300.00", kind="ERROR_CORRECTED", corrects_ref=entry["bank_ref"])

    assert await _total(refunds, "BANK_ERROR_CREDIT") == "0.00"


@pytest.mark.usefixtures("enrolment")
async def test_an_unexplained_debit_is_claimed_back_when_two_people_find_an_error(
    refunds: Refunds,
) -> None:
    kept = await _line(refunds, "debits", "40.00", kind="OTHER")

    await refunds.approved(await _find(refunds, kept))

    found = await refunds.academy.get(f"receipts/{kept['id']}", refunds.bank)
    assert (kept["outcome"], found["outcome"]) == ("KEPT", "ERROR")
    assert await _due_from_bank(refunds) == "40.00"


async def test_a_debit_of_more_than_there_is_cannot_be_found_an_error_yet(
    refunds: Refunds,
) -> None:
    kept = await _line(refunds, "debits", "40.00", kind="OTHER")

    refused = await _find(refunds, kept)

    assert (refused.status_code, refused.json()["code"]) == (422, "balance_too_low")


@pytest.mark.usefixtures("enrolment")
async def test_a_line_that_is_explained_is_no_error(refunds: Refunds) -> None:
    paid = await refunds.academy.receipt("100.00", kind="TOP_UP")

    refused = await _find(refunds, paid)

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


async def test_a_line_of_another_district_is_not_there(
    refunds: Refunds,
) -> None:
    entry = await refunds.academy.receipt("300.00")
    other = await open_district(refunds.district.service)

    answer = await _find(refunds, entry, other.operator)

    assert (answer.status_code, answer.json()["code"]) == (404, "receipt_unknown")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "COURT_DEDUCTION"},
        {"kind": "ERROR_CORRECTED"},
        {"kind": "ERROR", "corrects_ref": "X-1"},
        {"kind": "CHARGE", "document_number": "(2026)渝1号"},
    ],
    ids=["no document", "no credit", "corrects nothing", "no court"],
)
async def test_a_debit_says_what_its_kind_needs_and_no_more(
    refunds: Refunds, wrong: dict[str, str]
) -> None:
    answer = await refunds.post("debits", refunds.bank, refunds.line("1.00") | wrong)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


@pytest.mark.usefixtures("enrolment")
async def test_a_journal_with_bank_errors_is_clean(database: Database, refunds: Refunds) -> None:
    await _line(refunds, "debits", "100.00", kind="ERROR")
    await _line(refunds, "receipts", "130.00", kind="ERROR_CORRECTED")
    given = await _line(refunds, "receipts", "700.00", kind="ERROR")
    await _line(refunds, "debits", "750.00", kind="ERROR_CORRECTED", corrects_ref=given["bank_ref"])
    await refunds.approved(await _find(refunds, await refunds.academy.receipt("300.00")))
    kept = await _line(refunds, "debits", "40.00", kind="OTHER")
    await refunds.approved(await _find(refunds, kept))

    report = await looked_at(database, refunds.district.journal)

    assert [f"{f.check} {f.example}" for f in report.findings] == []
