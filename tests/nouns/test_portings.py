"""Live portings over HTTP: a parent's lessons go on at another school, or come back (E44, E59)."""

import pytest

from tests.fixtures.academies import academy_in
from tests.fixtures.portings import Move
from tests.fixtures.transfers import credited, debited, fetched


async def test_lessons_go_on_at_another_school_when_the_money_has_arrived(move: Move) -> None:
    porting = await move.accepted()
    order = await move.order(porting)
    handed = await fetched(move.leaving, "ICBC")
    await debited(move.leaving, "ICBC", order)
    sent = await move.read(porting)

    await credited(move.leaving, "ICBC", order)

    assert porting["amount"] == "4791.66"
    assert porting["balances"] == {"prepaid": "0.00", "in_transit": "4791.66"}
    assert [found["payee"]["account_number"] for found in handed] == [move.receiving.custody.hex]
    assert sent["state"] == "SENT"
    arrived = await move.read(porting)
    assert arrived["state"] == "ARRIVED"
    goes_on = await move.leaving.get(f"enrolments/{arrived['to_enrolment_id']}", move.parent)
    assert (goes_on["state"], goes_on["price"]) == ("ACTIVE", "4687.49")
    assert (goes_on["lessons_paid"], goes_on["received"]) == (45, "4687.49")
    assert goes_on["money"]["prepaid"] == "4687.49"
    left = await move.leaving.get(f"enrolments/{move.enrolment['id']}", move.parent)
    assert (left["state"], left["money"]["prepaid"]) == ("PORTED", "0.00")


async def test_a_lesson_is_taken_where_the_student_went(move: Move) -> None:
    porting = await move.accepted()
    order = await move.order(porting)
    await debited(move.leaving, "ICBC", order)
    await credited(move.leaving, "ICBC", order)
    goes_on = await move.leaving.get(f"enrolments/{porting['to_enrolment_id']}", move.parent)

    lesson = await move.receiving.recorded(goes_on)
    confirmed = await move.leaving.post(f"lessons/{lesson['id']}/confirm", move.parent)

    assert confirmed.status_code == 200, confirmed.text
    assert lesson["value"] == "104.16"


async def test_what_the_lessons_there_are_not_worth_is_owed_to_the_student(move: Move) -> None:
    porting = await move.accepted()
    order = await move.order(porting)
    await debited(move.leaving, "ICBC", order)
    await credited(move.leaving, "ICBC", order)

    refunds = await move.leaving.get("refunds", move.parent)

    owed = [(found["amount"], found["source"]) for found in refunds["items"]]
    assert owed == [("104.17", "PORTING")]


async def test_more_lessons_for_the_money_leave_no_rest(move: Move) -> None:
    porting = await move.accepted(lessons=50)
    order = await move.order(porting)
    await debited(move.leaving, "ICBC", order)
    await credited(move.leaving, "ICBC", order)

    goes_on = await move.leaving.get(f"enrolments/{porting['to_enrolment_id']}", move.parent)

    assert porting["worth"] == "4791.66"
    assert (goes_on["price"], goes_on["lessons_paid"]) == ("4791.66", 50)


async def test_an_arrival_that_is_seen_first_is_kept(move: Move) -> None:
    porting = await move.accepted()
    order = await move.order(porting)

    early = await credited(move.leaving, "ICBC", order)
    await debited(move.leaving, "ICBC", order)

    assert early["outcome"] == "KEPT"
    assert (await move.read(porting))["state"] == "ARRIVED"


@pytest.mark.parametrize("returned", [False, True])
async def test_a_porting_that_fails_leaves_the_student_as_before(
    move: Move, returned: bool
) -> None:
    porting = await move.accepted()
    order = await move.order(porting)
    await fetched(move.leaving, "ICBC")
    if returned:
        await debited(move.leaving, "ICBC", order)
        custody = order["custody_account_id"]
        await credited(move.leaving, "ICBC", order, kind="RETURN", custody_account_id=custody)
    else:
        path = f"payment-orders/{order['id']}/report"
        bank = move.leaving.district.banks["ICBC"]
        await move.leaving.post(path, bank, {"status": "REJECTED", "reason": "AC04"})

    left = await move.leaving.get(f"enrolments/{move.enrolment['id']}", move.parent)

    assert (await move.read(porting))["state"] == "FAILED"
    assert (left["state"], left["money"]["prepaid"]) == ("ACTIVE", "4791.66")
    assert (await move.leaving.confirmed(move.enrolment))["state"] == "CONFIRMED"
    assert (await move.ask()).status_code == 201


