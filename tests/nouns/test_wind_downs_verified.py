"""A case led over HTTP from the freeze to deregistration: every fen explained, verify clean."""

from typing import Any

import pytest

from service import verify
from tests.fixtures.academies import Academy
from tests.fixtures.collapses import act, opened, wait_until_after
from tests.fixtures.databases import Database
from tests.fixtures.registers import Collapse
from tests.fixtures.service import District, fresh_id
from tests.fixtures.transfers import credited, debited, fetched

pytestmark = pytest.mark.usefixtures("official_calendar")
PROOF = {"document_hash": "ab" * 32}


async def school_of_all_sorts(academy: Academy) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two legacy contracts, one paid with lessons of every state, a charge owed, and a deposit."""
    district = academy.district
    for value in ("2400.00", "600.00"):
        guardian = {"name": "张三", "account_number": "6222000011", "bank_name": "中国工商银行"}
        body = academy.legacy(value, 20, guardian=guardian)
        answer = await academy.post("enrolments/legacy", district.regulator, body)
        assert answer.status_code == 201, answer.text
    await academy.receipt("1000.00", kind="TOP_UP")
    enrolment = await academy.opened()
    payer = {"payer_name": "张三", "payer_account": "6222000022"}
    await academy.receipt("4999.99", payment_code=enrolment["payment_code"], **payer)
    await academy.confirmed(enrolment)
    lesson = await academy.recorded(enrolment)
    await academy.recorded(enrolment)
    unpaid = await academy.opened()
    await academy.receipt("700.00", payment_code=unpaid["payment_code"], **payer)
    account = await district.plant_custody_account(
        academy.institution, purpose="DEPOSIT", is_default=False
    )
    deposit = district.public("cus", account)
    await academy.receipt("500.00", custody_account_id=deposit, kind="DEPOSIT")
    return enrolment, lesson


async def heard(academy: Academy, case: Any, enrolment: Any, late: str) -> None:
    """Uphold one objection, reject another, admit one late entry."""
    regulator, parent = academy.district.regulator, await academy.parent(enrolment)
    mine = (await academy.get("entitlements", parent))["items"][0]
    path = f"entitlements/{mine['id']}/objections"
    for amount, decision in (("9000.00", "REJECTED"), ("5100.00", "UPHELD")):
        filed = await academy.post(path, parent, {"asked": amount, **PROOF, "note": "收据两张"})
        body = {"decision": decision, "reason": "SEEN"}
        body |= {"amount": amount} if decision == "UPHELD" else {}
        done = await academy.post(f"objections/{filed.json()['id']}/decide", regulator, body)
        assert done.status_code == 200, done.text
    entry = {
        "contract_number": "OFF-BOOK-1",
        "contract_on": "2024-01-15",
        "student_name": "李小四",
        "asked": "800.00",
        **PROOF,
    }
    filed = await academy.post(f"wind-downs/{case['id']}/late-entries", late, entry)
    admission = {"origin": "DIVERSION", "subject": "DANCE", "lessons": 8}
    upheld = {"decision": "UPHELD", "reason": "SEEN", "amount": "800.00", "admission": admission}
    done = await academy.post(f"objections/{filed.json()['id']}/decide", regulator, upheld)
    assert done.status_code == 200, done.text


async def test_a_case_led_over_http_leaves_a_clean_journal(
    academy: Academy, district: District, database: Database, higher: str
) -> None:
    enrolment, lesson = await school_of_all_sorts(academy)
    parent, late = await academy.parent(enrolment), await district.parent_token(fresh_id())

    case = await opened(academy, higher)
    await academy.post(f"wind-downs/{case['id']}/lessons/{lesson['id']}/confirm", parent)
    await wait_until_after(academy, case["lessons_due_on"])
    registered = await act(academy, case, "register")
    await heard(academy, case, enrolment, late)
    await wait_until_after(academy, registered["objections_until"])
    await act(academy, case, "set-off")
    await act(academy, case, "draw-deposit")
    (order,) = await fetched(academy, "ICBC")
    await debited(academy, "ICBC", order)
    await credited(academy, "ICBC", order)
    drawn = await act(academy, case, "draw-deposit")
    collapse = Collapse(academy, drawn)
    plans = {plan["basis"]: plan for plan in await collapse.simulated()}
    await collapse.approve(plans["TRACED_FIRST"], higher)
    await collapse.posted()

    report = await verify.verify(database.url("escrow_audit"), journals=[district.journal])
    after = await collapse.now()
    left = await academy.post(
        f"institutions/{district.public('ins', academy.institution)}/deregister",
        district.regulator,
        {"reason": "WOUND_DOWN"},
    )
    assert [(found.check, found.example) for found in report.findings] == []
    assert (drawn["entitlements"], drawn["claimed"]) == (5, "9600.00")
    assert set(plans) == {"POOLED", "TRACED_FIRST"}
    assert {plan["claimed"] for plan in plans.values()} == {"9600.00"}
    assert after["state"] in ("POSTED", "PAYING")
    assert (left.status_code, left.json()["code"]) == (409, "wrong_state")
