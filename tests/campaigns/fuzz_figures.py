"""What hostile requests came to: answers, times, memory, decisions; added up over processes."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.verify.report import Status

PAGE: Final = 4096
"""Bytes that the kernel counts memory by."""


@dataclass
class Figures:
    """What the requests came to."""

    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    """Answers that were none: a fault of ours, no problem, or nothing at all."""
    foreign: list[str] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    """What the service logged as failed."""
    took: Counter[int] = field(default_factory=Counter)
    """Answers by the milliseconds they took, several asked at once."""
    memory: list[tuple[int, int]] = field(default_factory=list)
    """Bytes of a process when a tenth of its requests was answered, and at the end."""
    decided: Counter[str] = field(default_factory=Counter)
    """Commands that were done, and what became of those that waited for a second person."""
    verified: Counter[str] = field(default_factory=Counter)
    """How the books of the districts were found afterwards."""
    found: list[str] = field(default_factory=list)
    """What was found in them."""
    seconds: float = 0

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.statuses.total()

    @property
    def is_clean(self) -> bool:
        """Whether every answer was one, and the books are right."""
        return not (self.faults or self.foreign or set(self.verified) - {Status.CLEAN.value})

    def add(self, other: "Figures") -> None:
        """Add another process's."""
        self.statuses += other.statuses
        self.operations |= other.operations
        self.faults += other.faults
        self.foreign += other.foreign
        self.causes += other.causes
        self.took += other.took
        self.memory += other.memory
        self.decided += other.decided
        self.verified += other.verified
        self.found += other.found

    def lines(self) -> list[str]:
        """Write the figures for people."""
        families = Counter(f"{status // 100}xx" for status in self.statuses.elements())
        failed = sum(n for status, n in self.statuses.items() if status >= 500)
        each = f"one every {1000 * self.seconds / max(self.requests, 1):.1f} ms"
        shares = f"p50 {_share(self.took, 0.5)} ms, p99 {_share(self.took, 0.99)} ms"
        return [
            f"requests      {self.requests} to {len(self.operations)} operations",
            f"in            {self.seconds:.0f} s, {each}",
            f"families      {_counted(families)}",
            f"answers       {_counted(self.statuses)}",
            f"5xx           {failed}",
            f"took          {shares}, max {max(self.took, default=0)} ms",
            f"memory        {', '.join(_grown(*pair) for pair in self.memory) or 'not looked at'}",
            f"decided       {_counted(self.decided)}",
            f"verified      {_counted(self.verified)}",
            f"foreign       {len(self.foreign)}",
            f"no answer     {len(self.faults)}",
            *(f"fault         {fault}" for fault in self.faults[:20]),
            *(f"found         {finding}" for finding in self.found[:20]),
            *(f"foreign       {fault}" for fault in self.foreign[:20]),
            *(f"logged        {count} x {cause}" for cause, count in self.causes.most_common(20)),
        ]


def resident() -> int:
    """Return the bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def _grown(before: int, after: int) -> str:
    mebibytes = 1024 * 1024
    change = 100 * (after - before) / before
    return f"{before // mebibytes} to {after // mebibytes} MiB ({change:+.1f} %)"


def _share(took: Counter[int], share: float) -> int:
    left = math.ceil(share * took.total())
    for milliseconds in sorted(took):
        left -= took[milliseconds]
        if left <= 0:
            return milliseconds
    return 0


def _counted(counter: Counter[str] | Counter[int]) -> str:
    items: Iterable[tuple[object, int]] = sorted(counter.items(), key=lambda item: str(item[0]))
    return ", ".join(f"{name} {count}" for name, count in items) or "none"
