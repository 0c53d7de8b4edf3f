"""Hostile requests in the matrix's five houses: every caller, every object, nothing foreign.

A command ends when it has found what it is about, as the rows planted there are no books that it
could decide on.
"""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx

from tests.campaigns.asking import Asking
from tests.campaigns.mutations import Draft, spoil
from tests.fixtures.matrix import NEAR, OTHER, OWN, SIBLING, WOUND, World
from tests.fixtures.operations import Operation
from tests.fixtures.tenants import Tenant, foreign_in, minted_again, tenants_of

STRANGERS: Final = 0.03
"""Of requests that bring no token."""
UNFIT: Final = 0.1
"""Of requests whose caller's role has no business with the operation."""


@dataclass
class Houses:
    """The houses, and those who ask."""

    world: World
    tenants: list[Tenant]
    operations: list[Operation]
    chance: random.Random
    asking: Asking

    @classmethod
    async def of(cls, world: World, chance: random.Random, asking: Asking) -> "Houses":
        """Mint a token for each tenant."""
        operations = list(world.operations.values())
        return cls(world, await tenants_of(world), operations, chance, asking)

    async def work(self, todo: Iterator[int]) -> None:
        """Send one request after another."""
        for _ in todo:
            await self._one()

    async def _one(self) -> None:
        operation = self.chance.choice(self.operations)
        index = self._caller(operation)
        tenant = self.tenants[index]
        draft = spoil(self._draft(operation, tenant), self.chance)
        answer = await self.asking.ask(operation.name, draft, tenant.role)
        if answer is None:
            return
        if not operation.policy.public:
            sent = draft.url + draft.sent.decode(errors="replace")
            foreign = foreign_in(self.world, tenant, operation, answer.text, sent)
            self.asking.figures.foreign += foreign
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self.tenants[index] = await minted_again(self.world, tenant)

    def _draft(self, operation: Operation, tenant: Tenant) -> Draft:
        house = self.world.houses[self.chance.choice((OWN, OWN, SIBLING, OTHER, WOUND, NEAR))]
        draft = Draft(
            operation.method, operation.path_for(house), list(operation.query_for(house).items())
        )
        draft.headers["idempotency-key"] = uuid.UUID(int=self.chance.getrandbits(128)).hex
        if self.chance.random() >= STRANGERS:
            draft.headers["authorization"] = f"Bearer {tenant.token}"
        if operation.method == "POST":
            draft.headers["content-type"] = "application/json"
            # What a caller writes bears no house's mark, which its neighbours would seem to see.
            text = json.dumps(operation.body_for(house)).replace("canary-", "chance-")
            draft.document = json.loads(text)
            if self.chance.random() < 0.1:
                draft.query.append(("dry_run", "true"))
        return draft

    def _caller(self, operation: Operation) -> int:
        roles = {role.value for role in operation.policy.roles}
        fit = [n for n, tenant in enumerate(self.tenants) if tenant.role in roles]
        if not fit or self.chance.random() < UNFIT:
            return self.chance.randrange(len(self.tenants))
        return self.chance.choice(fit)
