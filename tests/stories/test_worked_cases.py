"""The worked cases of the domain, told through HTTP: 8.1, 8.2, 8.4 and 8.9, figure by figure.

The same cases are told through the posting rules in tests/ledger/test_worked_cases.py.
"""

from typing import Any

import pytest

from tests.fixtures.story import Refused, School, Story


async def test_case_8_1_rounding_is_never_against_the_student(story: Story) -> None:
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("4999.99", 48))
    await story.parent_pays(contract, "ICBC")

    seen, given = {}, 0
    for lessons in (1, 1, 15, 30, 1):
        await school.teaches(contract, lessons)
        given += lessons
        money = await contract.money()
        seen[given] = (money["released"], money["refundable"])

    assert seen == {
        1: ("104.16", "4895.83"),
        2: ("208.33", "4791.66"),
        17: ("1770.82", "3229.17"),
        47: ("4895.82", "104.17"),
        48: ("4999.99", "0.00"),
    }
    assert (await school.figures("ICBC"))["earned"] == "4999.99"


async def test_case_8_1_the_48_slots_are_17_of_104_16_and_31_of_104_17(story: Story) -> None:
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("4999.99", 48))

    detail = await story.read(f"enrolments/{contract.id}", school.token)

    values = [slot["value"] for slot in detail["slots"]]
    assert values[:5] == ["104.16", "104.17", "104.16", "104.17", "104.17"]
    assert (values.count("104.16"), values.count("104.17")) == (17, 31)


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"price": "5000.00"}, None),
        ({"price": "5000.01"}, "amount_over_cap"),
        ({"lessons_paid": 60}, None),
        ({"lessons_paid": 61}, "lessons_over_cap"),
        ({"lessons_paid": 56, "lessons_gift": 5}, "lessons_over_cap"),
        ({"ends_on": "2025-05-31"}, None),
        ({"ends_on": "2025-06-01"}, "span_over_cap"),
        ({"charged_on": "2025-02-01"}, None),
        ({"charged_on": "2025-01-31"}, "charged_too_early"),
    ],
)
async def test_case_8_2_the_edges_of_the_caps(
    story: Story, said: dict[str, Any], refused: str | None
) -> None:
    school = await story.school_opens("ICBC")
    course = await school.files("5000.00", 60)
    march = {"charged_on": "2025-03-01", "starts_on": "2025-03-01", "ends_on": "2025-05-31"}

    verdict = await _code(school.signs(course, contract_on="2025-01-31", **(march | said)))

    assert verdict == refused


@pytest.mark.parametrize(("lessons_left", "refused"), [(20, None), (21, "charged_too_early")])
async def test_case_8_2_who_has_20_lessons_left_may_be_charged_early(
    story: Story, lessons_left: int, refused: str | None
) -> None:
    school = await story.school_opens("ICBC")
    course = await school.files("5000.00", 60)
    winter = {"charged_on": "2025-01-01", "starts_on": "2025-01-01", "ends_on": "2025-02-28"}
    first = await school.signs(
        course, contract_on="2025-01-01", price="1000.00", lessons_paid=lessons_left, **winter
    )
    again = {"student": {"party_id": first.row["student_id"]}}
    spring = {"charged_on": "2025-01-31", "starts_on": "2025-03-01", "ends_on": "2025-03-31"}

    verdict = await _code(
        school.signs(
            course, contract_on="2025-01-31", price="900.00", lessons_paid=39, **spring, **again
        )
    )

    assert verdict == refused


async def test_case_8_2_5000_00_over_60_lessons_in_thirds(story: Story) -> None:
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("5000.00", 60))
    await story.parent_pays(contract, "ICBC")

    await school.teaches(contract, 20)

    detail = await story.read(f"enrolments/{contract.id}", school.token)
    assert [slot["value"] for slot in detail["slots"][:6]] == ["83.33", "83.33", "83.34"] * 2
    assert detail["money"]["released"] == "1666.66"
    assert detail["money"]["refundable"] == "3333.34"


