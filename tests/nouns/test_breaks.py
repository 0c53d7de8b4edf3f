"""Breaks over HTTP: what each kind is told by, and how one is explained, signed off and closed."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fixtures import statement_writers as writers
from tests.fixtures.days import today
from tests.fixtures.statement_uploads import Uploads

DAY = "2026-03-02"


def custody(uploads: Uploads) -> str:
    return uploads.academy.district.public("cus", uploads.academy.custody)


async def reconciled(uploads: Uploads, day: str = DAY) -> dict[str, Any]:
    body = {"custody_account_id": custody(uploads), "day": day}
    answer = await uploads.academy.post("reconciliations", uploads.academy.district.operator, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def found(uploads: Uploads) -> list[dict[str, Any]]:
    """Read what reconciliations found and still find, without what the bank only said."""
    listed = await uploads.academy.get("breaks", uploads.academy.token)
    standing = [each for each in listed["items"] if each["state"] != "CLOSED"]
    return [each for each in standing if each["kind"] != "CONTRADICTED"]


async def push(uploads: Uploads, amount: str, day: str = DAY, **values: Any) -> dict[str, Any]:
    return await uploads.academy.receipt(amount, book_on=day, value_on=day, **values)


async def differing(uploads: Uploads, fen: int) -> dict[str, Any]:
    """Deliver a day of which the bank has so much more, and reconcile it; return its break."""
    body = {
        "custody_account_id": custody(uploads),
        "day": DAY,
        "opening": "0.00",
        "closing": f"{fen // 100}.{fen % 100:02d}",
        "credit_count": 1,
        "credit_sum": f"{fen // 100}.{fen % 100:02d}",
        "debit_count": 0,
        "debit_sum": "0.00",
    }
    bank = uploads.academy.district.banks["ICBC"]
    answer = await uploads.academy.post("statements", bank, body)
    assert answer.status_code == 201, answer.text
    await reconciled(uploads)
    [one] = await found(uploads)
    return one


async def sign_off(uploads: Uploads, one: dict[str, Any]) -> httpx.Response:
    body = {"cause": "BANK_CUT_OFF"}
    operator = uploads.academy.district.operator
    return await uploads.academy.post(f"breaks/{one['id']}/sign-off", operator, body)


# --- kinds --------------------------------------------------------------------------------------


async def test_a_line_of_another_amount_than_the_push_is_an_amount_break(uploads: Uploads) -> None:
    line = uploads.entry(10_000)
    pushed = await push(uploads, "100.01", bank_ref=line.bank_ref)
    await uploads.sent(uploads.camt(line))

    made = await reconciled(uploads)

    [one] = await found(uploads)
    assert made["difference"] == "-0.01"
    assert (one["kind"], one["amount"], one["owner"]) == ("AMOUNT", "-0.01", "BANK")
    assert (one["subject"], one["subject_key"]) == ("BANK_ENTRY", pushed["id"])


async def test_a_push_that_its_statement_lacks_is_late_at_first(uploads: Uploads) -> None:
    pushed = await push(uploads, "100.00", today().isoformat())
    await uploads.sent(uploads.camt(uploads.entry(5_000), day=today().isoformat()))

    await reconciled(uploads, today().isoformat())

    [one] = await found(uploads)
    assert (one["kind"], one["amount"], one["subject_key"]) == ("TIMING", "-100.00", pushed["id"])


async def test_a_push_that_never_came_on_a_statement_is_the_banks_error(uploads: Uploads) -> None:
    await push(uploads, "100.00")
    await uploads.sent(uploads.camt(uploads.entry(5_000)))

    await reconciled(uploads)

    [one] = await found(uploads)
    assert (one["kind"], one["amount"]) == ("BANK_ERROR", "-100.00")


async def test_a_push_that_only_a_report_of_the_day_showed_is_the_banks_error(
    uploads: Uploads,
) -> None:
    line = uploads.entry(10_000)
    pushed = await push(uploads, "100.00", bank_ref=line.bank_ref)
    await uploads.sent(writers.camt(uploads.statement(line), message="052"))
    await uploads.sent(uploads.camt(uploads.entry(5_000)))

    await reconciled(uploads)

    [one] = await found(uploads)
    assert (one["kind"], one["amount"], one["subject_key"]) == (
        "BANK_ERROR",
        "-100.00",
        pushed["id"],
    )


async def test_a_push_that_a_report_contradicted_and_the_statement_lacks_is_one_break(
    uploads: Uploads,
) -> None:
    line = uploads.entry(10_000)
    await push(uploads, "100.01", bank_ref=line.bank_ref)
    await uploads.sent(writers.camt(uploads.statement(line), message="052"))
    await uploads.sent(uploads.camt(uploads.entry(5_000)))

    await reconciled(uploads)

    [one] = await found(uploads)
    assert (one["kind"], one["amount"]) == ("BANK_ERROR", "-100.01")


async def test_a_fee_that_could_not_be_posted_is_an_unposted_fee(uploads: Uploads) -> None:
    fee = {
        "custody_account_id": custody(uploads),
        "bank_ref": "F-1",
        "amount": "500.00",
        "book_on": DAY,
        "value_on": DAY,
        "kind": "CHARGE",
    }
    kept = await uploads.academy.post("debits", uploads.academy.district.banks["ICBC"], fee)
    await uploads.sent(uploads.camt(uploads.entry(10_000), opening=500))

    made = await reconciled(uploads)

    kinds = {one["kind"]: one["amount"] for one in await found(uploads)}
    assert kept.json()["outcome"] == "KEPT"
    assert made["difference"] == "5.00"
    assert kinds == {"UNPOSTED_FEE": "-500.00", "UNMATCHED": "505.00"}


async def test_the_amounts_of_the_breaks_add_up_to_the_difference(uploads: Uploads) -> None:
    line = uploads.entry(10_000)
    await push(uploads, "90.00", bank_ref=line.bank_ref)
    await push(uploads, "33.00")
    await uploads.sent(uploads.camt(line, uploads.entry(-500), opening=1_000))

    made = await reconciled(uploads)

    amounts = [Decimal(one["amount"]) for one in await found(uploads)]
    assert len(amounts) == 4
    assert str(sum(amounts)) == made["difference"]


async def test_a_later_line_closes_the_break_that_it_explains(uploads: Uploads) -> None:
    pushed = await push(uploads, "100.00", "2026-03-03", bank_ref="LATE-1")
    await uploads.sent(uploads.camt(uploads.entry(5_000), sequence=61))
    before = await reconciled(uploads, "2026-03-03")
    late = uploads.entry(10_000)

    await uploads.sent(
        uploads.camt(late, opening=5_000, day="2026-03-03", sequence=62).replace(
            late.bank_ref.encode(), b"LATE-1"
        )
    )
    after = await reconciled(uploads, "2026-03-03")

    assert pushed["bank_ref"] == "LATE-1"
    assert (before["statement_on"], after["statement_on"]) == (DAY, "2026-03-03")
    assert (after["difference"], after["breaks_open"]) == ("0.00", 0)


# --- people -------------------------------------------------------------------------------------


async def test_a_break_is_given_to_somebody(uploads: Uploads) -> None:
    one = await differing(uploads, 10_000)

    answer = await uploads.academy.post(
        f"breaks/{one['id']}/assign",
        uploads.academy.district.regulator,
        {"assignee": "operator-wang"},
    )

    assert (answer.status_code, answer.json()["assignee"]) == (200, "operator-wang")


async def test_one_person_signs_off_up_to_the_limit_and_the_break_stays_in_sight(
    uploads: Uploads,
) -> None:
    one = await differing(uploads, 500_000)

    signed = await sign_off(uploads, one)
    made = await reconciled(uploads)

    assert (signed.status_code, signed.json()["state"]) == (200, "SIGNED_OFF")
    assert signed.json()["cause"] == "BANK_CUT_OFF"
    assert (made["breaks_open"], made["difference"]) == (1, "5000.00")
    assert [each["state"] for each in await found(uploads)] == ["SIGNED_OFF"]


async def test_two_people_sign_off_above_the_limit(uploads: Uploads) -> None:
    one = await differing(uploads, 500_001)
    district = uploads.academy.district

    asked = await sign_off(uploads, one)
    body = {"payload_hash": asked.json()["payload_hash"]}
    path = f"approvals/{asked.json()['id']}/approve"
    approved = await uploads.academy.post(path, district.second_operator, body)

    assert (asked.status_code, asked.json()["limit"]["crossed"]) == (202, "AMOUNT")
    assert approved.status_code == 200, approved.text
    assert [each["state"] for each in await found(uploads)] == ["SIGNED_OFF"]


async def test_what_was_signed_off_and_turns_out_otherwise_is_open_again(uploads: Uploads) -> None:
    one = await differing(uploads, 10_000)
    await sign_off(uploads, one)

    await push(uploads, "40.00")
    await reconciled(uploads)

    [again] = await found(uploads)
    assert (again["id"], again["state"], again["amount"]) == (one["id"], "OPEN", "60.00")
    assert (again["cause"], again["signed_off_by"]) == (None, None)


async def test_nothing_is_signed_off_twice(uploads: Uploads) -> None:
    one = await differing(uploads, 10_000)
    await sign_off(uploads, one)

    again = await sign_off(uploads, one)

    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_closed_break_is_given_to_nobody(uploads: Uploads) -> None:
    one = await differing(uploads, 10_000)
    await push(uploads, "100.00")
    await reconciled(uploads)

    answer = await uploads.academy.post(
        f"breaks/{one['id']}/assign",
        uploads.academy.district.operator,
        {"assignee": "operator-wang"},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


# --- reading ------------------------------------------------------------------------------------


async def test_a_reconciliation_is_read_with_the_breaks_that_stand(uploads: Uploads) -> None:
    one = await differing(uploads, 10_000)
    bank = uploads.academy.district.banks["ICBC"]
    listed = await uploads.academy.get("reconciliations", bank, external="DIFFERENT")

    read = await uploads.academy.get(f"reconciliations/{listed['items'][0]['id']}", bank)

    assert [each["id"] for each in read["breaks"]] == [one["id"]]
    assert read["orders"] == []


async def test_breaks_are_listed_by_class_state_and_level(uploads: Uploads) -> None:
    one = await differing(uploads, 10_000)
    get, auditor = uploads.academy.get, uploads.academy.district.auditor

    same = await get("breaks", auditor, kind="UNMATCHED", state="OPEN", level=0)
    other = await get("breaks", auditor, kind="DUPLICATE")

    assert [each["id"] for each in same["items"]] == [one["id"]]
    assert other["items"] == []


@pytest.mark.parametrize("path", ["reconciliations/rec_x", "breaks/brk_x"])
async def test_what_is_not_there_is_unknown(uploads: Uploads, path: str) -> None:
    district = uploads.academy.district

    answer = await district.service.get(f"/v1/{path}", district.operator)

    assert answer.status_code == 404


async def test_looking_at_an_older_day_leaves_what_arose_later_alone(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(5_000), sequence=61))
    await push(uploads, "100.00", "2026-03-03")
    late = uploads.camt(uploads.entry(7_000), opening=5_000, day="2026-03-03", sequence=62)
    await uploads.sent(late)
    newer = await reconciled(uploads, "2026-03-03")

    older = await reconciled(uploads, DAY)

    assert (newer["breaks_open"], newer["difference"]) == (1, "-100.00")
    assert (older["breaks_open"], older["difference"]) == (0, "0.00")
    assert [one["amount"] for one in await found(uploads)] == ["-100.00"]


async def test_a_deposit_account_is_compared_with_its_bank_and_owes_nothing_here(
    uploads: Uploads,
) -> None:
    academy = uploads.academy
    account = await academy.district.plant_custody_account(
        academy.institution, purpose="DEPOSIT", is_default=False
    )
    deposit = academy.district.public("cus", account)
    await push(uploads, "100.00", today().isoformat(), custody_account_id=deposit, kind="DEPOSIT")
    body = {"custody_account_id": deposit, "day": today().isoformat()}

    made = await academy.post("reconciliations", academy.district.operator, body)

    assert made.status_code == 201, made.text
    assert (made.json()["bank"], made.json()["requirement"]) == ("100.00", "0.00")
    assert (made.json()["hard_shortfall"], made.json()["coverage"]) == ("0.00", "UNKNOWN")
