"""Concurrent clients whose every call and answer is recorded: a school, its families, its bank.

Each does one small thing after another, chosen by chance among the few contracts and lessons that
all of them are busy with, through either of two processes; now and then a call is sent again under
its key, to the other process and even at the same time.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx

from service.store import ids
from tests.campaigns.client_log import TEMPORARY
from tests.campaigns.recorded import Call
from tests.campaigns.wire import Wire
from tests.fixtures.story import HELD, OFTEN, SIGNED, TERM, School

BANK: Final = "ICBC"
BUSY_WITH: Final = 6
"""So many contracts and lessons all of them are busy with at a time."""
PRICE, LESSONS = "1100.03", 7
PARTS: Final = ("600.00", "500.02", "0.01")
AGAIN: Final = 0.05
TWICE: Final = 0.03
_PAUSE_S: Final = 0.02


@dataclass
class Contract:
    """What clients know of a contract."""

    row: dict[str, Any]
    refs: list[str]

    @property
    def id(self) -> str:
        """Its public id."""
        return str(self.row["id"])


@dataclass
class Board:
    """What the clients know, the newest last."""

    contracts: list[Contract] = field(default_factory=list)
    lessons: list[tuple[Contract, str]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)


@dataclass
class Clients:
    """Everybody who calls."""

    school: School
    course: str
    wires: Sequence[Wire]
    """A way to each of the processes."""
    chance: random.Random
    operations: int
    board: Board = field(default_factory=Board)
    tokens: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    replays: int = 0

    async def live(self, client: int) -> None:
        """Do one thing after another until there have been enough."""
        doings: list[tuple[int, Callable[[int], Awaitable[None]]]] = [
            (6, self._signs),
            (18, self._pays),
            (2, self._pays_many),
            (14, self._plans),
            (16, self._records),
            (16, self._confirms),
            (3, self._disputes),
            (3, self._rules),
            (2, self._voids),
            (4, self._asks_for_payout),
            (2, self._takes_back),
            (9, self._reads_balances),
            (5, self._reads_statement),
        ]
        weights, chosen = [weight for weight, _ in doings], [doing for _, doing in doings]
        while self.sent < self.operations:
            if self.board.calls and self.chance.random() < AGAIN:
                await self._sends_again(client)
            else:
                [doing] = self.chance.choices(chosen, weights)
                await doing(client)

    async def _say(self, client: int, who: str, path: str, body: Any) -> Call:
        """Send a command, rarely to both processes at once; record what is answered."""
        await self._token(who)  # Minted once, or two at once would be two callers with a key each.
        key, process = uuid.uuid4().hex, self.chance.randrange(len(self.wires))
        first = self._send(client, process, who, "POST", path, body, key)
        if self.chance.random() >= TWICE:
            return await first
        other = (process + 1) % len(self.wires)
        one, _ = await asyncio.gather(
            first, self._send(client, other, who, "POST", path, body, key)
        )
        return one

    async def _send(
        self,
        client: int,
        process: int,
        who: str,
        method: str,
        path: str,
        body: Any,
        key: str | None,
    ) -> Call:
        token = await self._token(who)
        headers = {"Authorization": f"Bearer {token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        self.sent += 1
        start = time.monotonic_ns()
        while True:
            answer = await self.wires[process].request(method, path, body=body, headers=headers)
            if answer.status not in TEMPORARY - {500}:
                break
            await asyncio.sleep(_PAUSE_S)
        call = Call(
            number=next(self.board.numbers),
            client=client,
            process=process,
            method=method,
            path=path,
            key=key,
            body=body,
            start=start,
            end=time.monotonic_ns(),
            status=answer.status,
            replayed=answer.headers.get("idempotency-replayed") == "true",
            answer=answer.json(),
        )
        self.board.calls.append(call)
        self.tokens[f"call {call.number}"] = token
        return call

    async def _sends_again(self, client: int) -> None:
        said = self.chance.choice(self.board.calls[-500:])
        if said.key is None:
            return
        self.replays += 1
        self.tokens[said.key] = self.tokens[f"call {said.number}"]
        process = self.chance.randrange(len(self.wires))
        await self._send(client, process, said.key, said.method, said.path, said.body, said.key)

    async def _token(self, who: str) -> str:
        """Return the token of somebody, or the one that was used under a key."""
        district = self.school.story.district
        fixed = {
            "school": self.school.token,
            "bank": district.banks[BANK],
            "regulator": district.regulator,
        }
        if who in fixed:
            return fixed[who]
        if who not in self.tokens:
            self.tokens[who] = await district.parent_token(ids.parse("pty", who)[1])
        return self.tokens[who]

    def _contract(self) -> Contract | None:
        known = self.board.contracts[-BUSY_WITH:]
        return self.chance.choice(known) if known else None

    def _lesson(self) -> tuple[Contract, str] | None:
        known = self.board.lessons[-2 * BUSY_WITH :]
        return self.chance.choice(known) if known else None

    async def _signs(self, client: int) -> None:
        body = {
            "course_id": self.course,
            "contract_number": f"H-{uuid.uuid4().hex}",
            "template_version": "GF-2021-2604",
            "guardian": {"name": "张三", "phone": "13800000000"},
            "student": {"name": "张小三"},
        }
        call = await self._say(client, "school", "/v1/enrolments", body | SIGNED | TERM)
        if call.status == httpx.codes.CREATED:
            refs = [f"H-{uuid.uuid4().hex[:16]}" for _ in PARTS]
            self.board.contracts.append(Contract(call.answer, refs))

    def _line(self) -> dict[str, Any] | None:
        """Write a part of a contract's price; who reports it first is open."""
        contract = self._contract()
        if contract is None:
            return None
        part = self.chance.randrange(len(PARTS))
        reference, code = contract.refs[part], contract.row["payment_code"]
        amount = PARTS[part] if self.chance.random() > 0.01 else "0.02"
        if self.chance.random() < 0.04:
            reference, code = f"X-{uuid.uuid4().hex[:16]}", None
            amount = f"{self.chance.randrange(1, 10_000_000)}.07"
        day = self.school.story.day
        return {
            "custody_account_id": self.school.accounts[BANK],
            "bank_ref": reference,
            "amount": amount,
            "book_on": day,
            "value_on": day,
            "payment_code": code,
        }

    async def _pays(self, client: int) -> None:
        if (line := self._line()) is not None:
            await self._say(client, "bank", "/v1/receipts", line)

    async def _pays_many(self, client: int) -> None:
        lines = [line for line in (self._line() for _ in range(5)) if line is not None]
        if lines:
            body = {"mode": "independent", "items": lines}
            await self._say(client, "bank", "/v1/receipts/batch", body)

    async def _plans(self, client: int) -> None:
        if (contract := self._contract()) is None:
            return
        body = {"enrolment_id": contract.id, "reference": f"L-{uuid.uuid4().hex[:16]}"}
        call = await self._say(client, "school", "/v1/lessons", body | OFTEN)
        if call.status == httpx.codes.CREATED:
            self.board.lessons.append((contract, call.answer["id"]))

    async def _about_lesson(self, client: int, who: str, verb: str, body: Any) -> None:
        if (lesson := self._lesson()) is not None:
            who = lesson[0].row["guardian_id"] if who == "parent" else who
            await self._say(client, who, f"/v1/lessons/{lesson[1]}/{verb}", body)

    async def _records(self, client: int) -> None:
        await self._about_lesson(client, "school", "record", HELD)

    async def _confirms(self, client: int) -> None:
        await self._about_lesson(client, "parent", "confirm", {})

    async def _disputes(self, client: int) -> None:
        await self._about_lesson(client, "parent", "dispute", {"reason": "NOT_HELD"})

    async def _rules(self, client: int) -> None:
        ruling = self.chance.choice(["UPHELD", "REJECTED"])
        await self._about_lesson(client, "regulator", "rule", {"ruling": ruling})

    async def _voids(self, client: int) -> None:
        await self._about_lesson(client, "school", "void", {})

    async def _asks_for_payout(self, client: int) -> None:
        amount = self.chance.choice([None, None, "0.01", "157.14"])
        body = {"custody_account_id": self.school.accounts[BANK], "amount": amount}
        call = await self._say(client, "school", "/v1/payouts", body)
        if call.status == httpx.codes.CREATED:
            self.board.orders.append(call.answer["id"])

    async def _takes_back(self, client: int) -> None:
        if self.board.orders:
            order = self.chance.choice(self.board.orders[-3:])
            await self._say(client, "school", f"/v1/payment-orders/{order}/cancel", {})

    async def _reads_balances(self, client: int) -> None:
        path = f"/v1/balances?custody_account_id={self.school.accounts[BANK]}"
        await self._reads(client, path)

    async def _reads_statement(self, client: int) -> None:
        if (contract := self._contract()) is not None:
            await self._reads(client, f"/v1/enrolments/{contract.id}/statement?limit=500")

    async def _reads(self, client: int, path: str) -> None:
        process = self.chance.randrange(len(self.wires))
        await self._send(client, process, "school", "GET", path, None, None)
