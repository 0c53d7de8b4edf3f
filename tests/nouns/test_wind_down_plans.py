"""Distribution plans over HTTP: simulated side by side, replayed, approved by two, posted."""

from typing import Any

import pytest

from ledger import distribution
from service.store.facts import Update
from service.store.tables import Institution
from service.wind_downs import post
from service.wind_downs.plan_sweep import post_distributions
from tests.fixtures.academies import Academy
from tests.fixtures.collapses import act, opened, wait_until_after
from tests.fixtures.registers import Collapse, charged, collapsed
from tests.fixtures.service import District
from tests.fixtures.transfers import debited, fetched

pytestmark = pytest.mark.usefixtures("official_calendar")


@pytest.fixture
async def collapse(academy: Academy) -> Collapse:
    """Case 8.6 after set-off, with 5,000.00 more recovered in place of the deposit."""
    found = await collapsed(academy)
    await found.credited("5000.00", "RECOVERY")
    return found


def dividends(shares: list[dict[str, Any]]) -> list[str]:
    """List dividends in the order of case 8.6: C3 was signed last."""
    given = [share["dividend"] for share in shares]
    return [*given[:2], given[6], *given[2:6]]


async def test_both_bases_stand_side_by_side_to_the_fen(collapse: Collapse) -> None:
    pooled, traced = await collapse.simulated()

    assert (pooled["basis"], traced["basis"]) == ("POOLED", "TRACED_FIRST")
    assert pooled["claimed"] == traced["claimed"] == "29062.50"
    assert pooled["distributed"] == traced["distributed"] == "20345.73"
    assert pooled["residual"] == traced["residual"] == "8716.77"
    assert dividends(await collapse.shares(pooled)) == [
        "3500.33",
        "2260.64",
        "7000.68",
        "875.09",
        "875.08",
        "0.01",
        "5833.90",
    ]
    assert dividends(await collapse.shares(traced)) == [
        "4380.46",
        "2829.06",
        "3645.17",
        "1095.12",
        "1095.12",
        "0.01",
        "7300.79",
    ]


async def test_another_person_replays_a_plan_from_its_inputs_alone(collapse: Collapse) -> None:
    for plan in await collapse.simulated():
        told = await collapse.get(f"plans/{plan['id']}/inputs")

        replayed = distribution.planned(told["inputs"])

        assert replayed.digest.hex() == plan["plan_hash"] == told["plan_hash"]
        assert [yuan(one + two) for _, one, two in replayed.shares] == [
            share["dividend"] for share in await collapse.shares(plan)
        ]


async def test_a_plan_is_approved_by_two_of_which_one_is_of_a_higher_level(
    collapse: Collapse, higher: str
) -> None:
    (plan,) = await collapse.simulated("TRACED_FIRST")
    low = await collapse.approve(plan, collapse.district.second_regulator)

    answer = await collapse.approve(plan, higher)

    assert (low.status_code, low.json()["code"]) == (422, "level_too_low")
    assert answer.status_code == 200, answer.text
    assert (await collapse.now())["state"] == "APPROVED"
    assert (await collapse.get(f"plans/{plan['id']}"))["state"] == "APPROVED"


async def test_a_plan_whose_pool_has_moved_since_is_stale(collapse: Collapse, higher: str) -> None:
    (plan,) = await collapse.simulated("POOLED")
    await charged(collapse.academy, "0.01")

    answer = await collapse.approve(plan, higher)

    assert (answer.status_code, answer.json()["code"]) == (409, "plan_stale")


async def test_money_recovered_without_a_case_is_in_suspense(academy: Academy) -> None:
    entry = await academy.receipt("100.00", kind="RECOVERY")

    assert (entry["outcome"], entry["suspense"]) == ("SUSPENSE", "100.00")