async def test_a_freeze_takes_back_a_porting_that_no_bank_has_fetched(move: Move) -> None:
    porting = await move.accepted()
    body = {
        "target_type": "INSTITUTION",
        "target_id": move.leaving.district.public("ins", move.leaving.institution),
        "kind": "FREEZE",
        "cause": "ABSCONDED",
    }

    frozen = await move.leaving.post("restraints", move.leaving.district.regulator, body)

    assert frozen.status_code == 201, frozen.text
    assert (await move.read(porting))["state"] == "FAILED"
    left = await move.leaving.get(f"enrolments/{move.enrolment['id']}", move.parent)
    assert (left["state"], left["money"]["prepaid"]) == ("ACTIVE", "4791.66")


async def test_only_the_receiving_school_accepts(move: Move) -> None:
    porting = await move.asked()
    body = {"amount": porting["amount"], "lessons": 45}

    answer = await move.leaving.post(f"portings/{porting['id']}/accept", move.leaving.token, body)

    assert (answer.status_code, answer.json()["code"]) == (403, "verb_forbidden")


async def test_fewer_lessons_than_consented_to_are_refused(move: Move) -> None:
    answer = await move.accept(await move.asked(), lessons=44)

    assert (answer.status_code, answer.json()["code"]) == (422, "consent_missing")


async def test_an_amount_that_has_changed_is_looked_at_again(move: Move) -> None:
    porting = await move.asked()
    await move.leaving.confirmed(move.enrolment)

    answer = await move.accept(porting)

    assert (answer.status_code, answer.json()["code"]) == (409, "version_stale")


async def test_a_lesson_that_waits_stops_a_porting(move: Move) -> None:
    await move.leaving.recorded(move.enrolment)

    answer = await move.ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "lessons_unsettled")


async def test_one_porting_of_an_enrolment_is_open_at_a_time(move: Move) -> None:
    first = await move.asked()

    second = await move.ask()
    withdrawn = await move.leaving.post(f"portings/{first['id']}/withdraw", move.parent)
    third = await move.ask()

    assert second.json()["code"] == "enrolment_blocked"
    assert withdrawn.json()["state"] == "WITHDRAWN"
    assert third.status_code == 201


async def test_a_declined_porting_is_over(move: Move) -> None:
    porting = await move.asked()

    declined = await move.leaving.post(f"portings/{porting['id']}/decline", move.receiving.token)
    late = await move.accept(porting)

    assert declined.json()["state"] == "WITHDRAWN"
    assert late.json()["code"] == "wrong_state"


async def test_nothing_that_has_no_money_behind_it_is_ported(move: Move) -> None:
    legacy = await move.leaving.post(
        "enrolments/legacy", move.leaving.token, move.leaving.legacy("1000.00", 10)
    )
    enrolment = legacy.json()
    body = {"enrolment_id": enrolment["id"]}
    parent = await move.leaving.parent(enrolment)

    unfunded = await Move(move.leaving, move.receiving, enrolment, parent).ask(**body)
    await move.leaving.receipt("400.00", kind="TOP_UP")
    partly = await Move(move.leaving, move.receiving, enrolment, parent).ask(**body, lessons=3)

    assert unfunded.json()["code"] == "nothing_to_refund"
    assert partly.json()["amount"] == "400.00"


async def test_what_is_not_funded_stays_behind_as_a_refund_that_waits(move: Move) -> None:
    opened = await move.leaving.post(
        "enrolments/legacy", move.leaving.token, move.leaving.legacy("1000.00", 10)
    )
    await move.leaving.receipt("400.00", kind="TOP_UP")
    enrolment = opened.json()
    parent = await move.leaving.parent(enrolment)
    legacy = Move(move.leaving, move.receiving, enrolment, parent)
    accepted = await legacy.accept(await legacy.asked(lessons=3), lessons=4)
    order = await legacy.order(accepted.json())
    await debited(move.leaving, "ICBC", order)

    await credited(move.leaving, "ICBC", order)

    left = await move.leaving.get(f"enrolments/{enrolment['id']}", parent)
    assert left["money"]["prepaid"] == "0.00"
    refunds = await move.leaving.get("refunds", parent)
    assert [found["amount"] for found in refunds["items"]] == ["600.00"]


async def test_another_parents_enrolment_is_not_there(move: Move) -> None:
    stranger = await move.leaving.parent(await move.leaving.opened())

    answer = await Move(move.leaving, move.receiving, move.enrolment, stranger).ask()

    assert (answer.status_code, answer.json()["code"]) == (404, "enrolment_unknown")


async def test_both_schools_and_the_parent_list_a_porting(move: Move) -> None:
    porting = await move.asked()
    get = move.leaving.get

    seen = [
        [found["id"] for found in (await get("portings", token, state="CHOSEN"))["items"]]
        for token in (move.parent, move.leaving.token, move.receiving.token)
    ]
    elsewhere = await academy_in(move.leaving.district)

    assert seen == [[porting["id"]]] * 3
    assert (await get("portings", elsewhere.token))["items"] == []
