"""The simulated month: ESCROW_MONTH_DAYS says how long, `poe bank-month` plays all of it."""

import os
import sys
import time

import pytest

from service.bank_simulator.disturbances import Disturbance
from service.verify.report import Status
from tests.fixtures.started import Machine
from tests.processes.bank_load import line_to
from tests.processes.bank_month import QUIET_DAYS, month_of
from tests.processes.bank_month_told import answered, disturbed, table

DAYS = int(os.environ.get("ESCROW_MONTH_DAYS", "3"))
SEED = int(os.environ.get("ESCROW_MONTH_SEED", "1"))
SUSPECTED_FOR = 4
"""Days after which the operator decides what is suspected: the statements have come."""


@pytest.mark.timeout(0)
async def test_after_a_month_of_six_banks_every_fen_is_reconciled_or_named(
    machine: Machine,
) -> None:
    started = time.perf_counter()
    async with (
        line_to(machine, machine.start()) as line,
        month_of(line.story, machine.folder, SEED) as month,
    ):
        for number in range(DAYS + QUIET_DAYS):
            await month.pass_day(number, quiet=number >= DAYS)
            if number >= DAYS + SUSPECTED_FOR:
                await month.decide_suspected()
        reconciled = [await month.reconciled(branch) for branch in month.branches]
        told = await month.end()
    took = time.perf_counter() - started
    report = await machine.verified()

    sys.stdout.write(f"\n{DAYS} days of six banks, {took:.0f} s\n{table(reconciled, told)}\n")
    for counted in (disturbed(told), answered(told), month.counts):
        sys.stdout.write("".join(f"{n:7d}  {what}\n" for what, n in counted.items()) + "\n")
    assert {r.bank: r.difference for r in reconciled} == {r.bank: r.named for r in reconciled}
    closings = {r.bank: r.row["bank_closing"] for r in reconciled}
    assert closings == {bank["bank"]: bank["accounts"][0]["balance"] for bank in told}
    assert [bank["bank"] for bank in told if bank["unsaid"]] == []
    assert {r.row["sub_ledger_gap"] for r in reconciled} == {"0.00"}
    if DAYS >= 30:
        assert set(disturbed(told)) == {each.value for each in Disturbance}
    assert report.status is Status.CLEAN, report.as_json()
