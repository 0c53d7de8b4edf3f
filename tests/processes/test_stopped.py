"""A service asked to stop finishes what it has begun, and then ends well."""

import asyncio
import random
import signal

import pytest

from service.verify.report import Status
from tests.fixtures.started import Machine
from tests.processes.bank_load import Sent, line_to, payments, signed

CONTRACTS = 200


@pytest.mark.timeout(240)
async def test_what_is_in_flight_when_it_is_asked_to_stop_is_finished(machine: Machine) -> None:
    process = machine.start()
    async with line_to(machine, process) as line:
        school = await line.story.school_opens("ICBC")
        contracts = await signed(school, await school.files("1100.00", 10), CONTRACTS)
        requests = _merged(payments(school, "ICBC", contracts, random.Random(1)), into=4)
        line.goal = 1
        sending = asyncio.create_task(line.send_all(requests))
        await line.reached.wait()

        code = await asyncio.to_thread(process.stop)
        await sending

    assert code in {0, -signal.SIGTERM}, process.said
    assert [sent.acknowledged for sent in requests] == [True] * 4
    assert await machine.district.count("escrow.bank_entry") == 3 * CONTRACTS
    report = await machine.verified()
    assert report.status is Status.CLEAN, report.as_json()


def _merged(requests: list[Sent], *, into: int) -> list[Sent]:
    """Make a few large batches of many requests: they queue for the journal, all in flight."""
    items = [item for sent in requests for item in sent.body.get("items", [sent.body])]
    size = -(-len(items) // into)
    return [
        Sent(
            "/v1/receipts/batch",
            requests[0].token,
            {"mode": "independent", "items": items[start : start + size]},
            size,
        )
        for start in range(0, len(items), size)
    ]
