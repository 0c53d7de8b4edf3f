"""Claims over HTTP: filed, answered, decided, approved; worked case 8.3; who may do what."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.calendars import SHANGHAI, midnight, shanghai_date
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.refunds import Refunds
from tests.fixtures.service import District
from tests.nouns.claim_calls import (
    PROOF,
    approved,
    file,
    filed,
    gifts,
    move_to,
    step,
    swept,
    taught,
)

pytestmark = pytest.mark.usefixtures("official_calendar")

# --- worked case 8.3 ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "lessons", "refund", "share"),
    [
        ("INSTITUTION", 12, "1500.00", "0.00"),
        ("CONSUMER", 12, "1200.00", "300.00"),
        ("CONSUMER", 22, "0.00", "250.00"),
    ],
)
async def test_the_reason_matters(
    district: District, reason: str, lessons: int, refund: str, share: str
) -> None:
    academy = await gifts(district)
    enrolment = await academy.enrolled()
    await taught(academy, enrolment, lessons)

    done = await approved(academy, enrolment, reason=reason)

    price = done["price"]
    assert (price["refund"], price["institution_share"]) == (refund, share)
    assert (done["enrolment_state"], done["balances"]["prepaid"]) == ("REFUNDED", "0.00")
    assert done["state"] == ("PAID" if refund == "0.00" else "APPROVED")
    assert [part["amount"] for part in done["refunds"]] == ([] if refund == "0.00" else [refund])
    read = await academy.get(f"claims/{done['id']}", await academy.parent(enrolment))
    assert read["claim"]["price"] == price
    assert [part["payable"] for part in read["refunds"]] == ([] if refund == "0.00" else [refund])


async def test_an_unlimited_card_is_refunded_by_the_days_left(district: District) -> None:
    academy = await academy_in(district, price_fen=276_000, lessons=1, time_card=True)
    enrolment = await academy.opened(starts_on="2026-03-01", ends_on="2026-05-31")
    await academy.paid(enrolment, "2760.00")

    done = await approved(academy, enrolment, reason="INSTITUTION", service_stopped_on="2026-04-01")

    assert done["price"]["refund"] == "1830.00"
    assert "第二十二条" in done["price"]["article"]


# --- the way of a claim -------------------------------------------------------------------------


async def test_a_claim_is_filed_with_a_quote_and_no_lesson_is_recorded_until_it_ends(
    academy: Academy,
) -> None:
    enrolment = await academy.enrolled()
    await taught(academy, enrolment, 17)
    waiting = await academy.recorded(enrolment)
    planned = await academy.scheduled(enrolment)

    claim = await filed(academy, enrolment, evidence=[PROOF], note="搬家")
    recorded = await academy.record(planned)
    parent = await academy.parent(enrolment)
    confirmed = await academy.post(f"lessons/{waiting['id']}/confirm", parent)
    again = await file(academy, enrolment)
    await step(academy, claim, "withdraw", parent)
    after = await academy.record(planned)

    assert (claim["state"], claim["quote"]["refund"]) == ("FILED", "3229.17")
    assert claim["quote"]["unsettled"] == "104.17"
    assert (recorded.status_code, recorded.json()["code"]) == (409, "enrolment_blocked")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "CONFIRMED")
    assert (again.status_code, again.json()["code"]) == (409, "claim_already_open")
    assert after.status_code == 200


async def test_nothing_is_priced_while_a_lesson_waits(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    waiting = await academy.recorded(enrolment)
    claim = await filed(academy, enrolment)
    await step(academy, claim, "agree", academy.token)

    early = await academy.post(f"claims/{claim['id']}/approve", academy.district.regulator)
    await academy.post(f"lessons/{waiting['id']}/void", academy.token)
    done = await step(academy, claim, "approve", academy.district.regulator)

    assert (early.status_code, early.json()["code"]) == (409, "lessons_unsettled")
    assert done["price"]["refund"] == "4999.99"


async def test_five_working_days_of_silence_agree(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment)
    parent = await academy.parent(enrolment)

    sent = await swept(academy)
    told = (await academy.get(f"claims/{claim['id']}", parent))["claim"]
    due_on = datetime.fromisoformat(f"{told['answer_due_on']}T00:00:00").date()
    await move_to(academy, midnight(due_on + timedelta(days=1)) - timedelta(minutes=1))
    early = await swept(academy)
    await move_to(academy, midnight(due_on + timedelta(days=1)))
    due = await swept(academy)

    assert sent["other_notices_delivered"] == 1
    assert due_on > shanghai_date(datetime.now(UTC)) + timedelta(days=4)
    assert early["claims_agreed_by_silence"] == 0
    assert due["claims_agreed_by_silence"] == 1
    agreed = (await academy.get(f"claims/{claim['id']}", parent))["claim"]
    assert (agreed["state"], agreed["answer"]) == ("AGREED", "SILENCE")
    assert agreed["day_count"] == "NATURAL"


async def test_silence_never_agrees_on_a_provisional_calendar(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    await move_to(academy, datetime(2081, 3, 3, 9, tzinfo=SHANGHAI))
    claim = await filed(academy, enrolment)

    await swept(academy)
    await move_to(academy, datetime(2081, 6, 3, 9, tzinfo=SHANGHAI))
    waited = await swept(academy)

    told = (await academy.get(f"claims/{claim['id']}", academy.token))["claim"]
    assert (waited["answers_counted"], waited["claims_agreed_by_silence"]) == (0, 0)
    assert (told["state"], told["answer_due_on"]) == ("FILED", None)


async def test_a_contested_claim_is_decided_on_the_reason_that_is_true(district: District) -> None:
    academy = await gifts(district)
    enrolment = await academy.enrolled()
    await taught(academy, enrolment, 12)
    claim = await filed(academy, enrolment, reason="INSTITUTION")

    contested = await step(
        academy, claim, "contest", academy.token, reason="NOT_OUR_FAULT", evidence=[PROOF]
    )
    decided = await step(
        academy, claim, "decide", district.regulator, decision="UPHELD", reason="CONSUMER"
    )
    done = await step(academy, claim, "approve", district.regulator)

    assert (contested["state"], contested["contest_reason"]) == ("CONTESTED", "NOT_OUR_FAULT")
    assert (decided["state"], decided["reason"]) == ("DECIDED", "CONSUMER")
    assert done["price"]["refund"] == "1200.00"


async def test_a_dismissed_claim_lets_lessons_go_on(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment)
    await step(academy, claim, "contest", academy.token, reason="TERMS_DIFFER", evidence=[PROOF])

    done = await step(academy, claim, "decide", academy.district.regulator, decision="DISMISSED")

    assert done["state"] == "DISMISSED"
    await academy.recorded(enrolment)
    late = await academy.post(f"claims/{claim['id']}/approve", academy.district.regulator)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_lessons_given_up_come_back_and_the_contract_goes_on(district: District) -> None:
    academy = await academy_in(district, price_fen=100_000, lessons=10)
    enrolment, refunds = await academy.opened(), Refunds(academy)
    payer = {"payer_name": "张三", "payer_account": "6222020000000000001"}
    await academy.receipt("1000.00", payment_code=enrolment["payment_code"], **payer)
    await taught(academy, enrolment, 4)

    done = await approved(academy, enrolment, scope="PARTIAL", lessons_given_up=3)
    blocked = await academy.record(await academy.scheduled(enrolment))
    await refunds.debited(await refunds.sent())
    paid = await academy.get(f"claims/{done['id']}", await academy.parent(enrolment))
    await taught(academy, enrolment, 2)
    too_many = await file(academy, enrolment, scope="PARTIAL", lessons_given_up=1)
    last = await academy.confirmed(enrolment)

    assert done["price"]["refund"] == "300.00"
    assert (paid["claim"]["state"], paid["refunds"][0]["paid"]) == ("PAID", "300.00")
    assert (blocked.status_code, blocked.json()["code"]) == (409, "enrolment_blocked")
    assert done["enrolment_state"] == "ACTIVE"
    assert (too_many.status_code, too_many.json()["code"]) == (409, "no_slot_left")
    assert (last["value"], last["enrolment_state"]) == ("100.00", "COMPLETED")
    read = await academy.get(f"enrolments/{enrolment['id']}", academy.token)
    assert (read["schedule_version"], len(read["slots"])) == (2, 3)
    assert read["money"]["released"] == "700.00"


async def test_a_large_refund_takes_a_second_person(district: District) -> None:
    academy = await academy_in(district, price_fen=600_000, lessons=10)
    legacy = academy.legacy("6000.00", 10)
    enrolment = (await academy.post("enrolments/legacy", academy.token, legacy)).json()
    claim = await filed(academy, enrolment)
    await step(academy, claim, "agree", academy.token)

    path = f"claims/{claim['id']}/approve"
    asked = await academy.post(path, district.regulator)
    approval = asked.json()
    answer = {"payload_hash": approval["payload_hash"]}
    same = await academy.post(f"approvals/{approval['id']}/approve", district.regulator, answer)
    other = await academy.post(
        f"approvals/{approval['id']}/approve", district.second_regulator, answer
    )

    assert (asked.status_code, approval["payload"]["amount"]) == (202, "6000.00")
    assert (same.status_code, same.json()["code"]) == (409, "maker_is_checker")
    assert other.json()["outcome"]["price"]["refund"] == "6000.00"
    assert other.json()["outcome"]["refunds"][0]["waiting_for"] == "PAYEE"
