"""The same money under two references: held, listed, decided by a person, never credited twice."""

from typing import Any

import pytest

from service import verify
from service.bank_entries.facts import STATEMENT
from service.bank_entries.receive import RECEIVE
from service.store.context import Context
from service.store.transact import Mode, Request
from service.verify.snapshot import Snapshot
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.service import District
from tests.fixtures.store import Books

PAYER = {"payer_name": "李四", "payer_account": "6222020000000000001"}


@pytest.fixture
async def course(district: District) -> dict[str, Any]:
    """A school whose course of 3,000.00 is paid in parts, and its bank's view of one part."""
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    filed = await district.plant_course(institution, price_fen=300_000)
    enrolment = await district.plant_enrolment(institution, custody, filed, price="3000.00")
    return {
        "custody_account_id": district.public("cus", custody),
        "amount": "1000.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
        "payment_code": enrolment["payment_code"],
        **PAYER,
    }


async def report(district: District, body: dict[str, Any], ref: str, **other: Any) -> Any:
    answer = await district.service.post(
        "/v1/receipts", district.banks["ICBC"], body | {"bank_ref": ref} | other
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def verdict(district: District, receipt: dict[str, Any], said: str) -> Any:
    return await district.service.post(
        f"/v1/receipts/{receipt['id']}/decide-duplicate", district.operator, {"verdict": said}
    )


async def test_the_same_money_under_another_reference_is_held(
    district: District, course: dict[str, Any]
) -> None:
    first = await report(district, course, "PUSH-1")

    second = await report(district, course, "PUSH-2", book_on="2026-03-04")

    assert (first["outcome"], first["suspense_reason"]) == ("ENROLMENT", None)
    assert (second["outcome"], second["suspense_reason"]) == ("SUSPENSE", "SUSPECTED_DUPLICATE")
    assert second["suspense"] == "1000.00"
    listed = await district.service.get("/v1/suspected-receipts", district.auditor, state="OPEN")
    [item] = listed.json()["items"]
    assert (item["receipt"]["id"], item["other_receipt_id"]) == (second["id"], first["id"])


@pytest.mark.parametrize(
    "different",
    [
        {"amount": "1000.01"},
        {"book_on": "2026-03-05"},
        {"payer_account": "6222020000000000002"},
        {"payer_account": None},
        {"payment_code": "TE00000000"},
    ],
)
async def test_what_differs_in_anything_is_another_payment(
    district: District, course: dict[str, Any], different: dict[str, Any]
) -> None:
    await report(district, course, "PUSH-1")

    second = await report(district, course, "PUSH-2", **different)

    assert second["suspense_reason"] != "SUSPECTED_DUPLICATE"


async def test_two_in_one_batch_are_noticed_too(district: District, course: dict[str, Any]) -> None:
    items = [course | {"bank_ref": ref} for ref in ("B-1", "B-2", "B-3")]

    answer = await district.service.post(
        "/v1/receipts/batch", district.banks["ICBC"], {"mode": "independent", "items": items}
    )

    outcomes = [item["result"]["outcome"] for item in answer.json()["results"]]
    assert outcomes == ["ENROLMENT", "SUSPENSE", "SUSPENSE"]


async def test_without_a_code_payer_and_purpose_tell(
    district: District, course: dict[str, Any]
) -> None:
    told = course | {"payment_code": None, "purpose": "三月 学费"}
    await report(district, told, "PUSH-1")

    same = await report(district, told, "PUSH-2", purpose="三月学费")
    other = await report(district, told, "PUSH-3", purpose="四月学费")

    assert same["suspense_reason"] == "SUSPECTED_DUPLICATE"
    assert other["suspense_reason"] == "UNKNOWN_ENROLMENT"


async def test_the_same_money_is_taken_out_of_the_books(
    district: District, course: dict[str, Any]
) -> None:
    await report(district, course, "PUSH-1")
    second = await report(district, course, "PUSH-2")

    decided = await verdict(district, second, "SAME")
    again = await verdict(district, second, "DIFFERENT")

    assert decided.status_code == 201, decided.text
    body = decided.json()
    assert (body["state"], body["closed_as"]) == ("SAME", "COUNTED_TWICE")
    assert (body["receipt"]["outcome"], body["receipt"]["suspense"]) == ("DUPLICATE", "0.00")
    assert body["balances"] == {"custody_bank": "1000.00"}
    assert again.json()["code"] == "wrong_state"


async def test_different_money_becomes_what_it_would_have_been(
    district: District, course: dict[str, Any]
) -> None:
    await report(district, course, "PUSH-1", amount="2000.00")
    second = await report(district, course, "PUSH-2", amount="2000.00")

    decided = await verdict(district, second, "DIFFERENT")

    receipt = decided.json()["receipt"]
    assert (receipt["outcome"], receipt["suspense_reason"]) == ("ENROLMENT", "EXCESS")
    assert receipt["suspense"] == "1000.00"
    assert decided.json()["balances"] == {"custody_bank": "4000.00"}


async def test_different_money_that_names_nobody_stays_in_suspense(
    district: District, course: dict[str, Any]
) -> None:
    told = course | {"payment_code": None, "purpose": "学费"}
    await report(district, told, "PUSH-1")
    second = await report(district, told, "PUSH-2")

    decided = await verdict(district, second, "DIFFERENT")

    receipt = decided.json()["receipt"]
    assert (receipt["outcome"], receipt["suspense_reason"]) == ("SUSPENSE", "UNKNOWN_ENROLMENT")
    assert receipt["suspense"] == "1000.00"


async def test_the_institutions_own_money_is_not_counted_twice_either(
    district: District, course: dict[str, Any]
) -> None:
    told = course | {"kind": "TOP_UP", "payment_code": None, "purpose": "补足"}
    await report(district, told, "PUSH-1")
    second = await report(district, told, "PUSH-2")

    decided = await verdict(district, second, "DIFFERENT")

    assert second["outcome"] == "SUSPENSE"
    assert decided.json()["receipt"]["outcome"] == "TOP_UP"
    assert decided.json()["balances"] == {"custody_bank": "2000.00"}


async def test_what_a_channel_settled_is_never_suspected_and_not_decided(
    district: District, course: dict[str, Any]
) -> None:
    settled = {"kind": "CHANNEL_SETTLEMENT", "channel": "WECHAT", "fee": "0.00"}
    told = course | settled | {"payment_code": None, "purpose": "结算"}
    await report(district, told, "PUSH-1")
    second = await report(district, told, "PUSH-2")

    decided = await verdict(district, second, "SAME")

    assert second["suspense_reason"] == "UNKNOWN_ENROLMENT"
    assert (decided.status_code, decided.json()["code"]) == (409, "wrong_state")


async def test_until_it_is_decided_it_is_not_matched_sent_back_or_found_an_error(
    district: District, academy: Academy
) -> None:
    enrolment = await academy.opened()
    told = {"payment_code": enrolment["payment_code"], **PAYER}
    await academy.receipt("100.00", **told)
    second = await academy.receipt("100.00", **told)

    matched = await academy.post(
        f"receipts/{second['id']}/match", district.operator, {"enrolment_id": enrolment["id"]}
    )
    returned = await academy.post(f"receipts/{second['id']}/return", district.operator, {})
    erred = {"receipt_id": second["id"], "reason": "TWICE"}
    mistaken = await academy.post("bank-errors", district.operator, erred)

    assert [a.json()["code"] for a in (matched, returned, mistaken)] == ["wrong_state"] * 3


async def test_above_the_limit_a_second_person_decides(
    district: District, academy: Academy
) -> None:
    told = {"kind": "TOP_UP", "purpose": "补足", **PAYER}
    await academy.receipt("5000.01", **told)
    second = await academy.receipt("5000.01", **told)

    asked = await verdict(district, second, "SAME")
    own = await approve(academy, asked.json(), district.operator)
    done = await approve(academy, asked.json(), district.second_operator)

    assert asked.status_code == 202, asked.text
    assert asked.json()["payload"]["verdict"] == "SAME"
    assert own.json()["code"] == "maker_is_checker"
    assert done.status_code == 200, done.text
    assert done.json()["outcome"]["receipt"]["outcome"] == "DUPLICATE"


async def test_a_receipt_nobody_suspects_is_not_decided(
    district: District, course: dict[str, Any]
) -> None:
    only = await report(district, course, "PUSH-1")

    decided = await verdict(district, only, "SAME")

    assert decided.json()["code"] == "wrong_state"


async def told(books: Books, *facts: Any) -> list[str]:
    """Let a statement or a push tell entries one by one; return what became of each."""
    outcomes = []
    for fact in facts:
        outcome = await books.district.service.store.transact(
            Request(
                RECEIVE,
                [fact],
                caller=Context((books.journal,), bank="ICBC"),
                actor="bank",
                journal=books.journal,
                mode=Mode.SINGLE,
            )
        )
        outcomes.append(outcome.single()["suspense_reason"] or outcome.single()["outcome"])
    return outcomes


@pytest.mark.parametrize("payer", ["6222020000000000001", None, "6222****0001"])
async def test_a_line_of_a_statement_is_like_a_push_that_nothing_contradicts(
    books: Books, payer: str | None
) -> None:
    pushed = books.top_up(payment_code="TE00000001", payer_account="6222 0200 0000 0000 001")
    line = books.top_up(payment_code="TE00000001", payer_account=payer, source=STATEMENT)

    outcomes = await told(books, pushed, line)

    assert outcomes == ["TOP_UP", "SUSPECTED_DUPLICATE"]


async def test_two_lines_of_the_banks_own_statements_are_two_payments(books: Books) -> None:
    lines = [books.top_up(payment_code="TE00000001", source=STATEMENT, **PAYER) for _ in range(2)]

    outcomes = await told(books, *lines)

    assert outcomes == ["TOP_UP", "TOP_UP"]


async def test_the_books_are_in_order_whatever_was_decided(
    district: District, course: dict[str, Any], database: Database
) -> None:
    await report(district, course, "PUSH-1", amount="500.00")
    same, different, waiting = [
        await report(district, course, f"PUSH-{n}", amount="500.00") for n in (2, 3, 4)
    ]

    await verdict(district, same, "SAME")
    await verdict(district, different, "DIFFERENT")

    report_of = await verify.verify(database.url("escrow_audit"), journals=[district.journal])
    assert [(f.check, f.example) for f in report_of.findings] == []
    assert waiting["suspense_reason"] == "SUSPECTED_DUPLICATE"


async def test_what_was_reported_twice_counts_once_against_a_statement(
    district: District, course: dict[str, Any]
) -> None:
    await report(district, course, "PUSH-1")
    second = await report(district, course, "PUSH-2")
    await verdict(district, second, "SAME")
    statement = {
        "custody_account_id": course["custody_account_id"],
        "day": course["book_on"],
        "opening": "0.00",
        "closing": "1000.00",
        "credit_count": 1,
        "credit_sum": "1000.00",
        "debit_count": 0,
        "debit_sum": "0.00",
    }

    delivered = await district.service.post("/v1/statements", district.banks["ICBC"], statement)

    assert delivered.json()["state"] == "AGREED", delivered.text


@pytest.mark.parametrize(
    "corruption",
    [
        (
            "UPDATE escrow.bank_entry SET suspense_reason = 'EXCESS' WHERE journal_id = {j}"
            " AND outcome = 'SUSPENSE'"
        ),
        (
            "UPDATE escrow.bank_entry SET outcome = 'ENROLMENT' WHERE journal_id = {j}"
            " AND outcome = 'DUPLICATE'"
        ),
        (
            "UPDATE escrow.suspected_entry SET closed_as = 'BANK_ERROR' WHERE journal_id = {j}"
            " AND state = 'SAME'"
        ),
        "UPDATE escrow.suspected_entry SET other_entry_id = bank_entry_id WHERE journal_id = {j}",
        "DELETE FROM escrow.suspected_entry WHERE journal_id = {j}",
    ],
)
async def test_what_was_made_up_of_a_suspicion_is_found(
    district: District, course: dict[str, Any], database: Database, corruption: str
) -> None:
    await report(district, course, "PUSH-1", amount="500.00")
    same, _ = [await report(district, course, f"PUSH-{n}", amount="500.00") for n in (2, 3)]
    await verdict(district, same, "SAME")

    async with insider(database) as connection:
        await connection.execute(corruption.format(j=district.journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        found = await verify.verify_snapshot(Snapshot(connection), journals=[district.journal])

    assert "I-35" in {finding.check for finding in found.findings}
