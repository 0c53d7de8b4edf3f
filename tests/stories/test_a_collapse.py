"""One school, from its first payment to the closure of its wind-down, as an accountant reads it.

Every amount below can be added up by hand; every sentence is a request that a bank, a parent, the
school or a regulator would send.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from service.store.unit import SHANGHAI
from tests.fixtures.story import Contract, Refused, School, Story

pytestmark = pytest.mark.usefixtures("official_calendar")

PARENT_OF_A = {"payer_name": "张三", "payer_account": "6222000000000000001"}
PARENT_OF_C = {"payer_name": "李四", "payer_account": "6222000000000000003"}


async def test_a_school_from_its_first_payment_to_the_closure_of_its_case(
    story: Story, higher: str
) -> None:
    school, a, b = await _lives(story)
    case = await _collapses(story, school, a, higher)
    await _is_distributed(story, school, b, case, higher)
    await _is_closed(story, school, b, case, higher)


async def _lives(story: Story) -> tuple[School, Contract, Contract]:
    # Family A pays 4,800.00 for 48 lessons and family C 3,000.00 for 20. Family B's contract is
    # older than custody: 4,000.00 of lessons are owed, and the school brings 500.00 for it.
    school = await story.school_opens("ICBC")
    a = await school.signs(await school.files("4800.00", 48))
    c = await school.signs(await school.files("3000.00", 20))
    b = await school.takes_on("4000.00", 40, "2025-09-01")
    await story.bank_reports(
        school, "ICBC", "4800.00", payment_code=a.row["payment_code"], **PARENT_OF_A
    )
    await story.bank_reports(
        school, "ICBC", "3000.00", payment_code=c.row["payment_code"], **PARENT_OF_C
    )
    await story.bank_reports(school, "ICBC", "500.00", kind="TOP_UP")
    assert await _books(school) == {
        "bank_money": "8300.00",
        "prepaid": "11800.00",
        "earned": "0.00",
        "shortfall": "3500.00",
    }

    # Twelve lessons are given to A, four to C: 1,200.00 and 600.00 are the school's.
    await school.teaches(a, 12)
    await school.teaches(c, 4)
    assert (await school.figures("ICBC"))["earned"] == "1800.00"

    # C's family moves away. The school agrees, the regulator approves: 3,000.00 less four lessons
    # at 150.00 is 2,400.00, back to the account it was paid from.
    claim = await _claims(story, c, "CONSUMER")
    agreed = await story.say(f"claims/{claim['id']}/agree", school.token, {})
    decided = await story.say(f"claims/{claim['id']}/approve", story.district.regulator)
    assert (agreed["state"], decided["state"]) == ("AGREED", "APPROVED")
    assert [(step["code"], step["amount"]) for step in decided["price"]["steps"]] == [
        ("PAID", "3000.00"),
        ("DELIVERED", "-600.00"),
    ]
    assert await _refunds_paid(story, school) == ["2400.00"]
    assert (await story.read(f"claims/{claim['id']}", await c.parent()))["claim"]["state"] == "PAID"

    # The school asks for what it earned, but the account does not hold what is owed to students:
    # B's 3,500.00 are missing, so the night's reconciliation has stopped its payouts, and not C's
    # refund. The bank takes a charge of 5.00 besides.
    with pytest.raises(Refused) as stopped:
        await school.asks_for_payout("ICBC")
    assert stopped.value.code == "payout_stopped"
    await _charge(story, school, "5.00")
    assert await _books(school) == {
        "bank_money": "5895.00",
        "prepaid": "7600.00",
        "earned": "1800.00",
        "shortfall": "3505.00",
    }
    return school, a, b


async def _collapses(story: Story, school: School, a: Contract, higher: str) -> dict[str, Any]:
    # The school disappears. One regulator freezes it; from this moment nothing leaves, and what a
    # parent still pays is kept apart.
    await _freeze(story, school)
    today = await _today(story)
    booked = {"book_on": today, "value_on": today, "payment_code": a.row["payment_code"]}
    late = await story.bank_reports(school, "ICBC", "88.00", **booked, **PARENT_OF_A)
    assert (late["outcome"], late["suspense_reason"]) == ("SUSPENSE", "AFTER_FREEZE")
    with pytest.raises(Refused) as stopped:
        await school.teaches(a, 1)
    assert stopped.value.codes == ["institution_frozen"]

    # The bank says what it held, the city's regulator opens the case with the district's, and the
    # register is published: A is owed 3,600.00, B 4,000.00. Nobody objects.
    case = await _case(story, school)
    (asked,) = (await story.read("statement-requests", story.district.banks["ICBC"]))["items"]
    said = await story.say(
        f"statement-requests/{asked['id']}/answer",
        story.district.banks["ICBC"],
        {"balance": "5895.00", "document_hash": "ab" * 32},
    )
    assert said["state"] == "AGREED"
    await _by_two(story, f"wind-downs/{case['id']}/open", {"reason": "INSOLVENT"}, higher)
    published = await story.say(f"wind-downs/{case['id']}/register", story.district.regulator)
    assert (published["entitlements"], published["claimed"]) == (2, "7600.00")
    await _days_pass(story, published["objections_until"])
    return case


async def _is_distributed(
    story: Story, school: School, b: Contract, case: dict[str, Any], higher: str
) -> None:
    # What the school had earned makes good what it owes: 5.00 for the bank's charge, 1,795.00 for
    # B's contract. There is no deposit. 5,895.00 are there for claims of 7,600.00.
    await story.say(f"wind-downs/{case['id']}/set-off", story.district.regulator)
    made = await story.say(f"wind-downs/{case['id']}/plans", story.district.regulator, {})
    plans = {plan["basis"]: plan for plan in made["plans"]}
    for plan in plans.values():
        assert (plan["pool"], plan["distributed"], plan["residual"]) == (
            "5895.00",
            "5895.00",
            "1705.00",
        )

    # Shared over all claims alike, A would lose for B's unpaid contract; what was traced to each
    # goes first in this district, so A is paid in full and B gets what was paid in for B.
    assert await _shares(story, plans["POOLED"]) == ["3102.63", "2792.37"]
    assert await _shares(story, plans["TRACED_FIRST"]) == ["2295.00", "3600.00"]
    chosen = plans["TRACED_FIRST"]
    await _by_two(
        story, f"plans/{chosen['id']}/approve", {"plan_hash": chosen["plan_hash"]}, higher
    )
    posted = await story.say(f"wind-downs/{case['id']}/post", story.district.regulator)
    assert posted["finished"]

    # A's money and what came too late go back to A's account. B's family names an account, a
    # regulator agrees, and after the cool-off B is paid.
    await _account_of(story, b, higher)
    assert await _refunds_paid(story, school) == ["3600.00", "88.00"]
    await _days_pass(story, (await _today(story)), days=10)
    assert await _refunds_paid(story, school) == ["2295.00"]
    assert (await _case(story, school))["state"] == "RESIDUAL"
    assert await _books(school) == {
        "bank_money": "0.00",
        "prepaid": "0.00",
        "earned": "0.00",
        "shortfall": "1705.00",
    }


async def _is_closed(
    story: Story, school: School, b: Contract, case: dict[str, Any], higher: str
) -> None:
    # Weeks later the school's piano is sold for 300.00. A second round pays it to B, and takes
    # nothing back from anybody.
    await story.bank_reports(school, "ICBC", "300.00", kind="RECOVERY")
    again = await story.say(f"wind-downs/{case['id']}/plans", story.district.regulator, {})
    second = next(plan for plan in again["plans"] if plan["basis"] == "TRACED_FIRST")
    assert (second["round"], second["distributed"], second["residual"]) == (2, "300.00", "1405.00")
    await _by_two(
        story, f"plans/{second['id']}/approve", {"plan_hash": second["plan_hash"]}, higher
    )
    await story.say(f"wind-downs/{case['id']}/post", story.district.regulator)
    assert await _refunds_paid(story, school) == ["300.00"]

    # Nothing more will come: two levels close the case, and B's last 1,405.00 are written off. The
    # books are empty, nothing is unexplained, and every parent can read what became of the claim.
    await _by_two(story, f"wind-downs/{case['id']}/close", {"reason": "NOTHING_LEFT"}, higher)
    closed = await _case(story, school)
    assert (closed["state"], closed["distributed"], closed["residual"]) == (
        "CLOSED",
        "6195.00",
        "1405.00",
    )
    assert await _books(school) == {
        "bank_money": "0.00",
        "prepaid": "0.00",
        "earned": "0.00",
        "shortfall": "0.00",
    }
    (owed,) = (await story.read("entitlements", await b.parent()))["items"]
    assert (owed["claimed"], owed["dividend"], owed["written_off"]) == (
        "4000.00",
        "2595.00",
        "1405.00",
    )
    assert [step["state"] for step in closed["timeline"]][-1] == "CLOSED"


async def _books(school: School) -> dict[str, str]:
    figures = await school.figures("ICBC")
    return {name: figures[name] for name in ("bank_money", "prepaid", "earned", "shortfall")}


async def _claims(story: Story, contract: Contract, reason: str) -> dict[str, Any]:
    body = {"enrolment_id": contract.id, "reason": reason}
    return await story.say("claims", await contract.parent(), body)


async def _refunds_paid(story: Story, school: School) -> list[str]:
    """Let what is owed be instructed, and the bank pay every order it finds; largest first."""
    bank = story.district.banks["ICBC"]
    await story.say(
        "refunds/settle", story.district.operator, {"jurisdiction": story.district.code}
    )
    orders = (await story.say("payment-orders/fetch", bank))["orders"]
    for order in orders:
        debit = _line(story, school, order["amount"], "ORDER") | {"end_to_end_id": order["id"]}
        assert (await story.say("debits", bank, debit))["outcome"] == "ORDER"
    await _days_pass(story, await _today(story))
    return sorted((order["amount"] for order in orders), key=float, reverse=True)


async def _charge(story: Story, school: School, amount: str) -> None:
    charged = await story.say(
        "debits", story.district.banks["ICBC"], _line(story, school, amount, "CHARGE")
    )
    assert charged["outcome"] == "CHARGE"


def _line(story: Story, school: School, amount: str, kind: str) -> dict[str, Any]:
    return {
        "custody_account_id": school.accounts["ICBC"],
        "bank_ref": f"ICBC-D{next(story.numbers)}",
        "amount": amount,
        "book_on": story.day,
        "value_on": story.day,
        "kind": kind,
    }


async def _freeze(story: Story, school: School) -> None:
    body = {
        "target_type": "INSTITUTION",
        "target_id": school.id,
        "kind": "FREEZE",
        "cause": "RAN_AWAY",
    }
    await story.say("restraints", story.district.regulator, body)


async def _case(story: Story, school: School) -> dict[str, Any]:
    regulator = story.district.regulator
    (listed,) = (await story.read("wind-downs", regulator, institution_id=school.id))["items"]
    return await story.read(f"wind-downs/{listed['id']}", regulator)


async def _by_two(story: Story, path: str, body: dict[str, Any], higher: str) -> None:
    asked = await story.say(path, story.district.regulator, body)
    approve = {"payload_hash": asked["payload_hash"]}
    await story.say(f"approvals/{asked['id']}/approve", higher, approve)


async def _shares(story: Story, plan: dict[str, Any]) -> list[str]:
    """What a plan gives each parent, in the order of the register: B's contract is older."""
    shares = await story.read(f"plans/{plan['id']}/shares", story.district.regulator)
    return [share["dividend"] for share in shares["items"]]


async def _account_of(story: Story, contract: Contract, checker: str) -> None:
    """Let a guardian whose contract no bank entry paid name an account, and a regulator agree."""
    parent = await contract.parent()
    (refund,) = (await story.read("refunds", parent, waiting_for="PAYEE"))["items"]
    asked = await story.say(
        f"refunds/{refund['id']}/payee-account",
        parent,
        {"name": "王五", "account_number": "6222000000000000002", "bank_name": "中国建设银行"},
    )
    approve = {"payload_hash": asked["payload_hash"]}
    await story.say(f"approvals/{asked['id']}/approve", checker, approve)


async def _today(story: Story) -> str:
    figures = await story.read("balances", story.district.regulator, adcode=story.district.code)
    return str(figures["as_of"])


async def _days_pass(story: Story, day: str, *, days: int = 1) -> None:
    """Move business time to the morning after a day, or some days after it."""
    to = datetime.combine(date.fromisoformat(day) + timedelta(days=days), time(9), SHANGHAI)
    body = {"jurisdiction": story.district.code, "to": to.isoformat()}
    await story.say("clock", story.district.operator, body)
