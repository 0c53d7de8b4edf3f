"""Backings over HTTP: an enrolment moves whole between two banks, or stays where it was."""

from service.store.facts import Update
from service.store.tables import CustodyAccount, Institution
from tests.fixtures.databases import Database
from tests.fixtures.two_banks import Banks
from tests.nouns.claim_calls import filed, looked_at


async def test_an_enrolment_goes_on_at_the_other_bank_with_all_that_is_its_own(
    banks: Banks,
) -> None:
    move = await banks.instructed()
    await banks.sent(move, "4791.66")
    await banks.arrived(move, "4791.66")

    await banks.academy.confirmed(banks.enrolment)

    (ended,) = (await banks.moves())["items"]
    here, there = await banks.books(banks.here), await banks.books(banks.there)
    assert (move["state"], ended["state"]) == ("INSTRUCTED", "MOVED")
    assert (await banks.found())["custody_account_id"] == banks.there
    assert (here["resource"], here["earned"], here["shortfall"]) == ("208.33", "208.33", "0.00")
    assert (there["resource"], there["earned"], there["shortfall"]) == (
        "4791.66",
        "104.16",
        "0.00",
    )


async def test_while_it_is_on_its_way_the_enrolment_rests(banks: Banks) -> None:
    waiting = await banks.academy.scheduled(banks.enrolment)
    parent = await banks.academy.parent(banks.enrolment)
    move = await banks.instructed()
    await banks.sent(move, "4791.66")

    lesson = await banks.academy.record(waiting)
    claim = await banks.academy.post(
        "claims", parent, {"enrolment_id": banks.enrolment["id"], "reason": "CONSUMER"}
    )
    again = await banks.ask()
    charged = await banks.line(
        "debits",
        "ICBC",
        banks.here,
        "100.00",
        kind="CHARGEBACK",
        payment_code=banks.enrolment["payment_code"],
    )

    codes = [answer.json()["code"] for answer in (lesson, claim, again)]
    assert codes == ["enrolment_blocked"] * 3
    assert charged["outcome"] == "KEPT"


async def test_what_arrives_before_its_debit_was_seen_is_kept_and_posted_after_it(
    banks: Banks,
) -> None:
    move = await banks.instructed()
    await banks.academy.post("payment-orders/fetch", banks.academy.district.banks["ICBC"])

    kept = await banks.arrived(move, "4791.66")
    await banks.sent(move, "4791.66")

    assert kept["outcome"] == "KEPT"
    assert (await banks.found())["custody_account_id"] == banks.there


async def test_a_move_that_the_bank_rejects_leaves_the_enrolment_where_it_was(
    banks: Banks,
) -> None:
    move = await banks.instructed()
    bank = banks.academy.district.banks["ICBC"]
    await banks.academy.post("payment-orders/fetch", bank)
    path = f"payment-orders/{move['order_id']}/report"
    await banks.academy.post(path, bank, {"status": "REJECTED", "reason": "AC04"})

    await banks.academy.confirmed(banks.enrolment)

    (failed,) = (await banks.moves())["items"]
    assert failed["state"] == "FAILED"
    assert (await banks.found())["custody_account_id"] == banks.here


async def test_a_move_whose_money_comes_back_leaves_the_enrolment_where_it_was(
    banks: Banks,
) -> None:
    move = await banks.instructed()
    await banks.sent(move, "4791.66")
    named = {"kind": "RETURN", "end_to_end_id": move["order_id"]}

    await banks.line("receipts", "ICBC", banks.here, "4791.66", **named)

    (failed,) = (await banks.moves())["items"]
    books = await banks.books(banks.here)
    assert (failed["state"], books["resource"], books["shortfall"]) == ("FAILED", "4999.99", "0.00")


async def test_an_account_that_was_left_whole_has_nothing_that_could_follow(banks: Banks) -> None:
    move = await banks.instructed()
    await banks.sent(move, "4791.66")
    await banks.arrived(move, "4791.66")

    nothing = await banks.ask(source_custody_account_id=banks.here)

    assert (nothing.status_code, nothing.json()["code"]) == (422, "amount_zero")


async def test_a_contract_that_no_money_is_behind_moves_at_once(banks: Banks) -> None:
    declared = banks.academy.legacy("2400.00", 24)
    legacy = (await banks.academy.post("enrolments/legacy", banks.academy.token, declared)).json()

    answer = await banks.approve(await banks.ask(enrolment_id=legacy["id"]))

    (move,) = (await banks.moves())["items"]
    found = await banks.academy.get(f"enrolments/{legacy['id']}", banks.academy.token)
    there = await banks.books(banks.there)
    assert answer.status_code == 200, answer.text
    assert (move["state"], move["order_id"], move["legacy"]) == ("MOVED", None, "2400.00")
    assert found["custody_account_id"] == banks.there
    assert [(d["reason"], d["amount"]) for d in there["debts"]] == [("LEGACY", "2400.00")]


async def test_a_half_funded_contract_takes_only_its_money(banks: Banks) -> None:
    declared = banks.academy.legacy("2400.00", 24)
    legacy = (await banks.academy.post("enrolments/legacy", banks.academy.token, declared)).json()
    await banks.academy.receipt("1000.00", kind="TOP_UP")

    move = await banks.instructed(enrolment_id=legacy["id"])
    await banks.sent(move, "1000.00")
    await banks.arrived(move, "1000.00")

    there = await banks.books(banks.there)
    assert (there["resource"], there["shortfall"]) == ("1000.00", "1400.00")


