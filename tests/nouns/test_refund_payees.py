"""Payees of refunds over HTTP: who may name one, who decides, and when it is used."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.refunds import PAYEE, Refunds

PAYER = {"payer_name": "张三", "payer_account": "6222020000000000001"}


@pytest.fixture
async def legacy(academy: Academy) -> dict[str, Any]:
    """A contract from before custody, its money brought in since; nobody's receipt paid it."""
    taken = await academy.post("enrolments/legacy", academy.token, academy.legacy("6000.00", 60))
    await academy.receipt("6000.00", kind="TOP_UP")
    return dict(taken.json())


async def test_a_guardian_names_their_account_where_no_payer_is_known(
    refunds: Refunds, legacy: dict[str, Any], academy: Academy
) -> None:
    (refund,) = await refunds.owed(legacy, "6000.00")
    waiting = await refunds.read(refund)

    await refunds.account_registered(refund, await academy.parent(legacy))
    cooling = await refunds.settle()
    await refunds.after_days(3)
    (order,) = await refunds.fetched()

    assert (waiting["state"], waiting["payee_known"]) == ("WAITING_FOR_PAYEE", False)
    assert cooling == 0
    assert order["payee"]["account_number"] == PAYEE["account_number"]


async def test_an_account_that_was_agreed_once_serves_the_guardians_next_refund(
    refunds: Refunds, legacy: dict[str, Any], academy: Academy
) -> None:
    (first,) = await refunds.owed(legacy, "2000.00", source="DIVIDEND")
    await refunds.account_registered(first, await academy.parent(legacy))
    await refunds.after_days(3)
    await refunds.fetched()

    (second,) = await refunds.owed(legacy, "1000.00", source="DIVIDEND")
    order = await refunds.sent()

    assert (order["refund_id"], order["payee"]["account_number"]) == (
        second,
        PAYEE["account_number"],
    )


async def test_an_account_a_regulator_wrote_down_with_the_contract_needs_no_asking(
    refunds: Refunds, academy: Academy
) -> None:
    guardian = PAYEE | {"phone": "13800000000"}
    contract = academy.legacy("6000.00", 60, guardian=guardian)
    taken = await academy.post(
        "enrolments/legacy/batch", refunds.district.regulator, _all(contract)
    )
    (result,) = taken.json()["results"]
    await academy.receipt("6000.00", kind="TOP_UP")

    await refunds.owed(result["result"], "6000.00")
    order = await refunds.sent()

    assert order["payee"]["account_number"] == PAYEE["account_number"]


async def test_a_guardian_names_no_account_where_the_payer_is_known(
    refunds: Refunds, academy: Academy
) -> None:
    opened = await academy.opened()
    await academy.receipt("4999.99", payment_code=opened["payment_code"], **PAYER)
    (refund,) = await refunds.owed(opened, "4999.99")
    await refunds.rejected(await refunds.sent())

    refused = await refunds.post(
        f"refunds/{refund}/payee-account", await academy.parent(opened), PAYEE
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


async def test_nobody_approves_the_payee_they_asked_for(
    refunds: Refunds, legacy: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(legacy, "6000.00")
    asked = await refunds.ask_payee(refund)
    body = {"payload_hash": asked.json()["payload_hash"]}

    refused = await refunds.post(
        f"approvals/{asked.json()['id']}/approve", refunds.district.regulator, body
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "maker_is_checker")
    assert (await refunds.read(refund))["state"] == "WAITING_FOR_PAYEE"


async def test_what_waits_for_a_person_says_nothing_about_who_they_are(
    refunds: Refunds, legacy: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(legacy, "6000.00")

    asked = await refunds.ask_payee(refund)

    assert PAYEE["account_number"] not in asked.text
    assert PAYEE["name"] not in asked.text


async def test_only_the_operator_takes_a_refund_order_back(
    refunds: Refunds, academy: Academy
) -> None:
    opened = await academy.opened()
    await academy.receipt("4999.99", payment_code=opened["payment_code"], **PAYER)
    (refund,) = await refunds.owed(opened, "4999.99")
    await refunds.settle()
    listed = await academy.get("payment-orders", academy.token, kind="REFUND")
    path = f"payment-orders/{listed['items'][0]['id']}/cancel"

    own = await refunds.post(path, academy.token, {})
    taken = await refunds.post(path, refunds.district.operator, {})

    assert (own.status_code, taken.status_code) == (403, 200)
    assert (await refunds.read(refund))["payable"] == "4999.99"


def _all(*contracts: dict[str, Any]) -> dict[str, Any]:
    return {"mode": "all_or_nothing", "items": list(contracts)}
