"""Remaining lessons handed to another student of a school: money, units and what is owed."""

from typing import Any

from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.databases import Database
from tests.fixtures.service import District
from tests.nouns.claim_calls import approved, filed, gifts, looked_at, taught

RECEIVER: dict[str, Any] = {
    "guardian": {"name": "李四", "phone": "13900000000"},
    "student": {"name": "李小四"},
    "consent_hash": "ef" * 32,
}


async def handed(academy: Academy, enrolment: dict[str, Any], **values: Any) -> Any:
    parent = await academy.parent(enrolment)
    return await academy.post(f"enrolments/{enrolment['id']}/transfer", parent, RECEIVER | values)


async def test_what_is_left_goes_over_and_can_be_taught_and_refunded_there(
    database: Database, district: District
) -> None:
    academy = await gifts(district)
    enrolment = await academy.enrolled()
    await taught(academy, enrolment, 12)

    answer = await handed(academy, enrolment)
    given = answer.json()
    received = await academy.get(f"enrolments/{given['to_enrolment_id']}", academy.token)
    await taught(academy, received, 2)
    refund = await approved(academy, received)

    assert answer.status_code == 201, answer.text
    assert (given["amount"], given["lessons_paid"], given["lessons_gift"]) == ("1500.00", 8, 4)
    assert given["balances"] == {"prepaid": "0.00"}
    assert (received["state"], received["price"], received["received"]) == (
        "ACTIVE",
        "1500.00",
        "1500.00",
    )
    assert received["list_lesson_price"] == "150.00"
    assert (refund["price"]["refund"], refund["price"]["institution_share"]) == (
        "1200.00",
        "50.00",
    )
    assert [part["waiting_for"] for part in refund["refunds"]] == ["PAYEE"]
    before = await academy.get(f"enrolments/{enrolment['id']}", academy.token)
    assert before["state"] == "PORTED"
    assert (await looked_at(database, district.journal)).findings == []


async def test_what_is_not_funded_goes_over_too(database: Database, district: District) -> None:
    academy = await academy_in(district)
    legacy = academy.legacy("2400.00", 24)
    enrolment = (await academy.post("enrolments/legacy", academy.token, legacy)).json()
    await taught(academy, enrolment, 4)

    given = (await handed(academy, enrolment)).json()

    received = await academy.get(f"enrolments/{given['to_enrolment_id']}", academy.token)
    assert (received["origin"], received["money"]["unfunded"]) == ("LEGACY", "2000.00")
    assert (await academy.money(enrolment))["unfunded"] == "0.00"
    assert (await looked_at(database, district.journal)).findings == []


async def test_both_sides_hear_of_it(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    given = (await handed(academy, enrolment, guardian={"name": "王五"})).json()
    received = await academy.get(f"enrolments/{given['to_enrolment_id']}", academy.token)
    told = await academy.post("notices/fetch", await academy.parent(received), {"limit": 10})

    assert [(n["kind"], n["subject_id"]) for n in told.json()["items"]] == [
        ("ENROLMENT_TRANSFERRED", given["to_enrolment_id"])
    ]


async def test_only_what_is_simply_there_can_be_given(academy: Academy, district: District) -> None:
    waiting, claimed, plain = [await academy.enrolled() for _ in range(3)]
    await academy.recorded(waiting)
    await filed(academy, claimed)
    stranger = await academy.parent(waiting)

    refused = [
        await handed(academy, waiting),
        await handed(academy, claimed),
        await academy.post(f"enrolments/{plain['id']}/transfer", stranger, RECEIVER),
        await handed(academy, plain, guardian={"party_id": district.public("pty", academy.course)}),
    ]
    await district.plant(Update(Institution, (academy.institution,), {"state": "FROZEN"}))
    frozen = await handed(academy, plain)
    await district.plant(Update(Institution, (academy.institution,), {"state": "LICENSED"}))
    once, twice = await handed(academy, plain), await handed(academy, plain)

    assert [answer.json()["code"] for answer in refused] == [
        "lessons_unsettled",
        "enrolment_blocked",
        "enrolment_unknown",
        "party_unknown",
    ]
    assert frozen.json()["code"] == "institution_frozen"
    assert (once.status_code, twice.json()["code"]) == (201, "wrong_state")
