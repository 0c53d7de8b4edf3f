"""A use case of one command that says what it is told to say, for tests of the unit of work."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.transact import Outcome, Request, UseCase
from service.store.unit import Unit
from tests.fixtures.store import Books


class Asking:
    """A use case of one command that decides as it is told, and counts how often it was asked."""

    def __init__(self, *answers: Refusal | Decision) -> None:
        """Give these answers in turn, the last for ever."""
        self.answers = list(answers)
        self.asked = 0

    def use_case(self) -> UseCase[str, str]:
        """Make the use case."""
        return UseCase("ask", self.find, self.load, self.decide)

    async def find(
        self, _connection: AsyncConnection, _caller: Context, commands: Sequence[str]
    ) -> list[str | Refusal]:
        return list(commands)

    async def load(self, _unit: Unit, _found: Sequence[str]) -> None:
        """Nothing to lock."""

    def decide(self, _facts: Facts, _found: str) -> Decision:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def request(self, books: Books, **values: Any) -> Request[str, str]:
        """Ask once."""
        given: dict[str, Any] = {"commands": ["?"], "caller": books.bank, "actor": "bank"}
        return Request(self.use_case(), journal=books.journal, **(given | values))


def told(outcome: Outcome) -> list[str]:
    """Say what became of each command: done, duplicate or a refusal's code."""
    return [
        verdict.refusal.code
        if verdict.refusal is not None
        else ("duplicate" if verdict.duplicate else "done")
        for verdict in outcome.verdicts
    ]
