"""Where a parent's money goes, when the parent or the device is new (SIM swap)."""

import pytest

from service.store import ids
from tests.fixtures.academies import Academy
from tests.fixtures.parents import Phone, asked, changed, named, refused
from tests.fixtures.refunds import PAYEE, Refunds
from tests.fixtures.service import District


@pytest.fixture
async def owed(refunds: Refunds, academy: Academy, phone: Phone) -> str:
    """A refund to this phone's guardian whose payer nobody knows."""
    contract = academy.legacy("6000.00", 60, **named(phone.number))
    taken = await academy.post("enrolments/legacy", academy.token, contract)
    await academy.receipt("6000.00", kind="TOP_UP")
    (refund,) = await refunds.owed(taken.json(), "6000.00")
    return refund


async def test_a_parent_names_no_account_within_72_hours_of_the_link(
    refunds: Refunds, phone: Phone, owed: str
) -> None:
    await phone.logs_in()

    early = await phone.post(f"refunds/{owed}/payee-account", PAYEE)
    await refunds.after_days(3)
    later = await phone.post(f"refunds/{owed}/payee-account", PAYEE)

    assert refused(early) == (409, "payee_cooling_off")
    assert later.status_code == 202


async def test_a_new_device_lets_payees_rest_again_and_the_old_one_is_told(
    refunds: Refunds, phone: Phone, owed: str, district: District
) -> None:
    await phone.logs_in()
    await refunds.after_days(3)
    stolen = Phone.new(district, phone.number)

    await stolen.logs_in()
    by_thief = await stolen.post(f"refunds/{owed}/payee-account", PAYEE)
    notices = (await phone.reads("notices"))["items"]
    known = await phone.renews()

    assert refused(by_thief) == (409, "payee_cooling_off")
    assert "GUARDIAN_DEVICE_NEW" in {row["kind"] for row in notices}
    assert known.status_code == 200


async def test_a_device_that_is_known_logs_in_again_without_rest(
    refunds: Refunds, phone: Phone, owed: str
) -> None:
    await phone.logs_in()
    await refunds.after_days(3)

    await phone.logs_in()
    named_account = await phone.post(f"refunds/{owed}/payee-account", PAYEE)

    assert named_account.status_code == 202


async def test_a_confirmed_link_rests_72_hours_from_the_confirmation(
    academy: Academy, refunds: Refunds, phone: Phone
) -> None:
    _, link = await asked(academy, phone)
    await refunds.after_days(4)

    confirmed = (await academy.post(f"guardian-links/{link['id']}/confirm", academy.token)).json()

    assert confirmed["payee_from"] > confirmed["linked_at"] > confirmed["asked_at"]


async def test_who_gets_a_number_that_was_issued_again_inherits_no_link_by_contract(
    academy: Academy, phone: Phone, district: District
) -> None:
    by_phone = await academy.opened(**named(phone.number))
    by_contract, link = await asked(academy, phone)
    await academy.post(f"guardian-links/{link['id']}/confirm", academy.token)
    before = await phone.enrolments()
    me = await phone.reads("parents/me")
    proved = "pii.parent SET proved_at = proved_at"
    for row in (proved, "escrow.device SET last_seen_at = last_seen_at"):
        column = "parent_id" if "parent" in row else "person_id"
        statement = f"UPDATE {row} - interval '91 days' WHERE {column} = :who"
        await changed(district.service, statement, who=ids.parse("prn", me["id"])[1])
    somebody = Phone.new(district, phone.number)

    await somebody.logs_in()

    assert before == {by_phone["id"], by_contract["id"]}
    assert await somebody.enrolments() == {by_phone["id"]}


async def test_a_new_device_soon_after_keeps_every_link(
    academy: Academy, phone: Phone, district: District
) -> None:
    enrolment, link = await asked(academy, phone)
    await academy.post(f"guardian-links/{link['id']}/confirm", academy.token)
    second = Phone.new(district, phone.number)

    await second.logs_in()

    assert await second.enrolments() == {enrolment["id"]}
