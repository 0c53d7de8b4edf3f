"""The audit trail over HTTP: lists and filters, single rows, heads, a day as text, who may read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from service.audit import segments
from service.identity import tokens
from service.identity.callers import Role
from service.store import audit_reads, ids
from service.store.context import Context
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.service import Service, open_district
from tests.fixtures.trails import apart, trail

PATH = "audit"


def receipt(academy: Academy, reference: str, amount: str = "100.00") -> dict[str, Any]:
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": reference,
        "amount": amount,
        "kind": "TOP_UP",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
    }


@pytest.fixture
async def told(academy: Academy) -> Academy:
    """A school about which five receipts and one contradiction are told."""
    bank = academy.district.banks["ICBC"]
    for number in range(5):
        await academy.post("receipts", bank, receipt(academy, f"R-{number}"))
    await academy.post("receipts", bank, receipt(academy, "R-1", "7.00"))
    return academy


async def listed(academy: Academy, **query: Any) -> list[dict[str, Any]]:
    found = await academy.get(PATH, academy.district.auditor, **query)
    return list(found["items"])


async def test_the_trail_is_listed_newest_first_page_by_page(told: Academy) -> None:
    auditor = told.district.auditor
    whole = await listed(told)

    first = await told.get(PATH, auditor, limit=4)
    second = await told.get(PATH, auditor, limit=4, cursor=first["next_cursor"])

    assert [row["seq"] for row in whole] == list(range(len(whole), 0, -1))
    assert first["items"] + second["items"] == whole[:8]
    assert second["next_cursor"] is None


async def test_filters_narrow_the_list(told: Academy) -> None:
    whole = await listed(told)
    one = whole[0]

    refused = await listed(told, outcome="bank_entry_contradicted")
    by_caller = await listed(told, caller_id=one["caller_id"])
    about = await listed(told, about=whole[1]["object"])
    posted = await listed(told, operation="postReceipt")

    assert [row["seq"] for row in refused] == [one["seq"]]
    assert {row["caller_id"] for row in by_caller} == {one["caller_id"]}
    assert [row["object"] for row in about] == [whole[1]["object"]]
    assert len(posted) == 6


async def test_times_narrow_the_list_to_the_rows_between(told: Academy) -> None:
    whole = await listed(told)
    since, until = whole[3]["recorded_at"], whole[1]["recorded_at"]

    between = await listed(told, since=since, until=until)
    nothing = await listed(told, since=(datetime.now(UTC) + timedelta(days=1)).isoformat())

    assert [row["seq"] for row in between] == [whole[2]["seq"], whole[3]["seq"]]
    assert nothing == []


async def test_a_row_is_read_by_its_id(told: Academy) -> None:
    one = (await listed(told))[1]

    found = await told.get(f"{PATH}/{one['id']}", told.district.auditor)

    assert found == one
    assert found["first_transaction_id"] == found["last_transaction_id"] is not None


async def test_reading_the_trail_is_told_too(told: Academy, database: Database) -> None:
    await listed(told, outcome="done")

    row = (await apart(database, told.district))[-1]

    assert (row["kind"], row["operation"], row["purpose"]) == ("READ", "listAudit", "AUDIT")
    assert json.loads(row["details"]) == {"asked": {"outcome": "done"}}


async def test_an_auditor_sees_in_chain_0_what_concerns_its_own_journals(
    told: Academy, higher: str
) -> None:
    service = told.district.service
    await service.get("/v1/audit", told.token)

    mine = await listed(told, apart="true")
    everything = (await service.get("/v1/audit", higher, apart="true", limit=500)).json()["items"]

    assert mine[0]["outcome"] == "verb_forbidden"
    assert {row["id"] for row in mine} < {row["id"] for row in everything}


async def test_the_trail_of_another_jurisdiction_does_not_exist(
    told: Academy, service: Service
) -> None:
    other = await open_district(service)
    one = (await listed(told))[0]

    read = await service.get(f"/v1/audit/{one['id']}", other.auditor)
    asked = await service.get("/v1/audit", other.auditor, adcode=told.district.code)
    nowhere = await service.get("/v1/audit/aud_nothing", other.auditor)
    beyond = await service.get(f"/v1/audit/{ids.public_audit(1, 2**64 - 1)}", other.auditor)

    assert [each.status_code for each in (read, asked, nowhere, beyond)] == [404] * 4


@pytest.mark.parametrize("role", ["bank", "institution"])
async def test_the_trail_is_not_for_those_it_tells_of(told: Academy, role: str) -> None:
    token = told.token if role == "institution" else told.district.banks["ICBC"]

    answer = await told.district.service.get("/v1/audit", token)

    assert (answer.status_code, answer.json()["code"]) == (403, "verb_forbidden")


async def test_a_regulator_of_one_department_does_not_see_a_whole_journals_trail(
    told: Academy,
) -> None:
    scope = tokens.Scope(told.district.code, departments=("culture",))
    token = await told.district.service.token(Role.REGULATOR, scope)

    found = await told.get(PATH, token)

    assert found["items"] == []


async def test_the_heads_are_those_of_the_last_rows(told: Academy, database: Database) -> None:
    last = (await trail(database, told.district.journal))[-1]

    found = await told.get(f"{PATH}/heads", told.district.auditor)

    assert found["items"] == [
        {
            "journal": told.district.journal,
            "seq": last["audit_seq"],
            "hash": last["hash"].hex(),
        }
    ]


async def test_a_day_is_exported_as_text_that_can_be_checked_by_itself(
    told: Academy, database: Database
) -> None:
    rows = await trail(database, told.district.journal)
    today = (rows[-1]["recorded_at"] + timedelta(hours=8)).date()
    path = f"/v1/audit/segments/{today}"

    answer = await told.district.service.get(path, told.district.auditor)
    header = segments.check(answer.text.splitlines(keepends=True))

    assert answer.headers["content-type"].startswith("text/plain")
    assert (header["journal"], header["last"]) == (told.district.journal, len(rows))
    assert header["head"] == rows[-1]["hash"].hex()
    assert header["masked"] is True
    assert rows[-1]["request_id"] not in answer.text
    with pytest.raises(segments.Broken):
        segments.check(answer.text.replace("contradicted", "done").splitlines(keepends=True))


async def test_a_day_before_the_trail_began_is_empty(told: Academy) -> None:
    answer = await told.district.service.get("/v1/audit/segments/2020-01-01", told.district.auditor)

    header = segments.check(answer.text.splitlines(keepends=True))

    assert (header["first"], header["last"]) == (1, 0)


async def test_a_whole_text_shows_every_hash(told: Academy) -> None:
    district = told.district
    day = datetime.now(UTC) + timedelta(hours=8)
    async with district.service.store.reading(Context((district.journal,))) as connection:
        segment = await audit_reads.segment(connection, district.journal, day.date())
        parts = [part async for part in segments.text_of(connection, segment, masked=False)]
    lines = "".join(parts).splitlines(keepends=True)

    assert segments.check(lines)["masked"] is False
    with pytest.raises(segments.Broken, match="line"):
        segments.check([*lines[:3], lines[3].replace("done", "gone"), *lines[4:]])


async def test_a_row_written_by_hand_into_the_leaf_is_seen_by_nobody_but_verify(
    told: Academy,
) -> None:
    async with told.district.service.engine.begin() as connection:
        seen = await connection.scalar(text("SELECT count(*) FROM escrow.audit"))

    assert seen == 0
