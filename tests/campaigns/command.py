"""What every campaign's command does alike: its seed, its progress and its last words."""

import os
import sys
from collections.abc import Iterable
from typing import NoReturn, Protocol

import rich_click as click

from service import logs

SEED = click.option("--seed", type=int, default=None, help="Of what is drawn; told in any case.")


class Shown(Protocol):
    """The figures of a campaign."""

    @property
    def is_clean(self) -> bool:
        """Whether they are the only good ones."""

    def lines(self) -> list[str]:
        """Write them for people."""


def begin(seed: int | None, *, level: str = "ERROR") -> int:
    """Hush the service's log, draw the seed if none is given, and tell it."""
    logs.configure(level, as_json=True)
    drawn = int.from_bytes(os.urandom(4)) if seed is None else seed
    sys.stdout.write(f"seed          {drawn}\n")
    sys.stdout.flush()
    return drawn


def tell(line: str) -> None:
    """Show progress in place of the line before."""
    sys.stderr.write(f"\r\033[K{line} ")


def end(figures: Shown, found: Iterable[str] = ()) -> NoReturn:
    """Write the figures and what was found, and exit: 0 for clean ones, 1 for others."""
    sys.stderr.write("\n")
    sys.stdout.write("\n".join([*figures.lines(), *found]) + "\n")
    sys.exit(0 if figures.is_clean else 1)
