"""P8: the default demonstration, played whole."""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.ground import Bench
from tests.benchmarks.ratios import Part, Result

DEMO_FLOOR_S: Final = 180
DEMO_GOAL_S: Final = 60
DEMO_WITHIN_S: Final = 600
_DEMO: Final = "from service.cli import main; main()"


async def demonstrated(bench: Bench) -> Result:
    """P8: the default demonstration from nothing to verified, in a process of its own."""
    seconds = []
    for _ in range(1 if bench.size < 1_000_000 else bench.rounds):
        with tempfile.TemporaryDirectory(prefix="escrow-bench-demo-") as folder:
            begun = time.perf_counter()
            code = await asyncio.to_thread(_played, Path(folder))
            seconds.append(time.perf_counter() - begun)
        if code != 0:
            why = f"the demonstration ended with {code}"
            return Result("P8", _TITLE, _WORKLOAD, not_measured=why, floor=1, goal=1)
    ratios = [took / DEMO_FLOOR_S for took in seconds]
    goal = DEMO_GOAL_S / DEMO_FLOOR_S
    part = Part("seconds to 180", ratios, 1, goal, lower=True, figures={"seconds": seconds})
    return Result("P8", _TITLE, _WORKLOAD, [part])


def _played(folder: Path) -> int:
    """Play the demonstration on a cluster in a new folder; return its exit code."""
    folder.chmod(0o755)  # As root, the account that runs PostgreSQL has to get in.
    command = [sys.executable, "-c", _DEMO, "demo", "--json", "--data", str(folder / "pg")]
    return subprocess.run(
        command, capture_output=True, timeout=DEMO_WITHIN_S, check=False
    ).returncode


_TITLE: Final = "The default demonstration, to 180 seconds"
_WORKLOAD: Final = "`escrow demo --json` on a new cluster, started, migrated, played and verified"
