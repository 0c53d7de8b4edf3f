"""A bank's clients that report receipts many at a time, and remember what was acknowledged."""

import asyncio
import itertools
import random
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from tests.fixtures.started import Machine, Serving
from tests.fixtures.story import School, Story

AT_ONCE = 8
PATIENCE = httpx.Timeout(60)


@dataclass
class Sent:
    """One request with its key, and its answer once it was acknowledged."""

    path: str
    token: str
    body: dict[str, Any]
    entries: int
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    answer: bytes | None = None
    replayed: bool = False

    @property
    def acknowledged(self) -> bool:
        """Tell whether the bank knows that it was done."""
        return self.answer is not None


@dataclass
class Line:
    """A client's line to one process."""

    story: Story
    http: httpx.AsyncClient
    goal: int = -1
    answers: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the goal is: so many answers have come."""

    async def send(self, sent: Sent) -> None:
        """Send once; what comes of a lost connection or a 503 is not known."""
        headers = {"Authorization": f"Bearer {sent.token}", "Idempotency-Key": sent.key}
        try:
            answer = await self.http.post(sent.path, json=sent.body, headers=headers)
        except httpx.TransportError:
            return
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return
        assert answer.is_success, answer.text
        sent.answer = answer.content
        sent.replayed = answer.headers.get("idempotency-replayed") == "true"
        self.answers += 1
        if self.answers == self.goal:
            self.reached.set()

    async def send_all(self, requests: Iterable[Sent]) -> None:
        """Send many, several at a time."""
        waiting = iter(list(requests))

        async def one_after_the_other() -> None:
            for sent in waiting:
                await self.send(sent)

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


@asynccontextmanager
async def line_to(machine: Machine, process: Serving) -> AsyncIterator[Line]:
    """Open a line to a process; the district's calls go through it meanwhile."""
    address, direct = await process.address(), machine.district.service
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as http:
        machine.district.service = replace(direct, http=http)
        yield Line(Story(machine.district), http)
    machine.district.service = direct


async def signed(school: School, course: str, contracts: int) -> list[dict[str, Any]]:
    """Sign many contracts at once."""
    terms = {
        "course_id": course,
        "template_version": "GF-2021-2604",
        "contract_on": "2026-02-20",
        "charged_on": "2026-02-20",
        "starts_on": "2026-03-02",
        "ends_on": "2026-05-31",
    }
    items = [
        terms
        | {
            "contract_number": f"B-{number}",
            "guardian": {"name": f"张{number}", "phone": "13800000000"},
            "student": {"name": f"张小{number}"},
        }
        for number in range(contracts)
    ]
    return await school.story.batch("enrolments/batch", school.token, items)


def payments(
    school: School, bank: str, contracts: Sequence[dict[str, Any]], chance: random.Random
) -> list[Sent]:
    """Cut the payments of contracts, three to each, into single and batched requests."""
    token, numbers = school.story.district.banks[bank], itertools.count(1)
    items = [
        {
            "custody_account_id": school.accounts[bank],
            "bank_ref": f"P-{next(numbers)}",
            "amount": amount,
            "book_on": "2026-03-05",
            "value_on": "2026-03-05",
            "payment_code": contract["payment_code"],
        }
        for contract in contracts
        for amount in ("1000.00", "0.01", "99.99")
    ]
    chance.shuffle(items)
    requests = []
    while items:
        size = min(len(items), chance.choice([1, 1, 1, 5, 40]))
        taken, items = items[:size], items[size:]
        if size == 1:
            requests.append(Sent("/v1/receipts", token, taken[0], 1))
        else:
            body = {"mode": "independent", "items": taken}
            requests.append(Sent("/v1/receipts/batch", token, body, size))
    return requests
