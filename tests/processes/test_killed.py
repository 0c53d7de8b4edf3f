"""Killed with -9 in the middle of receipts: nothing acknowledged is lost, nothing stands twice."""

import asyncio
import random

import pytest

from service.verify.report import Status
from tests.fixtures.started import Machine, Serving
from tests.processes.bank_load import Line, Sent, line_to, payments, signed

CONTRACTS = 80


@pytest.mark.timeout(240)
async def test_what_was_acknowledged_before_a_kill_stands_and_nothing_stands_twice(
    machine: Machine,
) -> None:
    chance = random.Random(20260302)
    process = machine.start()
    async with line_to(machine, process) as line:
        school = await line.story.school_opens("ICBC")
        contracts = await signed(school, await school.files("1100.00", 10), CONTRACTS)
        requests = payments(school, "ICBC", contracts, chance)
        await _killed_at(line, requests, process, len(requests) // 3)
    acknowledged = {sent.key: sent.answer for sent in requests if sent.acknowledged}
    assert 0 < len(acknowledged) < len(requests)

    process = machine.start()
    async with line_to(machine, process) as line:
        await _killed_at(line, requests, process, len(requests) * 2 // 3)
    acknowledged |= {sent.key: sent.answer for sent in requests if sent.acknowledged}

    async with line_to(machine, machine.start()) as line:
        for sent in requests:
            sent.answer = None
        await line.send_all(requests)
        figures = await school.figures("ICBC")

    assert all(sent.acknowledged for sent in requests)
    assert {s.key for s in requests if s.replayed} >= acknowledged.keys()
    assert {s.key: s.answer for s in requests if s.key in acknowledged} == acknowledged
    assert await machine.count("escrow.bank_entry") == sum(sent.entries for sent in requests)
    assert (figures["bank_money"], figures["prepaid"]) == ("88000.00", "88000.00")
    report = await machine.verified()
    assert report.status is Status.CLEAN, report.as_json()


async def _killed_at(line: Line, requests: list[Sent], process: Serving, answers: int) -> None:
    """Send what is not acknowledged yet, and kill the service after so many answers."""
    line.goal = answers - sum(sent.acknowledged for sent in requests)
    sending = asyncio.create_task(
        line.send_all([sent for sent in requests if not sent.acknowledged])
    )
    await line.reached.wait()
    process.kill()
    await sending
