"""A nursery of `escrow` processes: each is forked from one that has done its imports already.

They take most of a start's time, and a campaign of kills is to spend it on kills. What is forked
is a process of its own, with its own connections and sockets, and dies as any other.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.campaigns.ground import is_alive


@dataclass
class Forked:
    """A process that was forked; nobody hears its exit code but by what killed it."""

    pid: int

    def poll(self) -> int | None:
        """Return that it was killed, None while it runs."""
        return None if is_alive(self.pid) else -signal.SIGKILL

    def wait(self, timeout: float | None = None) -> int:  # seconds
        """Wait until it has ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"process {self.pid} does not end")
            time.sleep(0.005)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, sig)


class Nursery:
    """The process that forks them, from this side."""

    def __init__(self) -> None:
        """Begin its imports."""
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """End it; what it forked has ended by now."""
        self._parent.kill()
        self._parent.communicate()

    def spawn(self, command: list[str], environment: dict[str, str], output: Path) -> Forked:
        """Let it fork `escrow` with these arguments."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        output.touch()
        asked = {"command": command, "environment": environment, "output": str(output)}
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        return Forked(int(self._parent.stdout.readline()))


def _run(asked: dict[str, Any]) -> None:
    """Become `escrow` in the process that was just forked."""
    from service.cli import main  # noqa: PLC0415 - imported before the fork

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sink = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(sink, descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.environ |= asked["environment"]
    sys.argv = ["escrow", *asked["command"]]
    main()


def _fork_for_ever() -> None:
    import uvloop  # noqa: F401, PLC0415 - what a start imports, imported once

    from service import cli, launch, vault_opening, worker  # noqa: F401, PLC0415
    from service.store import migrate  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for the dead.
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(asked)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _fork_for_ever()
