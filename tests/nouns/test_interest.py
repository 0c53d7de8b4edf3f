"""Interest over HTTP: credited for a period, allocated by day-products, settled at the end."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger.calendars import midnight, shanghai_date
from ledger.money import Money
from service.store import ids
from service.store.context import Context
from service.store.facts import Update
from service.store.rows import table_of
from service.store.tables import Agreement, Enrolment, Refund
from service.worker import run_due
from tests.fixtures.academies import Academy
from tests.nouns.claim_calls import approved


async def on_day(academy: Academy, day: date) -> None:
    """Let it be early on a day."""
    instant = midnight(day) + timedelta(hours=1)
    await academy.district.service.store.move_clock(academy.district.journal, instant)


async def credited(academy: Academy, amount: str, first: date, last: date) -> dict[str, Any]:
    """Let the bank credit interest for a period, the day after it."""
    return await academy.receipt(
        amount,
        kind="INTEREST",
        from_on=first.isoformat(),
        to_on=last.isoformat(),
        book_on=last.isoformat(),
        value_on=last.isoformat(),
    )


async def credits_of(academy: Academy) -> list[dict[str, Any]]:
    return list((await academy.get("interest-credits", academy.token))["items"])


async def allocated(academy: Academy, interest: dict[str, Any]) -> dict[str, Any]:
    """Let the operator allocate a credit."""
    path = f"interest-credits/{interest['id']}/allocate"
    answer = await academy.post(path, academy.district.operator)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def interest_of(academy: Academy, enrolment: dict[str, Any]) -> str:
    """Read a student's interest."""
    return (await academy.money(enrolment))["interest"]


@pytest.fixture
def today() -> date:
    return shanghai_date(datetime.now(UTC)) + timedelta(days=1)


async def test_interest_goes_to_those_whose_money_bore_it_day_by_day(
    academy: Academy, today: date
) -> None:
    await on_day(academy, today)
    early = await academy.enrolled()
    legacy = await academy.post("enrolments/legacy", academy.token, academy.legacy("8333.33", 40))
    assert legacy.status_code == 201, legacy.text
    await on_day(academy, today + timedelta(days=4))
    late = await academy.enrolled(price="1200.00", student={"name": "李小四"})
    await academy.confirmed(early)
    last = today + timedelta(days=9)
    await on_day(academy, last + timedelta(days=1))
    entry = await credited(academy, "10.00", today, last)
    waiting = await credits_of(academy)

    answer = await allocated(academy, waiting[0])

    earlier = 499_999 * 4 + (499_999 - 10_416) * 6
    later = 120_000 * 6
    share = Money.from_fen(round(1000 * earlier / (earlier + later)))
    assert entry["outcome"] == "INTEREST"
    assert (waiting[0]["state"], waiting[0]["allocated"]) == ("CREDITED", "0.00")
    assert (answer["state"], answer["allocated"], answer["students"]) == ("ALLOCATED", "10.00", 2)
    assert answer["balances"] == {"interest_unallocated": "0.00"}
    assert await interest_of(academy, early) == str(share)
    assert await interest_of(academy, late) == str(Money.of("10.00") - share)
    assert await interest_of(academy, legacy.json()) == "0.00"


async def test_a_refund_bears_interest_until_the_bank_has_paid_it(
    academy: Academy, today: date
) -> None:
    await on_day(academy, today)
    refunded, other = await academy.enrolled(), await academy.enrolled()
    await approved(academy, refunded, reason="INSTITUTION")
    await on_day(academy, today + timedelta(days=3))
    await credited(academy, "10.00", today, today + timedelta(days=2))
    (waiting,) = await credits_of(academy)

    await allocated(academy, waiting)

    assert await interest_of(academy, refunded) == await interest_of(academy, other) == "5.00"


async def test_a_credit_is_allocated_once_however_often_it_is_asked(
    academy: Academy, today: date
) -> None:
    await on_day(academy, today)
    await academy.enrolled()
    await on_day(academy, today + timedelta(days=3))
    await credited(academy, "3.21", today, today + timedelta(days=2))
    (waiting,) = await credits_of(academy)
    await allocated(academy, waiting)

    again = await allocated(academy, waiting)
    swept = await run_due(academy.district.service.store, academy.district.journal)

    assert again["state"] == "ALLOCATED"
    assert swept["interest_allocated"] == 0


async def test_a_period_that_is_not_over_is_not_allocated(academy: Academy, today: date) -> None:
    await on_day(academy, today)
    await academy.enrolled()
    await credited(academy, "3.21", today, today)
    (waiting,) = await credits_of(academy)

    answer = await academy.post(
        f"interest-credits/{waiting['id']}/allocate", academy.district.regulator
    )

    assert answer.status_code == 409
    assert answer.json()["facts"]["state"] == "PERIOD_OPEN"


