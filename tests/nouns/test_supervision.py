"""Restraints over HTTP: placed by one regulator, lifted by two, seen by the institution."""

from typing import Any

import httpx
import pytest

from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy
from tests.fixtures.service import District


def targets(academy: Academy) -> dict[str, str]:
    return {
        "INSTITUTION": academy.district.public("ins", academy.institution),
        "CUSTODY_ACCOUNT": academy.district.public("cus", academy.custody),
    }


async def place(academy: Academy, kind: str, target_type: str, **values: Any) -> httpx.Response:
    body = {
        "target_type": target_type,
        "target_id": targets(academy)[target_type],
        "kind": kind,
        "cause": "INSPECTION",
    }
    return await academy.post("restraints", academy.district.regulator, body | values)


async def placed(academy: Academy, kind: str, target_type: str, **values: Any) -> dict[str, Any]:
    answer = await place(academy, kind, target_type, **values)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def lifted(academy: Academy, restraint: dict[str, Any]) -> httpx.Response:
    district = academy.district
    asked = await academy.post(
        f"restraints/{restraint['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    assert asked.status_code == 202, asked.text
    return await academy.post(
        f"approvals/{asked.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": asked.json()["payload_hash"]},
    )


async def state_of(academy: Academy) -> str:
    path = f"institutions/{targets(academy)['INSTITUTION']}"
    return str((await academy.get(path, academy.district.regulator))["state"])


async def test_a_restraint_is_in_force_from_its_own_transaction(academy: Academy) -> None:
    restraint = await placed(academy, "PAYOUT_STOP", "CUSTODY_ACCOUNT")

    assert restraint["in_force"] is True
    assert restraint["from_transaction_id"] == restraint["transaction_id"]


async def test_an_institution_sees_its_own_restraints_and_no_others(
    academy: Academy, district: District
) -> None:
    restraint = await placed(academy, "HOLD", "CUSTODY_ACCOUNT", amount="20000.00")
    stranger = await district.institution_token(await district.plant_institution())

    mine = await academy.get("restraints", academy.token)
    read = await academy.get(f"restraints/{restraint['id']}", academy.token)
    others = await academy.get("restraints", stranger)
    hidden = await district.service.get(f"/v1/restraints/{restraint['id']}", stranger)

    assert [found["id"] for found in mine["items"]] == [restraint["id"]]
    assert read["amount"] == "20000.00"
    assert others["items"] == []
    assert (hidden.status_code, hidden.json()["code"]) == (404, "restraint_unknown")


@pytest.mark.parametrize(
    ("kind", "target_type", "values"),
    [
        ("HOLD", "CUSTODY_ACCOUNT", {}),
        ("HOLD", "CUSTODY_ACCOUNT", {"amount": "0.00"}),
        ("PAYOUT_STOP", "CUSTODY_ACCOUNT", {"amount": "1.00"}),
        ("ENROL_STOP", "CUSTODY_ACCOUNT", {}),
        ("FENCE", "INSTITUTION", {}),
    ],
)
async def test_a_restraint_that_does_not_fit_its_target_is_refused(
    academy: Academy, kind: str, target_type: str, values: dict[str, Any]
) -> None:
    answer = await place(academy, kind, target_type, **values)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_a_target_that_is_nobody_in_scope_is_not_there(
    academy: Academy, district: District
) -> None:
    nobody = district.public("ins", academy.custody)

    answer = await place(academy, "FREEZE", "INSTITUTION", target_id=nobody)

    assert (answer.status_code, answer.json()["code"]) == (404, "institution_unknown")


