"""A service killed in the middle of a statement file: what is sent again is posted once."""

import httpx
import pytest

from service.failpoints import Point
from service.statements.importing import LINES_AT_ONCE
from service.verify.report import Status
from tests.fixtures.academies import Academy
from tests.fixtures.service import fresh_id
from tests.fixtures.started import Machine
from tests.fixtures.statement_uploads import Uploads
from tests.processes.bank_load import line_to

KEY = "statement-of-2-march"
MORE = 5
"""Entries that do not go into the first part."""


@pytest.mark.timeout(240)
async def test_a_service_killed_between_two_parts_of_a_file_posts_each_line_once(
    machine: Machine,
) -> None:
    uploads = await _uploads(machine)
    count = LINES_AT_ONCE + MORE
    raw = uploads.camt(*(uploads.entry(number) for number in range(1, count + 1)))
    dying = machine.start(workless=True, ESCROW_FAILPOINTS=f"{Point.FILE_PART_TAKEN}=kill@1")
    async with line_to(machine, dying):
        with pytest.raises(httpx.TransportError):
            await uploads.send(raw, key=KEY)
    left = await uploads.count("bank_entry")

    async with line_to(machine, machine.start(workless=True)):
        ended = await uploads.sent(raw, key=KEY)
        again = await uploads.send(raw, key="another-key")
        days = await uploads.days()

    assert left == LINES_AT_ONCE
    assert (ended["state"], ended["posted"]) == ("POSTED", count)
    assert again.is_success, again.text
    assert await uploads.count("bank_entry") == count
    assert [day["state"] for day in days] == ["AGREED"]
    report = await machine.verified()
    assert report.status is Status.CLEAN, report.as_json()


async def _uploads(machine: Machine) -> Uploads:
    """Plant a school whose bank is about to send a file."""
    district = machine.district
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    return Uploads(Academy(district, institution, custody, fresh_id(), "nobody"))
