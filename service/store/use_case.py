"""What is asked of a unit of work, and what comes of it: use cases, requests, outcomes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal
from service.store.answers import Key
from service.store.audit import Attempt
from service.store.context import Context
from service.store.evidence import Evidence
from service.store.facts import Decision, Facts, Presence, Verdict
from service.store.unit import Unit

C = TypeVar("C")
F = TypeVar("F")


class Mode(StrEnum):
    """How a list of commands hangs together."""

    SINGLE = "single"
    ALL_OR_NOTHING = "all_or_nothing"
    INDEPENDENT = "independent"


async def _read_nothing(_unit: Unit, _found: Sequence[Any]) -> None:
    """For use cases that need nothing but what they locked."""


@dataclass(frozen=True)
class UseCase(Generic[C, F]):
    """A command's three functions; `find` returns a found fact or a refusal per command.

    `gathers` says that commands of several requests may be found, loaded, read and decided as one
    list: that nothing in them is known of the list but only of each command.
    """

    name: str
    find: Callable[[AsyncConnection, Context, Sequence[C]], Awaitable[Sequence[F | Refusal]]]
    load: Callable[[Unit, Sequence[F]], Awaitable[None]]
    decide: Callable[[Facts, F], Decision]
    read: Callable[[Unit, Sequence[F]], Awaitable[None]] = field(default=_read_nothing)
    gathers: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a list of commands: a verdict each, in order.

    `recorded` says that the journal's audit trail tells of it; `noticed` is what the use case saw
    beside its commands and left for its caller.
    """

    verdicts: Sequence[Verdict]
    replayed: bool = False
    recorded: bool = False
    noticed: frozenset[str] = frozenset()

    def single(self) -> dict[str, Any]:
        """The answer of a single command; raises its refusal."""
        verdict = self.verdicts[0]
        if verdict.refusal is not None:
            raise verdict.refusal
        return dict(verdict.answer or {})

    @property
    def refused(self) -> bool:
        """Tell whether any command was refused."""
        return any(verdict.refusal is not None for verdict in self.verdicts)


@dataclass(frozen=True)
class Request(Generic[C, F]):
    """One call of a use case: who asks, in which journal, under which key, for what.

    Of an `unread` one, a sweep's, only verdicts are looked at: its answers may stay empty.

    `evidence` is the signed message it came with, if it was signed; `attempt` what the audit trail
    says of the request, None for what the service does by itself.
    """

    use_case: UseCase[C, F]
    commands: Sequence[C]
    caller: Context
    actor: str
    journal: int
    key: Key | None = None
    mode: Mode = Mode.SINGLE
    dry_run: bool = False
    unread: bool = False
    evidence: Evidence | None = None
    attempt: Attempt | None = None
    presence: Presence | None = None
