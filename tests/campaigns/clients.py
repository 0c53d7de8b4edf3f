"""Clients under whom everything is killed: a school, its families and its bank, all at once.

Each lives one life after another: sign contracts, pay them, teach, confirm, ask for the payout. A
call that got no answer is asked about by its key and sent again under it until it is answered.
"""

import asyncio
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy.exc import DBAPIError

from service.identity import tokens
from service.identity.callers import Role
from service.store import ids
from tests.campaigns.client_log import TEMPORARY, Call, ClientLog
from tests.fixtures.service import District
from tests.fixtures.story import HELD, OFTEN, SIGNED, TERM, School

CONTRACTS_AT_ONCE = 4
LESSONS_AT_ONCE = 2
BANKS_SHARE = 0.2
"""Of lives after which an operator adds a bank: reference data, which no journal holds."""
PATIENCE = httpx.Timeout(30)
BANK = "ICBC"


class WrongAnswerError(AssertionError):
    """The service told a client what cannot be."""


@dataclass
class Clients:
    """Everybody who calls, the line they call through, and what came of it."""

    district: District
    school: School
    course: str
    log: ClientLog
    chance: random.Random
    tokens: dict[str, str] = field(default_factory=dict)
    address: str = ""
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the service can be reached."""
    ending: bool = False
    told: Counter[str] = field(default_factory=Counter)
    """How often an outcome was asked for by key, by the state that was told."""
    silent: Counter[str] = field(default_factory=Counter)
    """How often a call was answered by no outcome: the status, or that nothing came."""
    answered: int = 0
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def live(self, http: httpx.AsyncClient) -> None:
        """Live one life after another until it is time to end."""
        while not self.ending:
            contracts = await self._signs(http)
            await self._pays(http, contracts)
            await self._teaches(http, contracts)
            asked = {"custody_account_id": self.school.accounts[BANK], "amount": None}
            await self.say(http, "school", "/v1/payouts", asked)
            if self.chance.random() < BANKS_SHARE:
                code = f"B{uuid.uuid4().hex[:8].upper()}"
                bank = {"code": code, "name": "新银行", "name_en": "New Bank"}
                await self.say(http, "operator", "/v1/banks", bank)

    async def say(
        self, http: httpx.AsyncClient, who: str, path: str, body: Any, *receipts: str
    ) -> httpx.Response:
        """Send a call under a key of its own until an outcome is heard; return the answer."""
        call, state = Call(who, path, body, uuid.uuid4().hex, receipts), "NEVER_SENT"
        while True:
            await self.serving.wait()
            if state != "NEVER_SENT":
                state = await self._state_of(http, call)
            if state != "UNREACHABLE":
                self.log.intends(call)
                answer = await self._sent(http, call)
                if answer is not None and answer.status_code not in TEMPORARY:
                    if state == "DECIDED" and answer.is_success and not is_replayed(answer):
                        raise WrongAnswerError(f"{call.key} was decided, and is carried out again")
                    self.log.heard(call, answer.status_code, answer.content)
                    self.answered += 1
                    return answer
                self.silent["nothing" if answer is None else str(answer.status_code)] += 1
                state = "SENT"
            await asyncio.sleep(0.05)

    async def _sent(self, http: httpx.AsyncClient, call: Call) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {await self.token(call.who)}"}
        headers["Idempotency-Key"] = call.key
        try:
            return await http.post(f"{self.address}{call.path}", json=call.body, headers=headers)
        except httpx.TransportError:
            return None

    async def _state_of(self, http: httpx.AsyncClient, call: Call) -> str:
        """Ask what became of a call; return the state that is told, or UNREACHABLE."""
        headers = {"Authorization": f"Bearer {await self.token(call.who)}"}
        try:
            answer = await http.get(f"{self.address}/v1/operations/{call.key}", headers=headers)
        except httpx.TransportError:
            return "UNREACHABLE"
        if answer.status_code != httpx.codes.OK:
            return "UNREACHABLE"
        state = str(answer.json()["state"])
        self.told[state] += 1
        return state

    async def token(self, who: str) -> str:
        """Return the token of somebody who is the same caller for ever; minted on first use."""
        if who not in self.tokens:
            district = self.district
            role, scope = Role.BANK, tokens.Scope(district.code, bank=BANK)
            if who == "school":
                school = ids.parse("ins", self.school.id)[1]
                role = Role.INSTITUTION
                scope = tokens.Scope(district.code, institution=school, journal=district.journal)
            elif who == "operator":
                role, scope = Role.OPERATOR, tokens.Scope(district.code)
            elif who != "bank":
                role = Role.PARENT
                party = ids.parse("pty", who)[1]
                scope = tokens.Scope(district.code, party=party, journal=district.journal)
            while who not in self.tokens:
                with suppress(DBAPIError, OSError):  # What is killed is killed for us as well.
                    self.tokens[who] = await district.service.token(
                        role, scope, caller_id=f"crash-{who}"
                    )
                    break
                # Refused at once is no pause: whoever starts the server again must come to it.
                await asyncio.sleep(0.05)
        return self.tokens[who]

    async def _signs(self, http: httpx.AsyncClient) -> list[dict[str, Any]]:
        items = [
            {
                "course_id": self.course,
                "contract_number": f"C-{next(self.numbers)}",
                "template_version": "GF-2021-2604",
                "guardian": {"name": "张三", "phone": "13800000000"},
                "student": {"name": "张小三"},
            }
            | SIGNED
            | TERM
            for _ in range(CONTRACTS_AT_ONCE)
        ]
        return await self._batch(http, "school", "/v1/enrolments/batch", items)

    async def _pays(self, http: httpx.AsyncClient, contracts: Sequence[dict[str, Any]]) -> None:
        """Pay each contract in three receipts, and one nobody knows; now and then leave one due."""
        day = datetime.now(UTC).date().isoformat()
        lines = [
            {
                "custody_account_id": self.school.accounts[BANK],
                "bank_ref": f"P-{next(self.numbers)}",
                "amount": amount,
                "book_on": day,
                "value_on": day,
                "payment_code": contract["payment_code"],
            }
            for contract in contracts
            for amount in ("1000.00", "0.01", "99.99")
        ]
        self.chance.shuffle(lines)
        lines = lines[self.chance.choice([0, 0, 0, 1]) :]
        while lines:
            size = min(len(lines), self.chance.choice([1, 1, 1, 5]))
            taken, lines = lines[:size], lines[size:]
            body: Any = {"mode": "independent", "items": taken} if size > 1 else taken[0]
            path = "/v1/receipts/batch" if size > 1 else "/v1/receipts"
            await self.say(http, "bank", path, body, *(each["bank_ref"] for each in taken))

    async def _teaches(self, http: httpx.AsyncClient, contracts: Sequence[dict[str, Any]]) -> None:
        """Hold lessons; of the first contract the parent confirms, the others are silent."""
        named = [
            {"enrolment_id": contract["id"], "reference": f"L-{next(self.numbers)}"}
            for contract in contracts
            for _ in range(LESSONS_AT_ONCE)
        ]
        await self._batch(
            http, "school", "/v1/lessons/batch", [each | OFTEN for each in named], "independent"
        )
        held = [each | HELD for each in named]
        await self._batch(http, "school", "/v1/lessons/record/batch", held, mode="independent")
        first, parent = named[:LESSONS_AT_ONCE], str(contracts[0]["guardian_id"])
        await self._batch(http, parent, "/v1/lessons/confirm/batch", first, mode="independent")

    async def _batch(
        self,
        http: httpx.AsyncClient,
        who: str,
        path: str,
        items: list[Any],
        mode: str = "all_or_nothing",
    ) -> list[dict[str, Any]]:
        answer = await self.say(http, who, path, {"mode": mode, "items": items})
        if not answer.is_success:
            raise WrongAnswerError(f"{path}: {answer.text}")
        return [item.get("result") for item in answer.json()["results"]]


def is_replayed(answer: httpx.Response) -> bool:
    """Tell whether an answer was given before."""
    return bool(answer.headers.get("idempotency-replayed") == "true")
