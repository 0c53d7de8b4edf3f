"""Settlement sweeps: all that was earned at once, by cadence, and once a week; two banks apart."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from service.payouts.sweep import settle_week
from service.store.context import Context
from service.store.facts import Insert, Update
from service.store.rows import table_of
from service.store.tables import Agreement
from tests.fixtures.payouts import Payouts
from tests.fixtures.service import District, fresh_id


async def test_a_sweep_pays_what_may_be_paid_and_names_the_rest(payouts: Payouts) -> None:
    operator = payouts.district.operator

    swept = await payouts.academy.post("payouts/generate", operator)
    again = await payouts.academy.post("payouts/generate", operator)

    assert swept.status_code == 201, swept.text
    assert [order["amount"] for order in swept.json()["orders"]] == ["208.33"]
    assert again.json() | {"transaction_id": None} == {
        "orders": [],
        "skipped": [],
        "transaction_id": None,
    }


async def test_a_sweep_names_an_account_it_left_out(payouts: Payouts) -> None:
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "PAYOUT_STOP",
        "cause": "INSPECTION",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    swept = await payouts.academy.post("payouts/generate", payouts.district.operator)

    assert swept.json()["orders"] == []
    assert swept.json()["skipped"] == [
        {"custody_account_id": payouts.custody_id, "code": "payout_stopped"}
    ]


async def agreed(payouts: Payouts, bank: str) -> None:
    """Sign the school's agreement with another bank."""
    signed = {
        "agreement_id": fresh_id(),
        "institution_id": payouts.academy.institution,
        "bank_code": bank,
        "mode": "CUSTODY",
        "release_basis": "LESSON",
        "settlement_cadence": "LESSON",
        "document_hash": "00" * 32,
        "valid_from": date(2026, 1, 6),
        "valid_to": None,
        "seq": 0,
    }
    await payouts.district.plant(Insert(Agreement, signed))


async def by_the_week(payouts: Payouts) -> None:
    """Let the school's agreement settle by the week."""
    source = table_of(Agreement)
    async with payouts.district.service.store.reading(
        Context((payouts.district.journal,))
    ) as connection:
        agreement = await connection.scalar(
            select(source.c.agreement_id).where(
                source.c.institution_id == payouts.academy.institution
            )
        )
    await payouts.district.plant(Update(Agreement, (agreement,), {"settlement_cadence": "WEEK"}))


async def test_a_sweep_of_one_cadence_leaves_the_others(payouts: Payouts) -> None:
    await by_the_week(payouts)
    operator = payouts.district.operator

    by_lesson = await payouts.academy.post("payouts/generate", operator, {"cadence": "LESSON"})
    by_week = await payouts.academy.post("payouts/generate", operator, {"cadence": "WEEK"})

    assert by_lesson.json()["orders"] == []
    assert len(by_week.json()["orders"]) == 1


async def test_the_weeks_settlement_pays_once_a_week(payouts: Payouts) -> None:
    await by_the_week(payouts)
    store, journal = payouts.district.service.store, payouts.district.journal

    first = await settle_week(store, journal)
    enrolment = await payouts.academy.enrolled()
    await payouts.academy.confirmed(enrolment)
    same_week = await settle_week(store, journal)
    await store.move_clock(journal, datetime.now(UTC) + timedelta(days=7))
    next_week = await settle_week(store, journal)

    assert (first, same_week, next_week) == (1, 0, 1)


async def test_each_custody_account_pays_what_was_earned_in_it(
    payouts: Payouts, district: District
) -> None:
    """As in case 8.9: two banks, and neither account pays what was earned in the other."""
    second = await district.plant_custody_account(
        payouts.academy.institution, bank="CQRCB", is_default=False
    )
    await agreed(payouts, "CQRCB")
    course = await district.plant_course(
        payouts.academy.institution,
        price_fen=450_000,
        lessons=60,
        custody_account_id=second,
    )
    other = replace(payouts.academy, custody=second, course=course)
    enrolment = await other.opened()
    await other.post(
        "receipts",
        district.banks["CQRCB"],
        payouts.line("4500.00", "S3")
        | {
            "custody_account_id": district.public("cus", second),
            "payment_code": enrolment["payment_code"],
        },
    )
    for _ in range(8):
        await other.confirmed(enrolment)

    wrong = await payouts.ask("808.33")
    right = await payouts.ordered("208.33")
    theirs = await payouts.ordered("600.00", custody_account_id=district.public("cus", second))

    assert (wrong.status_code, wrong.json()["code"]) == (422, "balance_too_low")
    assert (right["bank"], theirs["bank"]) == ("ICBC", "CQRCB")