async def test_interest_that_nobodys_money_bore_stays_unallocated_in_sight(
    academy: Academy, today: date
) -> None:
    await on_day(academy, today + timedelta(days=3))
    await credited(academy, "3.21", today, today + timedelta(days=2))
    (waiting,) = await credits_of(academy)

    answer = await academy.post(
        f"interest-credits/{waiting['id']}/allocate", academy.district.regulator
    )

    (still,) = await credits_of(academy)
    assert answer.status_code == 409
    assert (still["state"], still["allocated"]) == ("CREDITED", "0.00")


@pytest.mark.parametrize("period", [{}, {"from_on": "2026-03-02", "to_on": "2026-03-01"}])
async def test_interest_needs_a_period_in_order(academy: Academy, period: dict[str, str]) -> None:
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "I-1",
        "amount": "1.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "kind": "INTEREST",
    }

    answer = await academy.post("receipts", academy.district.banks["ICBC"], body | period)

    assert answer.status_code == 400


async def completed_with_interest(
    academy: Academy, today: date, state: str = "COMPLETED"
) -> dict[str, Any]:
    """Complete a contract (or let it end otherwise) whose money has borne 3.21."""
    await on_day(academy, today)
    enrolment = await academy.enrolled()
    await on_day(academy, today + timedelta(days=3))
    await credited(academy, "3.21", today, today + timedelta(days=2))
    await run_due(academy.district.service.store, academy.district.journal)
    assert await interest_of(academy, enrolment) == "3.21"
    key = ids.parse("enr", enrolment["id"])[1]
    await academy.district.plant(Update(Enrolment, (key,), {"state": state}))
    return enrolment


async def owed_back(academy: Academy) -> list[tuple[str, int]]:
    """Read what is owed back to payers, and why."""
    source = table_of(Refund)
    async with academy.district.service.store.reading(
        Context((academy.district.journal,))
    ) as connection:
        statement = select(source.c.source, source.c.payable_fen)
        found = await connection.execute(
            statement.where(source.c.journal_id == academy.district.journal)
        )
        return [(row.source, row.payable_fen) for row in found]


async def to_the_institution(academy: Academy) -> None:
    """Let the agreement leave residual interest to the institution."""
    source = table_of(Agreement)
    async with academy.district.service.store.reading(
        Context((academy.district.journal,))
    ) as connection:
        agreement = await connection.scalar(
            select(source.c.agreement_id).where(source.c.institution_id == academy.institution)
        )
    await academy.district.plant(
        Update(Agreement, (agreement,), {"residual_interest": "TO_INSTITUTION"})
    )


async def test_interest_of_a_completed_contract_is_owed_to_its_payer(
    academy: Academy, today: date
) -> None:
    enrolment = await completed_with_interest(academy, today)

    swept = await run_due(academy.district.service.store, academy.district.journal)

    assert swept["interest_settled"] == 1
    assert await interest_of(academy, enrolment) == "0.00"
    assert await owed_back(academy) == [("INTEREST", 321)]


async def test_interest_of_a_completed_contract_is_the_institutions_where_the_agreement_says_so(
    academy: Academy, today: date
) -> None:
    enrolment = await completed_with_interest(academy, today)
    await to_the_institution(academy)

    await run_due(academy.district.service.store, academy.district.journal)

    preview = await academy.get(
        "payouts/preview",
        academy.token,
        custody_account_id=academy.district.public("cus", academy.custody),
    )
    assert preview["earned"] == "3.21"
    assert await interest_of(academy, enrolment) == "0.00"


async def test_interest_of_lessons_that_went_elsewhere_is_the_students(
    academy: Academy, today: date
) -> None:
    await to_the_institution(academy)
    enrolment = await completed_with_interest(academy, today, "PORTED")

    await run_due(academy.district.service.store, academy.district.journal)

    assert await interest_of(academy, enrolment) == "0.00"
    assert await owed_back(academy) == [("INTEREST", 321)]


async def test_an_advance_closes_what_the_institution_owes(academy: Academy) -> None:
    legacy = await academy.post("enrolments/legacy", academy.token, academy.legacy("8333.33", 40))
    assert legacy.status_code == 201, legacy.text

    entry = await academy.receipt("9000.00", kind="ADVANCE", payer_name="区财政局")

    preview = await academy.get(
        "payouts/preview",
        academy.token,
        custody_account_id=academy.district.public("cus", academy.custody),
    )
    assert entry["outcome"] == "ADVANCE"
    assert (preview["debts"], preview["own_funds"]) == ([], "666.67")
