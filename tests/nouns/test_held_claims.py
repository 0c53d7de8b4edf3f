"""Claims on fees that the institution holds itself: it pays, and proves that it did (E39)."""

from typing import Any

import pytest

from tests.fixtures.databases import Database
from tests.fixtures.deposits import PROOF, Deposits, held
from tests.nouns.claim_calls import filed, looked_at, step, taught

pytestmark = pytest.mark.usefixtures("official_calendar")

CONCERNED = {"I-13", "I-15", "I-19", "I-26", "I-27", "I-28", "V-10", "V-11", "R-01", "R-02"}


@pytest.fixture
async def enrolment(holding: Deposits) -> dict[str, Any]:
    """A contract of 4,800.00 over 48 lessons, held by the school, of which 12 were taught."""
    await holding.lodged("5000.00")
    enrolment = await held(holding)
    await taught(holding.academy, enrolment, 12)
    return enrolment


async def agreed(holding: Deposits, enrolment: dict[str, Any]) -> dict[str, Any]:
    """File a claim that the school agrees to."""
    claim = await filed(holding.academy, enrolment, reason="INSTITUTION")
    await step(holding.academy, claim, "agree", holding.academy.token)
    return claim


async def test_a_refund_the_school_paid_itself_ends_what_it_held(
    database: Database, holding: Deposits, enrolment: dict[str, Any]
) -> None:
    academy = holding.academy
    claim = await agreed(holding, enrolment)

    paid = await step(academy, claim, "held-payment", academy.district.regulator, proof=PROOF)

    report = await looked_at(database, academy.district.journal)
    shown = await holding.shown()
    assert (paid["state"], paid["price"]["refund"]) == ("PAID", "3600.00")
    assert paid["balances"] == {"prepaid": "0.00", "held_by_institution": "0.00"}
    assert (shown["required"], shown["held"]) == ("0.00", "5000.00")
    assert [(f.check, f.example) for f in report.findings if f.check in CONCERNED] == []


async def test_it_is_paid_once(holding: Deposits, enrolment: dict[str, Any]) -> None:
    academy = holding.academy
    claim = await agreed(holding, enrolment)
    await step(academy, claim, "held-payment", academy.district.regulator, proof=PROOF)

    again = await step(academy, claim, "held-payment", academy.district.regulator, proof=PROOF)

    assert again["state"] == "PAID"
    assert (await academy.money(enrolment))["prepaid"] == "0.00"


async def test_no_refund_of_a_fee_held_goes_out_of_custody(
    holding: Deposits, enrolment: dict[str, Any]
) -> None:
    academy = holding.academy
    claim = await agreed(holding, enrolment)

    answer = await academy.post(f"claims/{claim['id']}/approve", academy.district.regulator)

    assert answer.status_code == 409
    assert answer.json()["facts"]["state"] == "HELD_BY_INSTITUTION"


async def test_a_fee_in_custody_is_not_said_to_be_paid_by_the_school(holding: Deposits) -> None:
    academy = holding.academy
    course = await academy.district.plant_course(
        academy.institution, custody_account_id=academy.custody
    )
    enrolment = await academy.enrolled(course_id=academy.district.public("crs", course))
    claim = await agreed(holding, enrolment)

    answer = await academy.post(
        f"claims/{claim['id']}/held-payment", academy.district.regulator, {"proof": PROOF}
    )

    assert answer.status_code == 409
    assert answer.json()["facts"]["state"] == "IN_CUSTODY"
