"""Links of parents to contracts: by phone, by the contract, by grant; what each shows and ends."""

import pytest

from service.store import ids
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.parents import (
    Phone,
    asked,
    fresh_phone,
    named,
    printed,
    refused,
    second_school,
)
from tests.fixtures.service import District, Service


async def test_a_login_links_the_contracts_that_name_the_phone_in_every_journal(
    academy: Academy, service: Service, phone: Phone
) -> None:
    elsewhere = await second_school(service)
    neighbour = await academy_in(academy.district)
    own = [await each.opened(**named(phone.number)) for each in (academy, elsewhere, neighbour)]
    strange = await academy.opened(**named(fresh_phone()))

    session = await phone.logs_in()

    assert session["links"] == 3
    assert await phone.enrolments() == {each["id"] for each in own}
    assert {link["proof"] for link in await phone.links()} == {"PHONE"}
    unseen = await phone.get(f"enrolments/{strange['id']}")
    assert refused(unseen) == (404, "enrolment_unknown")


async def test_a_contract_signed_after_the_login_is_found_when_looked_for(
    academy: Academy, phone: Phone
) -> None:
    await phone.logs_in()
    enrolment = await academy.opened(**named(phone.number))
    before = await phone.enrolments()

    found = await phone.post("parents/contracts/find")

    assert found.json() == {"links": 1}
    assert (before, await phone.enrolments()) == (set(), {enrolment["id"]})


async def test_logging_in_again_changes_nothing(academy: Academy, phone: Phone) -> None:
    await academy.opened(**named(phone.number))
    await phone.logs_in()
    before = await academy.district.count("escrow.journal_transaction")
    links = await phone.links()

    await phone.logs_in()

    assert await phone.links() == links
    assert await academy.district.count("escrow.journal_transaction") == before


async def test_a_link_that_is_ended_shows_nothing_at_once_and_stays_ended(
    academy: Academy, phone: Phone
) -> None:
    enrolment = await academy.opened(**named(phone.number))
    await phone.logs_in()
    (link,) = await phone.links()
    seen = await phone.get(f"enrolments/{enrolment['id']}")

    ended = await phone.post(f"guardian-links/{link['id']}/revoke")

    assert (seen.status_code, ended.status_code) == (200, 200)
    assert ended.json()["state"] == "REVOKED"
    assert (await phone.get(f"enrolments/{enrolment['id']}")).status_code == 404
    await phone.logs_in()
    assert await phone.enrolments() == set()


async def test_who_ended_a_link_comes_back_by_the_contract(academy: Academy, phone: Phone) -> None:
    enrolment = await academy.opened(**named(phone.number))
    await phone.logs_in()
    (link,) = await phone.links()
    await phone.post(f"guardian-links/{link['id']}/revoke")

    back = await phone.post("guardian-links", printed(enrolment))

    assert (back.status_code, back.json()["state"], back.json()["proof"]) == (
        201,
        "ACTIVE",
        "CONTRACT",
    )
    assert await phone.enrolments() == {enrolment["id"]}


async def test_another_phone_than_the_contracts_waits_to_be_confirmed(
    academy: Academy, phone: Phone
) -> None:
    enrolment, link = await asked(academy, phone)
    waiting = await phone.enrolments()
    (shown,) = (await academy.get("guardian-links", academy.token, state="WAITING"))["items"]

    confirmed = await academy.post(f"guardian-links/{link['id']}/confirm", academy.token)

    assert (link["state"], link["proof"], waiting) == ("WAITING", "CONTRACT", set())
    assert shown["id"] == link["id"]
    assert shown["phone"] == f"{phone.number[3:6]}****{phone.number[-4:]}"
    assert confirmed.json()["state"] == "ACTIVE"
    assert await phone.enrolments() == {enrolment["id"]}


async def test_the_phone_on_the_contract_is_told_who_asks(
    academy: Academy, phone: Phone, district: District
) -> None:
    old = Phone.new(district)
    enrolment = await academy.opened(**named(old.number))
    await old.logs_in()
    await phone.logs_in()

    link = (await phone.post("guardian-links", printed(enrolment))).json()

    notices = (await old.reads("notices"))["items"]
    assert [(row["kind"], row["subject_id"], row["channel"]) for row in notices] == [
        ("GUARDIAN_LINK_ASKED", link["id"], "LOG")
    ]
    assert {row["state"] for row in await old.links()} == {"ACTIVE", "WAITING"}


async def test_the_guardian_of_the_contract_turns_a_stranger_away(
    academy: Academy, phone: Phone, district: District
) -> None:
    old = Phone.new(district)
    enrolment = await academy.opened(**named(old.number))
    await old.logs_in()
    await phone.logs_in()
    link = (await phone.post("guardian-links", printed(enrolment))).json()

    turned = await old.post(f"guardian-links/{link['id']}/revoke")
    late = await academy.post(f"guardian-links/{link['id']}/confirm", academy.token)

    assert turned.json()["state"] == "REVOKED"
    assert refused(late) == (409, "wrong_state")


async def test_a_declined_link_never_shows_anything(academy: Academy, phone: Phone) -> None:
    _, link = await asked(academy, phone)

    declined = await academy.post(f"guardian-links/{link['id']}/decline", academy.token)

    assert declined.json()["state"] == "DECLINED"
    assert await phone.enrolments() == set()