async def test_a_contract_that_owes_more_than_stands_on_it_stays(banks: Banks) -> None:
    declared = banks.academy.legacy("2400.00", 24)
    legacy = (await banks.academy.post("enrolments/legacy", banks.academy.token, declared)).json()
    code = legacy["payment_code"]
    taken = await banks.line(
        "debits", "ICBC", banks.here, "100.00", kind="CHARGEBACK", payment_code=code
    )

    refused = await banks.ask(enrolment_id=legacy["id"])

    assert taken["outcome"] == "CHARGEBACK"
    assert (refused.status_code, refused.json()["code"]) == (422, "payout_not_covered")


async def test_what_is_not_settled_keeps_an_enrolment(banks: Banks) -> None:
    await banks.academy.recorded(banks.enrolment)
    unsettled = await banks.ask()
    declared = banks.academy.legacy("2400.00", 24)
    bare = (await banks.academy.post("enrolments/legacy", banks.academy.token, declared)).json()
    await banks.academy.recorded(bare)
    unfunded = await banks.ask(enrolment_id=bare["id"])
    claimed = await banks.academy.enrolled()
    await filed(banks.academy, claimed)
    claim = await banks.ask(enrolment_id=claimed["id"])
    waiting = await banks.academy.opened()
    unpaid = await banks.ask(enrolment_id=waiting["id"])
    same = await banks.ask(
        enrolment_id=(await banks.academy.enrolled())["id"], custody_account_id=banks.here
    )

    codes = [answer.json()["code"] for answer in (unsettled, unfunded, claim, unpaid, same)]
    assert codes == [
        "lessons_unsettled",
        "lessons_unsettled",
        "enrolment_blocked",
        "wrong_state",
        "custody_account_invalid",
    ]


async def test_what_a_channel_has_not_settled_stays(banks: Banks) -> None:
    enrolment = await banks.academy.opened()
    capture = {
        "custody_account_id": banks.here,
        "channel": "WECHAT",
        "reference": "4200001",
        "amount": enrolment["price"],
        "captured_on": "2026-03-01",
        "payment_code": enrolment["payment_code"],
    }
    bank = banks.academy.district.banks["ICBC"]
    await banks.academy.post("channel-captures", bank, capture)

    refused = await banks.ask(enrolment_id=enrolment["id"])

    assert refused.json()["facts"]["cause"] == "receipt", refused.text


async def test_nobody_moves_at_the_cost_of_others(banks: Banks) -> None:
    bare = banks.academy.legacy("8000.00", 24)
    await banks.academy.post("enrolments/legacy", banks.academy.token, bare)
    taken = {"kind": "ERROR"}
    await banks.line("debits", "ICBC", banks.here, "1000.00", **taken)

    refused = await banks.ask()

    assert (refused.status_code, refused.json()["code"]) == (422, "payout_not_covered")


async def test_a_court_s_hold_and_a_freeze_keep_an_enrolment(banks: Banks) -> None:
    bank = banks.academy.district.banks["ICBC"]
    notice = {
        "custody_account_id": banks.here,
        "document_number": "(2026)渝1号",
        "amount": "4000.00",
        "ordered_on": "2026-03-02",
    }
    await banks.academy.post("court-orders", bank, notice)
    held = await banks.ask()
    frozen = {"state": "FROZEN"}
    await banks.academy.district.plant(Update(Institution, (banks.academy.institution,), frozen))
    stopped = await banks.ask()

    assert [a.json()["code"] for a in (held, stopped)] == ["hold_exceeded", "institution_frozen"]


async def test_an_account_that_is_closed_or_another_school_s_takes_no_enrolment(
    banks: Banks,
) -> None:
    district = banks.academy.district
    stranger = await district.plant_custody_account(await district.plant_institution())
    foreign = await banks.ask(custody_account_id=district.public("cus", stranger))
    await district.plant(Update(CustodyAccount, (banks.other,), {"state": "CLOSED"}))
    closed = await banks.ask()

    assert [a.json()["code"] for a in (foreign, closed)] == [
        "custody_account_unknown",
        "custody_account_invalid",
    ]


async def test_a_parent_sees_the_moves_of_their_own_child_only(banks: Banks) -> None:
    parent = await banks.academy.parent(banks.enrolment)
    stranger = await banks.academy.parent(await banks.academy.enrolled())
    move = await banks.instructed()

    own = await banks.academy.get(f"backing-moves/{move['id']}", parent)
    hidden = await banks.academy.district.service.get(f"/v1/backing-moves/{move['id']}", stranger)

    assert own["prepaid"] == "4791.66"
    assert (hidden.status_code, hidden.json()["code"]) == (404, "backing_move_unknown")


async def test_a_journal_with_moves_is_clean(database: Database, banks: Banks) -> None:
    declared = banks.academy.legacy("2400.00", 24)
    legacy = (await banks.academy.post("enrolments/legacy", banks.academy.token, declared)).json()
    await banks.approve(await banks.ask(enrolment_id=legacy["id"]))
    await banks.approve(await banks.ask())
    moves = (await banks.moves())["items"]
    (move,) = (m for m in moves if m["state"] == "INSTRUCTED")
    await banks.sent(move, "4791.66")
    halfway = await looked_at(database, banks.academy.district.journal)
    await banks.arrived(move, "4791.66")
    await banks.academy.confirmed(banks.enrolment)

    report = await looked_at(database, banks.academy.district.journal)

    found = [f"{f.check} {f.example}" for f in (*halfway.findings, *report.findings)]
    assert not found, "\n".join(found)
