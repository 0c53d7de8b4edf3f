"""Balances over HTTP: figures by division, institution and account, now and as of then."""

from typing import Any

import pytest

from service.identity import tokens
from service.identity.callers import Role
from tests.fixtures.academies import Academy
from tests.fixtures.balances import asked, refused, standing_school
from tests.fixtures.service import District


def figures(answer: dict[str, Any], *names: str) -> list[str]:
    return [answer[name] for name in names]


async def test_what_was_paid_is_prepaid_and_covered_once_a_statement_agrees(
    district: District, school: Academy
) -> None:
    await school.enrolled()

    found = await asked(district, district.regulator, adcode=district.code)

    assert figures(found, "bank_money", "requirement", "prepaid", "shortfall") == [
        "4999.99",
        "4999.99",
        "4999.99",
        "0.00",
    ]
    assert found["coverage"] == {"state": "UNKNOWN", "grade": "-", "ratio": "100.00"}
    assert found["counts"] == {
        "institutions": 1,
        "active_enrolments": 1,
        "custody_accounts": 1,
    }
    assert found["lessons"] == {"contracted": 48, "remaining": 48, "taken": 0}
    assert [line["code"] for line in found["accounts"]] == ["A1", "L1"]


async def test_a_lesson_moves_from_prepaid_over_pending_to_earned(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    await school.recorded(enrolment)
    await school.confirmed(enrolment)

    found = await asked(district, district.auditor, adcode=district.code)

    assert figures(found, "prepaid", "pending", "earned") == ["4791.66", "104.16", "104.17"]
    assert found["lessons"] == {"contracted": 48, "remaining": 47, "taken": 1}


async def test_a_shortfall_is_added_up_without_another_schools_surplus(
    district: District, school: Academy
) -> None:
    other = await standing_school(district)
    taken = await school.post("enrolments/legacy", school.token, school.legacy("210.00", 21))
    assert taken.status_code == 201, taken.text
    await other.receipt("1000.00", kind="TOP_UP")

    found = await asked(district, district.regulator, adcode=district.code)

    assert figures(found, "bank_money", "requirement", "shortfall", "hard_shortfall") == [
        "1000.00",
        "210.00",
        "210.00",
        "210.00",
    ]
    assert found["due_from_institutions"] == [{"reason": "LEGACY", "amount": "210.00"}]
    assert found["coverage"]["ratio"] == "0.00"


async def test_one_institution_and_one_custody_account_answer_alike(
    district: District, school: Academy
) -> None:
    await school.enrolled()
    await (await standing_school(district)).enrolled()

    mine = await asked(district, school.token)
    named = await asked(
        district, district.regulator, institution_id=district.public("ins", school.institution)
    )
    account = await asked(
        district, district.regulator, custody_account_id=district.public("cus", school.custody)
    )

    ids = ("institution_id", "custody_account_id")
    assert mine == named
    assert {n: v for n, v in account.items() if n not in ids} == {
        n: v for n, v in mine.items() if n not in ids
    }
    assert mine["bank_money"] == "4999.99"


async def test_a_department_sees_its_own_institutions_and_the_children_add_up(
    district: District, school: Academy
) -> None:
    sport = await standing_school(district, "sport")
    await school.receipt("10.00")
    await sport.receipt("5.00")
    scope = tokens.Scope(district.code, departments=("sport",))
    officer = await district.service.token(Role.REGULATOR, scope)

    whole = await asked(district, district.regulator, "balances/children", adcode=district.code)
    narrowed = await asked(district, district.regulator, department="culture")
    own = await asked(district, officer)
    other = await refused(
        district, officer, institution_id=district.public("ins", school.institution)
    )

    assert whole["total"]["suspense"] == "15.00"
    assert [child["suspense"] for child in whole["items"]] == ["15.00"]
    assert (narrowed["suspense"], own["suspense"]) == ("10.00", "5.00")
    assert own["counts"]["institutions"] == 1
    assert (other.status_code, other.json()["code"]) == (404, "institution_unknown")


async def test_an_answer_asked_again_with_what_it_echoed_has_the_same_bytes(
    district: District, school: Academy
) -> None:
    await school.enrolled()
    first = await refused(district, district.regulator, adcode=district.code)
    echoed = first.json()
    await school.enrolled()

    again = await refused(
        district,
        district.regulator,
        adcode=district.code,
        as_of=echoed["as_of"],
        known_at=echoed["known_at"],
    )
    by_position = await refused(
        district, district.regulator, adcode=district.code, position=echoed["position"]
    )
    now = await asked(district, district.regulator, adcode=district.code)

    assert first.content == again.content == by_position.content
    assert now["bank_money"] == "9999.98"


async def test_a_date_before_the_first_transaction_has_nothing(
    district: District, school: Academy
) -> None:
    await school.enrolled()

    found = await asked(district, district.regulator, adcode=district.code, as_of="2020-01-01")

    assert (found["bank_money"], found["journals"], found["position"]) == ("0.00", [], "")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"as_of": "2999-01-01"}, 422, "date_in_future"),
        ({"known_at": "2999-01-01T00:00:00Z"}, 422, "date_in_future"),
        ({"known_at": "2026-01-01T00:00:00"}, 400, "request_invalid"),
        ({"as_of": "2026-1-1"}, 400, "request_invalid"),
        ({"position": "1"}, 400, "request_invalid"),
        ({"position": "1:1,1:2"}, 400, "request_invalid"),
        ({"position": "60000:1"}, 422, "as_of_unsupported"),
        ({"adcode": "510000"}, 404, "jurisdiction_unknown"),
        ({"adcode": "999999"}, 404, "jurisdiction_unknown"),
        ({"adcode": "500106"}, 404, "jurisdiction_unknown"),
        ({"institution_id": "ins_nonsense"}, 404, "institution_unknown"),
        ({"custody_account_id": "cus_nonsense"}, 404, "custody_account_unknown"),
        ({"institution_id": "x", "adcode": "500106"}, 404, "institution_unknown"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    district: District, school: Academy, query: dict[str, str], status: int, code: str
) -> None:
    await school.enrolled()

    answer = await refused(district, district.regulator, **query)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_position_beyond_the_head_or_within_a_batch_is_no_position(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    last = int((await asked(district, district.regulator))["position"].split(":")[1])

    beyond = await refused(district, district.regulator, position=f"{district.journal}:{last + 1}")
    earlier = await refused(
        district,
        district.regulator,
        position=f"{district.journal}:{last}",
        as_of="2020-01-01",
    )

    assert beyond.json()["code"] == earlier.json()["code"] == "as_of_unsupported"
    assert enrolment["price"] == "4999.99"


async def test_another_districts_scope_is_not_there(district: District, school: Academy) -> None:
    from tests.fixtures.service import open_district  # noqa: PLC0415 - only this test needs two

    other = await open_district(district.service)

    foreign = await refused(district, other.regulator, adcode=district.code)
    institution = await refused(
        district, other.regulator, institution_id=district.public("ins", school.institution)
    )
    as_institution = await refused(district, school.token, adcode=district.code)

    assert [a.status_code for a in (foreign, institution, as_institution)] == [404, 404, 404]


async def test_one_accounts_balance_is_told_now_and_as_of_then(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    before = await asked(district, district.auditor)
    await school.recorded(enrolment)
    account = {"kind": "STUDENT_PREPAID", "owner": enrolment["id"]}
    parent = await school.parent(enrolment)

    now = await asked(district, parent, "balances/account", **account)
    then = await asked(district, parent, "balances/account", **account, position=before["position"])
    lessons = await asked(
        district,
        school.token,
        "balances/account",
        kind="LESSON_UNITS_GRANTED",
        owner=enrolment["id"],
        reason="PAID",
    )

    assert (now["balance"], then["balance"], lessons["balance"]) == ("4895.83", "4999.99", 48)
    assert now["accounts"][0]["account_id"].startswith("acc_")


async def test_anothers_account_is_not_there(district: District, school: Academy) -> None:
    enrolment = await school.enrolled()
    stranger = await school.parent(await school.opened(guardian={"name": "王五"}))
    other = await standing_school(district)
    account = {"kind": "STUDENT_PREPAID", "owner": enrolment["id"]}

    as_parent = await refused(district, stranger, "balances/account", **account)
    as_school = await refused(district, other.token, "balances/account", **account)

    for answer in (as_parent, as_school):
        assert (answer.status_code, answer.json()["code"]) == (404, "account_unknown")


async def test_a_parents_statement_runs_from_the_first_payment(
    district: District, school: Academy
) -> None:
    enrolment = await school.opened()
    await school.paid(enrolment, "4000.00")
    await school.paid(enrolment, "999.99")
    lesson = await school.confirmed(enrolment)
    parent = await school.parent(enrolment)

    found = await asked(district, parent, f"enrolments/{enrolment['id']}/statement")

    assert found["opening"]["held"] == "0.00"
    assert [(line["kind"], line["balance"]["held"]) for line in found["items"]] == [
        ("RECEIPT_MATCHED", "4000.00"),
        ("RECEIPT_MATCHED", "4999.99"),
        ("LESSON_RECORDED", "4999.99"),
        ("LESSON_CONFIRMED", "4895.83"),
    ]
    recorded = found["items"][2]
    assert (recorded["prepaid"], recorded["pending"]) == ("-104.16", "104.16")
    assert (recorded["lesson_id"], recorded["slot"]) == (lesson["id"], 1)
    assert recorded["lesson_reference"] == lesson["reference"]
    assert found["next_cursor"] is None


async def test_the_pages_of_a_statement_are_read_at_one_position(
    district: District, school: Academy
) -> None:
    enrolment = await school.enrolled()
    await school.recorded(enrolment)
    parent = await school.parent(enrolment)
    path = f"enrolments/{enrolment['id']}/statement"

    first = await asked(district, parent, path, limit=1)
    await school.recorded(enrolment)
    second = await asked(district, parent, path, limit=1, cursor=first["next_cursor"])
    whole = await asked(district, parent, path)

    assert first["position"] == second["position"] != whole["position"]
    assert second["next_cursor"] is None
    assert second["opening"] == first["items"][0]["balance"]
    assert [*first["items"], *second["items"]] == whole["items"][:2]


async def test_anothers_statement_is_not_there(district: District, school: Academy) -> None:
    enrolment = await school.enrolled()
    stranger = await school.parent(await school.opened(guardian={"name": "王五"}))

    answer = await refused(district, stranger, f"enrolments/{enrolment['id']}/statement")

    assert (answer.status_code, answer.json()["code"]) == (404, "enrolment_unknown")


async def test_an_institution_that_moves_takes_its_balances_along(
    district: District, school: Academy
) -> None:
    await school.enrolled()
    before = await asked(district, district.regulator, department="culture")
    moved = await school.post(
        f"institutions/{district.public('ins', school.institution)}/move",
        district.regulator,
        {"jurisdiction_code": district.code, "department": "science"},
    )
    assert moved.status_code == 200, moved.text

    left = await asked(district, district.regulator, department="culture")
    came = await asked(district, district.regulator, department="science")
    again = await asked(
        district, district.regulator, department="culture", position=before["position"]
    )

    assert (left["bank_money"], came["bank_money"]) == ("0.00", "4999.99")
    assert came["counts"]["active_enrolments"] == 1
    assert again["bank_money"] == "4999.99"
