"""One school, from its registration to its first payout and the statements after it."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from service.store.unit import SHANGHAI
from tests.fixtures.story import Contract, Refused, School, Story


async def test_a_school_opens_teaches_and_is_paid(story: Story) -> None:
    # A school is registered, licensed, and opens a custody account under an agreement. Without a
    # course on file it can sign nobody.
    school = await story.school_opens("ICBC")
    course = await school.files("4800.00", 48)
    contract = await school.signs(course)
    assert contract.row["state"] == "AWAITING_PAYMENT"

    # Nothing is taught before the money is there.
    with pytest.raises(Refused) as unpaid:
        await school.teaches(contract, 1)
    assert unpaid.value.codes == ["enrolment_not_paid"]

    # The parent pays 4,800.00 at the bank with the code on the contract: it is the student's.
    paid = await story.parent_pays(contract, "ICBC")
    assert (paid["outcome"], paid["balances"]) == ("ENROLMENT", {"custody_bank": "4800.00"})
    assert await _money(contract) == ("4800.00", "0.00", "0.00", "0.00")

    # Three lessons are held. The parent confirms one, contests one, and one waits.
    held = await school.gives(contract, 3)
    assert await _money(contract) == ("4500.00", "300.00", "0.00", "0.00")
    parent = await contract.parent()
    await story.batch("lessons/confirm/batch", parent, held[:1])
    lessons = await story.read("lessons", parent, enrolment_id=contract.id)
    by_slot = {lesson["slot"]: lesson["id"] for lesson in lessons["items"]}
    await story.say(f"lessons/{by_slot[2]}/dispute", parent, {"reason": "NOT_HELD"})
    assert await _money(contract) == ("4500.00", "100.00", "100.00", "100.00")

    # The regulator finds for the parent: the lesson's money is the student's again.
    ruled = await story.say(
        f"lessons/{by_slot[2]}/rule", story.district.regulator, {"ruling": "UPHELD"}
    )
    assert ruled["state"] == "VOIDED"
    assert await _money(contract) == ("4600.00", "100.00", "0.00", "100.00")

    # The school asks for what it earned, and for no fen more.
    with pytest.raises(Refused) as too_much:
        await school.asks_for_payout("ICBC", "100.01")
    assert too_much.value.code == "balance_too_low"
    order = await school.asks_for_payout("ICBC")
    assert (order["amount"], order["state"]) == ("100.00", "NEW")
    await story.bank_pays_out(school, order)

    # The bank's day agrees with the ledger, so the coverage is known, and full.
    stated = await story.bank_states(school, "ICBC", came=("4800.00",), went=("100.00",))
    figures = await school.figures("ICBC")
    assert stated["state"] == "AGREED"
    assert (figures["bank_money"], figures["requirement"]) == ("4700.00", "4700.00")
    assert figures["coverage"] == {"state": "COVERED", "grade": "A", "ratio": "100.00"}

    # The parent reads every step of the money, with what was left after it.
    statement = await contract.statement()
    assert [(line["kind"], line["balance"]["held"]) for line in statement["items"]] == [
        ("RECEIPT_MATCHED", "4800.00"),
        ("LESSON_RECORDED", "4800.00"),
        ("LESSON_RECORDED", "4800.00"),
        ("LESSON_RECORDED", "4800.00"),
        ("LESSON_CONFIRMED", "4700.00"),
        ("LESSON_DISPUTED", "4700.00"),
        ("DISPUTE_UPHELD", "4700.00"),
    ]

    # It may begin to leave, but as long as it owes a student anything it has not left.
    exiting = await _leaves(story, school, "EXITING")
    assert exiting["state"] == "EXITING"
    with pytest.raises(Refused) as owing:
        await _leaves(story, school, "EXITED")
    assert owing.value.code == "liability_outstanding"
    assert owing.value.problem["facts"] == {"owed": "4700.00"}


@pytest.mark.usefixtures("official_calendar")
async def test_a_parent_who_says_nothing_has_confirmed_in_the_end(story: Story) -> None:
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("1000.00", 10))
    await story.parent_pays(contract, "ICBC")
    await school.gives(contract, 1)

    # The parent's client fetches the notice: from then on 15 working days are counted.
    fetched = await story.say("notices/fetch", await contract.parent())
    due_on = date.fromisoformat(fetched["items"][0]["confirm_due_on"])

    # On the last day the money still waits, at midnight after it the lesson is confirmed.
    await _clock_moves(story, due_on)
    assert await _money(contract) == ("900.00", "100.00", "0.00", "0.00")
    await _clock_moves(story, due_on + timedelta(days=1))
    assert await _money(contract) == ("900.00", "0.00", "0.00", "100.00")


async def _clock_moves(story: Story, day: date) -> None:
    to = datetime.combine(day, time(0, 5), SHANGHAI).isoformat()
    body = {"jurisdiction": story.district.code, "to": to}
    await story.say("clock", story.district.operator, body)


async def _leaves(story: Story, school: School, step: str) -> dict[str, Any]:
    path, body = f"institutions/{school.id}/exit", {"to": step, "reason": "OWN_REQUEST"}
    return await story.say(path, story.district.regulator, body)


async def _money(contract: Contract) -> tuple[str, str, str, str]:
    """Prepaid, waiting, in dispute, and released to the school."""
    found = await contract.money()
    return found["prepaid"], found["pending"], found["disputed"], found["released"]
