"""Known bugs of other ledgers, each under its name: what was done twice, or under a wrong key.

Each docstring says what went wrong there, as its report tells it; the test is the same scenario in
our terms. What is about balances is in test_known_bugs_balances.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve, ask, asked, reversed_by_two
from tests.fixtures.payouts import Payouts


async def test_blnk_374_a_second_reversal_is_refused_and_moves_nothing(
    academy: Academy, paid: dict[str, Any]
) -> None:
    """A refund asked for again was answered 409, and meanwhile reversed the first refund.

    The money was back where it came from while the caller took the answer for a harmless
    duplicate.
    """
    wrong = paid["receipt"]["transaction_id"]
    done = await reversed_by_two(academy, wrong)
    count = await academy.district.count("escrow.journal_transaction")
    receipt = await academy.get(f"receipts/{paid['receipt']['id']}", academy.district.operator)

    again = [await ask(academy, wrong) for _ in range(2)]
    of_the_reversal = await ask(academy, done["outcome"]["reversing_transaction_id"])

    assert [(each.status_code, each.json()["code"]) for each in again] == [
        (409, "already_reversed")
    ] * 2
    assert of_the_reversal.status_code == 422
    assert await academy.district.count("escrow.journal_transaction") == count
    assert (await academy.money(paid["enrolment"]))["prepaid"] == "0.00"
    assert receipt == await academy.get(
        f"receipts/{paid['receipt']['id']}", academy.district.operator
    )


async def test_midaz_1519_a_pending_lesson_is_confirmed_once_though_asked_twice_at_once(
    academy: Academy,
) -> None:
    """Two commits of one pending transaction, sent at the same time, were both carried out."""
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    parent = await academy.parent(enrolment)
    count = await academy.district.count("escrow.journal_transaction")

    answers = await asyncio.gather(
        *(academy.post(f"lessons/{lesson['id']}/confirm", parent) for _ in range(8))
    )

    money = await academy.money(enrolment)
    assert {answer.status_code for answer in answers} == {200}
    posted = [answer.json()["transaction_id"] for answer in answers]
    assert len([each for each in posted if each is not None]) == 1
    assert await academy.district.count("escrow.journal_transaction") == count + 1
    assert (money["prepaid"], money["pending"]) == ("4895.83", "0.00")


async def test_midaz_1519_an_approval_is_carried_out_once_though_given_twice_at_once(
    academy: Academy, paid: dict[str, Any]
) -> None:
    """The same between two people: the second person's double click executes once."""
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    count = await academy.district.count("escrow.reversal")

    answers = await asyncio.gather(
        *(approve(academy, approval, academy.district.second_operator) for _ in range(6))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert await academy.district.count("escrow.reversal") == count + 1


async def test_midaz_2492_of_confirming_and_disputing_at_once_one_happens(
    academy: Academy,
) -> None:
    """A commit and a cancel of one pending transaction could both land.

    The lock or the status that should part them was lost between two stores.
    """
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    for _ in range(4):
        lesson = await academy.recorded(enrolment)
        path = f"lessons/{lesson['id']}"

        confirmed, disputed = await asyncio.gather(
            academy.post(f"{path}/confirm", parent),
            academy.post(f"{path}/dispute", parent, {"reason": "NOT_HELD"}),
        )

        stands = await academy.get(path, academy.token)
        done = {confirmed.status_code: "CONFIRMED", disputed.status_code: "DISPUTED"}
        assert sorted((confirmed.status_code, disputed.status_code)) == [200, 409]
        assert stands["state"] == done[200]


async def test_midaz_a_key_is_good_for_ever_and_for_one_body_only(payouts: Payouts) -> None:
    """An idempotency key was kept for 300 seconds, and the body never compared.

    Another payload under a known key was answered 200 with the first transaction, its own content
    ignored; after five minutes the same request was carried out again.
    """
    post, token = payouts.district.service.post, payouts.academy.token
    body = {"custody_account_id": payouts.custody_id, "amount": "100.00"}
    first = await post("/v1/payouts", token, body, key="midaz")

    other = await post("/v1/payouts", token, body | {"amount": "1.00"}, key="midaz")
    with payouts.machine_later(301):
        five_minutes = await post("/v1/payouts", token, body, key="midaz")
    year = datetime.now(UTC) + timedelta(days=365)
    await payouts.district.service.store.move_clock(payouts.district.journal, year)
    with payouts.machine_later(366 * 86_400):
        a_year = await post("/v1/payouts", token, body, key="midaz")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    for later in (five_minutes, a_year):
        assert later.headers["idempotency-replayed"] == "true"
        assert later.content == first.content
    assert await payouts.district.count("escrow.payment_order") == 1


async def test_formance_1601_a_key_used_otherwise_is_no_fault_of_ours(
    academy: Academy, paid: dict[str, Any]
) -> None:
    """Reverting under a key that had reverted something else was a 500.

    The one command of them all that took its errors another way; a client took a plain refusal for
    a failure, and tried again.
    """
    other = await academy.receipt("88.00")
    post, operator = academy.district.service.post, academy.district.operator
    path = "/v1/transactions/{}/reversal"
    wrong = paid["receipt"]["transaction_id"]
    first = await post(path.format(wrong), operator, {"reason": "WRONG_ENROLMENT"}, key="formance")

    again = await post(
        path.format(other["transaction_id"]),
        operator,
        {"reason": "WRONG_ENROLMENT"},
        key="formance",
    )

    assert first.status_code == 202, first.text
    assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")


async def test_mojaloop_3527_one_transfer_id_is_one_transfer_though_sent_again_changed(
    academy: Academy,
) -> None:
    """The check of duplicate transfer ids was in doubt after an upgrade.

    The same reference of the bank is the same money, alone or within one batch; with another amount
    it is a contradiction and posts nothing.
    """
    line = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "R-3527",
        "amount": "100.00",
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
    }
    bank = academy.district.banks["ICBC"]

    at_once = await asyncio.gather(*(academy.post("receipts", bank, line) for _ in range(4)))
    batch = await academy.post("receipts/batch", bank, {"items": [line, line]})
    changed = await academy.post("receipts", bank, line | {"amount": "100.01"})

    assert sorted(answer.status_code for answer in at_once) == [200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in at_once}) == 1
    assert [item["code"] for item in batch.json()["results"]] == ["duplicate", "duplicate"]
    assert (changed.status_code, changed.json()["code"]) == (409, "bank_entry_contradicted")
    assert await academy.district.count("escrow.bank_entry") == 1


async def test_fineract_574_a_rejection_posts_its_entries_once(payouts: Payouts) -> None:
    """Rejecting a share account posted the journal entries of it twice.

    Here a bank rejects an order of the school's: said six times at once, and once more later, it
    gives the money back once, and exactly what was taken.
    """
    order = await payouts.fetched("108.33")
    count = await payouts.district.count("escrow.journal_transaction")

    answers = await asyncio.gather(
        *(payouts.report(order, "REJECTED", reason="AC04") for _ in range(6))
    )
    later = await payouts.report(order, "REJECTED", reason="AC04")

    posted = [answer.json().get("transaction_id") for answer in (*answers, later)]
    assert {answer.json()["state"] for answer in (*answers, later)} == {"REJECTED"}
    assert len([each for each in posted if each is not None]) == 1
    assert await payouts.district.count("escrow.journal_transaction") == count + 1
    assert (await payouts.preview())["earned"] == "208.33"
