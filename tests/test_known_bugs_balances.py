"""Known bugs of other ledgers, each under its name: balances, limits, history.

Each docstring says what went wrong there, as its report tells it; the test is the same scenario in
our terms. What is about doing things twice is in test_known_bugs_twice.
"""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.calendars import midnight
from ledger.money import Money, total
from service.store import ids
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve, asked, reversed_by_two
from tests.fixtures.days import today
from tests.fixtures.payouts import Payouts


async def test_blnk_181_money_on_its_way_out_is_not_there_for_another_order(
    payouts: Payouts,
) -> None:
    """Balance checks looked at the current balance only.

    On 5,000 six debits in flight of 1,000 each were taken, and their commits made the balance
    negative. The sixth must be refused when it is asked for.
    """
    orders = [await payouts.ordered("41.66") for _ in range(5)]

    sixth = await payouts.ask("41.66")
    await payouts.academy.post("payment-orders/fetch", payouts.bank)
    for number, order in enumerate(orders):
        await payouts.debited(order, f"D-{number}")

    assert (sixth.status_code, sixth.json()["code"]) == (422, "balance_too_low")
    assert sixth.json()["facts"]["missing"] == "41.63"
    assert (await payouts.preview())["earned"] == "0.03"


async def test_blnk_182_what_was_rejected_cannot_be_committed_by_another_of_its_ids(
    payouts: Payouts,
) -> None:
    """A rejected transaction had a queued twin, and the twin could still be committed.

    The account was overdrawn. Here an order has one id: rejected, it is not accepted any more; and
    a refused request stays refused under its key, though it would succeed by now.
    """
    rejected = await payouts.fetched("108.33")
    await payouts.report(rejected, "REJECTED", reason="AC04")
    post, token = payouts.district.service.post, payouts.academy.token
    body = {"custody_account_id": payouts.custody_id, "amount": "250.00"}
    refused = await post("/v1/payouts", token, body, key="too-much")
    enrolment = await payouts.academy.enrolled()
    await payouts.academy.confirmed(enrolment)

    accepted = await payouts.report(rejected, "ACCEPTED")
    again = await post("/v1/payouts", token, body, key="too-much")

    assert (accepted.status_code, accepted.json()["code"]) == (409, "wrong_state")
    assert (refused.status_code, again.status_code) == (422, 422)
    assert again.json()["code"] == refused.json()["code"] == "balance_too_low"
    assert (await payouts.preview())["earned"] == "312.49"


async def test_blnk_182_what_was_declined_cannot_be_approved(
    academy: Academy, paid: dict[str, Any]
) -> None:
    """The same between two people: who declined has ended it, whoever comes later."""
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    second = academy.district.second_operator
    declined = await academy.post(
        f"approvals/{approval['id']}/decline", second, {"reason": "UNPROVEN"}
    )

    late = await approve(academy, approval, second)

    assert declined.status_code == 200, declined.text
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert (await academy.money(paid["enrolment"]))["prepaid"] == "4999.99"


