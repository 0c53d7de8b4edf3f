"""`escrow replay-plan`: another person shares out a plan's inputs again, without any database."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger import distribution
from service.cli import main
from tests.ledger.drawn_registers import collapsed


def replayed(folder: Path, written: Any, *options: str) -> Result:
    file = folder / "inputs.json"
    file.write_text(written if isinstance(written, str) else json.dumps(written), "utf-8")
    return CliRunner().invoke(main, ["replay-plan", str(file), *options])


@pytest.mark.parametrize("basis", distribution.BASES)
def test_the_same_inputs_give_the_same_shares_and_hash(tmp_path: Path, basis: str) -> None:
    inputs = collapsed(basis)
    plan = distribution.planned(inputs)
    told = {"plan_id": "pln_1", "plan_hash": plan.digest.hex(), "inputs": inputs}

    answer = replayed(tmp_path, told, "--shares")

    number, one, two = plan.shares[0]
    assert answer.exit_code == 0, answer.output
    assert f"{number} {one} {two} {one + two}" in answer.output
    assert "distributed 2034573, residual 871677" in answer.output
    assert "the same as the plan's" in answer.output


def test_a_plan_that_does_not_follow_from_its_inputs_is_told(tmp_path: Path) -> None:
    answer = replayed(tmp_path, collapsed("POOLED"), "--plan-hash", "00" * 32)

    assert answer.exit_code == 1
    assert "the plan's hash is" in answer.output


@pytest.mark.parametrize("written", ["no JSON", "[]", {"basis": "POOLED"}, {"inputs": {}}])
def test_what_is_no_plan_is_not_replayed(tmp_path: Path, written: Any) -> None:
    answer = replayed(tmp_path, written)

    assert answer.exit_code == 1
    assert "Error" in answer.output
