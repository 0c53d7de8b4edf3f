"""Approvals over HTTP, with the reversal of a transaction as the command that waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from service.store import ids, journal_reads
from service.store.context import Context
from service.store.rows import table_of
from service.store.tables import JournalTransaction, Reversal
from tests.fixtures.academies import Academy
from tests.fixtures.service import District


async def ask(academy: Academy, transaction: str, **values: Any) -> httpx.Response:
    return await academy.district.service.post(
        f"/v1/transactions/{transaction}/reversal",
        academy.district.operator,
        {"reason": "WRONG_ENROLMENT"},
        **values,
    )


async def asked(academy: Academy, transaction: str, **values: Any) -> dict[str, Any]:
    answer = await ask(academy, transaction, **values)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def approve(
    academy: Academy, approval: dict[str, Any], token: str, **values: Any
) -> httpx.Response:
    body = {"payload_hash": approval["payload_hash"]} | values
    return await academy.post(f"approvals/{approval['id']}/approve", token, body)


async def reversed_by_two(academy: Academy, transaction: str) -> dict[str, Any]:
    approval = await asked(academy, transaction)
    answer = await approve(academy, approval, academy.district.second_operator)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
async def paid(academy: Academy) -> dict[str, Any]:
    """An enrolment whose whole price one receipt brought."""
    enrolment = await academy.opened()
    receipt = await academy.paid(enrolment, enrolment["price"])
    return {"enrolment": enrolment, "receipt": receipt}


# --- two people ---------------------------------------------------------------------------------


async def test_a_command_waits_and_changes_nothing_until_another_person_approves(
    academy: Academy, paid: dict[str, Any]
) -> None:
    approval = await asked(academy, paid["receipt"]["transaction_id"])

    assert (approval["state"], approval["command"]) == ("PENDING", "reverse_transaction")
    assert approval["payload"]["transaction_id"] == paid["receipt"]["transaction_id"]
    assert (await academy.money(paid["enrolment"]))["prepaid"] == "4999.99"


async def test_the_maker_cannot_approve_or_decline(academy: Academy, paid: dict[str, Any]) -> None:
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    operator = academy.district.operator

    own = await approve(academy, approval, operator)
    declined = await academy.post(
        f"approvals/{approval['id']}/decline", operator, {"reason": "UNPROVEN"}
    )

    assert (own.status_code, own.json()["code"]) == (409, "maker_is_checker")
    assert declined.json()["code"] == "maker_is_checker"


async def test_what_was_approved_must_be_what_was_seen(
    academy: Academy, paid: dict[str, Any]
) -> None:
    approval = await asked(academy, paid["receipt"]["transaction_id"])

    answer = await approve(
        academy, approval, academy.district.second_operator, payload_hash="0" * 64
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "version_stale")


async def test_an_approval_is_decided_once(academy: Academy, paid: dict[str, Any]) -> None:
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    await academy.post(
        f"approvals/{approval['id']}/decline", academy.district.regulator, {"reason": "UNPROVEN"}
    )

    late = await approve(academy, approval, academy.district.second_operator)
    read = await academy.get(f"approvals/{approval['id']}", academy.district.auditor)

    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")
    assert (read["state"], read["outcome"]) == ("DECLINED", {"reason": "UNPROVEN"})


async def test_an_approval_that_waited_three_days_has_expired(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    await district.service.store.move_clock(
        district.journal, datetime.now(UTC) + timedelta(days=3, minutes=1)
    )

    late = await approve(academy, approval, district.second_operator)
    expired = await academy.get("approvals", district.operator, state="EXPIRED")
    pending = await academy.get("approvals", district.operator, state="PENDING")

    assert (late.status_code, late.json()["code"]) == (422, "approval_expired")
    assert [found["id"] for found in expired["items"]] == [approval["id"]]
    assert expired["items"][0]["state"] == "EXPIRED"
    assert pending["items"] == []


async def test_a_role_that_may_not_check_a_command_is_refused(academy: Academy) -> None:
    body = {
        "target_type": "INSTITUTION",
        "target_id": academy.district.public("ins", academy.institution),
        "kind": "ENROL_STOP",
        "cause": "INSPECTION",
    }
    placed = await academy.post("restraints", academy.district.regulator, body)
    approval = await academy.post(
        f"restraints/{placed.json()['id']}/lift",
        academy.district.regulator,
        {"reason": "SETTLED"},
    )

    answer = await approve(academy, approval.json(), academy.district.operator)

    assert (answer.status_code, answer.json()["code"]) == (403, "verb_forbidden")


async def test_an_approval_in_another_journal_is_not_there(
    academy: Academy, paid: dict[str, Any], district: District
) -> None:
    await asked(academy, paid["receipt"]["transaction_id"])
    nobody = district.public("apr", academy.custody)

    answer = await district.service.get(f"/v1/approvals/{nobody}", district.operator)

    assert (answer.status_code, answer.json()["code"]) == (404, "approval_unknown")


async def test_the_makers_key_replays_what_became_of_the_approval(
    academy: Academy, paid: dict[str, Any]
) -> None:
    approval = await asked(academy, paid["receipt"]["transaction_id"], key="makers-key")
    await approve(academy, approval, academy.district.second_operator)

    replayed = await ask(academy, paid["receipt"]["transaction_id"], key="makers-key")

    assert replayed.status_code == 202
    assert replayed.headers["idempotency-replayed"] == "true"
    assert replayed.json()["state"] == "EXECUTED"


async def test_an_approved_command_is_posted_as_its_makers_under_the_makers_key(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"], key="makers-key")
    done = await approve(academy, approval, district.second_operator)

    reversing = done.json()["outcome"]["reversing_transaction_id"]
    source, seq = table_of(JournalTransaction), ids.parse_transaction(reversing)[1]
    async with district.service.store.reading(Context((district.journal,))) as connection:
        row = (
            await connection.execute(
                select(source.c.actor, source.c.idempotency_key, source.c.refs).where(
                    source.c.journal_id == district.journal, source.c.seq == seq
                )
            )
        ).one()
    assert (row.actor, row.idempotency_key) == (approval["maker"], "makers-key")
    assert str(ids.parse("apr", approval["id"])[1]) in row.refs
    assert done.json()["checker"] != approval["maker"]


# --- reversals ----------------------------------------------------------------------------------


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
