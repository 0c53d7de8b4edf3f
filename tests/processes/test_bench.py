"""The harness runs as its users run it, at its smallest; no time is asserted."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
async def test_the_bench_tells_ratios_with_their_floors_of_clean_books() -> None:
    command = ("-m", "tests.benchmarks", "--json", "--size", "20000", "--rounds", "1")
    running = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--only", "P1,P5", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await running.communicate()
    told = json.loads(said)

    assert running.returncode == 0
    assert told["verified"] == "clean"
    assert [result["name"] for result in told["results"]] == ["P1", "P5"]
    for result in told["results"]:
        assert {"ratio", "floor", "goal", "met"} <= result.keys()
        assert result["ratio"] > 0
        assert result["met"] is all(part["met"] for part in result["parts"])