async def test_a_newer_simulation_takes_the_place_of_the_older(collapse: Collapse) -> None:
    (older,) = await collapse.simulated("POOLED")
    await collapse.simulated("POOLED")

    answer = await collapse.post(f"plans/{older['id']}/approve", {"plan_hash": older["plan_hash"]})

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_posting_turns_every_claim_into_a_refund_and_a_residual(
    collapse: Collapse, higher: str
) -> None:
    await collapse.approved(higher)

    posted = await collapse.posted()

    case = await collapse.now()
    assert (posted["posted"], posted["finished"]) == (7, True)
    assert case["state"] == "POSTED"
    assert (case["claimed"], case["distributed"], case["residual"]) == (
        "29062.50",
        "20345.73",
        "8716.77",
    )


async def test_a_posting_cut_off_between_chunks_is_finished_by_the_next(
    collapse: Collapse, higher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "CHUNK_MAX", 3)
    plan = await collapse.approved(higher)

    chunks = [await collapse.posted() for _ in range(3)]
    after = await collapse.post(f"wind-downs/{collapse.case['id']}/post")

    assert [(chunk["posted"], chunk["finished"]) for chunk in chunks] == [
        (3, False),
        (3, False),
        (1, True),
    ]
    assert [chunk["plan"]["posted_to"] for chunk in chunks] == [3, 6, 7]
    assert (await collapse.now())["distributed"] == plan["distributed"]
    assert (after.status_code, after.json()["code"]) == (409, "wrong_state")


async def test_parents_read_the_plan_and_their_own_share_only(
    collapse: Collapse, district: District
) -> None:
    (plan,) = await collapse.simulated("POOLED")
    listed = await collapse.get("enrolments", limit=1)
    parent = await collapse.academy.parent(listed["items"][0])
    stranger = await district.parent_token(collapse.academy.institution)

    seen = await collapse.academy.get(f"plans/{plan['id']}/shares", parent)
    hidden = await collapse.academy.post(f"plans/{plan['id']}/approve", parent)
    foreign = await district.service.get(f"/v1/plans/{plan['id']}", stranger)

    assert len(seen["items"]) == 1
    assert hidden.status_code == 403
    assert (foreign.status_code, foreign.json()["code"]) == (404, "plan_unknown")


async def test_a_case_follows_its_refund_orders_to_the_last(
    collapse: Collapse, higher: str
) -> None:
    await collapse.approved(higher, "POOLED")
    await collapse.posted()
    before = await collapse.followed()
    settled = await collapse.followed()

    paid = await collapse.paid()

    assert before == settled == "POSTED"
    assert sorted(paid) == sorted(
        ["3500.33", "2260.64", "875.09", "875.08", "0.01", "5833.90", "7000.68"]
    )
    assert await collapse.followed() == "RESIDUAL"


async def test_a_later_round_shares_what_was_recovered_and_never_takes_back_a_fen(
    collapse: Collapse, higher: str
) -> None:
    first = await collapse.approved(higher)
    await collapse.posted()
    await collapse.paid()
    await collapse.followed()
    await collapse.credited("871.68", "RECOVERY")

    second = await collapse.approved(higher)
    posted = await collapse.posted()
    paid = await collapse.paid()

    case = await collapse.now()
    shares = await collapse.shares(second)
    before = {share["register_number"]: share for share in await collapse.shares(first)}
    assert (second["round"], second["claimed"]) == (2, first["residual"])
    assert (second["distributed"], second["residual"]) == ("871.68", "7845.09")
    assert all(share["claim"] == before[share["register_number"]]["residual"] for share in shares)
    assert (posted["finished"], sorted(paid)) == (
        True,
        sorted(s["dividend"] for s in shares if s["dividend"] != "0.00"),
    )
    assert (case["state"], case["distributed"], case["residual"]) == (
        "RESIDUAL",
        "21217.41",
        "7845.09",
    )


