"""Money in suspense over HTTP: matched by hand, sent back to its payer, read in scope."""

from typing import Any

import pytest

from tests.fixtures.service import District


@pytest.fixture
async def held(district: District) -> dict[str, Any]:
    """A receipt of 3,000.00 that named nobody, beside an enrolment of 2,000.00."""
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    course = await district.plant_course(institution, price_fen=200_000)
    enrolment = await district.plant_enrolment(institution, custody, course, price="2000.00")
    body = {
        "custody_account_id": district.public("cus", custody),
        "bank_ref": "R-1",
        "amount": "3000.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "payer_name": "李四",
        "payer_account": "6222020000000000001",
    }
    receipt = await district.service.post("/v1/receipts", district.banks["ICBC"], body)
    return {
        "path": f"/v1/receipts/{receipt.json()['id']}",
        "enrolment": district.public("enr", enrolment["enrolment_id"]),
        "institution": institution,
    }


async def test_a_match_credits_what_is_due_and_leaves_the_excess(
    district: District, held: dict[str, Any]
) -> None:
    matched = await district.service.post(
        f"{held['path']}/match", district.operator, {"enrolment_id": held["enrolment"]}
    )

    assert matched.status_code == 201, matched.text
    body = matched.json()
    assert (body["suspense"], body["balances"]) == ("1000.00", {"prepaid": "2000.00"})
    assert body["enrolment_id"] == held["enrolment"]


async def test_a_paid_enrolment_takes_nothing_more(
    district: District, held: dict[str, Any]
) -> None:
    body = {"enrolment_id": held["enrolment"]}
    await district.service.post(f"{held['path']}/match", district.operator, body)

    again = await district.service.post(f"{held['path']}/match", district.operator, body)

    assert again.status_code == 409
    assert again.json()["code"] == "wrong_state"


async def test_what_is_left_goes_back_to_its_payer_once(
    district: District, held: dict[str, Any]
) -> None:
    sent = await district.service.post(f"{held['path']}/return", district.operator, {})
    again = await district.service.post(f"{held['path']}/return", district.operator, {})
    shown = await district.service.get(held["path"], district.auditor)

    assert sent.status_code == 201, sent.text
    assert sent.json()["balances"] == {"refund_in_transit": "3000.00"}
    assert again.status_code == 409
    assert (shown.json()["outcome"], shown.json()["suspense"]) == ("RETURNED", "0.00")


async def test_a_foreign_receipt_is_not_there(district: District, held: dict[str, Any]) -> None:
    other = await district.institution_token(await district.plant_institution())
    own = await district.institution_token(held["institution"])

    foreign = await district.service.get(held["path"], other)
    seen = await district.service.get(held["path"], own)
    listed = await district.service.get("/v1/receipts", other)

    assert foreign.status_code == 404
    assert seen.status_code == 200
    assert listed.json()["items"] == []


async def test_a_page_continues_where_it_ended(district: District, held: dict[str, Any]) -> None:
    account = (await district.service.get(held["path"], district.auditor)).json()
    for number in range(3):
        body = {
            "custody_account_id": account["custody_account_id"],
            "bank_ref": f"P-{number}",
            "amount": "1.00",
            "book_on": "2026-03-03",
            "value_on": "2026-03-03",
        }
        await district.service.post("/v1/receipts", district.banks["ICBC"], body)

    first = await district.service.get("/v1/receipts", district.auditor, limit=3)
    second = await district.service.get(
        "/v1/receipts", district.auditor, limit=3, cursor=first.json()["next_cursor"]
    )

    assert [i["bank_ref"] for i in first.json()["items"]] == ["R-1", "P-0", "P-1"]
    assert [i["bank_ref"] for i in second.json()["items"]] == ["P-2"]
    assert second.json()["next_cursor"] is None


async def test_above_the_limit_of_one_person_a_second_one_has_to_approve(
    district: District, held: dict[str, Any]
) -> None:
    account = (await district.service.get(held["path"], district.auditor)).json()
    body = {
        "custody_account_id": account["custody_account_id"],
        "bank_ref": "R-2",
        "amount": "5000.01",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
    }
    receipt = await district.service.post("/v1/receipts", district.banks["ICBC"], body)
    path = f"/v1/receipts/{receipt.json()['id']}"
    wanted = {"enrolment_id": held["enrolment"]}

    asked = await district.service.post(f"{path}/match", district.operator, wanted)
    approval = asked.json()
    answer = f"/v1/approvals/{approval['id']}/approve"
    seen = {"payload_hash": approval["payload_hash"]}
    own = await district.service.post(answer, district.operator, seen)
    untouched = await district.service.get(path, district.auditor)
    done = await district.service.post(answer, district.second_operator, seen)
    after = await district.service.get(path, district.auditor)

    assert asked.status_code == 202, asked.text
    assert own.json()["code"] == "maker_is_checker"
    assert untouched.json()["suspense"] == "5000.01"
    assert done.status_code in (200, 201), done.text
    assert after.json()["suspense"] == "3000.01"


async def test_money_without_a_named_payer_is_not_sent_anywhere(
    district: District, held: dict[str, Any]
) -> None:
    account = (await district.service.get(held["path"], district.auditor)).json()
    body = {
        "custody_account_id": account["custody_account_id"],
        "bank_ref": "R-3",
        "amount": "10.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
    }
    receipt = await district.service.post("/v1/receipts", district.banks["ICBC"], body)

    sent = await district.service.post(
        f"/v1/receipts/{receipt.json()['id']}/return", district.operator, {}
    )

    assert (sent.status_code, sent.json()["code"]) == (422, "payer_unknown")
