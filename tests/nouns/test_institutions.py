"""Institutions over HTTP: entered once, licensed, suspended, moved, and left owing nothing."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from seeds.credit_codes import credit_code
from service.identity import tokens
from service.identity.callers import Role
from service.institutions.credit_codes import is_valid
from service.store import ids, reference
from service.store.context import Context
from service.store.facts import Insert
from service.store.tables import InstitutionArea
from tests.fixtures.service import District, fresh_id

PATH = "/v1/institutions"
REASON = {"reason": "INSPECTION"}


def body_of(district: District, **changes: Any) -> dict[str, Any]:
    organisation = uuid.uuid4().hex[:8].upper()
    return {
        "name": "示例青禾艺术培训有限公司",
        "jurisdiction_code": district.code,
        "category": "art",
        "business_registration": credit_code(kind="91", adcode="500106", organisation=organisation),
        "responsible_officer": "文旅委第1责任区包保责任人",
        "settlement_account": {
            "name": "示例青禾",
            "account_number": "999900000000000001",
            "bank_name": "重庆银行",
        },
    } | changes


async def registered(district: District, **changes: Any) -> dict[str, Any]:
    answer = await district.service.post(PATH, district.regulator, body_of(district, **changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(district: District, ins: str, verb: str, **body: Any) -> Any:
    return await district.service.post(f"{PATH}/{ins}/{verb}", district.regulator, body)


async def licensed(district: District) -> dict[str, Any]:
    made = await registered(district)
    answer = await told(
        district,
        made["id"],
        "licence",
        school_licence="示例许可1号",
        licensed_on="2019-06-01",
        valid_until="2028-12-31",
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_institution_is_entered_with_the_department_of_its_category(
    district: District,
) -> None:
    made = await registered(district)

    assert made["state"] == "REGISTERED"
    assert made["department"] == "culture"
    assert made["version"] == 1
    assert made["settlement_party_id"].startswith("pty_")
    assert made["transaction_id"].startswith("txn_")


async def test_a_business_registration_is_entered_once(district: District) -> None:
    body = body_of(district)
    first = await district.service.post(PATH, district.regulator, body)

    again = await district.service.post(PATH, district.regulator, body)
    other = await district.service.post(PATH, district.regulator, body | {"name": "别的名字"})

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")


@pytest.mark.parametrize("position", [16, 17])
async def test_a_credit_code_with_a_wrong_check_character_is_refused(
    district: District, position: int
) -> None:
    body = body_of(district)
    code = body["business_registration"]
    wrong = "1" if code[position] != "1" else "2"
    body["business_registration"] = code[:position] + wrong + code[position + 1 :]

    answer = await district.service.post(PATH, district.regulator, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert code[:15] not in answer.text


def test_a_published_credit_code_is_valid() -> None:
    assert is_valid("91350100M000100Y43")
    assert not is_valid("91350100M000100Y44")
    assert not is_valid("9135010IM000100Y43")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"jurisdiction_code": "500112"}, 404, "jurisdiction_unknown"),
        ({"registered_on": "2999-01-01"}, 422, "date_in_future"),
        ({"colour": "red"}, 400, "request_invalid"),
        ({"category": "chess"}, 400, "request_invalid"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(
    district: District, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await district.service.post(PATH, district.regulator, body_of(district) | change)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_regulator_enters_only_institutions_of_its_own_department(
    district: District,
) -> None:
    scope = tokens.Scope(district.code, departments=("sport",))
    sport = await district.service.token(Role.REGULATOR, scope)

    refused = await district.service.post(PATH, sport, body_of(district))
    entered = await district.service.post(PATH, sport, body_of(district, category="sport"))

    assert (refused.status_code, refused.json()["code"]) == (403, "verb_forbidden")
    assert (entered.status_code, entered.json()["department"]) == (201, "sport")


async def test_a_licence_makes_an_institution_licensed_and_is_renewed_later(
    district: District,
) -> None:
    made = await licensed(district)

    renewed = await told(
        district,
        made["id"],
        "licence",
        school_licence="示例许可2号",
        licensed_on="2026-01-01",
        valid_until="2030-12-31",
    )

    assert (made["state"], made["version"]) == ("LICENSED", 2)
    assert renewed.json()["state"] == "LICENSED"
    assert renewed.json()["school_licence"] == "示例许可2号"


@pytest.mark.parametrize(
    ("licensed_on", "status"), [("2021-07-23", 200), ("2021-07-24", 422), ("2026-01-01", 422)]
)
async def test_no_new_subject_licence_is_given_after_the_rule(
    district: District, licensed_on: str, status: int
) -> None:
    made = await registered(district, category="subject")

    answer = await told(
        district,
        made["id"],
        "licence",
        school_licence="示例许可3号",
        licensed_on=licensed_on,
        valid_until="2028-12-31",
    )

    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["code"] == "category_closed"


async def test_suspension_goes_step_by_step_and_back(district: District) -> None:
    made = await licensed(district)
    ins = made["id"]

    too_far = await told(district, ins, "suspend", to="SUSPENDED", **REASON)
    states = [
        (await told(district, ins, verb, to=to, **REASON)).json()["state"]
        for verb, to in [
            ("suspend", "ENROLMENT_SUSPENDED"),
            ("suspend", "SUSPENDED"),
            ("resume", "ENROLMENT_SUSPENDED"),
            ("resume", "LICENSED"),
        ]
    ]

    assert (too_far.status_code, too_far.json()["code"]) == (409, "wrong_state")
    assert states == ["ENROLMENT_SUSPENDED", "SUSPENDED", "ENROLMENT_SUSPENDED", "LICENSED"]


async def test_a_command_for_an_old_version_is_refused(district: District) -> None:
    made = await licensed(district)

    answer = await told(
        district,
        made["id"],
        "suspend",
        to="ENROLMENT_SUSPENDED",
        expect={"version": made["version"] - 1},
        **REASON,
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "version_stale")


async def test_an_institution_leaves_in_order_when_nothing_is_owed(district: District) -> None:
    ins = (await licensed(district))["id"]

    states = [
        (await told(district, ins, "exit", to="EXITING", **REASON)).json()["state"],
        (await told(district, ins, "exit", to="EXITED", **REASON)).json()["state"],
        (await told(district, ins, "deregister", **REASON)).json()["state"],
    ]

    assert states == ["EXITING", "EXITED", "DEREGISTERED"]


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
    await plant_place(district, ins)
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


async def plant_place(district: District, ins: str) -> None:
    row = {
        "institution_id": ids.parse("ins", ins)[1],
        "valid_from": date(2026, 1, 5),
        "valid_to": None,
        "jurisdiction_code": district.code,
        "area": district.path,
        "department": "culture",
    }
    await district.plant(Insert(InstitutionArea, row))


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

    changed = await told(district, made["id"], "settlement-account", settlement_account=account)

    assert changed.status_code == 200
    assert changed.json()["settlement_party_id"] != made["settlement_party_id"]
    assert "888800000000000002" not in changed.text


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


async def test_a_list_is_filtered_and_paged_in_a_stable_order(district: District) -> None:
    made = [(await registered(district))["id"] for _ in range(3)]
    await registered(district, category="sport")
    get = district.service.get

    first = (await get(PATH, district.regulator, category="art", limit=2)).json()
    rest = (
        await get(PATH, district.regulator, category="art", limit=2, cursor=first["next_cursor"])
    ).json()
    foreign = await get(PATH, district.regulator, category="sport", cursor=first["next_cursor"])

    assert [item["id"] for item in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None
    assert foreign.status_code == 400


async def test_a_foreign_institution_is_not_there(district: District) -> None:
    ins = (await licensed(district))["id"]
    own = await district.plant_institution()
    callers = {
        "other school": await district.institution_token(own),
        "other bank": district.banks["ABC"],
        "other department": await district.service.token(
            Role.REGULATOR, tokens.Scope(district.code, departments=("sport",))
        ),
    }

    statuses = {
        who: (await district.service.get(f"{PATH}/{ins}", token)).status_code
        for who, token in callers.items()
    }
    mangled = await district.service.get(f"{PATH}/{ins[:-1]}", district.regulator)
    unknown = district.public("ins", fresh_id())
    missing = await told(district, unknown, "suspend", to="ENROLMENT_SUSPENDED", **REASON)

    assert set(statuses.values()) == {404}
    assert (mangled.status_code, missing.status_code) == (404, 404)
