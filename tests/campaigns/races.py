"""The races: who is first is open, and whoever it is, the books say one thing and not both.

Each is run on a lane of its own. It prepares what is raced for, lets everybody go at once, holds
what they were told against what stands, and returns who won.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from ledger.money import Money, total
from service.identity import tokens
from service.identity.callers import Role
from service.store import ids
from tests.campaigns.racecourse import BANK, LESSONS, PRICE, VALUE, Course, codes, hold, only
from tests.campaigns.silences import next_day, silence, silent_lesson
from tests.fixtures.story import Contract

Race = Callable[[Course], Awaitable[str]]
ZERO: Final = Money.of("0.00")
_ENDED: Final = ("CONFIRMED", "VOIDED", "DISPUTED")
"""What may keep silence from confirming a lesson that has been silent for long enough."""


async def release_and_freeze(course: Course) -> str:
    """A lesson is released, a payout asked for, the school frozen: nothing moves after the freeze.

    Orders that were made before it are cancelled by it, so what was earned is there once.
    """
    school = await course.story.school_opens(BANK)
    contract = await course.contract(school, await school.files(PRICE, LESSONS))
    await course.lesson(contract, confirmed=True)
    waiting = await course.lesson(contract)
    restraint = {"target_type": "INSTITUTION", "target_id": school.id, "cause": "RAN_AWAY"}
    asked = {"custody_account_id": school.accounts[BANK], "amount": None}

    confirmed, paid, frozen = await course.at_once(
        course.sends(await contract.parent(), f"lessons/{waiting}/confirm"),
        course.sends(school.token, "payouts", asked),
        course.sends(course.district.regulator, "restraints", restraint | {"kind": "FREEZE"}),
    )

    hold(frozen.status == 201, frozen.body)
    freezing = await course.posted("institution", school.id, "WIND_DOWN_STARTED")
    [(froze, _)] = freezing
    for each in (confirmed, paid):
        hold(each.code in {"done", "institution_frozen"}, each.body)
        hold(each.seq < froze, f"{each.seq} stands after the freeze at {froze}")
    released = await course.posted("institution", school.id, "LESSON_CONFIRMED")
    hold(all(seq < froze for seq, _ in released), f"{released} and the freeze at {froze}")
    figures = await course.figures(school)
    earned = VALUE + VALUE if confirmed.code == "done" else VALUE
    hold((figures["earned"], figures["in_transit"]) == (earned, ZERO), figures)
    hold(figures["pending"] == VALUE + VALUE - earned, figures)
    return f"release {confirmed.code}, payout {paid.code}"


async def release_and_dispute(course: Course) -> str:
    """A parent confirms and disputes the same lesson: its value is released or blocked."""
    contract = await course.contract()
    lesson, parent = await course.lesson(contract), await contract.parent()

    told = await course.at_once(
        course.sends(parent, f"lessons/{lesson}/confirm"),
        course.sends(parent, f"lessons/{lesson}/dispute", {"reason": "NOT_HELD"}),
    )

    won = only(told)
    only(told, "wrong_state")
    money, disputed = await course.money(contract), won is told[1]
    hold(money["pending"] == ZERO, money)
    hold(money["disputed"] == (VALUE if disputed else ZERO), money)
    hold(money["prepaid"] == Money.of(PRICE) - VALUE, money)
    return "dispute" if disputed else "release"


async def release_and_refund(course: Course) -> str:
    """The last lesson is released while two regulators approve the refund of the rest, once."""
    contract = await course.contract()
    await course.lesson(contract, confirmed=True)
    waiting, parent = await course.lesson(contract), await contract.parent()
    asked = {"enrolment_id": contract.id, "reason": "CONSUMER"}
    claim = (await course.does(parent, "claims", asked))["id"]
    await course.does(contract.school.token, f"claims/{claim}/agree")
    first, second = course.district.regulator, course.district.second_regulator

    confirmed, *approved = await course.at_once(
        course.sends(parent, f"lessons/{waiting}/confirm"),
        course.sends(first, f"claims/{claim}/approve"),
        course.sends(second, f"claims/{claim}/approve"),
    )

    hold(confirmed.code == "done", confirmed.body)
    refunded = [each for each in approved if each.status == 200]
    hold(len(refunded) <= 1, codes(approved))
    hold(all(each.seq > confirmed.seq for each in refunded), "priced before it was settled")
    late = not refunded
    answer = refunded[0].body if refunded else await course.does(first, f"claims/{claim}/approve")
    back = total([Money.of(each["amount"]) for each in answer["refunds"]])
    hold(back == Money.of(PRICE) - VALUE - VALUE, answer)
    money = await course.money(contract)
    hold({money["prepaid"], money["pending"], money["disputed"]} == {ZERO}, money)
    return "refund waited" if late else "refund at once"


async def one_lesson_from_four_sides(course: Course) -> str:
    """Confirmed by the parent, by silence, voided by the school, disputed: exactly one of them."""
    contract, lesson = await silent_lesson(course)
    parent, school = await contract.parent(), course.school.token

    told = await course.at_once(
        course.sends(parent, f"lessons/{lesson}/confirm"),
        lambda: silence(course, contract, lesson),
        course.sends(school, f"lessons/{lesson}/void"),
        course.sends(parent, f"lessons/{lesson}/dispute", {"reason": "NOT_HELD"}),
    )

    only(told)
    hold(codes(told).count("wrong_state") == 3, codes(told))
    hold(told[1].body["state"] in _ENDED, told[1].body)
    ended = ("LESSON_CONFIRMED", "LESSON_VOIDED", "LESSON_DISPUTED")
    posted = await course.posted("lesson", lesson, *ended)
    hold(len(posted) == 1, posted)
    return ("parent", "silence", "school", "dispute")[codes(told).index("done")]


async def two_claims(course: Course) -> str:
    """The guardian claims twice and a regulator enforces: one claim is open."""
    contract = await course.contract()
    parent, regulator = await contract.parent(), course.district.regulator
    asked = {"enrolment_id": contract.id, "reason": "CONSUMER"}

    told = await course.at_once(
        course.sends(parent, "claims", asked),
        course.sends(parent, "claims", asked),
        course.sends(regulator, "claims", asked | {"reason": "LAW_ENFORCEMENT"}),
    )

    only(told)
    hold(codes(told).count("claim_already_open") == 2, codes(told))
    filed = await course.posted("enrolment", contract.id, "CLAIM_FILED")
    hold(len(filed) == 1, filed)
    return "regulator" if told[2].code == "done" else "guardian"


async def two_payouts(course: Course) -> str:
    """All that was earned is asked for twice; then the order is cancelled and fetched at once."""
    await course.lesson(await _taught(course), confirmed=True)
    before = await course.figures()
    body = {"custody_account_id": course.school.accounts[BANK], "amount": None}

    asked = await course.at_once(
        *(course.sends(course.school.token, "payouts", body) for _ in range(3))
    )

    order = only(asked).body
    only_refused = {each.code for each in asked if each.code != "done"}
    hold(only_refused <= {"amount_zero", "payout_not_covered"}, codes(asked))
    hold(Money.of(order["amount"]) == before["earned"], order)
    bank = course.district.banks[BANK]
    cancelled, fetched = await course.at_once(
        course.sends(course.school.token, f"payment-orders/{order['id']}/cancel"),
        course.sends(bank, "payment-orders/fetch"),
    )
    sent = order["id"] in [each["id"] for each in fetched.body["orders"]]
    hold(sent is (cancelled.code == "wrong_state"), (cancelled.body, fetched.body))
    after = await course.figures()
    held = (after["earned"], after["in_transit"] - before["in_transit"])
    hold(held == ((ZERO, before["earned"]) if sent else (before["earned"], ZERO)), after)
    return "fetched" if sent else "cancelled"


async def one_receipt_from_three_sides(course: Course) -> str:
    """A bank reports the same line three times at once: it is money once."""
    contract = await course.school.signs(course.course)
    line = {
        "custody_account_id": course.school.accounts[BANK],
        "bank_ref": f"race-{next(course.numbers)}",
        "amount": PRICE,
        "book_on": course.story.day,
        "value_on": course.story.day,
        "payment_code": contract.row["payment_code"],
    }
    bank = course.district.banks[BANK]

    told = await course.at_once(*(course.sends(bank, "receipts", line) for _ in range(3)))

    entry = only(told).body["id"]
    hold(codes(told).count("duplicate") == 2, codes(told))
    hold({each.body["id"] for each in told} == {entry}, [each.body for each in told])
    hold((await course.money(contract))["prepaid"] == Money.of(PRICE), "paid once")
    return f"contestant {codes(told).index('done') + 1}"


async def maker_and_checker(course: Course) -> str:
    """The maker, two others and one who declines, all at once: one decides, never the maker."""
    district = course.district
    account = course.school.accounts[BANK]
    stop = {"target_type": "CUSTODY_ACCOUNT", "target_id": account, "kind": "PAYOUT_STOP"}
    placed = await course.does(district.regulator, "restraints", stop | {"cause": "RISK"})
    lift = f"restraints/{placed['id']}/lift"
    asked = await course.does(district.regulator, lift, {"reason": "SETTLED"})
    shown, path = {"payload_hash": asked["payload_hash"]}, f"approvals/{asked['id']}"
    third = await _third_regulator(course)

    maker, *others = await course.at_once(
        course.sends(district.regulator, f"{path}/approve", shown),
        course.sends(district.second_regulator, f"{path}/approve", shown),
        course.sends(third, f"{path}/approve", shown),
        course.sends(third, f"{path}/decline", {"reason": "UNPROVEN"}),
    )

    hold(maker.code in {"maker_is_checker", "wrong_state"}, maker.body)
    deciding = [each for each in others if each.status == 200]
    hold(len(deciding) == 1, codes(others))
    declined = deciding[0] is others[2]
    lifted = await course.posted("restraint", placed["id"], "RESTRAINT_LIFTED")
    hold(len(lifted) == (0 if declined else 1), lifted)
    if declined:
        again = await course.does(district.regulator, lift, {"reason": "SETTLED"})
        approving = {"payload_hash": again["payload_hash"]}
        await course.does(third, f"approvals/{again['id']}/approve", approving)
    return "declined" if declined else "approved"


async def day_close_under_load(course: Course) -> str:
    """A day is closed twice at once while money comes and goes: each stands in exactly one day."""
    contract = await _taught(course)
    lesson, parent = await course.lesson(contract), await contract.parent()
    day = await next_day(course)
    district, school = course.district, course.school
    closing = {"day": day.isoformat(), "jurisdiction": district.code}
    asked = {"custody_account_id": school.accounts[BANK], "amount": None}
    line = {
        "custody_account_id": school.accounts[BANK],
        "bank_ref": f"late-{next(course.numbers)}",
        "amount": "9.99",
        "book_on": day.isoformat(),
        "value_on": day.isoformat(),
        "payment_code": None,
    }

    one, other, *told = await course.at_once(
        course.sends(district.regulator, "statements/close-day", closing),
        course.sends(district.second_regulator, "statements/close-day", closing),
        course.sends(parent, f"lessons/{lesson}/confirm"),
        course.sends(district.banks[BANK], "receipts", line),
        course.sends(school.token, "payouts", asked),
    )

    hold(sorted(codes([one, other])) == ["done", "duplicate"], codes([one, other]))
    last = one.body["last_transaction_id"]
    hold(last == other.body["last_transaction_id"], (one.body, other.body))
    hold({each.code for each in told[:2]} == {"done"}, codes(told))
    hold(told[2].code in {"done", "amount_zero", "payout_not_covered"}, told[2].body)
    closed = ids.parse_transaction(last)[1]
    hold(all(each.seq > closed for each in told if each.seq), f"{told} before {closed}")
    seqs = [each.seq for each in told if each.seq]
    before = sum(seq < max(one.seq, other.seq) for seq in seqs)
    return f"{before} before the close"


RACES: Final[dict[str, Race]] = {
    race.__name__: race
    for race in (
        release_and_freeze,
        release_and_dispute,
        release_and_refund,
        one_lesson_from_four_sides,
        two_claims,
        two_payouts,
        one_receipt_from_three_sides,
        maker_and_checker,
        day_close_under_load,
    )
}


async def _taught(course: Course) -> Contract:
    """Return a contract that has a lesson left."""
    known = course.known.setdefault("taught", [])
    if not known:
        contract = await course.contract()
        known += [contract] * LESSONS
    taught: Contract = known.pop()
    return taught


async def _third_regulator(course: Course) -> str:
    if "third" not in course.known:
        scope = tokens.Scope(course.district.code)
        course.known["third"] = await course.district.service.token(Role.REGULATOR, scope)
    return str(course.known["third"])
