"""Names, phones, accounts and free text of a whole story stand sealed, and nowhere else."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest
import structlog

from service.store import postgres
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.parents import Phone
from tests.fixtures.refunds import Refunds
from tests.nouns.claim_calls import approved, taught
from tests.nouns.institution_calls import registered

CANARIES = {
    "guardian": "慕容鸢尾",
    "guardian_phone": "13717171717",
    "student": "慕容小鸢",
    "payee": "慕容收款人",
    "payee_account": "6217000000017170001",
    "payer": "慕容付款人",
    "payer_account": "6217000000017170002",
    "bank_purpose": "慕容小鸢暑期学费",
    "claim_note": "慕容小鸢对花粉过敏",
    "changed_payee": "慕容改收人",
    "changed_account": "6217000000017170003",
    "settlement": "慕容结算户",
    "settlement_account": "6217000000017170004",
    "new_name": "端木小雅",
    "new_phone": "13717171718",
    "unmask_reason": "慕容鸢尾来电核对",
    "refused_name": "慕容无关",
    "person": "慕容会计",
    "person_phone": "13717171719",
    "person_login": "murong.kuaiji@example.test",
    "id_number": "500106199001017171",
}
"""What must be found nowhere, by what it is."""

_COLUMNS = """
    SELECT held.oid::regclass::text FROM pg_class AS held
    JOIN pg_namespace AS space ON space.oid = held.relnamespace
    WHERE space.nspname IN ('escrow', 'pii') AND held.relkind = 'r' ORDER BY 1"""


@dataclass
class Ears:
    """Everything that was said outside of the database while the story went on."""

    logged: list[str] = field(default_factory=list)

    def hear(self, _logger: Any, _name: str, event: Any) -> Any:
        """Take in what is logged."""
        self.logged.append(repr(event))
        return event


@contextmanager
def listening() -> Iterator[Ears]:
    ears, before = Ears(), structlog.get_config()
    structlog.configure(
        processors=[ears.hear, *before["processors"]],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )
    try:
        yield ears
    finally:
        structlog.configure(**before)


@pytest.fixture
async def insider(database: Database) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(
        host=str(database.server.socket), user=postgres.SUPERUSER, database=database.name
    )
    yield connection
    await connection.close()


def forms_of(canary: str) -> set[str]:
    """Every way a canary may be written: as it is, in JSON, and as bytes in hex."""
    return {canary, json.dumps(canary).strip('"'), canary.encode().hex()}


def found_in(text: str) -> list[str]:
    return [
        name for name, canary in CANARIES.items() if any(form in text for form in forms_of(canary))
    ]


async def test_a_canary_is_found_where_it_stands(insider: Any) -> None:
    """The search itself: it sees plain text, JSON and bytes."""
    statement = "SELECT row($1::text, $2::jsonb, $3::bytea)::text"
    name = CANARIES["guardian"]
    rows = [
        await insider.fetchval(statement, *values)
        for values in (
            (name, "{}", b""),
            ("", json.dumps({"name": name}), b""),
            ("", "{}", name.encode()),
        )
    ]

    assert [found_in(row) for row in rows] == [["guardian"]] * 3


async def test_a_whole_story_leaves_no_personal_data_outside_of_the_vault(
    academy: Academy, refunds: Refunds, insider: Any
) -> None:
    with listening() as ears:
        await played(academy, refunds)
    metrics = (await academy.district.service.http.get("/metrics")).text

    tables = [row[0] for row in await insider.fetch(_COLUMNS)]
    leaks = {}
    for table in tables:
        dumped = await insider.fetch(f"SELECT held::text FROM {table} AS held")  # noqa: S608
        found = found_in("\n".join(row[0] for row in dumped))
        if found:
            leaks[table] = found
    assert leaks == {}
    assert [line for line in ears.logged if found_in(line)] == []
    assert len(ears.logged) > 20
    assert [line for line in metrics.splitlines() if found_in(line)] == []


async def played(academy: Academy, refunds: Refunds) -> None:
    """Play a contract, its money, a case, a mistake and every right, with canaries everywhere."""
    district = academy.district
    contract = await paid(academy)
    await taught(academy, contract, 2)
    claim = await approved(academy, contract, note=CANARIES["claim_note"])
    order = await refunds.sent()
    assert order["payee"]["account_number"] == CANARIES["payer_account"]
    await refunds.debited(order)
    await payee_changed(academy, refunds)
    await settlement_account_written(academy)
    await rights_used(academy, contract, claim)
    await mistakes_made(academy, contract)
    await people_added(academy)
    phone = Phone.new(district, f"+86{CANARIES['guardian_phone']}")
    await phone.asks()


async def paid(academy: Academy) -> dict[str, Any]:
    contract = await academy.opened(
        guardian={"name": CANARIES["guardian"], "phone": CANARIES["guardian_phone"]},
        student={"name": CANARIES["student"]},
    )
    await academy.receipt(
        contract["price"],
        payment_code=contract["payment_code"],
        payer_name=CANARIES["payer"],
        payer_account=CANARIES["payer_account"],
        purpose=CANARIES["bank_purpose"],
    )
    return contract


async def payee_changed(academy: Academy, refunds: Refunds) -> None:
    guardian = {
        "name": CANARIES["payee"],
        "phone": CANARIES["new_phone"],
        "account_number": CANARIES["payee_account"],
        "bank_name": "示例银行",
    }
    contract = academy.legacy("6000.00", 60, guardian=guardian)
    body = {"mode": "independent", "items": [contract]}
    answer = await academy.post("enrolments/legacy/batch", academy.district.regulator, body)
    [result] = answer.json()["results"]
    await academy.receipt("6000.00", kind="TOP_UP")
    (refund,) = await refunds.owed(result["result"], "2000.00")
    order = await refunds.sent()
    await refunds.debited(order)
    await refunds.returned(order)
    changed = {
        "name": CANARIES["changed_payee"],
        "account_number": CANARIES["changed_account"],
        "bank_name": "示例银行",
        "document_hash": "ab" * 32,
    }
    asked = await academy.post(f"refunds/{refund}/payee", academy.district.regulator, changed)
    await refunds.approved(asked)


async def settlement_account_written(academy: Academy) -> None:
    account = {
        "name": CANARIES["settlement"],
        "account_number": CANARIES["settlement_account"],
        "bank_name": "示例银行",
    }
    await registered(academy.district, settlement_account=account)


async def rights_used(academy: Academy, contract: dict[str, Any], claim: dict[str, Any]) -> None:
    district, parent = academy.district, await academy.parent(contract)
    case = {"purpose": "CLAIM", "case_id": claim["id"], "reason": CANARIES["unmask_reason"]}
    path = f"parties/{contract['guardian_id']}"
    for token in (district.regulator, district.operator):
        answer = await academy.post(f"{path}/unmask", token, case)
        assert answer.status_code in {201, 202}, answer.text
    await academy.get(path, district.regulator)
    wanted = {"name": CANARIES["new_name"], "phone": CANARIES["new_phone"]}
    asked = await academy.post(f"{path}/corrections", parent, wanted)
    confirmed = await academy.post(f"data-requests/{asked.json()['id']}/confirm", academy.token)
    assert confirmed.status_code == 200, confirmed.text
    await academy.get("own-data", parent)
    await academy.district.service.get("/v1/own-data/readable", parent)
    await filed_again(academy, contract)


async def filed_again(academy: Academy, contract: dict[str, Any]) -> None:
    refused = await academy.post(
        "claims",
        await academy.parent(contract),
        {"enrolment_id": contract["id"], "reason": "CONSUMER", "note": CANARIES["claim_note"]},
    )
    assert refused.status_code in {409, 422}, refused.text


async def mistakes_made(academy: Academy, contract: dict[str, Any]) -> None:
    """Send canaries where they do not belong: refused bodies, keys, paths and queries."""
    wrong: list[httpx.Response] = [
        await academy.post(
            "enrolments",
            academy.token,
            academy.contract(student={"name": CANARIES["refused_name"]}, id_number="x"),
        ),
        await academy.post(
            "enrolments",
            academy.token,
            academy.contract(guardian={"name": CANARIES["refused_name"]}, charged_on="2031-01-01"),
        ),
        await academy.post(
            "enrolments",
            academy.token,
            academy.contract(
                contract_number=contract["contract_number"],
                guardian={"name": CANARIES["refused_name"]},
            ),
        ),
    ]
    service, token = academy.district.service, academy.district.regulator
    wrong.append(await service.get(f"/v1/parties/{CANARIES['id_number']}", token))
    wrong.append(await service.get("/v1/claims", token, guardian_id=CANARIES["id_number"]))
    wrong.append(await service.get(f"/v1/nothing/{CANARIES['id_number']}", token))
    assert all(400 <= answer.status_code < 500 for answer in wrong)
    assert [found_in(answer.text) for answer in wrong] == [[]] * len(wrong)


async def people_added(academy: Academy) -> None:
    body = {
        "role": "institution",
        "institution_id": academy.district.public("ins", academy.institution),
        "duties": ["finance"],
        "name": CANARIES["person"],
        "login": CANARIES["person_login"],
        "phone": CANARIES["person_phone"],
    }
    answer = await academy.post("people", academy.token, body)
    assert answer.status_code in {201, 202}, answer.text