@pytest.mark.parametrize(
    "amounts", [("150.00", "150.00"), ("58.33", "150.01"), ("9999.99", "1.00")]
)
async def test_blnk_183_a_batch_of_all_or_nothing_leaves_nothing_wherever_its_fault_stands(
    payouts: Payouts, amounts: tuple[str, str]
) -> None:
    """An atomic batch kept what stood above the item that failed.

    Whether the destination's balance stayed changed depended on the order of the items.
    """
    before = await payouts.preview()
    items = [{"custody_account_id": payouts.custody_id, "amount": amount} for amount in amounts]
    body = {"mode": "all_or_nothing", "items": items}

    answers = [
        await payouts.academy.post("payouts/batch", payouts.academy.token, body | {"items": order})
        for order in (items, items[::-1])
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    for answer in answers:
        codes = {result["code"] for result in answer.json()["results"]}
        assert codes == {"batch_refused", "balance_too_low"}
    assert await payouts.preview() == before
    assert await payouts.district.count("escrow.payment_order") == 0


async def test_midaz_2499_no_balance_is_read_from_anything_older_than_the_journal(
    academy: Academy,
) -> None:
    """Balances lived in a cache that was written down later, in the background.

    Where a key was evicted first, the next operation began from the stale row, and what lay between
    was gone without an error. Here every writer reads its accounts' last entries under the
    journal's lock: after each receipt the next one stands on it, through whichever connection.
    """
    enrolment = await academy.opened(price="100.00", lessons_paid=10)
    code = enrolment["payment_code"]

    seen: list[str] = []
    for _ in range(10):
        await academy.district.service.engine.dispose()  # What a process remembers is gone.
        await academy.receipt("10.00", payment_code=code, payer_name="张三")
        seen.append((await academy.money(enrolment))["prepaid"])

    assert seen == [f"{n}0.00" for n in range(1, 11)]


async def test_mojaloop_4375_every_receipt_is_in_one_day_though_the_day_ends_meanwhile(
    academy: Academy,
) -> None:
    """Settlement windows were closed by hand while transfers ran.

    When all was settled, one dollar of the payee's was still in its position: it belonged to no
    window. Here a date that ends under load cuts the journal at one place.
    """
    district = academy.district
    before = today() + timedelta(days=1)
    await district.service.store.move_clock(district.journal, midnight(before) + timedelta(hours=9))

    async def pays(n: int) -> dict[str, Any]:
        await asyncio.sleep(n / 100)
        return await academy.receipt(f"{n + 1}.00")

    async def ends() -> None:
        await asyncio.sleep(0.1)
        after = midnight(before + timedelta(days=1)) + timedelta(seconds=1)
        await district.service.store.move_clock(district.journal, after)

    receipts, _ = await asyncio.gather(asyncio.gather(*(pays(n) for n in range(24))), ends())
    read = [await _transaction(academy, each["transaction_id"]) for each in receipts]
    in_order = sorted(read, key=lambda each: ids.parse_transaction(each["id"])[1])
    dates = [date.fromisoformat(each["effective_on"]) for each in in_order]
    after = before + timedelta(days=1)
    first = total(
        [
            Money.of(receipt["amount"])
            for receipt, posted in zip(receipts, read, strict=True)
            if posted["effective_on"] == before.isoformat()
        ]
    )

    assert dates == sorted(dates)
    assert set(dates) <= {before, after}
    assert await _bank_money(academy, before) == first
    assert await _bank_money(academy, after) == Money.of("300.00")


async def test_medici_117_what_is_undone_today_changes_no_balance_of_yesterday(
    academy: Academy, paid: dict[str, Any]
) -> None:
    """Voiding wrote the opposite entry at today's date, and users wanted history without it.

    So it became possible to date a void back, with cached balances stale, and the one who had asked
    deleted the entries. Here a reversal is of today, and a past answer never changes: what was
    known then, and what is known now of then, are both asked for by name.
    """
    district = academy.district
    then = await academy.get("balances", district.regulator, adcode=district.code)
    asked_then = {"adcode": district.code, "known_at": then["known_at"], "as_of": then["as_of"]}
    first = await district.service.get("/v1/balances", district.regulator, **asked_then)

    done = await reversed_by_two(academy, paid["receipt"]["transaction_id"])
    again = await district.service.get("/v1/balances", district.regulator, **asked_then)
    now = await academy.get("balances", district.regulator, adcode=district.code)

    assert first.json()["prepaid"] == "4999.99"
    assert again.content == first.content
    assert now["prepaid"] == "0.00"
    for seq in (paid["receipt"]["transaction_id"], done["outcome"]["reversing_transaction_id"]):
        assert await academy.get(f"transactions/{seq}", district.auditor)


@pytest.mark.parametrize("amount", ["150.3", "150", "150.250", 150.3])
async def test_beancount_1045_an_amount_says_its_fen(academy: Academy, amount: object) -> None:
    """A transaction of 150.25 against 150.3 was taken without a word.

    The tolerance was inferred from how coarsely an amount was written, so that 0.05 were lost.
    """
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "R-1045",
        "amount": amount,
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
    }

    answer = await academy.post("receipts", academy.district.banks["ICBC"], body)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert answer.json()["errors"][0]["pointer"] == "/amount"


@pytest.mark.parametrize(("closing", "state"), [("150.25", "AGREED"), ("150.26", "DIFFERENT")])
async def test_beancount_1045_one_fen_is_a_difference(
    academy: Academy, closing: str, state: str
) -> None:
    """The same on the bank's side: no tolerance, and a day off by a fen is no agreement."""
    await academy.receipt("150.25")

    answer = await academy.stated(date(2026, 3, 1), closing)

    assert answer["state"] == state, answer


async def _transaction(academy: Academy, transaction: str) -> dict[str, Any]:
    return dict(await academy.get(f"transactions/{transaction}", academy.district.auditor))


async def _bank_money(academy: Academy, on: date) -> Money:
    district = academy.district
    found = await academy.get(
        "balances", district.regulator, adcode=district.code, as_of=on.isoformat()
    )
    return Money.of(found["bank_money"])
