"""What changes for an institution: its place, its payee, its agreements, and whether it may go."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from service.store import reference
from service.store.context import Context
from tests.fixtures.service import District
from tests.nouns.institution_calls import PATH, REASON, licensed, told


async def owing_school(district: District) -> str:
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    course = await district.plant_course(institution)
    enrolment = await district.plant_enrolment(institution, custody, course)
    receipt = {
        "custody_account_id": district.public("cus", custody),
        "bank_ref": f"R-{custody.hex}",
        "amount": "4999.99",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "payment_code": enrolment["payment_code"],
    }
    paid = await district.service.post("/v1/receipts", district.banks["ICBC"], receipt)
    assert paid.status_code == 201, paid.text
    return district.public("ins", institution)


async def test_nobody_leaves_while_money_is_owed_to_students(district: District) -> None:
    ins = await owing_school(district)
    began = await told(district, ins, "exit", to="EXITING", **REASON)

    answer = await told(district, ins, "exit", to="EXITED", **REASON)

    assert began.json()["state"] == "EXITING"
    assert (answer.status_code, answer.json()["code"]) == (409, "liability_outstanding")
    assert answer.json()["facts"] == {"owed": "4999.99"}


async def test_a_move_keeps_the_history_and_takes_the_balances_along(district: District) -> None:
    ins = await owing_school(district)
    zone = f"NORTH-{district.journal:04d}"
    async with district.service.engine.begin() as connection:
        node = await reference.add_jurisdiction(
            connection,
            reference.NewJurisdiction(zone, "北区", "cn-national", parent=district.code),
            at=datetime.now(UTC),
        )

    moved = await told(district, ins, "move", jurisdiction_code=zone)
    again = await told(district, ins, "move", jurisdiction_code=zone)
    below = await district.service.get(PATH, district.regulator, adcode=zone)
    detail = await district.service.get(f"{PATH}/{ins}", district.regulator)
    areas = await area_balances(district)

    assert (moved.status_code, moved.json()["jurisdiction_code"]) == (200, zone)
    assert again.json()["version"] == moved.json()["version"]
    assert [item["id"] for item in below.json()["items"]] == [ins]
    assert [a["jurisdiction_code"] for a in detail.json()["areas"]] == [district.code, zone]
    assert [a["valid_to"] is None for a in detail.json()["areas"]] == [False, True]
    assert areas == {
        f"{district.path}/culture": 0,
        f"{node.path}/culture": 499_999,
    }


async def area_balances(district: District) -> dict[str, int]:
    async with district.service.store.reading(Context((district.journal,))) as connection:
        rows = await connection.execute(
            text(
                "SELECT DISTINCT ON (unit_id) unit_id, balance FROM escrow.rollup"
                " WHERE journal_id = :journal AND unit_type = 'AREA'"
                " AND kind = 'STUDENT_PREPAID' ORDER BY unit_id, seq DESC"
            ),
            {"journal": district.journal},
        )
        return {row.unit_id: row.balance for row in rows}


async def test_another_settlement_account_is_another_party_and_is_never_shown(
    district: District,
) -> None:
    made = await licensed(district)
    account = {"name": "新户名", "account_number": "888800000000000002", "bank_name": "某行"}

    asked = await told(district, made["id"], "settlement-account", settlement_account=account)
    changed = await district.service.post(
        f"/v1/approvals/{asked.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": asked.json()["payload_hash"]},
    )

    assert (asked.status_code, changed.status_code) == (202, 200)
    after = changed.json()["outcome"]["settlement_party_id"]
    assert after == asked.json()["payload"]["payee_party_id"] != made["settlement_party_id"]
    assert "888800000000000002" not in asked.text + changed.text


async def test_an_agreement_is_recorded_and_the_next_one_ends_it(district: District) -> None:
    ins = (await licensed(district))["id"]
    first = {"bank": "ICBC", "document_hash": "a" * 64, "valid_from": "2026-01-15"}
    later = {"bank": "ICBC", "document_hash": "b" * 64, "valid_from": "2026-07-01"}

    signed = await told(district, ins, "agreements", **first)
    again = await told(district, ins, "agreements", **first)
    await told(district, ins, "agreements", **later)
    detail = (await district.service.get(f"{PATH}/{ins}", district.auditor)).json()

    assert (signed.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == signed.json()["id"]
    assert [a["valid_to"] for a in detail["agreements"]] == ["2026-06-30", None]
    assert [a["valid_to"] for a in detail["areas"]] == [None]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bank": "BOC"}, "bank_not_selected"),
        ({"release_basis": "SCHEDULE"}, "mode_not_supported"),
        ({"mode": "PROPORTIONAL"}, "mode_not_supported"),
    ],
)
async def test_an_agreement_that_is_not_supported_is_refused(
    district: District, change: dict[str, str], code: str
) -> None:
    ins = (await licensed(district))["id"]
    terms = {"bank": "ICBC", "document_hash": "c" * 64, "valid_from": "2026-01-15"} | change

    answer = await told(district, ins, "agreements", **terms)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_agreement_that_contradicts_what_stands_is_refused(district: District) -> None:
    ins = (await licensed(district))["id"]
    terms = {"bank": "ICBC", "document_hash": "a" * 64, "valid_from": "2026-03-01"}
    await told(district, ins, "agreements", **terms)

    other_terms = await told(district, ins, "agreements", **terms | {"settlement_cadence": "WEEK"})
    earlier = await told(
        district,
        ins,
        "agreements",
        **terms | {"document_hash": "b" * 64, "valid_from": "2026-02-01"},
    )
    backwards = await told(district, ins, "agreements", **terms | {"valid_to": "2026-02-01"})

    assert [(a.status_code, a.json()["code"]) for a in (other_terms, earlier, backwards)] == [
        (409, "already_exists"),
        (409, "already_exists"),
        (400, "request_invalid"),
    ]


async def test_what_has_left_is_changed_no_more(district: District) -> None:
    ins = (await licensed(district))["id"]
    for verb, body in (
        ("exit", {"to": "EXITING"}),
        ("exit", {"to": "EXITED"}),
        ("deregister", {}),
    ):
        assert (await told(district, ins, verb, **body, **REASON)).status_code == 200
    account = {"name": "新户名", "account_number": "888800000000000002", "bank_name": "某行"}
    licence = {
        "school_licence": "示例许可9号",
        "licensed_on": "2026-01-01",
        "valid_until": "2028-12-31",
    }
    agreement = {"bank": "ICBC", "document_hash": "e" * 64, "valid_from": "2026-03-01"}

    answers = [
        await told(district, ins, "settlement-account", settlement_account=account),
        await told(district, ins, "licence", **licence),
        await told(district, ins, "agreements", **agreement),
        await told(district, ins, "move", jurisdiction_code=district.code, department="sport"),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "wrong_state")] * 4


async def test_two_moves_on_one_day_leave_one_line_of_history(district: District) -> None:
    ins = (await licensed(district))["id"]

    for department in ("science", "education"):
        moved = await told(
            district, ins, "move", jurisdiction_code=district.code, department=department
        )
        assert moved.status_code == 200, moved.text
    foreign = await told(district, ins, "move", jurisdiction_code="500106")
    detail = (await district.service.get(f"{PATH}/{ins}", district.regulator)).json()

    assert [area["department"] for area in detail["areas"]] == ["education"]
    assert (foreign.status_code, foreign.json()["code"]) == (404, "jurisdiction_unknown")


async def test_a_department_the_jurisdiction_does_not_have_is_refused(district: District) -> None:
    ins = (await licensed(district))["id"]
    zone = f"EDU-{district.journal:04d}"
    async with district.service.engine.begin() as connection:
        await reference.add_jurisdiction(
            connection,
            reference.NewJurisdiction(
                zone, "教育区", "cn-national", parent=district.code, departments=("education",)
            ),
            at=datetime.now(UTC),
        )

    answer = await told(district, ins, "move", jurisdiction_code=zone)

    assert (answer.status_code, answer.json()["code"]) == (422, "department_not_competent")
