"""What the audit trail tells: one row for each request, whatever became of it, and no more."""

import json
from typing import Any

import httpx
import pytest

from service.web.denials import EACH_MAX
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.service import District, fresh_id
from tests.fixtures.trails import apart, trail

WHO = ("kind", "role", "operation", "outcome")


def told(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names or WHO)


async def stop_payouts(academy: Academy, **values: Any) -> httpx.Response:
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": academy.district.public("cus", academy.custody),
        "kind": "PAYOUT_STOP",
        "cause": "INSPECTION",
    }
    regulator = academy.district.regulator
    return await academy.district.service.post("/v1/restraints", regulator, body, **values)


def receipt(academy: Academy, reference: str, amount: str = "100.00") -> dict[str, Any]:
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": reference,
        "amount": amount,
        "kind": "TOP_UP",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
    }


async def test_an_accepted_command_is_one_row_with_its_transactions(
    academy: Academy, database: Database
) -> None:
    before = await trail(database, academy.district.journal)

    answer = (await stop_payouts(academy)).json()

    rows = await trail(database, academy.district.journal)
    row = rows[-1]
    assert len(rows) == len(before) + 1
    assert told(row) == ("DECIDED", "regulator", "placeRestraint", "done")
    assert row["object"] == answer["id"]
    assert row["first_seq"] == row["last_seq"] is not None
    assert len(row["request_hash"]) == 32
    assert row["source"] is not None
    assert row["details"] is None


async def test_a_contradiction_changes_no_money_and_its_row_tells_of_the_break_it_opened(
    academy: Academy, database: Database
) -> None:
    district = academy.district
    bank = district.banks["ICBC"]
    await academy.post("receipts", bank, receipt(academy, "R-1"))
    tables = ("escrow.bank_entry", "escrow.entry")
    before = [await district.count(table) for table in tables]
    rows = await district.count("escrow.audit")
    answers = await district.count("escrow.stored_answer")

    refused = await academy.post("receipts", bank, receipt(academy, "R-1", "7.00"))

    row = (await trail(database, district.journal))[-1]
    assert refused.status_code == 409
    assert told(row) == ("DECIDED", "bank", "postReceipt", "bank_entry_contradicted")
    assert row["first_seq"] == row["last_seq"] == await district.count("escrow.journal_transaction")
    assert [await district.count(table) for table in tables] == before
    assert await district.count("escrow.stored_answer") == answers + 1
    assert await district.count("escrow.audit") == rows + 1


async def test_a_refused_command_changes_nothing_but_its_answer_and_its_row(
    academy: Academy, database: Database
) -> None:
    district = academy.district
    body = {"custody_account_id": district.public("cus", academy.custody), "amount": "1.00"}
    rows = await district.count("escrow.audit")
    answers = await district.count("escrow.stored_answer")
    before = await district.count("escrow.journal_transaction")

    refused = await academy.post("payouts", academy.token, body)

    row = (await trail(database, district.journal))[-1]
    assert refused.status_code == 422, refused.text
    assert row["outcome"] == refused.json()["code"]
    assert (row["first_seq"], row["last_seq"]) == (None, None)
    assert await district.count("escrow.journal_transaction") == before
    assert await district.count("escrow.stored_answer") == answers + 1
    assert await district.count("escrow.audit") == rows + 1


async def test_a_replay_and_a_dry_run_decide_nothing_and_are_not_told(
    academy: Academy, database: Database
) -> None:
    await stop_payouts(academy, key="once")
    rows = await academy.district.count("escrow.audit")
    denied = await apart(database, academy.district)

    again = await stop_payouts(academy, key="once")
    dry = await stop_payouts(academy, dry_run=True)

    assert again.headers["idempotency-replayed"] == "true"
    assert dry.status_code == 200
    assert await academy.district.count("escrow.audit") == rows
    assert await apart(database, academy.district) == denied


async def test_a_batch_is_one_row_with_its_verdicts_counted(
    academy: Academy, database: Database
) -> None:
    bank = academy.district.banks["ICBC"]
    await academy.post("receipts", bank, receipt(academy, "R-1"))
    items = [
        receipt(academy, "R-1"),
        receipt(academy, "R-1", "7.00"),
        *(receipt(academy, f"R-{n}") for n in range(2, 6)),
    ]

    answer = await academy.post("receipts/batch", bank, {"mode": "independent", "items": items})

    row = (await trail(database, academy.district.journal))[-1]
    assert answer.status_code == 200, answer.text
    assert told(row) == ("DECIDED", "bank", "postReceipts", "mixed")
    assert json.loads(row["details"]) == {
        "items": 6,
        "verdicts": {"bank_entry_contradicted": 1, "done": 4, "duplicate": 1},
    }
    assert row["last_seq"] - row["first_seq"] == 4


async def test_every_transaction_is_told_of_once_whoever_asked(
    academy: Academy, database: Database
) -> None:
    await academy.post("receipts", academy.district.banks["ICBC"], receipt(academy, "R-1"))
    await stop_payouts(academy)

    rows = [r for r in await trail(database, academy.district.journal) if r["first_seq"]]

    told_of = [seq for row in rows for seq in range(row["first_seq"], row["last_seq"] + 1)]
    count = await academy.district.count("escrow.journal_transaction")
    assert told_of == list(range(1, count + 1))


