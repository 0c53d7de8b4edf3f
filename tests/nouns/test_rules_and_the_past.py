"""Changing rules judges nothing again: a charge under one version stays as it was (I-41)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from ledger.calendars import shanghai_date
from service import verify
from service.store.context import Context
from service.store.rows import table_of
from service.store.tables import Enrolment, JournalTransaction
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.service import District

BASIS = {"reason": "LOCAL_MEASURE", "document_id": "YJJG-2026-3"}


async def by_two(district: District, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Propose as one regulator and approve as the other."""
    asked = await district.service.post(path, district.regulator, body)
    assert asked.status_code == 202, asked.text
    done = await district.service.post(
        f"/v1/rule-pack-proposals/{asked.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": asked.json()["payload_hash"]},
    )
    assert done.status_code == 200, done.text
    return dict(done.json())


async def capped(district: District, cap: str) -> str:
    """Give the district a pack of its own with another cap, from today on; return its code."""
    pack = f"own-{district.journal}"
    rules = await district.service.get(
        f"/v1/jurisdictions/{district.code}/rules", district.regulator
    )
    today = rules.json()["on"]
    value = {"parameter": "amount_cap", "value": cap, "source": "第五条"}
    await by_two(
        district,
        f"/v1/rule-packs/{pack}/proposals",
        {
            "values": [value],
            "effective_on": today,
            "derived_from": "chongqing-500106",
            "jurisdiction": district.code,
            **BASIS,
        },
    )
    await by_two(
        district,
        f"/v1/rule-packs/{pack}/assignments",
        {"jurisdiction": district.code, "from_on": today, **BASIS},
    )
    return pack


def dates() -> dict[str, str]:
    """A contract charged today."""
    today = shanghai_date(datetime.now(UTC))
    return {
        "contract_on": today.isoformat(),
        "charged_on": today.isoformat(),
        "starts_on": (today + timedelta(days=5)).isoformat(),
        "ends_on": (today + timedelta(days=80)).isoformat(),
    }


async def judged_by(district: District) -> Sequence[Any]:
    """The rules that each transaction and each enrolment says it was judged by."""
    sealed, enrolment = table_of(JournalTransaction), table_of(Enrolment)
    async with district.service.store.reading(Context((district.journal,))) as connection:
        transactions = await connection.execute(
            select(sealed.c.seq, sealed.c.policy_version, sealed.c.hash)
            .where(sealed.c.journal_id == district.journal)
            .order_by(sealed.c.seq)
        )
        enrolments = await connection.execute(
            select(enrolment.c.enrolment_id, enrolment.c.policy_version, enrolment.c.price_fen)
            .where(enrolment.c.journal_id == district.journal)
            .order_by(enrolment.c.enrolment_id)
        )
        return [tuple(row) for row in (*transactions, *enrolments)]


async def test_a_charge_stays_lawful_when_the_cap_falls_below_it(
    academy: Academy, database: Database
) -> None:
    district = academy.district
    enrolment = await academy.opened(**dates())
    await academy.paid(enrolment, "1000.00")
    before = await judged_by(district)

    await capped(district, "4000.00")
    over = await academy.post("enrolments", academy.token, academy.contract(**dates()))
    earlier = await academy.post("enrolments", academy.token, academy.contract())
    rest = await academy.paid(enrolment, "3999.99")
    after = await judged_by(district)
    report = await verify.verify(database.url("escrow_audit"), journals=[district.journal])

    assert (over.status_code, over.json()["code"]) == (422, "amount_over_cap")
    assert earlier.status_code == 201, earlier.text
    assert rest["outcome"] == "ENROLMENT"
    assert (await academy.money(enrolment))["prepaid"] == "4999.99"
    assert [row for row in before if row in after] == before
    assert {row[1] for row in before} <= {None, "chongqing-500106@3"}
    assert not {"I-41", "V-14", "I-04", "V-23"} & set(report.violated), report.findings