async def test_case_8_4_what_a_school_owes_from_before_is_seen_and_made_good(story: Story) -> None:
    school = await story.school_opens("ICBC")
    first = await school.takes_on("12000.00", 120, "2024-03-01")
    second = await school.takes_on("6600.00", 66, "2024-06-01")
    third = await school.takes_on("2400.00", 24, "2024-09-01")

    await story.bank_reports(school, "ICBC", "9000.00", kind="TOP_UP")

    unfunded = [(await contract.money())["unfunded"] for contract in (first, second, third)]
    assert unfunded == ["3000.00", "6600.00", "2400.00"]
    assert await _standing(school) == {
        "bank_money": "9000.00",
        "prepaid": "21000.00",
        "earned": "0.00",
        "shortfall": "12000.00",
        "hard_shortfall": "12000.00",
        "ratio": "42.85",
    }

    await school.teaches(third, 1)

    assert await _code(school.asks_for_payout("ICBC")) == "amount_zero"
    assert await _standing(school) == {
        "bank_money": "9000.00",
        "prepaid": "20900.00",
        "earned": "0.00",
        "shortfall": "11900.00",
        "hard_shortfall": "11900.00",
        "ratio": "43.06",
    }

    for amount in ("4000.00", "4000.00", "3900.00"):
        await story.bank_reports(school, "ICBC", amount, kind="TOP_UP")

    assert await _standing(school) == {
        "bank_money": "20900.00",
        "prepaid": "20900.00",
        "earned": "0.00",
        "shortfall": "0.00",
        "hard_shortfall": "0.00",
        "ratio": "100.00",
    }


async def test_case_8_9_each_bank_pays_what_was_earned_in_it(story: Story) -> None:
    school = await _at_two_banks(story)

    for bank in ("ICBC", "CQRCB"):
        order = await school.asks_for_payout(bank)
        await story.bank_pays_out(school, order)

    icbc, cqrcb = await school.figures("ICBC"), await school.figures("CQRCB")
    assert (icbc["bank_money"], cqrcb["bank_money"]) == ("6229.17", "3900.00")
    assert (icbc["prepaid"], cqrcb["prepaid"]) == ("6229.17", "3900.00")
    assert (icbc["shortfall"], cqrcb["shortfall"]) == ("0.00", "0.00")


async def test_case_8_9_one_bank_does_not_pay_what_was_earned_in_another(story: Story) -> None:
    school = await _at_two_banks(story)

    with pytest.raises(Refused) as refused:
        await school.asks_for_payout("ICBC", "2370.82")

    assert (refused.value.status, refused.value.code) == (422, "balance_too_low")
    icbc = await school.figures("ICBC")
    assert (icbc["bank_money"], icbc["earned"]) == ("7999.99", "1770.82")


async def test_case_8_9_what_a_bank_paid_by_itself_is_kept_and_its_account_unknown(
    story: Story,
) -> None:
    school = await _at_two_banks(story)

    stated = await story.bank_states(school, "ICBC", came=("4999.99", "3000.00"))
    before = await school.figures("ICBC")

    debited = await story.bank_debits(school, "ICBC", "2370.82")

    assert (stated["state"], before["coverage"]["state"]) == ("AGREED", "COVERED")
    icbc, cqrcb = await school.figures("ICBC"), await school.figures("CQRCB")
    assert debited["outcome"] == "KEPT"
    assert icbc["coverage"]["state"] == "UNKNOWN"
    assert (icbc["bank_money"], cqrcb["bank_money"]) == ("7999.99", "4500.00")


async def _at_two_banks(story: Story) -> School:
    """S1 and S2 pay into ICBC, S3 into CQRCB; 17 lessons of S1 and 8 of S3 are done."""
    school = await story.school_opens("ICBC", "CQRCB")
    there = {"custody_account_id": school.accounts["CQRCB"]}
    one = await school.signs(await school.files("4999.99", 48))
    two = await school.signs(await school.files("3000.00", 30))
    three = await school.signs(await school.files("4500.00", 60, **there))
    for contract, bank in ((one, "ICBC"), (two, "ICBC"), (three, "CQRCB")):
        await story.parent_pays(contract, bank)
    await school.teaches(one, 17)
    await school.teaches(three, 8)

    icbc, cqrcb = await school.figures("ICBC"), await school.figures("CQRCB")
    assert (icbc["bank_money"], cqrcb["bank_money"]) == ("7999.99", "4500.00")
    assert (icbc["prepaid"], icbc["earned"]) == ("6229.17", "1770.82")
    assert (cqrcb["prepaid"], cqrcb["earned"]) == ("3900.00", "600.00")
    return school


async def _standing(school: School) -> dict[str, str]:
    found = await school.figures("ICBC")
    names = ("bank_money", "prepaid", "earned", "shortfall", "hard_shortfall")
    return {name: found[name] for name in names} | {"ratio": found["coverage"]["ratio"]}


async def _code(said: Any) -> str | None:
    """Return what a command is refused with, None when it is not."""
    try:
        await said
    except Refused as refused:
        return refused.code
    return None
