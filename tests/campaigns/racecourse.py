"""Where races are run: schools of a district, two processes before them, and a barrier."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.money import Money
from service.store import ids
from service.store.context import Context
from tests.fixtures.service import District
from tests.fixtures.story import HELD, OFTEN, Contract, School, Story

BANK: Final = "ICBC"
PRICE: Final = "1100.00"
LESSONS: Final = 10
VALUE: Final = Money.of("110.00")
_BUSY: Final = 503
_PAUSE_S: Final = 0.02
_SPREADS_S: Final = (0.0, 0.005, 0.03, 0.1)
"""Contestants start at once, or so much apart at most that each of them can be the first."""

_OF_KINDS: Final = text(
    "SELECT seq, kind FROM escrow.journal_transaction WHERE journal_id = :journal"
    " AND kind = ANY(:kinds) AND refs::jsonb ->> :name = :value ORDER BY seq"
)


class Lost(AssertionError):  # noqa: N818 - what was lost is told
    """A race ended as none may."""


def hold(condition: object, what: object) -> None:
    """Raise `Lost` unless a condition holds."""
    if not condition:
        raise Lost(str(what))


@dataclass(frozen=True)
class Told:
    """What a contestant was answered."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """`done`, `asked`, `duplicate` or the refusal's code."""
        if self.status >= httpx.codes.BAD_REQUEST:
            return str(self.body["code"])
        if self.status == httpx.codes.ACCEPTED:
            return "asked"
        named = isinstance(self.body, dict) and self.body.get("transaction_id")
        return "done" if named or self.status == httpx.codes.CREATED else "duplicate"

    @property
    def seq(self) -> int:
        """The position of what it did, 0 when it did nothing."""
        if self.code != "done" or not self.body.get("transaction_id"):
            return 0
        return ids.parse_transaction(self.body["transaction_id"])[1]


Contestant = Callable[[], Awaitable[Told]]


@dataclass
class Course:
    """One lane: a district of its own with a school, which races use one after another."""

    district: District
    engine: AsyncEngine
    lines: Sequence[httpx.AsyncClient]
    chance: random.Random
    story: Story
    school: School
    course: str
    busy: Counter[str] = field(default_factory=Counter)
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    known: dict[str, Any] = field(default_factory=dict)
    """What a race remembers from one round to the next."""

    def sends(self, token: str, path: str, body: Any = None) -> Contestant:
        """Make a contestant that sends a command through either process until it is answered."""
        line, key = self.chance.choice(self.lines), uuid.uuid4().hex
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}

        async def send() -> Told:
            while True:
                answer = await line.post(f"/v1/{path}", json=body or {}, headers=headers)
                if answer.status_code != _BUSY:
                    break
                self.busy[path.partition("/")[0]] += 1
                await asyncio.sleep(_PAUSE_S)
            hold(answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text)
            return Told(answer.status_code, answer.json())

        return send

    async def at_once(self, *contestants: Contestant) -> list[Told]:
        """Let contestants go at once, from behind a barrier, or a little apart by chance."""
        barrier = asyncio.Barrier(len(contestants))
        spread = self.chance.choice(_SPREADS_S)
        delays = [self.chance.uniform(0, spread) for _ in contestants]

        async def run(contestant: Contestant, delay: float) -> Told:
            await barrier.wait()
            await asyncio.sleep(delay)
            return await contestant()

        return list(await asyncio.gather(*map(run, contestants, delays)))

    async def does(self, token: str, path: str, body: Any = None) -> Any:
        """Send a command that nobody races with, and expect it to be carried out."""
        told = await self.sends(token, path, body)()
        hold(told.status < httpx.codes.BAD_REQUEST, f"{path}: {told.body}")
        return told.body

    async def contract(self, school: School | None = None, course: str | None = None) -> Contract:
        """Sign a contract and have it paid."""
        signed = await (school or self.school).signs(course or self.course)
        await self.story.parent_pays(signed, BANK)
        return signed

    async def lesson(self, contract: Contract, *, confirmed: bool = False) -> str:
        """Hold a lesson and record it; often it still waits for the parent."""
        planned = {"enrolment_id": contract.id, "reference": f"R-{next(self.numbers)}"} | OFTEN
        token = contract.school.token
        lesson = str((await self.does(token, "lessons", planned))["id"])
        await self.does(token, f"lessons/{lesson}/record", HELD)
        if confirmed:
            await self.does(await contract.parent(), f"lessons/{lesson}/confirm")
        return lesson

    async def money(self, contract: Contract) -> dict[str, Money]:
        """Read what stands on a contract."""
        return {name: Money.of(amount) for name, amount in (await contract.money()).items()}

    async def figures(self, school: School | None = None) -> dict[str, Money]:
        """Read what the school has earned and what is on its way to it."""
        told = await (school or self.school).figures(BANK)
        names = ("earned", "pending", "prepaid", "disputed", "bank_money")
        figures = {name: Money.of(told[name]) for name in names}
        return figures | {"in_transit": Money.of(told["in_transit"]["payouts"])}

    async def posted(self, name: str, public: str, *kinds: str) -> list[tuple[int, str]]:
        """Read the transactions of some kinds that refer to something, in order."""
        value = str(ids.parse(public.partition("_")[0], public)[1])
        journal = self.district.journal
        async with self.engine.connect() as connection:
            await Context.writer(journal).enter(connection, statement_timeout="10s")
            asked = {"journal": journal, "kinds": list(kinds), "name": name, "value": value}
            return [(row.seq, row.kind) for row in await connection.execute(_OF_KINDS, asked)]


def only(told: Sequence[Told], code: str = "done") -> Told:
    """Return the one that was told this; raises `Lost` when it is none or several."""
    found = [each for each in told if each.code == code]
    hold(len(found) == 1, f"{len(found)} are {code}: {[each.code for each in told]}")
    return found[0]


def codes(told: Sequence[Told]) -> list[str]:
    """Return what contestants were told."""
    return [each.code for each in told]
