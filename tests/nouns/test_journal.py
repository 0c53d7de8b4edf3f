"""Audit reads over HTTP: transactions in order and in full, accounts and their entries."""

from typing import Any

import pytest

from service.identity import tokens
from service.identity.callers import Role
from tests.fixtures.academies import Academy
from tests.fixtures.approvals import reversed_by_two
from tests.fixtures.balances import asked, refused, standing_school
from tests.fixtures.service import District, open_district


async def all_of(district: District, token: str, **query: Any) -> list[dict[str, Any]]:
    """Read every page of a list."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await asked(district, token, "transactions", **query, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def test_every_transaction_is_listed_once_in_order(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    await school.confirmed(enrolment)

    found = await all_of(district, district.auditor, limit=2)

    assert [item["seq"] for item in found] == list(range(1, len(found) + 1))
    assert [item["kind"] for item in found] == [
        "ENROLMENT_OPENED",
        "RECEIPT_MATCHED",
        "LESSON_SCHEDULED",
        "LESSON_RECORDED",
        "LESSON_CONFIRMED",
    ]
    assert found[1]["references"]["enrolment"] == enrolment["id"]


async def test_a_list_is_narrowed_by_kind_and_by_effective_date(
    district: District, school: Academy
) -> None:
    await school.enrolled()

    receipts = await all_of(district, district.operator, kind="RECEIPT_MATCHED")
    before = await all_of(district, district.operator, effective_to="2020-01-01")
    since = await all_of(district, district.operator, effective_from="2020-01-01")
    nowhere = await all_of(district, district.operator, adcode=district.code, kind="DAY_CLOSED")

    assert [item["kind"] for item in receipts] == ["RECEIPT_MATCHED"]
    assert (before, nowhere) == ([], [])
    assert len(since) == 2


async def test_a_cursor_of_another_list_is_refused(district: District, school: Academy) -> None:
    await school.enrolled()
    page = await asked(district, district.auditor, "transactions", limit=1)

    other = await refused(
        district,
        district.auditor,
        "transactions",
        cursor=page["next_cursor"],
        kind="RECEIPT_MATCHED",
    )

    assert (other.status_code, other.json()["code"]) == (400, "request_invalid")


async def test_a_transaction_in_full_shows_its_transfers_entries_and_chain(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    opened, receipt = await all_of(district, district.auditor)

    found = await asked(district, district.auditor, f"transactions/{receipt['id']}")

    [transfer] = found["transfers"]
    assert transfer["amount"] == "4999.99"
    assert (transfer["debit"]["code"], transfer["credit"]["code"]) == ("A1", "L1")
    assert transfer["debit"]["owner"] == district.public("cus", school.custody)
    assert transfer["credit"]["owner"] == enrolment["id"]
    assert [(e["amount"], e["balance_after"]) for e in found["entries"]] == [
        ("4999.99", "4999.99"),
        ("4999.99", "4999.99"),
    ]
    assert found["previous_hash"] == opened["hash"]
    assert (found["reverses"], found["reversed_by"]) == (None, None)


async def test_lessons_move_as_whole_numbers(district: District, school: Academy) -> None:
    await school.opened()
    [opened] = await all_of(district, district.auditor)

    found = await asked(district, district.auditor, f"transactions/{opened['id']}")

    assert [transfer["amount"] for transfer in found["transfers"]] == [48]


async def test_a_reversal_and_what_it_reverses_name_each_other(
    academy: Academy, paid: dict[str, Any]
) -> None:
    district = academy.district
    wrong = paid["receipt"]["transaction_id"]
    done = await reversed_by_two(academy, wrong)
    mirror = done["outcome"]["reversing_transaction_id"]

    first = await asked(district, district.auditor, f"transactions/{wrong}")
    second = await asked(district, district.auditor, f"transactions/{mirror}")

    assert (first["reversed_by"], second["reverses"]) == (mirror, wrong)
    assert second["references"]["reverses"] == wrong


async def test_an_institution_reads_its_own_transactions_only(
    district: District, school: Academy
) -> None:
    other = await standing_school(district)
    await school.enrolled()
    await other.opened()

    mine = await all_of(district, other.token)
    [receipt] = await all_of(district, district.auditor, kind="RECEIPT_MATCHED")
    foreign = await refused(district, other.token, f"transactions/{receipt['id']}")

    assert [item["kind"] for item in mine] == ["ENROLMENT_OPENED"]
    assert (foreign.status_code, foreign.json()["code"]) == (404, "transaction_unknown")


async def test_a_department_reads_the_transactions_of_its_institutions_only(
    district: District, school: Academy
) -> None:
    sport = await standing_school(district, "sport")
    await school.enrolled()
    await sport.receipt("5.00")
    scope = tokens.Scope(district.code, departments=("sport",))
    officer = await district.service.token(Role.REGULATOR, scope)

    seen = await all_of(district, officer)

    assert [item["kind"] for item in seen] == ["RECEIPT_HELD"]


async def test_another_districts_journal_is_not_there(district: District, school: Academy) -> None:
    await school.opened()
    [opened] = await all_of(district, district.auditor)
    other = await open_district(district.service)

    answers = [
        await refused(district, other.auditor, "transactions", adcode=district.code),
        await refused(district, other.auditor, f"transactions/{opened['id']}"),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (404, "jurisdiction_unknown"),
        (404, "transaction_unknown"),
    ]


@pytest.mark.parametrize("named", ["txn_nonsense", "txn_aaaqaaaaaaaaaaaa", "enr_aaaq"])
async def test_an_id_that_is_none_is_not_there(district: District, named: str) -> None:
    answer = await refused(district, district.auditor, f"transactions/{named}")

    assert (answer.status_code, answer.json()["code"]) == (404, "transaction_unknown")


async def test_an_account_is_read_with_its_balance_then_and_its_entries(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    before = await asked(district, district.auditor)
    await school.recorded(enrolment)
    [receipt] = await all_of(district, district.auditor, kind="RECEIPT_MATCHED")
    opened = await asked(district, district.auditor, f"transactions/{receipt['id']}")
    account = f"accounts/{opened['transfers'][0]['credit']['id']}"

    now = await asked(district, district.auditor, account)
    then = await asked(district, district.auditor, account, position=before["position"])
    first = await asked(district, school.token, f"{account}/entries", limit=1)
    second = await asked(district, school.token, f"{account}/entries", cursor=first["next_cursor"])

    assert (now["code"], now["balance"], then["balance"]) == ("L1", "4895.83", "4999.99")
    assert [e["amount"] for e in first["items"] + second["items"]] == ["4999.99", "-104.16"]
    assert second["items"][0]["balance_after"] == "4895.83"
    assert second["next_cursor"] is None


async def test_anothers_account_is_not_there(district: District, school: Academy) -> None:
    await school.enrolled()
    [receipt] = await all_of(district, district.auditor, kind="RECEIPT_MATCHED")
    opened = await asked(district, district.auditor, f"transactions/{receipt['id']}")
    account = f"accounts/{opened['transfers'][0]['credit']['id']}"
    other = await standing_school(district)

    answers = [
        await refused(district, other.token, account),
        await refused(district, other.token, f"{account}/entries"),
        await refused(district, district.auditor, "accounts/acc_nonsense"),
    ]

    assert {(a.status_code, a.json()["code"]) for a in answers} == {(404, "account_unknown")}