async def test_another_school_and_another_district_confirm_nothing(
    academy: Academy, service: Service, phone: Phone
) -> None:
    _, link = await asked(academy, phone)
    neighbour = await academy_in(academy.district)
    elsewhere = await second_school(service)

    answers = [
        await academy.post(f"guardian-links/{link['id']}/confirm", token)
        for token in (neighbour.token, elsewhere.token, elsewhere.district.operator)
    ]

    assert [refused(each) for each in answers] == [(404, "guardian_link_unknown")] * 3


async def test_an_operator_confirms_as_well(academy: Academy, phone: Phone) -> None:
    enrolment, link = await asked(academy, phone)

    await academy.post(f"guardian-links/{link['id']}/confirm", academy.district.operator)

    assert await phone.enrolments() == {enrolment["id"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"contract_number": "QM-999"},
        {"payment_code": "TE23456789AA"},
        {"payment_code": "nothing"},
        {"student_name": "李小四"},
    ],
)
async def test_whatever_does_not_fit_is_refused_alike(
    academy: Academy, phone: Phone, wrong: dict[str, str]
) -> None:
    enrolment = await academy.opened(**named(phone.number))
    await phone.logs_in()

    answer = await phone.post("guardian-links", printed(enrolment, **wrong))
    dry = await phone.post("guardian-links", printed(enrolment, **wrong), dry_run=True)

    assert refused(answer) == refused(dry) == (422, "contract_not_proved")
    assert "facts" not in answer.json()


async def test_tries_at_contracts_are_few(academy: Academy, phone: Phone) -> None:
    enrolment = await academy.opened(**named(fresh_phone()))
    await phone.logs_in()
    for _ in range(5):
        await phone.post("guardian-links", printed(enrolment, student_name="李小四"))

    sixth = await phone.post("guardian-links", printed(enrolment))

    assert refused(sixth) == (429, "rate_limited")


async def test_asking_twice_is_asking_once(academy: Academy, phone: Phone) -> None:
    enrolment, link = await asked(academy, phone)

    again = await phone.post("guardian-links", printed(enrolment))

    assert (again.status_code, again.json()["id"]) == (200, link["id"])


async def test_parents_of_one_school_see_nothing_of_each_other(
    academy: Academy, phone: Phone, district: District
) -> None:
    other = Phone.new(district)
    own = await academy.enrolled(**named(phone.number))
    foreign = await academy.enrolled(**named(other.number))
    lesson = await academy.recorded(foreign)
    await phone.logs_in()
    await other.logs_in()
    (link,) = await other.links()

    answers = [
        await phone.get(f"enrolments/{foreign['id']}"),
        await phone.get(f"enrolments/{foreign['id']}/statement"),
        await phone.get(f"lessons/{lesson['id']}"),
        await phone.post(f"lessons/{lesson['id']}/confirm"),
        await phone.post("claims", {"enrolment_id": foreign["id"], "reason": "CONSUMER"}),
        await phone.post(f"guardian-links/{link['id']}/revoke"),
    ]

    assert [each.status_code for each in answers] == [404] * 6
    assert await phone.enrolments() == {own["id"]}
    assert len(await phone.links()) == 1


async def test_a_token_of_one_guardian_has_no_person_to_link(academy: Academy) -> None:
    enrolment = await academy.opened()
    parent = await academy.parent(enrolment)

    answer = await academy.post("guardian-links", parent, printed(enrolment))

    assert refused(answer) == (404, "person_unknown")


async def test_links_name_nobody_in_the_journal(
    academy: Academy, phone: Phone, district: District
) -> None:
    _, link = await asked(academy, phone)

    listed = await academy.get("transactions", district.auditor, limit=500)

    shown = [row for row in listed["items"] if row["kind"] == "GUARDIAN_LINK_ASKED"]
    assert len(shown) == 1
    assert ids.parse("gdl", link["id"])[1].hex in str(shown).replace("-", "")
    assert phone.number[3:] not in str(listed)


async def test_a_proof_is_replayed_under_its_key_and_another_one_is_not(
    academy: Academy, service: Service, phone: Phone
) -> None:
    enrolment = await academy.opened(**named(fresh_phone()))
    await phone.logs_in()
    body, path = printed(enrolment), "/v1/guardian-links"

    first = await service.post(path, phone.token, body, key="proof-1")
    again = await service.post(path, phone.token, body, key="proof-1")
    other = await academy.opened(**named(fresh_phone()))
    reused = await service.post(path, phone.token, printed(other), key="proof-1")

    assert (first.status_code, first.json()["state"]) == (201, "WAITING")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert refused(reused) == (422, "idempotency_key_reused")


async def test_a_link_that_waits_is_in_sight_of_who_asked_though_nothing_else_is(
    academy: Academy, phone: Phone
) -> None:
    _, link = await asked(academy, phone)

    (shown,) = await phone.links()
    taken_back = await phone.post(f"guardian-links/{link['id']}/revoke")

    assert (shown["id"], shown["state"]) == (link["id"], "WAITING")
    assert taken_back.json()["state"] == "REVOKED"
