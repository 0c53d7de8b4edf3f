"""Bank entries over HTTP: matched, excess, unmatched, wrong account, over the cap, twice, wrong."""

from typing import Any

import pytest

from tests.fixtures.service import District

PATH = "/v1/receipts"


@pytest.fixture
async def school(district: District) -> dict[str, Any]:
    """One school with a custody account, a course and an enrolment of 4,999.99 that is unpaid."""
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    course = await district.plant_course(institution)
    enrolment = await district.plant_enrolment(institution, custody, course)
    return {
        "institution": institution,
        "custody": custody,
        "course": course,
        "enrolment": enrolment,
        "body": {
            "custody_account_id": district.public("cus", custody),
            "bank_ref": "R-1",
            "amount": "4999.99",
            "book_on": "2026-03-02",
            "value_on": "2026-03-02",
            "payment_code": enrolment["payment_code"],
            "payer_name": "李四",
            "payer_account": "6222020000000000001",
        },
    }


async def test_a_payment_with_its_code_stands_on_the_enrolment(
    district: District, school: dict[str, Any]
) -> None:
    answer = await district.service.post(PATH, district.banks["ICBC"], school["body"])

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["outcome"] == "ENROLMENT"
    assert body["balances"] == {"custody_bank": "4999.99"}
    assert body["transaction_id"].startswith("txn_")


async def test_the_same_key_replays_the_same_answer(
    district: District, school: dict[str, Any]
) -> None:
    bank = district.banks["ICBC"]

    first = await district.service.post(PATH, bank, school["body"], key="k-1")
    again = await district.service.post(PATH, bank, school["body"], key="k-1")

    assert again.status_code == first.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_the_same_key_with_another_body_is_refused(
    district: District, school: dict[str, Any]
) -> None:
    bank = district.banks["ICBC"]
    await district.service.post(PATH, bank, school["body"], key="k-1")

    other = await district.service.post(PATH, bank, school["body"] | {"amount": "1.00"}, key="k-1")

    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


async def test_the_same_bank_reference_is_a_duplicate_and_posts_nothing(
    district: District, school: dict[str, Any]
) -> None:
    bank = district.banks["ICBC"]
    first = await district.service.post(PATH, bank, school["body"])

    again = await district.service.post(PATH, bank, school["body"])

    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]


async def test_the_same_bank_reference_with_another_amount_is_a_conflict(
    district: District, school: dict[str, Any]
) -> None:
    bank = district.banks["ICBC"]
    await district.service.post(PATH, bank, school["body"])

    other = await district.service.post(PATH, bank, school["body"] | {"amount": "4999.98"})

    assert other.status_code == 409
    assert other.json()["code"] == "bank_entry_contradicted"


@pytest.mark.parametrize(
    ("change", "outcome", "reason", "suspense"),
    [
        ({"payment_code": None}, "SUSPENSE", "UNKNOWN_ENROLMENT", "4999.99"),
        ({"payment_code": "TE222222222ZZ"}, "SUSPENSE", "UNKNOWN_ENROLMENT", "4999.99"),
        ({"amount": "5000.00"}, "ENROLMENT", "EXCESS", "0.01"),
        ({"amount": "5000.01"}, "SUSPENSE", "OVER_CAP", "5000.01"),
        ({"amount": "1000.00"}, "ENROLMENT", None, "0.00"),
    ],
)
async def test_money_that_may_not_stand_on_the_enrolment_is_kept_with_its_reason(
    district: District,
    school: dict[str, Any],
    change: dict[str, Any],
    outcome: str,
    reason: str | None,
    suspense: str,
) -> None:
    answer = await district.service.post(PATH, district.banks["ICBC"], school["body"] | change)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["outcome"], body["suspense_reason"], body["suspense"]) == (
        outcome,
        reason,
        suspense,
    )


async def test_a_code_in_the_purpose_is_found_in_full_width_too(
    district: District, school: dict[str, Any]
) -> None:
    code = school["enrolment"]["payment_code"]
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    change = {"payment_code": None, "purpose": f"学费 {wide} 张同学"}

    answer = await district.service.post(PATH, district.banks["ICBC"], school["body"] | change)

    assert answer.json()["outcome"] == "ENROLMENT"


