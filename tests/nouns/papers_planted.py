"""Decided claims and posted entitlements, planted as rows: papers only read them."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from service.store import ids
from service.store.facts import Insert
from service.store.tables import (
    Claim,
    DistributionPlan,
    Entitlement,
    PlanShare,
    Refund,
    WindDown,
)
from tests.fixtures.academies import Academy
from tests.fixtures.service import fresh_id

AT = datetime(2026, 3, 10, tzinfo=UTC)
ON = date(2026, 3, 10)


async def claimed(academy: Academy, enrolment: dict[str, Any], **values: Any) -> UUID:
    """Plant a claim that was approved and partly paid."""
    claim, refund = fresh_id(), fresh_id()
    held = places(academy, enrolment)
    steps = [
        {"code": "PAID", "zh": "已付预付款", "en": "Paid", "amount": "4999.99"},
        {"code": "DELIVERED", "zh": "已上课时", "en": "Lessons delivered", "amount": "-1770.82"},
    ]
    row = held | {
        "claim_id": claim,
        "reason": "INSTITUTION",
        "scope": "WHOLE",
        "filed_by": "guardian",
        "filed_at": AT,
        "filed_on": ON,
        "materials_fen": 0,
        "state": "APPROVED",
        "basis": "DISCOUNT_PRICE",
        "article": "法释〔2025〕4号 第十八条",
        "refund_fen": 322_917,
        "institution_fen": 0,
        "interest_fen": 0,
        "breakdown": json.dumps({"steps": steps}),
        "day_count": "NATURAL",
        "pay_due_on": date(2026, 3, 25),
        "approved_on": ON,
        "seq": 1,
    }
    owed = held | {
        "refund_id": refund,
        "source": "CLAIM",
        "source_id": claim,
        "amount_fen": 322_917,
        "payable_fen": 322_917,
        "in_transit_fen": 0,
        "returned_fen": 0,
        "paid_fen": 0,
        "lodged_fen": 0,
        "taken_back_fen": 0,
        "waiting_for": "MONEY",
        "created_on": ON,
        "seq": 1,
    }
    await academy.district.plant(Insert(Claim, row | values), Insert(Refund, owed))
    return claim


def places(academy: Academy, enrolment: dict[str, Any]) -> dict[str, Any]:
    return {
        "enrolment_id": ids.parse("enr", enrolment["id"])[1],
        "institution_id": academy.institution,
        "custody_account_id": academy.custody,
        "guardian_id": ids.parse("pty", enrolment["guardian_id"])[1],
    }


async def entitled(academy: Academy, enrolment: dict[str, Any]) -> UUID:
    """Plant an entitlement that one posted round has given a dividend."""
    case, plan, entitlement = fresh_id(), fresh_id(), fresh_id()
    held = places(academy, enrolment)
    wind_down = {
        "wind_down_id": case,
        "institution_id": academy.institution,
        "state": "POSTED",
        "basis": "POOLED",
        "cause": "CLOSED_DOORS",
        "frozen_at": AT,
        "frozen_on": ON,
        "frozen_seq": 1,
        "entitlements": 1,
        "claimed_fen": 499_999,
        "distributed_fen": 350_033,
        "residual_fen": 149_966,
        "seq": 1,
    }
    registered = held | {
        "entitlement_id": entitlement,
        "wind_down_id": case,
        "register_number": 7,
        "contract_on": ON,
        "contract_number": "K-7",
        "claimed_fen": 499_999,
        "unfunded_fen": 0,
        "dividend_fen": 350_033,
        "residual_fen": 149_966,
        "written_off_fen": 0,
        "late": False,
        "state": "POSTED",
        "posted_round": 1,
        "seq": 1,
    }
    planned = {
        "plan_id": plan,
        "wind_down_id": case,
        "institution_id": academy.institution,
        "round": 1,
        "basis": "POOLED",
        "state": "POSTED",
        "inputs": "{}",
        "inputs_hash": bytes(32),
        "plan_hash": bytes(32),
        "entitlements": 1,
        "claimed_fen": 499_999,
        "pool_fen": 350_033,
        "distributed_fen": 350_033,
        "residual_fen": 149_966,
        "posted_to": 7,
        "orders_to": 0,
        "simulated_at": AT,
        "approved_on": ON,
        "seq": 1,
    }
    share = {
        "plan_id": plan,
        "register_number": 7,
        "entitlement_id": entitlement,
        "institution_id": academy.institution,
        "guardian_id": held["guardian_id"],
        "claim_fen": 499_999,
        "tier_one_fen": 0,
        "tier_two_fen": 350_033,
        "dividend_fen": 350_033,
        "residual_fen": 149_966,
    }
    await academy.district.plant(
        Insert(WindDown, wind_down),
        Insert(Entitlement, registered),
        Insert(DistributionPlan, planned),
        Insert(PlanShare, share),
    )
    return entitlement
