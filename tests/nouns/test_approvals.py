"""Approvals over HTTP, with the reversal of a transaction as the command that waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from service.store import ids
from service.store.context import Context
from service.store.rows import table_of
from service.store.tables import JournalTransaction
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve, ask, asked
from tests.fixtures.service import District


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