async def test_another_banks_account_is_not_there(
    district: District, school: dict[str, Any]
) -> None:
    answer = await district.service.post(PATH, district.banks["CMB"], school["body"])

    assert answer.status_code == 404
    assert answer.json()["code"] == "custody_account_unknown"


async def test_a_batch_answers_every_item_in_order(
    district: District, school: dict[str, Any]
) -> None:
    items = [
        school["body"] | {"bank_ref": "B-1", "amount": "1000.00"},
        school["body"] | {"bank_ref": "B-1", "amount": "1000.00"},
        school["body"] | {"bank_ref": "B-1", "amount": "1000.01"},
        school["body"] | {"bank_ref": "B-2", "amount": "3999.99"},
    ]

    answer = await district.service.post(
        f"{PATH}/batch", district.banks["ICBC"], {"mode": "independent", "items": items}
    )

    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["code"] for result in results] == [
        "done",
        "duplicate",
        "bank_entry_contradicted",
        "done",
    ]
    assert results[3]["result"]["balances"] == {"custody_bank": "4999.99"}


async def test_all_or_nothing_posts_nothing_when_one_item_is_refused(
    district: District, school: dict[str, Any]
) -> None:
    items = [
        school["body"] | {"bank_ref": "B-1"},
        school["body"] | {"bank_ref": "B-1", "amount": "1.00"},
    ]

    refused = await district.service.post(
        f"{PATH}/batch", district.banks["ICBC"], {"mode": "all_or_nothing", "items": items}
    )
    alone = await district.service.post(PATH, district.banks["ICBC"], items[0])

    assert refused.status_code == 422
    assert [result["code"] for result in refused.json()["results"]] == [
        "batch_refused",
        "bank_entry_contradicted",
    ]
    assert alone.status_code == 201


@pytest.mark.parametrize(
    "amount",
    [100, 1.5, "1e2", "1.0", "-1.00", "1.000", "１.00", " 1.00", "1.00\n", "01.00", "NaN", True],
)
async def test_an_amount_that_is_not_the_strict_string_is_refused_with_a_field_error(
    district: District, school: dict[str, Any], amount: object
) -> None:
    answer = await district.service.post(
        PATH, district.banks["ICBC"], school["body"] | {"amount": amount}
    )

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/amount"


async def test_a_bank_charge_leaves_the_institution_owing_it(
    district: District, school: dict[str, Any]
) -> None:
    bank = district.banks["ICBC"]
    await district.service.post(PATH, bank, school["body"])
    charge = {
        "custody_account_id": school["body"]["custody_account_id"],
        "bank_ref": "F-1",
        "amount": "5.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "kind": "CHARGE",
    }

    charged = await district.service.post("/v1/debits", bank, charge)
    top_up = await district.service.post(
        PATH, bank, school["body"] | {"bank_ref": "T-1", "kind": "TOP_UP", "amount": "5.00"}
    )

    assert charged.json()["balances"] == {"custody_bank": "4994.99"}
    assert top_up.json()["outcome"] == "TOP_UP"
    assert top_up.json()["balances"] == {"custody_bank": "4999.99"}


async def test_a_debit_without_money_is_kept_not_refused(
    district: District, school: dict[str, Any]
) -> None:
    debit = {
        "custody_account_id": school["body"]["custody_account_id"],
        "bank_ref": "F-1",
        "amount": "5.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "kind": "CHARGE",
    }

    kept = await district.service.post("/v1/debits", district.banks["ICBC"], debit)

    assert kept.status_code == 201
    assert kept.json()["outcome"] == "KEPT"


async def test_without_a_token_nothing_is_answered(
    district: District, school: dict[str, Any]
) -> None:
    answer = await district.service.http.post(PATH, json=school["body"])

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_parent_may_not_report_receipts(district: District, school: dict[str, Any]) -> None:
    parent = await district.parent_token(school["enrolment"]["guardian_id"])

    answer = await district.service.post(PATH, parent, school["body"])

    assert answer.status_code == 403
    assert answer.json()["code"] == "verb_forbidden"
