"""`poe mutants`: change the ledger's core in one place at a time, and see which tests notice.

A mutant that every test lets pass is a mistake that anybody could make there unseen. Those that no
test could notice stand in equivalent_mutants.csv, each with the reason; they count for nothing.
"""

import csv
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import rich_click as click

from tests.campaigns.mutant_sites import ROOT, Mutant, mutants_of
from tests.campaigns.mutant_trials import TESTS, Tried, Verdict, reach, tried

CORE: Final = ("money", "entitlement", "distribution", "transactions", "book")
FLOOR: Final = 0.95
EQUIVALENT: Final = Path(__file__).with_name("equivalent_mutants.csv")
_SAMPLE: Final = 100

Name = tuple[str, str, str, str, int]


@dataclass
class Figures:
    """What a campaign of mutants has to show."""

    possible: int
    equivalent: int
    seed: int | None
    trials: list[Tried] = field(default_factory=list)
    seconds: float = 0

    @property
    def survivors(self) -> list[Mutant]:
        """The mutants that no test noticed."""
        return [each.mutant for each in self.trials if each.verdict is Verdict.SURVIVED]

    @property
    def score(self) -> float:
        """The share of mutants that were noticed."""
        return 1 - len(self.survivors) / len(self.trials) if self.trials else 1.0

    def lines(self) -> list[str]:
        """Write the figures for people."""
        seed = "all of them" if self.seed is None else f"drawn with seed {self.seed}"
        each = self.seconds / max(1, len(self.trials))
        return [
            *(f"survived      {mutant}" for mutant in self.survivors),
            *(f"{path:<29} {told}" for path, told in self._by_path()),
            f"mutants       {len(self.trials)} of {self.possible}, {seed}",
            f"equivalent    {self.equivalent} more, left out",
            f"killed        {self._count(Verdict.KILLED)}",
            f"timed out     {self._count(Verdict.TIMED_OUT)}",
            f"survived      {len(self.survivors)}",
            f"seconds       {self.seconds:.0f}, {each:.2f} each",
            f"score         {self.score:.2%} (at least {FLOOR:.0%})",
        ]

    def told(self) -> dict[str, object]:
        """Write the figures for machines."""
        return {
            "mutants": len(self.trials),
            "possible": self.possible,
            "equivalent": self.equivalent,
            "seed": self.seed,
            "killed": self._count(Verdict.KILLED),
            "timed_out": self._count(Verdict.TIMED_OUT),
            "survived": [str(mutant) for mutant in self.survivors],
            "seconds": round(self.seconds),
            "score": round(self.score, 4),
        }

    def _count(self, verdict: Verdict) -> int:
        return sum(each.verdict is verdict for each in self.trials)

    def _by_path(self) -> list[tuple[str, str]]:
        paths = dict.fromkeys(each.mutant.path for each in self.trials)
        of = {path: [t for t in self.trials if t.mutant.path == path] for path in sorted(paths)}
        missed = [mutant.path for mutant in self.survivors]
        return [(p, f"{len(of[p]) - missed.count(p)} of {len(of[p])}") for p in of]


def paths() -> list[str]:
    """Name the modules that are changed."""
    rules = sorted((ROOT / "ledger" / "rules").glob("[a-z]*.py"))
    return [f"ledger/{name}.py" for name in CORE] + [f"ledger/rules/{p.name}" for p in rules]


def equivalent() -> dict[Name, str]:
    """Read the mutants that nobody could tell from the right code, each with the reason."""
    with EQUIVALENT.open(encoding="utf-8", newline="") as file:
        return {
            (row["path"], row["function"], row["before"], row["after"], int(row["times"])): (
                row["reason"]
            )
            for row in csv.DictReader(file)
        }


def campaign(
    mutants: Sequence[Mutant], figures: Figures, *, tests: str, jobs: int, seconds: int
) -> Figures:
    """Try mutants, or as many as begin in so long; progress goes to stderr."""
    since = time.monotonic()
    found = reach(tests)
    begun = itertools.takewhile(lambda _: time.monotonic() - since < seconds, mutants)
    for each in tried(begun, found, jobs=jobs):
        figures.trials.append(each)
        if each.verdict is Verdict.SURVIVED:
            sys.stderr.write(f"\r{each.mutant}\n")
        done, missed = len(figures.trials), len(figures.survivors)
        sys.stderr.write(f"\r{done} of {len(mutants)} mutants, {missed} survived ")
        sys.stderr.flush()
    sys.stderr.write("\n")
    figures.trials.sort(key=lambda each: (each.mutant.path, each.mutant.number))
    figures.seconds = time.monotonic() - since
    return figures


@click.command()
@click.option("--sample", type=click.IntRange(1), default=_SAMPLE, show_default=True)
@click.option("--all", "whole", is_flag=True, help="Every mutant instead of a sample.")
@click.option("--seed", type=int, default=None, help="Of the sample; told in any case.")
@click.option("--only", multiple=True, help="Part of a module's path, such as rules/debts.")
@click.option("--like", default="", help="Only mutants whose line in the output has this.")
@click.option("--tests", default=TESTS, show_default=True, help="The tests to try them by.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--seconds", type=click.IntRange(1), default=10**9, help="Begin none after that.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(
    *,
    sample: int,
    whole: bool,
    seed: int | None,
    only: tuple[str, ...],
    like: str,
    tests: str,
    jobs: int,
    seconds: int,
    as_json: bool,
) -> None:
    """Change the ledger's core in one place at a time; ends with 0 where 95 % are noticed."""
    known = equivalent()
    asked = [path for path in paths() if not only or any(part in path for part in only)]
    every = [mutant for path in asked for mutant in mutants_of(path) if like in str(mutant)]
    mutants = [mutant for mutant in every if mutant.name not in known]
    figures = Figures(len(mutants), len(every) - len(mutants), None)
    if not whole:
        figures.seed = int.from_bytes(os.urandom(4)) if seed is None else seed
        mutants = random.Random(figures.seed).sample(mutants, min(sample, len(mutants)))
    campaign(mutants, figures, tests=tests, jobs=jobs, seconds=seconds)
    told = json.dumps(figures.told(), ensure_ascii=False) if as_json else "\n".join(figures.lines())
    sys.stdout.write(told + "\n")
    sys.exit(0 if figures.score >= FLOOR else 1)


if __name__ == "__main__":
    main()
