"""What is claimed: a ratio of two things measured in the same run, with its floor and goal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """One ratio over the rounds; with `lower` set it is to stay below its floor."""

    name: str
    ratios: Sequence[float]
    floor: float
    goal: float
    lower: bool = False
    figures: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def middle(self) -> float:
        """The median over the rounds."""
        return median(self.ratios)

    @property
    def met(self) -> bool:
        """Tell whether the floor is reached."""
        return self.middle <= self.floor if self.lower else self.middle >= self.floor

    @property
    def reach(self) -> float:
        """How far it is on the way to its floor: 1 is there."""
        return self.floor / self.middle if self.lower else self.middle / self.floor

    def told(self) -> dict[str, Any]:
        """Write it as JSON."""
        return {
            "name": self.name,
            "ratio": round(self.middle, 3),
            "min": round(min(self.ratios), 3),
            "max": round(max(self.ratios), 3),
            "floor": self.floor,
            "goal": self.goal,
            "better": "lower" if self.lower else "higher",
            "met": self.met,
            "figures": {n: [round(v, 2) for v in vs] for n, vs in self.figures.items()},
        }


@dataclass(frozen=True, slots=True)
class Result:
    """One hot path: its workload and its parts, or why it was not measured."""

    name: str
    title: str
    workload: str
    parts: Sequence[Part] = ()
    not_measured: str | None = None
    floor: float | None = None
    goal: float | None = None

    def told(self) -> dict[str, Any]:
        """Write it as JSON; the part that is furthest from its floor speaks for all."""
        named = {"name": self.name, "title": self.title, "workload": self.workload}
        if not self.parts:
            figures = {"ratio": None, "floor": self.floor, "goal": self.goal, "met": False}
            return named | figures | {"not_measured": self.not_measured}
        speaks = min(self.parts, key=lambda part: part.reach).told()
        told = named | {key: speaks[key] for key in ("ratio", "min", "max", "floor", "goal")}
        return told | {
            "met": all(part.met for part in self.parts),
            "better": speaks["better"],
            "parts": [part.told() for part in self.parts],
        }


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
