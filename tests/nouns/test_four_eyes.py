"""Four eyes over HTTP: words bound to their hash, two people who still may, sums, expiry, races."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.approvals.sweep import close_expired
from service.identity import tokens
from service.identity.callers import Role
from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve, asked
from tests.fixtures.service import District

ACCOUNT = {"name": "新户名有限公司", "account_number": "888800000000000002", "bank_name": "某行"}


async def settlement_asked(academy: Academy, **account: str) -> Any:
    ins = academy.district.public("ins", academy.institution)
    body = {"settlement_account": ACCOUNT | account}
    return await academy.post(
        f"institutions/{ins}/settlement-account", academy.district.regulator, body
    )


def zh(approval: dict[str, Any]) -> str:
    return "\n".join(line["zh"] for line in approval["words"])


async def test_the_words_say_what_moves_in_figures_and_capitals_and_whose_it_is(
    academy: Academy, paid: dict[str, Any]
) -> None:
    approval = await asked(academy, paid["receipt"]["transaction_id"])

    said = zh(approval)

    assert approval["kind"] == "CORRECTION"
    assert approval["words"][0] == {"zh": "冲正凭证", "en": "Reverse a transaction"}
    assert "「学员未消课款」减少 4999.99 元(人民币肆仟玖佰玖拾玖元玖角玖分)" in said
    assert "「待核款」增加 4999.99 元" in said
    assert approval["maker"] in said
    assert "一律须两人办理" in said


async def test_another_settlement_account_waits_for_a_second_regulator(academy: Academy) -> None:
    district = academy.district
    ins = district.public("ins", academy.institution)
    before = await academy.get(f"institutions/{ins}", district.auditor)

    answer = await settlement_asked(academy)
    own = await approve(academy, answer.json(), district.regulator)
    meanwhile = await academy.get(f"institutions/{ins}", district.auditor)
    done = await approve(academy, answer.json(), district.second_regulator)
    after = await academy.get(f"institutions/{ins}", district.auditor)

    assert answer.status_code == 202
    assert "新*****司 ****0002 某行" in zh(answer.json())
    assert "自批准之日起付至新账户" in zh(answer.json())
    assert "888800000000000002" not in answer.text
    assert own.json()["code"] == "maker_is_checker"
    assert meanwhile["settlement_party_id"] == before["settlement_party_id"]
    assert done.status_code == 200, done.text
    assert after["settlement_party_id"] == answer.json()["payload"]["payee_party_id"]


async def test_what_was_approved_is_kept_in_words_without_the_payees_name(
    academy: Academy,
) -> None:
    answer = await settlement_asked(academy)
    shown = answer.json()
    await approve(academy, shown, academy.district.second_regulator)

    read = await academy.get(f"approvals/{shown['id']}", academy.district.auditor)

    assert read["payload_hash"] == shown["payload_hash"]
    assert shown["payload"]["payee_party_id"] in zh(read)
    assert "****0002" not in zh(read)


async def test_words_that_have_changed_since_must_be_read_again(academy: Academy) -> None:
    district = academy.district
    ins = district.public("ins", academy.institution)
    place = {"target_type": "INSTITUTION", "target_id": ins, "kind": "FREEZE", "cause": "FLIGHT"}
    first = (await academy.post("restraints", district.regulator, place)).json()
    lift = await academy.post(
        f"restraints/{first['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    await district.plant(Update(Institution, (academy.institution,), {"name": "改名后的学校"}))

    stale = await approve(academy, lift.json(), district.second_regulator)
    fresh = await academy.get(f"approvals/{lift.json()['id']}", district.second_regulator)
    done = await approve(academy, fresh, district.second_regulator)

    assert "机构状态:FROZEN → LICENSED" in zh(lift.json())
    assert (stale.status_code, stale.json()["code"]) == (409, "version_stale")
    assert "改名后的学校" in zh(fresh)
    assert done.status_code == 200, done.text


async def test_what_cannot_be_carried_out_now_is_said_before_anybody_approves(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    again = await asked(academy, paid["receipt"]["transaction_id"])
    await approve(academy, approval, district.second_operator)

    read = await academy.get(f"approvals/{again['id']}", district.second_operator)

    assert "按目前事实不能执行" in zh(read)
    assert "already_reversed" in zh(read)


async def test_nothing_of_a_maker_who_was_revoked_is_carried_out(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    async with district.service.engine.begin() as connection:
        await tokens.revoke(connection, caller_id=approval["maker"], at=datetime.now(UTC))

    refused = await approve(academy, approval, district.second_operator)
    declined = await academy.post(
        f"approvals/{approval['id']}/decline", district.second_operator, {"reason": "GONE"}
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "maker_revoked")
    assert declined.status_code == 200


async def test_one_person_with_two_tokens_is_one_person(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    other = await district.service.token(
        Role.OPERATOR, tokens.Scope(district.code), caller_id=approval["maker"]
    )

    refused = await approve(academy, approval, other)

    assert refused.json()["code"] == "maker_is_checker"


async def test_of_two_checkers_at_once_one_carries_it_out(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"])

    answers = await asyncio.gather(
        approve(academy, approval, district.second_operator),
        approve(academy, approval, district.regulator),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert {a.json().get("code") for a in answers if a.status_code == 409} == {"wrong_state"}
    assert (await academy.money(paid["enrolment"]))["prepaid"] == "0.00"


async def test_what_expired_is_closed_by_the_sweep_and_said_in_the_journal(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    approval = await asked(academy, paid["receipt"]["transaction_id"])
    early = await close_expired(district.service.store, district.journal)
    await district.service.store.move_clock(
        district.journal, datetime.now(UTC) + timedelta(days=3, minutes=1)
    )

    closed = await close_expired(district.service.store, district.journal)
    again = await close_expired(district.service.store, district.journal)
    read = await academy.get(f"approvals/{approval['id']}", district.auditor)

    assert (early, closed, again) == (0, 1, 0)
    assert read["state"] == "EXPIRED"
    assert read["decided_at"] is not None


async def test_the_list_shows_what_waits_for_me_and_how_much_waits(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    await asked(academy, paid["receipt"]["transaction_id"])
    await settlement_asked(academy)

    mine = await academy.get("approvals", district.second_operator, waiting_for_me="true")
    own = await academy.get("approvals", district.operator, waiting_for_me="true")
    kind = await academy.get("approvals", district.auditor, kind="SETTLEMENT_ACCOUNT")
    counted = await academy.get("approvals/counts", district.second_regulator)

    assert [item["command"] for item in mine["items"]] == ["reverse_transaction"]
    assert mine["items"][0]["words"]
    assert own["items"] == []
    assert [item["command"] for item in kind["items"]] == ["change_settlement_account"]
    assert counted == {
        "pending": 2,
        "waiting_for_me": 2,
        "by_kind": {"CORRECTION": 1, "SETTLEMENT_ACCOUNT": 1},
    }


@pytest.mark.parametrize("amounts", [["3000.00", "1999.98", "0.03"]])
async def test_matching_in_pieces_needs_a_second_person_at_the_piece_that_crosses(
    academy: Academy, amounts: list[str]
) -> None:
    district: District = academy.district
    enrolment = await academy.opened()
    codes: list[int] = []
    limits: list[Any] = []

    for amount in amounts:
        receipt = await academy.receipt(amount, payment_code=None)
        answer = await academy.post(
            f"receipts/{receipt['id']}/match", district.operator, {"enrolment_id": enrolment["id"]}
        )
        codes.append(answer.status_code)
        limits.append(answer.json().get("limit"))

    assert codes == [201, 201, 202]
    assert limits[-1] == {"crossed": "PAYEE_SUM", "figure": "5000.01", "limit": "5000.00"}


async def test_refunds_to_one_account_count_together_whoever_the_contract_is_for(
    academy: Academy,
) -> None:
    district = academy.district
    claims: list[str] = []
    for _ in range(2):
        enrolment = await academy.opened()
        await academy.receipt(
            enrolment["price"],
            payment_code=enrolment["payment_code"],
            payer_name="张三",
            payer_account="6222020000000000001",
        )
        filed = await academy.post(
            "claims", await academy.parent(enrolment), claim_of(enrolment["id"])
        )
        assert filed.status_code == 201, filed.text
        await academy.post(f"claims/{filed.json()['id']}/agree", academy.token)
        claims.append(filed.json()["id"])

    first, second = [
        await academy.post(f"claims/{claim}/approve", district.regulator) for claim in claims
    ]

    assert first.status_code == 200, first.text
    assert second.status_code == 202
    assert second.json()["limit"]["crossed"] == "PAYEE_SUM"
    assert second.json()["limit"]["figure"] == "9999.98"


def claim_of(enrolment: str) -> dict[str, Any]:
    """A claim for all of a contract of which nothing was taken."""
    return {"enrolment_id": enrolment, "reason": "INSTITUTION", "note": "停课", "evidence": []}