async def test_a_freeze_moves_the_institution_and_takes_back_its_new_orders(
    academy: Academy, district: District
) -> None:
    party = await district.plant_party("SETTLEMENT", academy.institution)
    await district.plant(
        Update(Institution, (academy.institution,), {"settlement_party_id": party})
    )
    await academy.confirmed(await academy.enrolled())
    order = await academy.post(
        "payouts", academy.token, {"custody_account_id": targets(academy)["CUSTODY_ACCOUNT"]}
    )

    await placed(academy, "FREEZE", "INSTITUTION")
    again = await place(academy, "FREEZE", "INSTITUTION")

    read = await academy.get(f"payment-orders/{order.json()['id']}", academy.token)
    assert await state_of(academy) == "FROZEN"
    assert (read["state"], read["reason"]) == ("CANCELLED", "FREEZE")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_own_funds_that_a_freeze_takes_back_stand_in_own_funds_again(
    academy: Academy, district: District
) -> None:
    party = await district.plant_party("SETTLEMENT", academy.institution)
    await district.plant(
        Update(Institution, (academy.institution,), {"settlement_party_id": party})
    )
    await academy.receipt("300.00", kind="TOP_UP")
    custody = targets(academy)["CUSTODY_ACCOUNT"]
    await academy.post("payouts", academy.token, {"custody_account_id": custody, "kind": "SURPLUS"})
    fee = {
        "custody_account_id": custody,
        "bank_ref": "F-1",
        "amount": "5.00",
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "CHARGE",
    }
    await academy.post("debits", district.banks["ICBC"], fee)

    await placed(academy, "FREEZE", "INSTITUTION")

    preview = await academy.get("payouts/preview", academy.token, custody_account_id=custody)
    assert (preview["own_funds"], preview["debts"]) == ("295.00", [])


async def test_a_freeze_is_lifted_by_two_and_the_institution_teaches_again(
    academy: Academy,
) -> None:
    restraint = await placed(academy, "FREEZE", "INSTITUTION")

    done = await lifted(academy, restraint)

    assert done.status_code == 200, done.text
    read = await academy.get(f"restraints/{restraint['id']}", academy.token)
    assert read["in_force"] is False
    assert read["to_transaction_id"] == done.json()["transaction_id"]
    assert await state_of(academy) == "LICENSED"


async def test_a_restraint_still_stands_while_its_lifting_waits(academy: Academy) -> None:
    restraint = await placed(academy, "PAYOUT_STOP", "CUSTODY_ACCOUNT")

    await academy.post(
        f"restraints/{restraint['id']}/lift", academy.district.regulator, {"reason": "SETTLED"}
    )

    read = await academy.get(f"restraints/{restraint['id']}", academy.token)
    assert read["in_force"] is True


async def test_a_restraint_that_was_lifted_is_not_lifted_again(academy: Academy) -> None:
    restraint = await placed(academy, "PAYOUT_STOP", "CUSTODY_ACCOUNT")
    await lifted(academy, restraint)

    answer = await academy.post(
        f"restraints/{restraint['id']}/lift", academy.district.regulator, {"reason": "SETTLED"}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_restraints_are_listed_by_kind_and_by_what_stands(academy: Academy) -> None:
    gone = await placed(academy, "PAYOUT_STOP", "CUSTODY_ACCOUNT")
    stands = await placed(academy, "ENROL_STOP", "INSTITUTION")
    await lifted(academy, gone)
    get, regulator = academy.get, academy.district.regulator

    in_force = await get("restraints", regulator, in_force=True)
    ended = await get("restraints", regulator, in_force=False)
    by_kind = await get("restraints", regulator, kind="ENROL_STOP")

    assert [found["id"] for found in in_force["items"]] == [stands["id"]]
    assert [found["id"] for found in ended["items"]] == [gone["id"]]
    assert [found["id"] for found in by_kind["items"]] == [stands["id"]]


async def test_a_frozen_enrolment_is_restrained_alone(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    body = {
        "target_type": "ENROLMENT",
        "target_id": enrolment["id"],
        "kind": "FREEZE",
        "cause": "DISPUTE",
    }

    answer = await academy.post("restraints", academy.district.regulator, body)

    assert answer.status_code == 201, answer.text
    assert await state_of(academy) == "LICENSED"
