"""A simulated bank's process, and how somebody at its counter talks to it."""

import json
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parent.parent.parent
_LINE_MAX: Final = 2**20


@dataclass(frozen=True, slots=True)
class Counter:
    """How a bank is to be: its key in a file, its first day, and what goes wrong."""

    address: str
    key: Path
    today: date
    seed: int


def key_file(folder: Path, bank: str, seed: str) -> Path:
    """Keep the seed of a bank's key, hexadecimal, where only its owner can read it."""
    file = folder / f"{bank}.key"
    file.touch(mode=0o600)
    file.write_text(seed, encoding="ascii")
    return file


@dataclass(slots=True)
class SimulatedBank:
    """A bank that runs, with everything going wrong that can."""

    bank: str
    process: Process

    @classmethod
    async def start(cls, bank: str, counter: Counter) -> Self:
        """Start it; it learns the service's keys first."""
        asked = {
            "--service": counter.address,
            "--key": counter.key,
            "--today": counter.today,
            "--seed": counter.seed,
            "--disturb": "all",
        }
        process = await create_subprocess_exec(
            *(sys.executable, "-m", "service.bank_simulator", bank),
            *(str(part) for option in asked.items() for part in option),
            stdin=PIPE,
            stdout=PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            limit=_LINE_MAX,
        )
        return cls(bank, process)

    async def ask(self, what: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Let something happen at the bank; raises `RuntimeError` when it has ended."""
        assert self.process.stdin is not None, "its input is a pipe"
        assert self.process.stdout is not None, "its output is a pipe"
        self.process.stdin.write(json.dumps({"do": what, **said}).encode() + b"\n")
        line = await self.process.stdout.readline()
        answer: dict[str, Any] = json.loads(line or b'{"wrong": "it has ended"}')
        if "wrong" in answer:
            raise RuntimeError(f"{self.bank}: {answer['wrong']}")
        return answer

    async def end(self) -> int:
        """Close the counter; return the process's exit code."""
        assert self.process.stdin is not None, "its input is a pipe"
        self.process.stdin.close()
        return await self.process.wait()

    async def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