async def test_what_is_denied_is_told_before_it_is_answered(
    district: District, database: Database
) -> None:
    service, foreign = district.service, district.public("ins", fresh_id())
    parent = await district.parent_token(fresh_id())

    forbidden = await service.get("/v1/audit", parent)
    unknown = await service.get(f"/v1/institutions/{foreign}", district.regulator)
    nobody = await service.get("/v1/receipts", "esk_nobody")

    rows = await apart(database, district)
    assert (forbidden.status_code, unknown.status_code, nobody.status_code) == (403, 404, 401)
    assert [told(row) for row in rows[-2:]] == [
        ("DENIED", "parent", "listAudit", "verb_forbidden"),
        ("DENIED", "regulator", "getInstitution", "institution_unknown"),
    ]
    assert [row["source"] is None for row in rows[-2:]] == [True, False]
    assert rows[-1]["object"] == foreign


async def test_a_stranger_is_told_of_by_network_only(
    district: District, database: Database
) -> None:
    refused = await district.service.get("/v1/receipts", "esk_nobody")

    rows = [r for r in await trail(database, 0) if r["request_id"] == refused.json()["request_id"]]
    assert [told(row) for row in rows] == [
        ("DENIED", "anonymous", "listReceipts", "not_authenticated")
    ]
    assert rows[0]["caller_id"] == "anonymous"
    assert rows[0]["source"].endswith("/24")


async def test_a_reused_key_is_told_of_too(academy: Academy, database: Database) -> None:
    bank = academy.district.banks["ICBC"]
    await academy.post("receipts", bank, receipt(academy, "R-1"), key="k")

    other = await academy.post("receipts", bank, receipt(academy, "R-2"), key="k")

    row = (await apart(database, academy.district))[-1]
    assert other.status_code == 422
    assert told(row) == ("DENIED", "bank", "postReceipt", "idempotency_key_reused")


async def test_a_flood_of_denials_is_counted_and_fills_nothing(
    district: District, database: Database
) -> None:
    institution = await district.institution_token(await district.plant_institution())
    app: Any = district.service.http._transport  # the application behind it
    denials = app.app.state.denials

    for _ in range(EACH_MAX + 30):
        assert (await district.service.get("/v1/audit", institution)).status_code == 403
    await denials.flush()

    rows = [row for row in await apart(database, district) if row["role"] == "institution"]
    assert [row["kind"] for row in rows] == ["DENIED"] * EACH_MAX + ["COUNTED"]
    assert told(rows[-1], "outcome", "details") == (
        "verb_forbidden",
        '{"requests":30,"seconds":60}',
    )


async def test_reference_data_is_told_of_in_chain_0(district: District, database: Database) -> None:
    code = f"B{fresh_id().hex[-8:].upper()}"

    added = await district.service.post(
        "/v1/banks", district.operator, {"code": code, "name": "试验银行", "name_en": "Trial"}
    )

    assert added.status_code == 201, added.text
    row = (await trail(database, 0))[-1]
    assert told(row) == ("REFERENCE", "operator", "addBank", "done")


@pytest.mark.parametrize("what", ["13800000000", "张三"])
async def test_no_personal_data_is_in_the_trail(
    academy: Academy, database: Database, what: str
) -> None:
    await academy.opened()
    await academy.district.service.get(f"/v1/institutions/{what}", academy.district.regulator)

    rows = [
        *await trail(database, academy.district.journal),
        *await apart(database, academy.district),
    ]

    assert rows[-1]["operation"] == "getInstitution"
    assert what not in str(rows)


async def test_two_people_are_two_rows_with_the_same_approval(
    academy: Academy, database: Database
) -> None:
    district = academy.district
    restraint = (await stop_payouts(academy)).json()
    lift = f"restraints/{restraint['id']}/lift"

    asked = (await academy.post(lift, district.regulator, {"reason": "SETTLED"})).json()
    approve = f"approvals/{asked['id']}/approve"
    hashed = {"payload_hash": asked["payload_hash"]}
    done = await academy.post(approve, district.second_regulator, hashed)

    maker, checker = (await trail(database, district.journal))[-2:]
    assert done.status_code == 200, done.text
    assert told(maker, "operation", "object", "approval") == (
        "liftRestraint",
        restraint["id"],
        asked["id"],
    )
    assert told(checker, "object", "approval") == (asked["id"], asked["id"])
    assert maker["caller_id"] != checker["caller_id"]


async def test_a_login_that_fails_is_told_without_what_was_typed(
    district: District, database: Database
) -> None:
    typed = {"login": "typed-in-the-wrong-field", "password": "a-password-nobody-has-1"}

    refused = await district.service.http.post("/v1/login", json=typed)

    request_id = refused.json()["request_id"]
    [row] = [row for row in await trail(database, 0) if row["request_id"] == request_id]
    assert refused.status_code == 401
    assert told(row) == ("DENIED", "anonymous", "logIn", "login_refused")
    assert not [value for value in typed.values() if value in str(row)]


async def test_what_outlives_the_trail_is_answered_without_it(
    district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    application: Any = district.service.http._transport
    store = application.app.state.store

    async def broken(*_noted: Any) -> None:
        raise OSError

    monkeypatch.setattr(store.trail, "note", broken)
    denied = await district.service.get("/v1/receipts", "esk_nobody")
    read = await district.service.get("/v1/audit", district.auditor)

    assert denied.status_code == 401
    assert read.status_code == 503
