"""The register over HTTP: built from the ledger, objected to, completed by late entries."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.collapses import act, case_of, opened, wait_until_after
from tests.fixtures.service import District, fresh_id

pytestmark = pytest.mark.usefixtures("official_calendar")
PROOF = {"document_hash": "ab" * 32}


async def legacy(academy: Academy, value: str, day: str, **values: Any) -> dict[str, Any]:
    body = academy.legacy(value, 20, contract_on=day, starts_on=day, **values)
    answer = await academy.post("enrolments/legacy", academy.token, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def published(academy: Academy, higher: str) -> dict[str, Any]:
    return dict(await act(academy, await opened(academy, higher), "register"))


async def entries(academy: Academy, case: Any, token: str | None = None) -> list[dict[str, Any]]:
    by = token or academy.district.regulator
    found = await academy.get("entitlements", by, wind_down_id=case["id"], limit=500)
    return sorted(found["items"], key=lambda item: item["register_number"])


async def objected(academy: Academy, entry: Any, parent: str, asked: str, **values: Any) -> Any:
    body = {"asked": asked, **PROOF} | values
    return await academy.post(f"entitlements/{entry['id']}/objections", parent, body)


async def decided(academy: Academy, objection: Any, decision: str, **values: Any) -> Any:
    body = {"decision": decision, "reason": "SEEN"} | values
    path = f"objections/{objection['id']}/decide"
    return await academy.post(path, academy.district.regulator, body)


async def test_the_register_is_numbered_by_contract_date_and_says_what_is_funded(
    academy: Academy, higher: str
) -> None:
    late = await legacy(academy, "600.00", "2025-06-02")
    early = await legacy(academy, "300.00", "2025-06-01")
    funded = await academy.enrolled()
    await academy.confirmed(funded)

    case = await published(academy, higher)

    found = await entries(academy, case)
    assert case["state"] == "REGISTER_PUBLISHED"
    assert (case["entitlements"], case["claimed"]) == (3, "5795.83")
    assert [entry["enrolment_id"] for entry in found] == [early["id"], late["id"], funded["id"]]
    assert [(e["claimed"], e["unfunded"]) for e in found] == [
        ("300.00", "300.00"),
        ("600.00", "600.00"),
        ("4895.83", "0.00"),
    ]


async def test_a_parent_reads_their_own_entitlement_and_is_told_of_it(
    academy: Academy, higher: str
) -> None:
    mine, _ = await academy.enrolled(), await academy.enrolled()
    case = await published(academy, higher)
    parent = await academy.parent(mine)

    found = await entries(academy, case, parent)
    notices = await academy.post("notices/fetch", parent, {})

    (entry,) = found
    assert entry["enrolment_id"] == mine["id"]
    read = await academy.get(f"entitlements/{entry['id']}", parent)
    assert read == entry
    told = {item["kind"]: item["subject_id"] for item in notices.json()["items"]}
    assert told["REGISTER_PUBLISHED"] == entry["id"]


async def test_a_register_is_published_once_lessons_are_settled_and_once_only(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    await academy.recorded(enrolment)
    case = await opened(academy, higher)
    path, regulator = f"wind-downs/{case['id']}/register", academy.district.regulator

    early = await academy.post(path, regulator)
    await wait_until_after(academy, case["lessons_due_on"])
    done = await academy.post(path, regulator)
    again = await academy.post(path, regulator)

    read = await academy.get(f"enrolments/{enrolment['id']}", regulator)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    assert done.status_code == 200, done.text
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert read["state"] == "IN_WIND_DOWN"


async def test_an_objection_that_is_upheld_raises_the_entitlement_by_its_own_rule(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    case = await published(academy, higher)
    (entry,) = await entries(academy, case)

    filed = await objected(academy, entry, parent, "6000.00", note="现金缴费 1000.01")
    twice = await objected(academy, entry, parent, "7000.00")
    upheld = await decided(academy, filed.json(), "UPHELD", amount="5500.00")
    again = await decided(academy, filed.json(), "REJECTED")

    (after,) = await entries(academy, case)
    assert (filed.status_code, filed.json()["state"]) == (201, "FILED")
    assert "note" not in filed.json()
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    assert (upheld.json()["state"], upheld.json()["decided"]) == ("UPHELD", "5500.00")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert (after["claimed"], after["unfunded"], after["state"]) == (
        "5500.00",
        "500.01",
        "ADMITTED",
    )
    assert (await case_of(academy))["claimed"] == "5500.00"
    money = await academy.money(enrolment)
    assert money["refundable"] == "5500.00"


async def test_an_objection_that_is_rejected_leaves_the_register_as_it_was(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    case = await published(academy, higher)
    (entry,) = await entries(academy, case)
    filed = await objected(academy, entry, parent, "6000.00")

    waiting = await entries(academy, case)
    rejected = await decided(academy, filed.json(), "REJECTED")

    mine = await academy.get("objections", parent, state="REJECTED")
    assert waiting[0]["state"] == "OBJECTED"
    assert rejected.status_code == 200
    assert await entries(academy, case) == [entry]
    assert [item["id"] for item in mine["items"]] == [filed.json()["id"]]


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [("4999.99", 422, "amount_zero"), ("4999.98", 422, "evidence_missing")],
)
async def test_nothing_is_lowered_by_deciding_an_objection(
    academy: Academy, higher: str, amount: str, status: int, code: str
) -> None:
    enrolment = await academy.enrolled()
    case = await published(academy, higher)
    (entry,) = await entries(academy, case)
    filed = await objected(academy, entry, await academy.parent(enrolment), "6000.00")

    answer = await decided(academy, filed.json(), "UPHELD", amount=amount)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_objection_comes_in_time_asks_for_more_and_is_about_ones_own(
    academy: Academy, higher: str
) -> None:
    mine, other = await academy.enrolled(), await academy.enrolled()
    parent = await academy.parent(mine)
    case = await published(academy, higher)
    theirs = {entry["enrolment_id"]: entry for entry in await entries(academy, case)}

    nothing = await objected(academy, theirs[mine["id"]], parent, "4999.99")
    foreign = await objected(academy, theirs[other["id"]], parent, "6000.00")
    await wait_until_after(academy, case["objections_until"])
    late = await objected(academy, theirs[mine["id"]], parent, "6000.00")

    assert (nothing.status_code, nothing.json()["code"]) == (422, "amount_zero")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "entitlement_unknown")
    assert (late.status_code, late.json()["code"]) == (422, "objection_too_late")


def late_entry(**values: Any) -> dict[str, Any]:
    return {
        "contract_number": "OFF-BOOK-1",
        "contract_on": "2024-01-15",
        "student_name": "李小四",
        "asked": "2400.00",
        **PROOF,
    } | values


@pytest.mark.parametrize("origin", ["LEGACY", "DIVERSION"])
async def test_a_missing_contract_is_admitted_with_the_next_number(
    academy: Academy, district: District, higher: str, origin: str
) -> None:
    await academy.enrolled()
    case = await published(academy, higher)
    stranger = await district.parent_token(fresh_id())
    path = f"wind-downs/{case['id']}/late-entries"
    admission = {"origin": origin, "subject": "DANCE", "lessons": 16}

    filed = await academy.post(path, stranger, late_entry())
    twice = await academy.post(path, stranger, late_entry())
    bare = await decided(academy, filed.json(), "UPHELD", amount="2000.00")
    admitted = await decided(academy, filed.json(), "UPHELD", amount="2000.00", admission=admission)

    (mine,) = await entries(academy, case, stranger)
    assert (twice.status_code, twice.json()["code"]) == (409, "already_exists")
    assert (bare.status_code, bare.json()["code"]) == (422, "evidence_missing")
    assert admitted.status_code == 200, admitted.text
    assert admitted.json()["entitlement_id"] == mine["id"]
    assert (mine["register_number"], mine["late"], mine["state"]) == (2, True, "ADMITTED")
    assert (mine["claimed"], mine["unfunded"]) == ("2000.00", "2000.00")
    after = await case_of(academy)
    assert (after["entitlements"], after["claimed"]) == (2, "6999.99")


async def test_a_late_entry_is_about_a_contract_that_is_not_on_file(
    academy: Academy, district: District, higher: str
) -> None:
    enrolment = await academy.enrolled()
    case = await published(academy, higher)
    stranger = await district.parent_token(fresh_id())
    path = f"wind-downs/{case['id']}/late-entries"
    nowhere = f"wind-downs/{district.public('wdn', fresh_id())}/late-entries"

    known = await academy.post(
        path, stranger, late_entry(contract_number=enrolment["contract_number"])
    )
    zero = await academy.post(path, stranger, late_entry(asked="0.00"))
    future = await academy.post(path, stranger, late_entry(contract_on="2099-01-01"))
    unknown = await academy.post(nowhere, stranger, late_entry())

    assert (known.status_code, known.json()["code"]) == (409, "already_exists")
    assert (zero.status_code, zero.json()["code"]) == (422, "amount_zero")
    assert (future.status_code, future.json()["code"]) == (422, "date_in_future")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "wind_down_unknown")


async def test_a_register_of_hundreds_of_legacy_contracts_adds_up(
    district: District, higher: str
) -> None:
    academy = await academy_in(district)
    items = [
        academy.legacy(f"{100 + number}.50", 10, contract_on=f"2025-0{1 + number % 9}-01")
        for number in range(300)
    ]
    batch = await academy.post("enrolments/legacy/batch", academy.token, {"items": items})
    assert {result["code"] for result in batch.json()["results"]} == {"done"}
    await academy.receipt("20000.00", kind="TOP_UP")

    case = await published(academy, higher)

    found = await entries(academy, case)
    order = [(entry["contract_on"], entry["contract_number"]) for entry in found]
    unfunded = sum(round(float(entry["unfunded"]) * 100) for entry in found)
    assert case["entitlements"] == 300
    assert case["claimed"] == "75000.00"
    assert unfunded == 7_500_000 - 2_000_000
    assert order == sorted(order)
    assert [entry["register_number"] for entry in found] == list(range(1, 301))
