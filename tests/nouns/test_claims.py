"""Claims over HTTP: filed, answered, decided, approved; worked case 8.3; who may do what."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.calendars import SHANGHAI, midnight, shanghai_date
from service.store import ids
from service.store.facts import Update
from service.store.tables import Claim, Institution
from tests.fixtures.academies import Academy, academy_in
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


async def test_a_claim_is_filed_with_a_quote_and_blocks_lessons_until_it_ends(
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
    for refused in (recorded, confirmed):
        assert (refused.status_code, refused.json()["code"]) == (409, "enrolment_blocked")
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
    enrolment = await academy.enrolled()
    await taught(academy, enrolment, 4)

    done = await approved(academy, enrolment, scope="PARTIAL", lessons_given_up=3)
    blocked = await academy.record(await academy.scheduled(enrolment))
    paid = Update(Claim, (ids.parse("clm", done["id"])[1],), {"state": "PAID"})
    await district.plant(paid)
    await taught(academy, enrolment, 2)
    too_many = await file(academy, enrolment, scope="PARTIAL", lessons_given_up=1)
    last = await academy.confirmed(enrolment)

    assert done["price"]["refund"] == "300.00"
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


# --- reasons that do not apply ------------------------------------------------------------------


async def test_a_reason_that_does_not_apply_is_refused_at_once(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    cooled = await file(academy, enrolment, "COOLING_OFF")
    started = await file(academy, enrolment, "BEFORE_START")
    enforced = await file(academy, enrolment, "LAW_ENFORCEMENT")
    future = await file(academy, enrolment, "INSTITUTION", service_stopped_on="2099-01-01")

    codes = [answer.json()["code"] for answer in (cooled, started, enforced, future)]
    assert codes == [
        "cooling_off_passed",
        "course_started",
        "verb_forbidden",
        "date_in_future",
    ]


async def test_before_the_start_the_whole_price_comes_back(academy: Academy) -> None:
    today = shanghai_date(datetime.now(UTC))
    enrolment = await academy.enrolled(
        starts_on=(today + timedelta(days=10)).isoformat(),
        ends_on=(today + timedelta(days=60)).isoformat(),
        charged_on=today.isoformat(),
        contract_on=today.isoformat(),
    )

    quote = await academy.get(
        f"enrolments/{enrolment['id']}/refund-quote",
        await academy.parent(enrolment),
        reason="BEFORE_START",
    )
    done = await approved(academy, enrolment, reason="BEFORE_START")

    assert quote["to_pay"] == done["price"]["to_pay"] == "4999.99"
    assert done["pay_due_on"] == (today + timedelta(days=5)).isoformat()


async def test_materials_are_taken_as_itemised_with_proof(district: District) -> None:
    academy = await academy_in(district, materials_fen=8_000)
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment, reason="INSTITUTION")
    path = f"claims/{claim['id']}/agree"

    over = await academy.post(path, academy.token, {"materials": "80.01", "evidence": [PROOF]})
    bare = await academy.post(path, academy.token, {"materials": "80.00"})
    await step(academy, claim, "agree", academy.token, materials="80.00", evidence=[PROOF])
    done = await step(academy, claim, "approve", district.regulator)

    assert over.json()["code"] == "deduction_over_itemised"
    assert bare.json()["code"] == "evidence_missing"
    assert (done["price"]["refund"], done["price"]["institution_share"]) == ("4919.99", "80.00")


# --- who, and where -----------------------------------------------------------------------------


async def test_a_regulator_files_for_law_enforcement_and_the_guardian_is_told(
    academy: Academy,
) -> None:
    enrolment = await academy.enrolled()
    body = {"enrolment_id": enrolment["id"], "reason": "LAW_ENFORCEMENT"}

    claim = await academy.post("claims", academy.district.regulator, body)
    parent = await academy.parent(enrolment)
    not_theirs = await academy.post(f"claims/{claim.json()['id']}/withdraw", parent)
    told = await academy.post("notices/fetch", parent, {"limit": 10})

    assert claim.status_code == 201, claim.text
    assert (not_theirs.status_code, not_theirs.json()["code"]) == (403, "verb_forbidden")
    assert [(n["kind"], n["subject_id"]) for n in told.json()["items"]] == [
        ("CLAIM_FILED", claim.json()["id"])
    ]


async def test_a_claim_of_others_is_not_there(academy: Academy, district: District) -> None:
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment, note="搬家")
    stranger = await academy.parent(await academy.enrolled())
    other = await academy_in(district)

    read = await district.service.get(f"/v1/claims/{claim['id']}", stranger)
    agreed = await academy.post(f"claims/{claim['id']}/agree", other.token)
    theirs = await academy.post(
        "claims", stranger, {"enrolment_id": enrolment["id"], "reason": "CONSUMER"}
    )
    own = await academy.get(f"claims/{claim['id']}", await academy.parent(enrolment))
    schools = await academy.get(f"claims/{claim['id']}", academy.token)

    assert (read.status_code, agreed.status_code, theirs.status_code) == (404, 404, 404)
    assert [note["text"] for note in own["notes"]] == ["搬家"]
    assert schools["notes"] == []


async def test_a_claim_is_overdue_the_day_after_its_last_day(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment)
    agreed = await step(academy, claim, "agree", academy.token)
    last = datetime.fromisoformat(f"{agreed['pay_due_on']}T00:00:00").date()
    regulator = academy.district.regulator

    await move_to(academy, midnight(last) + timedelta(hours=12))
    on_time = await academy.get("claims", regulator, overdue=True)
    await move_to(academy, midnight(last + timedelta(days=1)))
    late = await academy.get("claims", regulator, overdue=True)

    assert on_time["items"] == []
    assert [(c["id"], c["overdue"]) for c in late["items"]] == [(claim["id"], True)]


async def test_a_frozen_institutions_claims_wait_for_the_register(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment)
    await academy.district.plant(Update(Institution, (academy.institution,), {"state": "FROZEN"}))

    refused = [
        await academy.post(f"claims/{claim['id']}/agree", academy.token),
        await file(academy, enrolment),
    ]

    assert refused[0].json()["code"] == "institution_frozen"
    assert refused[1].json()["code"] == "claim_already_open"


async def test_a_dry_run_of_filing_quotes_and_writes_nothing(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    body = {"enrolment_id": enrolment["id"], "reason": "INSTITUTION"}

    shown = await academy.post("claims", await academy.parent(enrolment), body, dry_run=True)

    assert (shown.status_code, shown.json()["quote"]["to_pay"]) == (200, "4999.99")
    assert await academy.district.count("escrow.claim") == 0


async def test_evidence_can_be_added_until_the_claim_is_approved(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment)

    await step(academy, claim, "evidence", academy.token, evidence=[PROOF])
    await step(academy, claim, "agree", academy.token)
    await step(academy, claim, "approve", academy.district.regulator)
    late = await academy.post(
        f"claims/{claim['id']}/evidence", academy.token, {"evidence": [PROOF]}
    )

    read = await academy.get(f"claims/{claim['id']}", await academy.parent(enrolment))
    assert [item["party"] for item in read["evidence"]] == ["INSTITUTION"]
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert ids.parse("clm", claim["id"])[0] == academy.district.journal
