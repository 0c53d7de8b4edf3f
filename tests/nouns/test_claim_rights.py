"""Claims over HTTP: reasons that do not apply, who may do what, and what is told to whom."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.calendars import midnight, shanghai_date
from service.store import ids
from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.service import District
from tests.nouns.claim_calls import PROOF, approved, file, filed, move_to, step

pytestmark = pytest.mark.usefixtures("official_calendar")


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


async def test_within_seven_days_the_principal_comes_back_whatever_was_merely_recorded(
    academy: Academy,
) -> None:
    today = shanghai_date(datetime.now(UTC))
    enrolment = await academy.opened()
    await academy.receipt(
        "4999.99",
        payment_code=enrolment["payment_code"],
        payer_name="张三",
        payer_account="6222",
        book_on=today.isoformat(),
        value_on=today.isoformat(),
    )
    recorded = await academy.recorded(enrolment)

    claim = await filed(academy, enrolment, reason="COOLING_OFF")
    await step(academy, claim, "agree", academy.token)
    await academy.post(f"lessons/{recorded['id']}/void", academy.token)
    done = await step(academy, claim, "approve", academy.district.regulator)

    assert (done["price"]["refund"], done["price"]["institution_share"]) == ("4999.99", "0.00")
    assert [part["waiting_for"] for part in done["refunds"]] == [None]
    assert done["pay_due_on"] == (today + timedelta(days=5)).isoformat()


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
    enforced = await academy.get("claims", parent, reason="LAW_ENFORCEMENT")
    others = await academy.get("claims", parent, reason="CONSUMER")
    not_theirs = await academy.post(f"claims/{claim.json()['id']}/withdraw", parent)
    told = await academy.post("notices/fetch", parent, {"limit": 10})

    assert claim.status_code == 201, claim.text
    assert ([c["id"] for c in enforced["items"]], others["items"]) == ([claim.json()["id"]], [])
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
