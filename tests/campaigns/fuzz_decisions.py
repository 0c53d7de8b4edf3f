"""Hostile requests in a district that is alive: commands are decided, and second persons decide.

What an answer names is asked about next; what waits for a second person is approved and declined
with its hash, spoilt or as it is. At the end the books are verified.
"""

import random
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.campaigns.asking import Asking
from tests.campaigns.grounded import OF_PARAMETER
from tests.campaigns.mutations import Draft, spoil
from tests.campaigns.populated import BANK, ID, Population
from tests.fixtures.operations import Operation

HONEST: Final = 0.4
"""Of requests that are sent as they are."""
DECISIONS: Final = 0.2
"""Of requests that approve or decline what waits."""
ASKINGS: Final = 0.15
"""Of requests that ask for what may wait for a second person."""
UNFIT: Final = 0.05
REMEMBERED: Final = 200
"""Ids of one kind, and decisions, that are remembered."""
NEVER: Final = frozenset({"moveClock", "revokeToken"})
"""Operations that would end the campaign itself: nothing happens after the last day."""
HASHES: Final = {
    "approve": "payload_hash",
    "approveRules": "payload_hash",
    "approvePlan": "plan_hash",
}
"""Decisions bound to a hash of what was read."""
ENDED: Final = frozenset({"EXECUTED", "DECLINED", "EXPIRED", "SUPERSEDED", "POSTED"})
"""States in which nothing waits any more."""
OWN_WORDS: Final = frozenset({"bank_ref", "contract_number", "reference", "login", "label"})
"""Fields that a caller names things with, once each."""
_PLACE: Final = re.compile(r"{(\w+)}")


