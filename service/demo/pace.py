"""How far the play is, on standard error: a bar for each chapter, or nothing at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from service.demo.stage import Bar


class Bars:
    """A bar for each chapter's title; a chapter played again makes its bar longer."""

    def __init__(self) -> None:
        """Draw on standard error, and only where somebody looks."""
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop drawing."""
        self._progress.stop()

    @property
    def tasks(self) -> list[Task]:
        """The bars drawn so far."""
        return self._progress.tasks

    @contextmanager
    def chapter(self, title: str, steps: int) -> Iterator[Bar]:
        """Show a chapter while it is played."""
        total = self._totals[title] = self._totals.get(title, 0) + steps
        if title not in self._bars:
            self._bars[title] = self._progress.add_task(title, total=total)
        task = self._bars[title]
        self._progress.update(task, total=total)
        yield lambda: self._progress.advance(task)


class Silent:
    """Shows nothing; for tests."""

    @contextmanager
    def chapter(self, title: str, steps: int) -> Iterator[Bar]:  # noqa: ARG002
        """Play a chapter without a word."""
        yield lambda: None
