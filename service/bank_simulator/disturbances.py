"""What goes wrong at a bank: each disturbance at every so many occasions, from the seed on.

Counted and not drawn, so that a short run has them all, and the same seed gives the same run.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Disturbance(StrEnum):
    """One thing that a bank does wrong, or that is done to it."""

    DUPLICATE = "duplicate"
    """A message is sent again, days later, under another key."""
    DELAY = "delay"
    """A message leaves days after the line was booked."""
    REORDER = "reorder"
    """What leaves together leaves in no order."""
    SPLIT = "split"
    """A batch goes in parts."""
    TRUNCATE = "truncate"
    """A statement file ends before it does; the whole one follows."""
    RECUT = "recut"
    """A statement comes again under its number with other content."""
    LIE = "lie"
    """A reported amount is not the booked one; the statement tells the truth."""
    ALIAS = "alias"
    """The same money is reported under a second reference."""
    PHANTOM = "phantom"
    """Money is reported that was never booked."""
    RETURN = "return"
    """A payee's bank sends an executed payment back (退汇)."""
    REVERSE = "reverse"
    """The bank takes back its own debit (冲账)."""
    REJECT = "reject"
    """An order is refused before it is executed."""
    UNSURE = "unsure"
    """The bank does not know for a day what became of an order."""


EVERY: Final[Mapping[Disturbance, int]] = {
    Disturbance.DUPLICATE: 4,
    Disturbance.DELAY: 5,
    Disturbance.REORDER: 2,
    Disturbance.SPLIT: 2,
    Disturbance.TRUNCATE: 5,
    Disturbance.RECUT: 9,
    Disturbance.LIE: 17,
    Disturbance.ALIAS: 13,
    Disturbance.PHANTOM: 23,
    Disturbance.RETURN: 4,
    Disturbance.REVERSE: 7,
    Disturbance.REJECT: 6,
    Disturbance.UNSURE: 5,
}
"""How many occasions a disturbance takes."""


@dataclass(slots=True)
class Disturbances:
    """Those that are switched on, and how often each has happened."""

    seed: int
    on: frozenset[Disturbance] = frozenset(Disturbance)
    happened: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(init=False)
    _occasions: dict[Disturbance, int] = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a simulation, the same each time
        self._occasions = {each: self.chance.randrange(EVERY[each]) for each in Disturbance}

    def happens(self, what: Disturbance) -> bool:
        """Tell whether this occasion is the one."""
        if what not in self.on:
            return False
        self._occasions[what] += 1
        if self._occasions[what] % EVERY[what]:
            return False
        self.happened[what.value] += 1
        return True

    def calm(self) -> None:
        """Let everything go right from now on."""
        self.on = frozenset()

    def days(self, most: int) -> int:
        """Draw how late something is."""
        return self.chance.randint(1, most)