@dataclass
class Decisions:
    """The district, its callers, and what is known of it."""

    operations: dict[str, Operation]
    asked_of_two: list[str]
    """Names of operations that may wait for a second person."""
    callers: dict[str, list[str]]
    code: str
    chance: random.Random
    asking: Asking
    known: dict[str, list[str]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    """Hashes of what was read, by the id of what waits."""

    @classmethod
    def of(
        cls,
        population: Population,
        operations: dict[str, Operation],
        asked_of_two: set[str],
        chance: random.Random,
        asking: Asking,
    ) -> "Decisions":
        """Begin with nothing known."""
        callers = {
            role: [token, *population.seconds.get(role, ())]
            for role, token in population.tokens.items()
        }
        fit = {name: each for name, each in operations.items() if name not in NEVER}
        two = sorted(asked_of_two & set(fit))
        return cls(fit, two, callers, population.story.district.code, chance, asking)

    async def look_around(self) -> None:
        """Read every list as every role, to know what there is."""
        for role in self.callers:
            for operation in self.operations.values():
                if operation.is_list and role in {each.value for each in operation.policy.roles}:
                    await self._ask(operation, self._draft(operation, role), role)

    async def work(self, todo: Iterator[int]) -> None:
        """Send one request after another."""
        for _ in todo:
            operation = self._drawn()
            role = self._caller(operation)
            draft = self._draft(operation, role)
            if self.chance.random() >= HONEST:
                spoil(draft, self.chance)
            await self._ask(operation, draft, role)

    def _drawn(self) -> Operation:
        drawn, kept = self.chance.random(), [name for name in HASHES if name in self.operations]
        if drawn < DECISIONS:
            return self.operations[self.chance.choice((*kept, "approve", "approve", "decline"))]
        if drawn < DECISIONS + ASKINGS:
            return self.operations[self.chance.choice(self.asked_of_two)]
        return self.chance.choice(list(self.operations.values()))

    def _caller(self, operation: Operation) -> str:
        fit = sorted(role.value for role in operation.policy.roles if role.value in self.callers)
        if not fit or self.chance.random() < UNFIT:
            return self.chance.choice(sorted(self.callers))
        return self.chance.choice(fit)

    def _draft(self, operation: Operation, role: str) -> Draft:
        named: list[str] = []

        def name(match: re.Match[str]) -> str:
            named.append(self._named(match[1], operation.name))
            return named[-1]

        draft = Draft(operation.method, _PLACE.sub(name, operation.path))
        draft.query = [(each, self._named(each, "")) for each in self._queried(operation)]
        token = self.chance.choice(self.callers[role])
        draft.headers["authorization"] = f"Bearer {token}"
        draft.headers["idempotency-key"] = uuid.UUID(int=self.chance.getrandbits(128)).hex
        if operation.method == "POST":
            draft.headers["content-type"] = "application/json"
            draft.document = self._filled(operation.example, named[-1] if named else "")
        return draft

    def _queried(self, operation: Operation) -> list[str]:
        return ["limit"] if operation.is_list else list(operation.query.get(operation.name, ()))

    def _named(self, name: str, operation: str) -> str:
        """Name something that there is, best what waits for this very decision."""
        plain = {"bank": BANK, "day": "2026-03-02", "limit": "500"}
        plain |= dict.fromkeys(("code", "jurisdiction", "adcode"), self.code)
        if operation in HASHES or operation == "decline":
            fit = [each for each in self.waiting if each.startswith(OF_PARAMETER.get(name, "rpp"))]
            if fit:
                return self.chance.choice(fit)
        found = self.known.get(OF_PARAMETER.get(name, ""))
        return self.chance.choice(found) if found else plain.get(name, "x")

    def _filled(self, example: Any, named: str) -> Any:
        """Fill an example with what there is: ids, hashes, words of the caller's own."""
        if isinstance(example, list):
            return [self._filled(each, named) for each in example]
        if not isinstance(example, dict):
            return example
        filled = {}
        for name, value in example.items():
            if name in OWN_WORDS and isinstance(value, str):
                filled[name] = f"{value[:20]}-{self.chance.getrandbits(40):010x}"
            elif name in HASHES.values() and named in self.waiting:
                filled[name] = self.waiting[named]
            elif isinstance(value, str):
                filled[name] = ID.sub(self._known, value)
            else:
                filled[name] = self._filled(value, named)
        return filled

    def _known(self, match: re.Match[str]) -> str:
        return self.chance.choice(self.known.get(match[1]) or [match[0]])

    async def _ask(self, operation: Operation, draft: Draft, role: str) -> None:
        answer = await self.asking.ask(operation.name, draft, role)
        if answer is None or not answer.is_success:
            return
        for match in ID.finditer(answer.text):
            self._remember(match[1], match[0])
        media = answer.headers.get("content-type", "")
        if not media.startswith("application/json") or ("dry_run", "true") in draft.query:
            return
        told = answer.json()
        if operation.method == "POST":
            self._count(operation, answer)
        if isinstance(told, dict):
            self._note((told, *(told.get("plans") or ()), *(told.get("items") or ())))

    def _remember(self, prefix: str, found: str) -> None:
        ids = self.known.setdefault(prefix, [])
        if len(ids) < REMEMBERED:
            if found not in ids:
                ids.append(found)
        else:
            ids[self.chance.randrange(REMEMBERED)] = found

    def _count(self, operation: Operation, answer: httpx.Response) -> None:
        """Count what was decided."""
        done = {"approve": "approved", "decline": "declined"}.get(operation.name, "done")
        waits = answer.status_code == httpx.codes.ACCEPTED
        self.asking.figures.decided["waiting" if waits else done] += 1

    def _note(self, found: Sequence[Any]) -> None:
        """Remember the hashes of what waits."""
        for each in found:
            read, named = each.get("payload_hash") or each.get("plan_hash"), each.get("id")
            if read is None or named is None:
                continue
            if each.get("state") not in ENDED:
                self.waiting[named] = read
            else:
                self.waiting.pop(named, None)
        while len(self.waiting) > REMEMBERED:
            del self.waiting[next(iter(self.waiting))]
