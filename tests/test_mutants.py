"""The campaign of mutants itself: it tells what is noticed from what is not."""

import json
import subprocess
import sys

from tests.campaigns.mutant_sites import ROOT, mutants_of
from tests.campaigns.mutants import equivalent, paths

REGISTERS = "tests/ledger/rules/test_registers.py"


def test_every_mutant_that_nothing_could_notice_is_one_and_says_why() -> None:
    possible = {mutant.name for path in paths() for mutant in mutants_of(path)}

    known = equivalent()

    assert known.keys() <= possible
    assert all(reason.strip() for reason in known.values())


def test_a_module_is_changed_in_amounts_bounds_accounts_order_and_refusals() -> None:
    changes = {(mutant.before, mutant.after) for mutant in mutants_of("ledger/rules/debts.py")}

    assert ("self.amount >= ZERO", "self.amount > ZERO") in changes
    assert ("AccountKind.DUE_FROM_BANK", "AccountKind.HELD_BY_INSTITUTION") in changes
    assert ("rest -= part", "") in changes
    assert ("min(rest, debt.amount)", "max(rest, debt.amount)") in changes
    assert ("(debt.account, part)", "(part, debt.account)") in changes
    assert ("assert self.amount >= ZERO, 'a debt is not negative'", "") in changes


def test_a_mutant_that_its_tests_notice_is_killed_and_another_survives() -> None:
    only = ("--only", "rules/registers", "--tests", REGISTERS)

    ended = subprocess.run(
        [sys.executable, "-m", "tests.campaigns.mutants", *only, "--like", "UPHELD'", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )

    figures = json.loads(ended.stdout)
    [survivor] = figures["survived"]
    assert (figures["mutants"], figures["killed"]) == (2, 1)
    assert "OBJECTION_UPHELDX" in survivor
    assert ended.returncode == 1
