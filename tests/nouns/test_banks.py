"""Banks and custody accounts over HTTP: the registry, and accounts under an agreement."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from service.store.facts import Insert
from service.store.tables import Agreement
from tests.fixtures.service import District, fresh_id

BANKS = "/v1/banks"
ACCOUNTS = "/v1/custody-accounts"


async def agreed(district: District, institution: UUID, bank: str, **changes: Any) -> None:
    row = {
        "agreement_id": fresh_id(),
        "institution_id": institution,
        "bank_code": bank,
        "mode": "LESSON_BY_LESSON",
        "release_basis": "LESSON",
        "settlement_cadence": "LESSON",
        "document_hash": "d" * 64,
        "valid_from": date(2026, 1, 15),
        "valid_to": None,
        "seq": 0,
    }
    await district.plant(Insert(Agreement, row | changes))


@pytest.fixture
async def school(district: District) -> UUID:
    """Plant a school that has signed with two banks."""
    institution = await district.plant_institution()
    for bank in ("ICBC", "CQB"):
        await agreed(district, institution, bank)
    return institution


def body_of(district: District, school: UUID, **changes: Any) -> dict[str, Any]:
    return {
        "institution_id": district.public("ins", school),
        "bank": "ICBC",
        "account_name": "示例托管专户",
        "account_number": f"5001{school.int % 10**14:014d}",
    } | changes


async def test_a_bank_is_entered_once_under_its_code(district: District) -> None:
    code = f"B{district.journal:05d}"
    body = {"code": code, "name": "某银行", "name_en": "Some Bank"}
    post = district.service.post

    first = await post(BANKS, district.operator, body, key="b-1")
    replayed = await post(BANKS, district.operator, body, key="b-1")
    again = await post(BANKS, district.operator, body)
    other = await post(BANKS, district.operator, body | {"name": "别的银行"})
    listed = await district.service.get(BANKS, district.banks["ICBC"])

    assert (first.status_code, replayed.status_code, again.status_code) == (201, 201, 200)
    assert replayed.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert body in listed.json()["items"]


async def test_the_first_account_is_the_default_until_another_is_said_to_be(
    district: District, school: UUID
) -> None:
    post = district.service.post

    first = await post(ACCOUNTS, district.regulator, body_of(district, school))
    second = await post(
        ACCOUNTS, district.regulator, body_of(district, school, bank="CQB", is_default=True)
    )
    before = await district.service.get(f"{ACCOUNTS}/{first.json()['id']}", district.regulator)

    assert (first.status_code, first.json()["is_default"]) == (201, True)
    assert (second.status_code, second.json()["is_default"]) == (201, True)
    assert before.json()["is_default"] is False


async def test_a_deposit_account_is_never_the_default(district: District, school: UUID) -> None:
    body = body_of(district, school, purpose="DEPOSIT", is_default=True)

    answer = await district.service.post(ACCOUNTS, district.regulator, body)

    assert (answer.status_code, answer.json()["is_default"]) == (201, False)


async def test_an_account_number_is_registered_once_per_bank(
    district: District, school: UUID
) -> None:
    body = body_of(district, school)
    other_school = await district.plant_institution()
    await agreed(district, other_school, "ICBC")
    first = await district.service.post(ACCOUNTS, district.regulator, body)

    again = await district.service.post(ACCOUNTS, district.operator, body)
    taken = await district.service.post(
        ACCOUNTS,
        district.regulator,
        body | {"institution_id": district.public("ins", other_school)},
    )

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"bank": "ABC"}, 422, "agreement_missing"),
        ({"bank": "BOC"}, 422, "bank_not_selected"),
        ({"opened_on": "2999-01-01"}, 422, "date_in_future"),
        ({"account_number": "12 34"}, 400, "request_invalid"),
        ({"is_default": "yes"}, 400, "request_invalid"),
    ],
)
async def test_an_account_that_cannot_be_is_refused(
    district: District, school: UUID, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await district.service.post(
        ACCOUNTS, district.regulator, body_of(district, school, **change)
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_agreement_that_has_ended_opens_no_account(district: District) -> None:
    institution = await district.plant_institution()
    await agreed(district, institution, "ICBC", valid_to=date(2026, 1, 31))

    answer = await district.service.post(
        ACCOUNTS, district.regulator, body_of(district, institution)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "agreement_missing")


async def test_a_suspended_bank_gets_no_new_account(district: District, school: UUID) -> None:
    where = f"/v1/jurisdictions/{district.code}/banks"
    await district.service.post(where, district.regulator, {"bank": "ICBC", "state": "SUSPENDED"})

    answer = await district.service.post(ACCOUNTS, district.regulator, body_of(district, school))

    assert (answer.status_code, answer.json()["code"]) == (422, "bank_not_selected")


async def test_an_institution_that_has_left_opens_no_account(district: District) -> None:
    institution = await district.plant_institution(state="EXITED")
    await agreed(district, institution, "ICBC")

    answer = await district.service.post(
        ACCOUNTS, district.regulator, body_of(district, institution)
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_bank_sees_its_own_accounts_only(district: District, school: UUID) -> None:
    own = await district.plant_custody_account(school, bank="ICBC")
    foreign = await district.plant_custody_account(school, bank="CQB", is_default=False)
    bank = district.banks["ICBC"]

    listed = await district.service.get(ACCOUNTS, bank)
    hidden = await district.service.get(f"{ACCOUNTS}/{district.public('cus', foreign)}", bank)
    ours = await district.service.get(
        ACCOUNTS, district.auditor, institution_id=district.public("ins", school), limit=1
    )

    assert [item["id"] for item in listed.json()["items"]] == [district.public("cus", own)]
    assert (hidden.status_code, hidden.json()["code"]) == (404, "custody_account_unknown")
    assert ours.json()["next_cursor"] is not None


async def test_a_foreign_institution_is_not_there(district: District) -> None:
    body = body_of(district, fresh_id())

    answer = await district.service.post(ACCOUNTS, district.regulator, body)

    assert (answer.status_code, answer.json()["code"]) == (404, "institution_unknown")
