"""A sandbox for a bank's engineer: a zone of its own, a school, a key that everybody may know.

Made through the API of a service on trial, but for its zone and the staff's tokens. Made again it
is the same sandbox. The bank's key is the one of docs/bank-signing.md: it must never open anything
but a sandbox, so nothing else is in that zone, and none is made but in a demonstration.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.calendars import shanghai_date
from service.demo.client import Api, Json
from service.identity import tokens
from service.identity.callers import Role
from service.store import ids, reference
from service.store.facts import Verdict
from service.store.transact import Store

ABOVE: Final = "500106"
CODE: Final = "500106-SANDBOX"
JOURNAL: Final = 65_000
SEED: Final = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
PUBLIC_KEY: Final = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
PRICE: Final = "1200.00"
_VALID: Final = timedelta(days=90)
_KEY_VALID: Final = timedelta(days=700)


@dataclass(frozen=True, slots=True)
class Staff:
    """Whoever a bank needs around it; tokens."""

    regulator: str
    operator: str
    second_operator: str


async def open_sandbox(engine: AsyncEngine, api: Api, bank: str, *, order: bool = False) -> Json:
    """Make the sandbox of a bank, or find it; return what its engineer needs to begin.

    With `order` the school earns a lesson and asks for it, so that there is an order to fetch: the
    contract must have been paid.
    """
    staff = await _staff(engine, bank)
    kid = await _register_key(api, staff, bank)
    school = await _school(api, staff, bank)
    token = (await _minted(engine, [_school_caller(school)]))[0]
    account = await _account(api, staff, bank, school)
    contract = await _contract(api, staff, token, bank)
    if order:
        await _earn(engine, api, token, contract)
        await api.post("/v1/payouts", token, {"custody_account_id": account["id"]}, key=_fresh())
    return {
        "service": str(api.http.base_url).rstrip("/"),
        "bank": bank,
        "jurisdiction": CODE,
        "keyid": kid,
        "private_seed_hex": SEED,
        "custody_account_id": account["id"],
        "account_number": account["account_number"],
        "payment_code": contract["payment_code"],
        "price": PRICE,
        "today": shanghai_date(datetime.now(UTC)).isoformat(),
        "institution_token": token,
        "operator_token": staff.operator,
    }


async def _staff(engine: AsyncEngine, bank: str) -> Staff:
    new = reference.NewJurisdiction(
        CODE, "沙箱", rule_pack="chongqing-500106", journal=JOURNAL, parent=ABOVE, banks=(bank,)
    )

    async def add(connection: AsyncConnection) -> Verdict:
        await reference.add_jurisdiction(connection, new, at=datetime.now(UTC))
        return Verdict(answer={})

    await Store(engine).refer(add, key=None)
    scope = tokens.Scope(CODE)
    callers = [
        ("sandbox-regulator", Role.REGULATOR, scope),
        ("sandbox-operator", Role.OPERATOR, scope),
        ("sandbox-second-operator", Role.OPERATOR, scope),
    ]
    return Staff(*await _minted(engine, callers))


def _school_caller(school: str) -> tuple[str, Role, tokens.Scope]:
    journal, institution = ids.parse("ins", school)
    scope = tokens.Scope(CODE, institution=institution, journal=journal)
    return ("sandbox-school", Role.INSTITUTION, scope)


async def _minted(engine: AsyncEngine, callers: list[tuple[str, Role, tokens.Scope]]) -> list[str]:
    minted: list[str] = []

    async def mint(connection: AsyncConnection) -> Verdict:
        now = datetime.now(UTC)
        minted.extend(
            await tokens.issue_many(connection, callers, issued_at=now, expires_at=now + _VALID)
        )
        return Verdict(answer={})

    await Store(engine).refer(mint, key=None)
    return minted


async def _register_key(api: Api, staff: Staff, bank: str) -> str:
    """Have the known key registered by two operators, once."""
    known = await api.get("/v1/bank-keys", staff.operator, bank=bank)
    for key in known["items"]:
        if key["public_key"] == base64.b64decode(PUBLIC_KEY).hex():
            return str(key["kid"])
    now = datetime.now(UTC)
    body = {
        "bank": bank,
        "jurisdiction": CODE,
        "public_key": PUBLIC_KEY,
        "not_before": (now - timedelta(minutes=5)).isoformat(),
        "not_after": (now + _KEY_VALID).isoformat(),
    }
    stamp = int(now.timestamp())
    asked = await api.post("/v1/bank-keys", staff.operator, body, key=f"sandbox-key-{bank}-{stamp}")
    approved = await api.post(
        f"/v1/approvals/{asked['id']}/approve",
        staff.second_operator,
        {"payload_hash": asked["payload_hash"]},
        key=_fresh(),
    )
    return str(approved["outcome"]["kid"])


async def _school(api: Api, staff: Staff, bank: str) -> str:
    entered = await api.post(
        "/v1/institutions",
        staff.regulator,
        {
            "name": "示例沙箱艺术培训有限公司",
            "jurisdiction_code": CODE,
            "category": "art",
            "business_registration": "91500106MA0000007R",
            "responsible_officer": "示例责任人",
            "settlement_account": {
                "name": "示例沙箱艺术培训有限公司",
                "account_number": "999900000000000001",
                "bank_name": bank,
            },
        },
        key="sandbox-school",
    )
    licence = {
        "school_licence": "示例许可沙箱号",
        "licensed_on": "2019-06-01",
        "valid_until": "2036-12-31",
    }
    path = f"/v1/institutions/{entered['id']}/licence"
    await api.post(path, staff.regulator, licence, key="sandbox-licence")
    return str(entered["id"])


async def _account(api: Api, staff: Staff, bank: str, school: str) -> Json:
    agreement = {
        "bank": bank,
        "settlement_cadence": "LESSON",
        "document_hash": hashlib.sha256(b"sandbox").hexdigest(),
        "valid_from": "2026-01-01",
    }
    path = f"/v1/institutions/{school}/agreements"
    await api.post(path, staff.regulator, agreement, key=f"sandbox-agreement-{bank}")
    account = {
        "institution_id": school,
        "bank": bank,
        "account_name": "示例沙箱预收费监管专户",
        "account_number": "8888009999990001",
        "is_default": True,
    }
    return await api.post(
        "/v1/custody-accounts", staff.regulator, account, key=f"sandbox-account-{bank}"
    )


async def _contract(api: Api, staff: Staff, token: str, bank: str) -> Json:
    """Have a course filed and a contract signed; return the contract."""
    course = {
        "reference": "SANDBOX",
        "name": "少儿舞蹈",
        "category": "art",
        "subject": "DANCE",
        "class_size": 12,
        "lesson_minutes": 60,
        "price": PRICE,
        "lessons": 12,
    }
    filed = await api.post("/v1/courses", token, course, key="sandbox-course")
    path = f"/v1/courses/{filed['id']}/review"
    await api.post(path, staff.regulator, {"decision": "FILED"}, key="sandbox-review")
    contract = {
        "course_id": filed["id"],
        "contract_number": f"SANDBOX-{bank}",
        "template_version": "GF-2021-2604",
        "guardian": {"name": "示例家长", "phone": "13800000000"},
        "student": {"name": "示例学员"},
        "contract_on": "2026-02-20",
        "charged_on": "2026-02-20",
        "starts_on": "2026-03-02",
        "ends_on": "2026-05-31",
    }
    return await api.post("/v1/enrolments", token, contract, key=f"sandbox-contract-{bank}")


async def _earn(engine: AsyncEngine, api: Api, token: str, contract: Json) -> None:
    """Hold a lesson, which the parent confirms."""
    journal, guardian = ids.parse("pty", contract["guardian_id"])
    scope = tokens.Scope(CODE, party=guardian, journal=journal)
    [parent] = await _minted(engine, [("sandbox-parent", Role.PARENT, scope)])
    lesson = {
        "enrolment_id": contract["id"],
        "reference": _fresh(),
        "starts_at": "2026-03-03T16:30:00+08:00",
        "ends_at": "2026-03-03T17:30:00+08:00",
    }
    planned = await api.post("/v1/lessons", token, lesson, key=_fresh())
    held = {"attendance": "PRESENT", "evidence_hash": hashlib.sha256(b"sandbox").hexdigest()}
    path = f"/v1/lessons/{planned['id']}"
    await api.post(f"{path}/record", token, held, key=_fresh())
    await api.post(f"{path}/confirm", parent, {}, key=_fresh())


def _fresh() -> str:
    return uuid.uuid4().hex
