"""The state of any message of a bank on request, by our id or by the bank's own reference."""

from typing import Any

import pytest

from service.store import end_to_end_ids, ids
from tests.fixtures.academies import Academy
from tests.fixtures.payouts import Payouts
from tests.fixtures.statement_uploads import Uploads

DAY = {"book_on": "2026-03-02", "value_on": "2026-03-02"}


async def asked(academy: Academy, ref: str, token: str | None = None) -> Any:
    path = f"/v1/bank-messages/{ref}"
    bank = academy.district.banks["ICBC"]
    return await academy.district.service.get(path, token or bank)


async def only(academy: Academy, ref: str) -> dict[str, Any]:
    answer = await asked(academy, ref)
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["items"]
    return dict(item)


async def test_an_entry_is_found_by_its_reference_and_by_its_id(academy: Academy) -> None:
    receipt = await academy.receipt("88.00", bank_ref="2026/03:17")

    by_ref, by_id = await only(academy, "2026/03:17"), await only(academy, receipt["id"])

    assert by_ref == by_id
    assert (by_ref["kind"], by_ref["state"], by_ref["confirmed"]) == ("ENTRY", "SUSPENSE", False)
    assert (by_ref["reason"], by_ref["amount"]) == ("UNKNOWN_ENROLMENT", "88.00")


async def test_a_statement_confirms_it_and_is_found_itself(uploads: Uploads) -> None:
    line = uploads.entry(10_000)
    sent = await uploads.sent(uploads.camt(line))

    entry = await only(uploads.academy, line.bank_ref)
    file = await only(uploads.academy, sent["id"])

    assert entry["confirmed"] is True
    assert (file["kind"], file["state"]) == ("STATEMENT_FILE", "POSTED")


async def test_an_order_is_found_by_either_form_of_its_id(payouts: Payouts) -> None:
    order = await payouts.fetched("100.00")
    journal, key = ids.parse("ord", order["id"])
    entry = await payouts.debited(order)

    by_id = await only(payouts.academy, order["id"])
    by_end_to_end = await only(payouts.academy, end_to_end_ids.written(journal, key))

    assert by_id == by_end_to_end
    assert (by_id["state"], by_id["related_ids"]) == ("EXECUTED", [entry["id"]])


@pytest.mark.parametrize("by", ["id", "reference"])
async def test_a_notification_tells_what_stands_for_each_of_its_items(
    academy: Academy, by: str
) -> None:
    custody = {"custody_account_id": academy.district.public("cus", academy.custody)}
    freeze = {"document_number": "(2026)渝1号", "amount": "1.00", "ordered_on": "2026-03-02"}
    body = {
        "reference": "N-1",
        "items": [
            {"receipt": {**custody, **DAY, "bank_ref": "B-1", "amount": "9.00"}},
            {"freeze": {**custody, **freeze}},
            {"receipt": {**custody, **DAY, "bank_ref": "B-1", "amount": "8.00"}},
        ],
    }
    sent = await academy.post("notifications", academy.district.banks["ICBC"], body)

    told = await only(academy, sent.json()[by])

    assert (told["kind"], told["ref"]) == ("NOTIFICATION", "N-1")
    assert [item["state"] for item in told["items"]] == ["SUSPENSE", "HELD", "SUSPENSE"]
    assert [item["kind"] for item in told["items"]] == ["PAYMENT", "FREEZE", "PAYMENT"]


async def test_another_banks_message_is_not_there(academy: Academy) -> None:
    receipt = await academy.receipt("88.00", bank_ref="B-1")
    other = academy.district.banks["CMB"]

    answers = [await asked(academy, ref, other) for ref in ("B-1", receipt["id"], "NOBODY-1")]
    seen = await asked(academy, "B-1", academy.district.operator)

    assert {answer.json()["code"] for answer in answers} == {"bank_message_unknown"}
    assert seen.status_code == 200
