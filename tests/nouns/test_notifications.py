"""Notifications: receipts, debits, returns and freezes in one message of a bank."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy

DAY = {"book_on": "2026-03-02", "value_on": "2026-03-02"}
PATH = "notifications"


@pytest.fixture
async def message(academy: Academy) -> dict[str, Any]:
    """What a bank says at once: a payment, a fee and a court's freeze."""
    enrolment = await academy.opened()
    custody = {"custody_account_id": academy.district.public("cus", academy.custody)}
    return {
        "reference": "N-1",
        "items": [
            {
                "receipt": {
                    **custody,
                    **DAY,
                    "bank_ref": "B-1",
                    "amount": "1000.00",
                    "payment_code": enrolment["payment_code"],
                }
            },
            {"debit": {**custody, **DAY, "bank_ref": "B-2", "amount": "5.00", "kind": "CHARGE"}},
            {
                "freeze": {
                    **custody,
                    "document_number": "(2026)渝0106执123号",
                    "amount": "200.00",
                    "ordered_on": "2026-03-02",
                }
            },
        ],
    }


async def send(academy: Academy, body: dict[str, Any], bank: str = "ICBC", **values: Any) -> Any:
    return await academy.post(PATH, academy.district.banks[bank], body, **values)


async def test_each_item_becomes_the_fact_it_is(academy: Academy, message: dict[str, Any]) -> None:
    answer = await send(academy, message)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    results = body["results"]
    assert body["id"].startswith("ntf_")
    assert (body["item_count"], body["duplicate"]) == (3, False)
    assert [item["status"] for item in results] == [201, 201, 201]
    assert [item["result"].get("outcome") for item in results[:2]] == ["ENROLMENT", "CHARGE"]
    assert results[2]["result"]["state"] == "HELD"


async def test_the_same_notification_again_changes_nothing(
    academy: Academy, message: dict[str, Any]
) -> None:
    first = (await send(academy, message)).json()

    again = (await send(academy, message)).json()

    assert (again["id"], again["duplicate"]) == (first["id"], True)
    assert [item["code"] for item in again["results"]] == ["duplicate"] * 3


async def test_the_same_key_replays_the_same_answer(
    academy: Academy, message: dict[str, Any]
) -> None:
    first = await send(academy, message, key="n-1")

    again = await send(academy, message, key="n-1")

    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


async def test_another_message_under_the_same_reference_posts_nothing(
    academy: Academy, message: dict[str, Any]
) -> None:
    await send(academy, message)
    other = {**message["items"][0]["receipt"], "bank_ref": "B-9"}

    answer = await send(academy, message | {"items": [{"receipt": other}]})

    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
    listed = await academy.get("receipts", academy.district.auditor)
    assert "B-9" not in {item["bank_ref"] for item in listed["items"]}


async def test_one_wrong_item_keeps_up_no_other(academy: Academy, message: dict[str, Any]) -> None:
    await send(academy, message)
    receipt = message["items"][0]["receipt"]
    wrong, right = receipt | {"amount": "999.00"}, receipt | {"bank_ref": "B-10"}

    answer = await send(
        academy, {"reference": "N-2", "items": [{"receipt": wrong}, {"receipt": right}]}
    )

    codes = [item["code"] for item in answer.json()["results"]]
    assert codes == ["bank_entry_contradicted", "done"]


async def test_what_had_to_be_kept_is_tried_again_with_the_rest(academy: Academy) -> None:
    custody = {"custody_account_id": academy.district.public("cus", academy.custody)}
    items = [
        {"debit": {**custody, **DAY, "bank_ref": "B-1", "amount": "5.00", "kind": "CHARGE"}},
        {"receipt": {**custody, **DAY, "bank_ref": "B-2", "amount": "9.00", "kind": "TOP_UP"}},
    ]

    answer = await send(academy, {"reference": "N-3", "items": items})

    outcomes = [item["result"]["outcome"] for item in answer.json()["results"]]
    shown = await academy.get("receipts", academy.district.auditor, outcome="CHARGE")
    assert outcomes == ["KEPT", "TOP_UP"]
    assert [item["bank_ref"] for item in shown["items"]] == ["B-1"]


async def test_money_brought_makes_good_what_the_same_message_opened(academy: Academy) -> None:
    custody = {"custody_account_id": academy.district.public("cus", academy.custody)}
    await academy.receipt("50.00")
    items = [
        {"debit": {**custody, **DAY, "bank_ref": "B-1", "amount": "5.00", "kind": "CHARGE"}},
        {"receipt": {**custody, **DAY, "bank_ref": "B-2", "amount": "9.00", "kind": "TOP_UP"}},
    ]

    answer = await send(academy, {"reference": "N-6", "items": items})

    brought = answer.json()["results"][1]["result"]
    preview = await academy.get("payouts/preview", academy.token, **custody)
    assert brought["outcome"] == "TOP_UP"
    assert preview["debts"] == []


async def test_another_banks_account_is_not_there(
    academy: Academy, message: dict[str, Any]
) -> None:
    answer = await send(academy, message, bank="CMB")

    assert answer.status_code == 404
    assert answer.json()["code"] == "custody_account_unknown"


@pytest.mark.parametrize("item", [{}, {"receipt": None}])
async def test_an_item_that_says_nothing_is_refused(academy: Academy, item: dict[str, Any]) -> None:
    answer = await send(academy, {"reference": "N-4", "items": [item]})

    assert answer.status_code == 400
