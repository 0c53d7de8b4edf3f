"""What the player has in hand while it plays: the plan, the tokens, and the ids it was answered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from ledger.calendars import WorkingCalendar, midnight
from service.demo.bank_books import BankBook
from service.demo.cast import Cast
from service.demo.client import Api

if TYPE_CHECKING:
    from seeds.records import District, Lesson

MORNING: Final = timedelta(hours=9)
EVENING: Final = timedelta(hours=22)


class Bar(Protocol):
    """A progress bar: told of each step done."""

    def __call__(self) -> None:
        """Note one more step."""


class Pace(Protocol):
    """Shows how far the play is."""

    @contextmanager
    def chapter(self, title: str, steps: int) -> Iterator[Bar]:
        """Show a chapter while it is played."""


@dataclass(slots=True)
class Contract:
    """An enrolment as it was answered: its id, its payment code, and whose it is."""

    number: str
    id: str
    payment_code: str
    guardian: str
    account: str
    institution: int


@dataclass(slots=True)
class Stage:
    """The play's state; every id comes from an answer of the service."""

    api: Api
    cast: Cast
    district: District
    calendar: WorkingCalendar
    pace: Pace
    today: date
    institutions: dict[int, str] = field(default_factory=dict)
    accounts: dict[tuple[int, str], str] = field(default_factory=dict)
    books: dict[str, BankBook] = field(default_factory=dict)
    courses: dict[int, str] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    lessons: dict[tuple[str, int], str] = field(default_factory=dict)
    unanswered: dict[str, list[Lesson]] = field(default_factory=dict)
    stated: set[date] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    unapproved: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    collapse: dict[str, Any] | None = None
    told: list[dict[str, Any]] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)

    def goes_on(self, lesson: Lesson) -> bool:
        """Tell whether a lesson can still be held: no claim ended it, its school has not failed."""
        return lesson.contract_no not in self.ended and lesson.institution not in self.failed

    def key(self, *parts: object) -> str:
        """Make the idempotency key of a step: the same in every run of the same seed."""
        return "demo-" + "-".join(map(str, (self.district.seed, *parts)))

    @contextmanager
    def chapter(self, title: str, steps: int) -> Iterator[Bar]:
        """Play a chapter: with a progress bar, and its seconds noted."""
        started = time.perf_counter()
        with self.pace.chapter(title, steps) as bar:
            yield bar
        spent = time.perf_counter() - started
        self.phases[title] = self.phases.get(title, 0) + spent

    async def move_clock(self, to: datetime) -> None:
        """Move business time; what falls due on the way is done when this returns."""
        body = {"jurisdiction": self.cast.code, "to": to.isoformat()}
        with self.chapter("clock", 1) as bar:
            answer = await self.api.post("/v1/clock", self.cast.operator, body, key=None)
            bar()
        self.today = to.date()
        self.counts.update(answer["done"])

    async def morning_of(self, on: date) -> None:
        """Move business time to the morning of a day."""
        await self.move_clock(midnight(on) + MORNING)

    async def evening_of(self, on: date) -> None:
        """Move business time to the late evening of a day, when every lesson has ended."""
        await self.move_clock(midnight(on) + EVENING)
