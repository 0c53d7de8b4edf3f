"""Reversals over HTTP: the mirror, the right transaction after it, and what is never undone."""

from typing import Any

from sqlalchemy import select

from service.store import ids, journal_reads
from service.store.context import Context
from service.store.rows import table_of
from service.store.tables import Reversal
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve, ask, asked, reversed_by_two


async def test_a_reversed_receipt_leaves_the_enrolment_and_stands_in_suspense(
    academy: Academy, paid: dict[str, Any]
) -> None:
    await reversed_by_two(academy, paid["receipt"]["transaction_id"])

    receipt = await academy.get(f"receipts/{paid['receipt']['id']}", academy.district.operator)
    enrolment = await academy.get(f"enrolments/{paid['enrolment']['id']}", academy.token)
    assert (receipt["outcome"], receipt["suspense"]) == ("SUSPENSE", "4999.99")
    assert receipt["enrolment_id"] is None
    assert enrolment["state"] == "AWAITING_PAYMENT"
    assert enrolment["money"]["prepaid"] == "0.00"


async def test_a_reversed_receipt_can_be_matched_to_the_right_enrolment(
    academy: Academy, paid: dict[str, Any]
) -> None:
    other = await academy.opened()
    await reversed_by_two(academy, paid["receipt"]["transaction_id"])

    matched = await academy.post(
        f"receipts/{paid['receipt']['id']}/match",
        academy.district.operator,
        {"enrolment_id": other["id"]},
    )

    assert matched.status_code < 300, matched.text
    assert (await academy.money(other))["prepaid"] == "4999.99"


async def test_a_reversal_is_the_exact_mirror_and_linked_both_ways(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    done = await reversed_by_two(academy, paid["receipt"]["transaction_id"])

    wrong = ids.parse_transaction(paid["receipt"]["transaction_id"])[1]
    mirror = ids.parse_transaction(done["outcome"]["reversing_transaction_id"])[1]
    async with district.service.store.reading(Context((district.journal,))) as connection:
        found = await journal_reads.transactions(connection, district.journal, [wrong, mirror])
        source = table_of(Reversal)
        linked = (
            await connection.execute(
                select(source.c.reversed_seq, source.c.reversing_seq).where(
                    source.c.journal_id == district.journal
                )
            )
        ).all()
    assert found[mirror].transfers == tuple(t.mirrored() for t in found[wrong].transfers)
    assert found[mirror].references["reverses"] == paid["receipt"]["transaction_id"]
    assert [tuple(row) for row in linked] == [(wrong, mirror)]


async def test_a_transaction_is_reversed_once(academy: Academy, paid: dict[str, Any]) -> None:
    first = await asked(academy, paid["receipt"]["transaction_id"])
    second = await asked(academy, paid["receipt"]["transaction_id"])
    done = await approve(academy, first, academy.district.second_operator)

    late = await approve(academy, second, academy.district.second_operator)
    again = await ask(academy, paid["receipt"]["transaction_id"])
    of_the_reversal = await ask(academy, done.json()["outcome"]["reversing_transaction_id"])

    assert (late.status_code, late.json()["code"]) == (409, "already_reversed")
    assert again.json()["code"] == "already_reversed"
    assert (of_the_reversal.status_code, of_the_reversal.json()["code"]) == (422, "not_reversible")


async def test_what_an_institution_earned_is_not_reversed_by_hand(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    confirmed = await academy.confirmed(enrolment)

    answer = await ask(academy, confirmed["transaction_id"])

    assert (answer.status_code, answer.json()["code"]) == (422, "not_reversible")


async def test_a_receipt_of_lessons_already_taken_is_not_reversed(
    academy: Academy, paid: dict[str, Any]
) -> None:
    await academy.recorded(paid["enrolment"])

    answer = await ask(academy, paid["receipt"]["transaction_id"])

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_receipt_in_suspense_is_matched_or_returned_not_reversed(
    academy: Academy,
) -> None:
    held = await academy.receipt("88.00")

    answer = await ask(academy, held["transaction_id"])

    assert (answer.status_code, answer.json()["code"]) == (422, "not_reversible")


async def test_a_wrong_match_puts_the_money_back_in_suspense(academy: Academy) -> None:
    enrolment = await academy.opened()
    held = await academy.receipt("1000.00")
    matched = await academy.post(
        f"receipts/{held['id']}/match",
        academy.district.operator,
        {"enrolment_id": enrolment["id"]},
    )

    await reversed_by_two(academy, matched.json()["transaction_id"])

    receipt = await academy.get(f"receipts/{held['id']}", academy.district.operator)
    assert (receipt["outcome"], receipt["suspense"]) == ("SUSPENSE", "1000.00")
    assert (await academy.money(enrolment))["prepaid"] == "0.00"


async def test_a_wrong_top_up_opens_the_gap_again(academy: Academy) -> None:
    declared = await academy.post("enrolments/legacy", academy.token, academy.legacy("3000.00", 30))
    assert declared.status_code == 201, declared.text
    top_up = await academy.receipt("3500.00", kind="TOP_UP")

    await reversed_by_two(academy, top_up["transaction_id"])

    preview = await academy.get(
        "payouts/preview",
        academy.token,
        custody_account_id=academy.district.public("cus", academy.custody),
    )
    assert (preview["own_funds"], preview["shortfall"]) == ("0.00", "3000.00")
    assert preview["debts"] == [{"reason": "LEGACY", "amount": "3000.00"}]


async def test_a_charge_the_bank_may_not_take_is_due_from_the_bank(academy: Academy) -> None:
    await academy.receipt("100.00")
    custody = academy.district.public("cus", academy.custody)
    fee = {
        "custody_account_id": custody,
        "bank_ref": "F-1",
        "amount": "5.00",
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "CHARGE",
    }
    charged = await academy.post("debits", academy.district.banks["ICBC"], fee)

    await reversed_by_two(academy, charged.json()["transaction_id"])

    preview = await academy.get("payouts/preview", academy.token, custody_account_id=custody)
    assert preview["debts"] == []
    assert (preview["resource"], preview["shortfall"]) == ("95.00", "5.00")


async def test_a_legacy_contract_taken_on_by_mistake_is_let_go(academy: Academy) -> None:
    declared = await academy.post("enrolments/legacy", academy.token, academy.legacy("3000.00", 30))

    await reversed_by_two(academy, declared.json()["transaction_id"])

    enrolment = await academy.get(f"enrolments/{declared.json()['id']}", academy.token)
    assert (enrolment["state"], enrolment["money"]["prepaid"]) == ("LAPSED", "0.00")


async def test_a_transaction_that_is_not_there_is_not_reversed(academy: Academy) -> None:
    answer = await ask(academy, ids.public_transaction(academy.district.journal, 999))
    unreadable = await ask(academy, "txn_1")

    assert (answer.status_code, answer.json()["code"]) == (404, "transaction_unknown")
    assert unreadable.json()["code"] == "transaction_unknown"