async def test_a_case_is_closed_only_when_every_fen_has_a_name(
    collapse: Collapse, higher: str
) -> None:
    academy, district = collapse.academy, collapse.district
    institution = f"institutions/{district.public('ins', academy.institution)}"
    await collapse.approved(higher)
    await collapse.posted()
    still = await collapse.post(f"{institution}/deregister", {"reason": "WOUND_DOWN"})
    early = await collapse.post(f"wind-downs/{collapse.case['id']}/close", {"reason": "TOO_EARLY"})
    await collapse.paid()
    await collapse.followed()
    await collapse.credited("1.00", "RECOVERY")
    unshared = await collapse.close(higher)
    await collapse.approved(higher)
    await collapse.posted()
    owed = await collapse.close(higher)
    await collapse.paid()

    closed = await collapse.close(higher)

    gone = await collapse.post(f"{institution}/deregister", {"reason": "WOUND_DOWN"})
    assert (still.status_code, still.json()["code"]) == (409, "wrong_state")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    assert (unshared.status_code, unshared.json()["code"]) == (409, "liability_outstanding")
    assert (owed.status_code, owed.json()["code"]) == (409, "liability_outstanding")
    assert closed.status_code == 200, closed.text
    assert (await collapse.now())["state"] == "CLOSED"
    assert (gone.status_code, gone.json()["state"]) == (200, "DEREGISTERED")


async def test_a_payout_that_comes_back_after_the_plan_is_set_off_and_shared(
    academy: Academy, district: District, higher: str
) -> None:
    party = await district.plant_party("SETTLEMENT", academy.institution)
    await district.plant(
        Update(Institution, (academy.institution,), {"settlement_party_id": party})
    )
    await academy.confirmed(await academy.enrolled())
    custody = {"custody_account_id": district.public("cus", academy.custody)}
    await academy.post("payouts", academy.token, custody)
    (order,) = await fetched(academy, "ICBC")
    await debited(academy, "ICBC", order)
    await charged(academy, "150.00")
    case = await act(academy, await opened(academy, higher), "register")
    await wait_until_after(academy, case["objections_until"])
    await act(academy, case, "set-off")
    collapse = Collapse(academy, case)
    (before,) = await collapse.simulated("POOLED")

    await academy.receipt("104.16", kind="RETURN", end_to_end_id=order["id"])
    await act(academy, case, "set-off")

    stale = await collapse.approve(before, higher)
    (after,) = await collapse.simulated("POOLED")
    assert (before["pool"], after["pool"]) == ("4745.83", "4849.99")
    assert (stale.status_code, stale.json()["code"]) == (409, "plan_stale")


async def test_no_plan_is_made_while_a_parents_objection_is_undecided(
    academy: Academy, higher: str
) -> None:
    parent = await academy.parent(await academy.enrolled())
    case = await act(academy, await opened(academy, higher), "register")
    (entry,) = (await academy.get("entitlements", parent))["items"]
    body = {"asked": "6000.00", "document_hash": "ab" * 32}
    objection = await academy.post(f"entitlements/{entry['id']}/objections", parent, body)
    await wait_until_after(academy, case["objections_until"])
    await act(academy, case, "set-off")
    collapse = Collapse(academy, case)

    early = await collapse.post(f"wind-downs/{case['id']}/plans")
    decision = {"decision": "REJECTED", "reason": "SEEN"}
    await collapse.post(f"objections/{objection.json()['id']}/decide", decision)
    plans = await collapse.simulated()

    assert (early.status_code, early.json()["facts"]["object"]) == (409, "objection")
    assert [plan["distributed"] for plan in plans] == ["4999.99", "4999.99"]


async def test_the_worker_finishes_a_posting_that_was_begun_and_begins_none(
    collapse: Collapse, higher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "CHUNK_MAX", 2)
    store, journal = collapse.district.service.store, collapse.district.journal
    await collapse.approved(higher)

    none = await post_distributions(store, journal)
    await collapse.posted()
    rest = await post_distributions(store, journal)

    assert (none, rest) == (0, 3)
    assert (await collapse.now())["state"] == "POSTED"


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
