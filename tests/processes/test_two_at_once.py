"""Two service processes on one database, both busy with the same custody account."""

import asyncio
import random
from itertools import cycle
from typing import Any

import pytest

from service.verify.report import Status
from tests.fixtures.started import Machine
from tests.fixtures.story import Contract, Refused, School
from tests.processes.bank_load import Sent, line_to, payments, signed

CONTRACTS = 30


@pytest.mark.timeout(240)
async def test_two_services_under_load_keep_one_set_of_books(machine: Machine) -> None:
    chance = random.Random(20260302)
    one, other = machine.start(), machine.start()
    async with line_to(machine, other) as second, line_to(machine, one) as first:
        school = await first.story.school_opens("ICBC")
        course = await school.files("1100.00", 10)
        paying = await signed(school, course, CONTRACTS)
        taught = [await school.signs(course) for _ in range(3)]
        for contract in taught:
            await first.story.parent_pays(contract, "ICBC")
        elsewhere = _school_through(school, second)
        requests = payments(school, "ICBC", paying, chance)
        twice = [Sent(s.path, s.token, s.body, s.entries, s.key) for s in requests]

        paid_out, *_ = await asyncio.gather(
            _paid_out_by_both(school, elsewhere),
            first.send_all(requests),
            second.send_all(twice),
            *(
                _taught(at, Contract(at, contract.row))
                for contract, at in zip(taught, cycle([school, elsewhere]), strict=False)
            ),
        )

        figures = await school.figures("ICBC")
        answers = {sent.key: sent.answer for sent in requests}
        assert all(answers.values())
        assert {sent.key: sent.answer for sent in twice} == answers
        assert all(s.replayed != t.replayed for s, t in zip(requests, twice, strict=True))
        assert await machine.district.count("escrow.bank_entry") == 3 * CONTRACTS + len(taught)
        earned = [figures["earned"], *(order["amount"] for order in paid_out)]
        assert sum(int(amount.replace(".", "")) for amount in earned) == 3 * 10 * 110_00
        assert figures["bank_money"] == "36300.00"
    report = await machine.verified()
    assert report.status is Status.CLEAN, report.as_json()


async def _taught(school: School, contract: Contract) -> None:
    """Hold ten lessons one by one, each confirmed by the parent."""
    for _ in range(10):
        await school.teaches(contract, 1)


async def _paid_out_by_both(one: School, other: School) -> list[dict[str, Any]]:
    """Let both services ask for all that is earned, over and over and at the same time."""

    async def asked(school: School) -> list[dict[str, Any]]:
        orders = []
        for _ in range(12):
            try:
                orders.append(await school.asks_for_payout("ICBC"))
            except Refused as refused:
                assert refused.code in {"amount_zero", "payout_not_covered"}  # noqa: PT017
            await asyncio.sleep(0.05)
        return orders

    both = await asyncio.gather(asked(one), asked(other))
    return [order for orders in both for order in orders]


def _school_through(school: School, line: Any) -> School:
    """Return the same school as the other service sees it."""
    return School(line.story, school.id, school.token, school.accounts)
