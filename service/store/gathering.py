"""Gathering: requests that wait for one journal while its last batch commits become the next one.

Nobody waits to gather: a request that finds the journal free goes at once, and whatever came while
a batch was carried out goes together in the next. So concurrency becomes the size of a batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.store.batches import Asking
from service.store.use_case import Mode, Outcome

COMMANDS_MAX: Final = 8_192
"""Commands in a batch; at some 250 bytes each that is 2 MB. One larger request goes alone."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits, and what its caller waits for."""

    request: Asking
    outcome: "asyncio.Future[Outcome]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def tell(self, result: Outcome | BaseException) -> None:
        """Let the caller know, who may have gone away."""
        if self.outcome.done():
            return
        if isinstance(result, BaseException):
            self.outcome.set_exception(result)
        else:
            self.outcome.set_result(result)


Together = Callable[[Sequence[Waiting]], Awaitable[None]]


class Queue:
    """The requests that wait for one journal, in the order in which they came."""

    def __init__(self, together: Together) -> None:
        """Carry out by `together` what was gathered; it tells each caller the outcome."""
        self._together = together
        self._waiting: deque[Waiting] = deque()
        self.running: asyncio.Task[None] | None = None

    def put(self, request: Asking) -> "asyncio.Future[Outcome]":
        """Let a request wait its turn; return what will tell its outcome."""
        waiting = Waiting(request)
        self._waiting.append(waiting)
        if self.running is None or self.running.done():
            self.running = asyncio.get_running_loop().create_task(self._run())
        return waiting.outcome

    async def _run(self) -> None:
        while self._waiting:
            batch = self._taken()
            try:
                await self._together(batch)
            except BaseException:
                for waiting in (*batch, *self._waiting):
                    waiting.outcome.cancel()
                self._waiting.clear()
                raise

    def _taken(self) -> list[Waiting]:
        """Take the longest waiting request and all that fit with it, in their order.

        They are of one use case. Of two with the same key the second stays, to be answered by
        what the first one stored.
        """
        use_case = self._waiting[0].request.use_case
        taken: list[Waiting] = []
        left: deque[Waiting] = deque()
        keys: set[Any] = set()
        commands = 0
        for waiting in self._waiting:
            request, key = waiting.request, waiting.request.key
            name = None if key is None else (key.caller_id, key.key)
            fits = not taken or commands + len(request.commands) <= COMMANDS_MAX
            if request.use_case is use_case and fits and name not in keys:
                taken.append(waiting)
                commands += len(request.commands)
            else:
                left.append(waiting)
            if name is not None:
                keys.add(name)
        self._waiting = left
        return taken


def is_gathered(request: Asking) -> bool:
    """Tell whether a request may share a batch; one that undoes itself as a whole goes alone."""
    together = request.use_case.gathers and request.mode is not Mode.ALL_OR_NOTHING
    return together and not request.dry_run
