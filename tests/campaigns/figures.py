"""What a campaign of kills has to show: how often, how fast again, and what that lost."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from service.verify.report import Status
from tests.campaigns.truth import Judged


@dataclass
class Figures:
    """What a campaign has to show."""

    kills: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    """Failpoints at which something died."""
    restarts: list[float] = field(default_factory=list)
    """Seconds from the death of the service to its serving again, started anew at once."""
    forks: list[float] = field(default_factory=list)
    """The same where the next one was forked with its imports done."""
    recoveries: list[float] = field(default_factory=list)
    """Seconds from the death of a backend or postmaster to answering every client again."""
    judged: Judged = field(default_factory=Judged)
    told: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """Faults the service logged, by what they were: each was a 500."""
    verified: Status = Status.INCOMPLETE
    broken: Sequence[str] = ()
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        """Whether something was killed, nothing lost, no call failed and the books are right."""
        fought = self.kills.total() > 0 and self.judged.acknowledged > 0
        lost = self.judged.faults or self.failed
        return fought and not lost and self.verified is Status.CLEAN

    def lines(self) -> list[str]:
        """Write the figures for people."""
        judged, kills = self.judged, sum(self.kills.values())
        return [
            f"killed        {kills} times in {self.seconds:.0f} s: {_counted(self.kills)}",
            f"acknowledged  {judged.acknowledged} calls, {judged.done} of them done",
            f"lost          {len(judged.lost)}",
            f"doubled       {len(judged.doubled)}",
            f"unasked       {len(judged.unasked)}",
            f"changed       {len(judged.changed)}",
            f"unresolved    {len(judged.open)}",
            f"no outcome    {_counted(self.silent)}",
            f"failed        {_counted(self.failed)}",
            f"asked by key  {_counted(self.told)}",
            f"restarted     {_spread(self.restarts)} to serving again",
            f"forked        {_spread(self.forks)} to serving again",
            f"recovered     {_spread(self.recoveries)} after a backend or the postmaster",
            f"failpoints    {_counted(self.fired)}",
            f"verified      {self.verified.value} {' '.join(self.broken)}".rstrip(),
        ]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "never measured"
    ordered = sorted(seconds)
    p50, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.99))
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s, max {ordered[-1]:.2f} s"
