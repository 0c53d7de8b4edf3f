"""Placements out of a wind-down over HTTP: offered, priced, chosen, carried instead of money."""

import pytest

from tests.fixtures.academies import academy_in
from tests.fixtures.portings import Rescue
from tests.fixtures.transfers import credited, debited, fetched

pytestmark = pytest.mark.usefixtures("official_calendar")


async def test_offers_are_priced_at_the_dividend_of_each_plan(rescue: Rescue) -> None:
    await rescue.offered()
    await rescue.collapse.simulated()

    (offer,) = await rescue.offers()

    assert [
        (each["basis"], each["dividend"], each["lessons"], each["lessons_gift"], each["rest"])
        for each in sorted(offer["priced"], key=lambda each: each["basis"])
    ] == [("POOLED", "3500.33", 35, 3, "0.33"), ("TRACED_FIRST", "4380.46", 43, 4, "80.46")]


async def test_only_a_parent_sees_an_offer_priced(rescue: Rescue) -> None:
    await rescue.offered()
    await rescue.collapse.simulated()

    (seen,) = await rescue.offers(by=rescue.collapse.district.regulator)

    assert seen["priced"] == []


async def test_a_placement_carries_the_dividend_and_leaves_the_residual_claim(
    rescue: Rescue, higher: str
) -> None:
    porting = await rescue.chosen(await rescue.offered())
    await rescue.collapse.approved(higher)
    await rescue.collapse.posted()
    assert await rescue.carried() == 1
    instructed = await rescue.read(porting)
    academy = rescue.collapse.academy
    orders = await fetched(academy, "ICBC")
    (order,) = [each for each in orders if each["kind"] == "PORTING"]
    await debited(academy, "ICBC", order)

    await credited(academy, "ICBC", order)

    assert (instructed["state"], instructed["amount"]) == ("INSTRUCTED", "4380.46")
    assert (instructed["lessons"], instructed["lessons_gift"]) == (43, 4)
    arrived = await rescue.read(porting)
    goes_on = await academy.get(f"enrolments/{arrived['to_enrolment_id']}", rescue.parent)
    assert (arrived["state"], goes_on["price"]) == ("ARRIVED", "4300.00")
    assert (goes_on["lessons_paid"], goes_on["lessons_gift"]) == (43, 4)
    path = f"entitlements/{rescue.entitlement['id']}"
    entitlement = await academy.get(path, rescue.parent)
    assert (entitlement["dividend"], entitlement["residual"]) == ("4380.46", "619.53")


async def test_the_carried_dividend_is_not_paid_in_money_as_well(
    rescue: Rescue, higher: str
) -> None:
    await rescue.chosen(await rescue.offered())
    await rescue.collapse.approved(higher)
    await rescue.collapse.posted()

    before = await rescue.collapse.paid()
    await rescue.carried()
    after = await rescue.collapse.paid()

    assert "4380.46" not in before
    assert after == ["4380.46"]


async def test_a_placement_whose_order_is_rejected_is_paid_in_money(
    rescue: Rescue, higher: str
) -> None:
    porting = await rescue.chosen(await rescue.offered())
    await rescue.collapse.approved(higher)
    await rescue.collapse.posted()
    await rescue.carried()
    academy = rescue.collapse.academy
    (order,) = await fetched(academy, "ICBC")

    await academy.post(
        f"payment-orders/{order['id']}/report",
        academy.district.banks["ICBC"],
        {"status": "REJECTED", "reason": "AC04"},
    )

    assert (await rescue.read(porting))["state"] == "FAILED"
    assert "4380.46" in await rescue.collapse.paid()


async def test_a_dividend_that_buys_no_lesson_is_paid_in_money(rescue: Rescue, higher: str) -> None:
    porting = await rescue.chosen(await rescue.offered(lesson_price="9000.00"))
    await rescue.collapse.approved(higher)
    await rescue.collapse.posted()

    await rescue.carried()

    assert (await rescue.read(porting))["state"] == "FAILED"
    assert "4380.46" in await rescue.collapse.paid()


async def test_a_placement_may_be_given_up_until_the_plan_is_posted(
    rescue: Rescue, higher: str
) -> None:
    offer = await rescue.offered(places=1)
    porting = await rescue.chosen(offer)
    withdraw = f"portings/{porting['id']}/withdraw"
    given_up = await rescue.receiving.post(withdraw, rescue.parent)
    again = await rescue.chosen(offer)
    await rescue.collapse.approved(higher)
    await rescue.collapse.posted()

    late = await rescue.receiving.post(f"portings/{again['id']}/withdraw", rescue.parent)

    assert given_up.json()["state"] == "WITHDRAWN"
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_an_entitlement_has_one_placement(rescue: Rescue) -> None:
    offer = await rescue.offered()
    await rescue.chosen(offer)

    second = await rescue.choose(offer)

    assert (second.status_code, second.json()["code"]) == (409, "wrong_state")


async def test_an_offer_has_only_so_many_places(rescue: Rescue) -> None:
    offer = await rescue.offered(places=1)
    await rescue.chosen(offer)
    academy = rescue.collapse.academy
    found = await rescue.collapse.get("entitlements", wind_down_id=rescue.case)
    other = next(each for each in found["items"] if each["id"] != rescue.entitlement["id"])
    enrolment = await academy.get(f"enrolments/{other['enrolment_id']}", academy.token)

    answer = await rescue.choose(offer, other["id"], by=await academy.parent(enrolment))

    assert (answer.status_code, answer.json()["code"]) == (422, "offer_full")
    assert [each["places_left"] for each in await rescue.offers()] == [0]


async def test_a_withdrawn_offer_is_not_chosen_any_more(rescue: Rescue) -> None:
    offer = await rescue.offered()
    stranger = await academy_in(rescue.collapse.district)
    path = f"placement-offers/{offer['id']}/withdraw"

    foreign = await rescue.receiving.post(path, stranger.token)
    withdrawn = await rescue.receiving.post(path, rescue.receiving.token)
    answer = await rescue.choose(offer)

    assert foreign.json()["code"] == "offer_unknown"
    assert withdrawn.json()["state"] == "WITHDRAWN"
    assert answer.json()["code"] == "offer_full"


async def test_a_regulator_makes_an_offer_for_a_school_and_a_school_only_its_own(
    rescue: Rescue,
) -> None:
    stranger = await academy_in(rescue.collapse.district)

    regulators = await rescue.offer(by=rescue.collapse.district.regulator)
    foreign = await rescue.offer(by=stranger.token)

    assert regulators.status_code == 201, regulators.text
    assert (foreign.status_code, foreign.json()["code"]) == (404, "course_unknown")


async def test_another_parents_entitlement_is_not_there(rescue: Rescue) -> None:
    stranger = await rescue.receiving.parent(await rescue.receiving.opened())

    answer = await rescue.choose(await rescue.offered(), by=stranger)

    assert (answer.status_code, answer.json()["code"]) == (404, "entitlement_unknown")
