"""The unit of work: the only BEGIN, COMMIT and bounded retry of the service.

A use case is three functions over lists: `find` (plain reads in the caller's own scope), `load`
(set-based, under locks, in journal context) and `decide` (pure, in order, one verdict a command).
Between load and decide the journal's head is locked and `read` may read what the head protects.
Requests that gather share one.
COMMIT has three outcomes: applied, refused, unknown; unknown is never reported as failed.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import refusals
from service.failpoints import Point, reach
from service.store import answers, audit, commits, rows, server_epochs
from service.store.answers import Key
from service.store.audit import Attempt
from service.store.batches import STATEMENT_TIMEOUT, Asking, Result, carry_out
from service.store.commits import RETRIED
from service.store.context import Context
from service.store.driver import FAULTS, is_lost, sqlstate
from service.store.facts import Facts, Moment, Verdict
from service.store.gathering import Queue, Waiting, is_gathered
from service.store.reference import lock_reference
from service.store.tables import JournalHead
from service.store.trail import Trail
from service.store.use_case import Mode, Outcome, Request, UseCase

C = TypeVar("C")
F = TypeVar("F")
T = TypeVar("T")

ATTEMPTS_MAX: Final = 4
TOGETHER_MAX: Final = 3
"""Attempts of a gathered batch before its requests are carried out one by one."""
OUTCOME_WITHIN_S: Final = 60
UNIT_WITHIN_S: Final = 120
"""Until COMMIT; the server's own limits end every statement sooner, unless nobody hears of it."""
READ_TIMEOUT: Final = "30s"


class Store:
    """The database as the service uses it: reads in a caller's scope, and units of work."""

    def __init__(self, engine: AsyncEngine, *, restored: bool = False) -> None:
        """Use an engine that logs in as the application role.

        `restored` writes to journals that nobody opened: for whoever is about to open them.
        """
        self.engine = engine
        self._restored = restored
        # BEGIN says it all: the snapshot costs no statement of its own.
        self._snapshots = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.trail = Trail(lambda: writing(engine))
        self.commit_within_s = commits.COMMIT_WITHIN_S
        self._running: set[asyncio.Task[Any]] = set()
        self._queues: dict[int, Queue] = {}
        self._asked: dict[tuple[str, str], asyncio.Future[Outcome]] = {}

    async def transact(self, request: Request[C, F]) -> Outcome:
        """Carry out the commands in one unit of work, in a task of its own.

        The task is shielded from the caller's cancellation. Requests of use cases that gather
        share a unit of work with those that waited for the journal beside them. Raises
        `OutcomeUnknown` when the outcome is not known in time or the connection was lost around
        COMMIT; the same key then tells the one true outcome.
        """
        outcome = self._queued(request) if is_gathered(request) else self._alone(request)
        return await self._told(outcome, request.key)

    def is_running(self, caller_id: str, key: str) -> bool:
        """Tell whether this process is carrying out what came under the key, or has it waiting."""
        return (caller_id, key) in self._asked

    async def _told(self, outcome: "asyncio.Future[Outcome]", key: Key | None) -> Outcome:
        """Wait for an outcome that nobody's going away may stop."""
        if key is not None:
            asked = key.caller_id, key.key
            self._asked[asked] = outcome
            outcome.add_done_callback(lambda told: self._forget(asked, told))
        await asyncio.wait([outcome], timeout=OUTCOME_WITHIN_S)
        if not outcome.done():
            raise refusals.OutcomeUnknown
        return outcome.result()

    def _forget(self, asked: tuple[str, str], told: "asyncio.Future[Outcome]") -> None:
        """Forget who asked; of two at once under one key the later one is remembered longer."""
        if self._asked.get(asked) is told:
            del self._asked[asked]
        if not told.cancelled():
            told.exception()  # Heard, though its caller may have gone away.

    def _queued(self, request: Asking) -> "asyncio.Future[Outcome]":
        queue = self._queues.setdefault(request.journal, Queue(self._together))
        outcome = queue.put(request)
        assert queue.running is not None, "somebody carries it out"
        self._run(queue.running)
        return outcome

    def _alone(self, request: Asking) -> "asyncio.Future[Outcome]":
        return self._run(asyncio.get_running_loop().create_task(self._attempts(request)))

    def _run(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Keep a task that no caller's going away may stop."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    @asynccontextmanager
    async def reading(self, context: Context) -> AsyncIterator[AsyncConnection]:
        """Open a read-only transaction that sees with the caller's eyes, from one snapshot."""
        async with self._snapshots.connect() as connection:
            await context.enter(connection, statement_timeout=READ_TIMEOUT)
            yield connection

    async def move_clock(self, journal: int, to: datetime) -> datetime:
        """Move a journal's business time forward to `to`; raises `ClockBackwards`.

        For demonstrations and tests: the offset only grows, machine time never moves.
        """
        source = rows.table_of(JournalHead)
        async with self.engine.begin() as connection:
            await Context.writer(journal).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
            head = (
                await connection.execute(
                    select(source.c.clock_offset_us)
                    .where(source.c.journal_id == journal)
                    .with_for_update()
                )
            ).one()
            clock = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
            offset = round((to - clock).total_seconds() * 1_000_000)
            if offset < head.clock_offset_us:
                raise refusals.ClockBackwards
            await connection.execute(
                update(source).where(source.c.journal_id == journal).values(clock_offset_us=offset)
            )
        return to

    async def refer(
        self,
        work: Callable[[AsyncConnection], Awaitable[Verdict]],
        *,
        key: Key | None,
        dry_run: bool = False,
        attempt: Attempt | None = None,
    ) -> Outcome:
        """Write reference data, which no journal holds, in one transaction.

        Its idempotency keys stand under journal 0, and chain 0 of the audit trail tells of it; a
        refusal is raised and writes nothing. Like any unit of work it runs in a task of its own.
        """
        work_done = self._referring(work, key, attempt, dry_run=dry_run)
        return await self._told(self._run(asyncio.get_running_loop().create_task(work_done)), key)

    async def _referring(
        self,
        work: Callable[[AsyncConnection], Awaitable[Verdict]],
        key: Key | None,
        attempt: Attempt | None,
        *,
        dry_run: bool,
    ) -> Outcome:
        async with self._unit() as (connection, commit):
            await Context.writer(0).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
            await lock_reference(connection)
            replay = None if key is None else await answers.find(connection, 0, key)
            if replay is not None:
                return Outcome(replay, replayed=True)
            verdict = await work(connection)
            if key is not None:
                now = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
                facts = Facts(0)
                facts.moment = Moment(0, now, now.date(), 0, key.caller_id)
                await answers.store(connection, facts, key, [verdict], 0)
            if dry_run:
                return Outcome([verdict])
            await audit.append_apart(connection, [_referred(verdict, key, attempt)])
            reach(Point.REFERENCE_WRITTEN)
            await commit()
            return Outcome([verdict], recorded=True)

    async def drain(self) -> None:
        """Wait until every running unit of work has ended; for an orderly stop."""
        while self._running:
            await asyncio.wait(set(self._running))
        await self.trail.drain()

    async def _attempts(self, request: Request[C, F]) -> Outcome:
        for attempt in range(ATTEMPTS_MAX):
            try:
                [result] = await self._attempt([request], waiting=True)
            except (DBAPIError, *FAULTS) as error:
                if is_lost(error):
                    raise refusals.Busy from error
                if sqlstate(error) not in RETRIED:
                    raise
                await _pause(attempt)
                continue
            if isinstance(result, refusals.Refusal):
                raise result
            return result
        raise refusals.Busy

    async def _together(self, gathered: Sequence[Waiting]) -> None:
        """Carry out what was gathered: as one batch, else one by one, and tell each its outcome.

        Who is at fault, or wants a row that somebody else holds, keeps up none of its neighbours:
        it fails alone, or waits alone while the next batch goes on.
        """
        for attempt in range(TOGETHER_MAX if len(gathered) > 1 else 0):
            try:
                results = await self._attempt([each.request for each in gathered], waiting=False)
            except refusals.OutcomeUnknown:
                results = [refusals.OutcomeUnknown() for _ in gathered]
            except Exception as error:  # noqa: BLE001 - each is asked again alone, and raises it
                if sqlstate(error) not in RETRIED:
                    break
                await _pause(attempt)
                continue
            for each, result in zip(gathered, results, strict=True):
                each.tell(result)
            return
        for each in gathered:
            await self._by_itself(each)

    async def _by_itself(self, waiting: Waiting) -> None:
        try:
            [result] = await self._attempt([waiting.request], waiting=False)
        except refusals.OutcomeUnknown as unknown:
            waiting.tell(unknown)
        except Exception as error:  # noqa: BLE001 - tried again, where that may help, or told
            if is_lost(error):
                waiting.tell(refusals.Busy())
            elif sqlstate(error) in RETRIED:
                self._run(asyncio.get_running_loop().create_task(self._waits(waiting)))
            else:
                waiting.tell(error)
        else:
            waiting.tell(result)

    async def _waits(self, waiting: Waiting) -> None:
        try:
            waiting.tell(await self._attempts(waiting.request))
        except Exception as error:  # noqa: BLE001 - its caller gets it
            waiting.tell(error)

    async def _attempt(self, requests: Sequence[Asking], *, waiting: bool) -> list[Result]:
        async with self._unit() as (connection, commit):
            async with asyncio.timeout(UNIT_WITHIN_S):
                reach(Point.UNIT_BEGUN)
                results, writes = await carry_out(connection, requests, waiting=waiting)
            if writes:
                reach(Point.BEFORE_COMMIT)
                await commit()
                reach(Point.AFTER_COMMIT)
            return results

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[tuple[AsyncConnection, Callable[[], Awaitable[None]]]]:
        """Open a database transaction, and say how to commit it; left without, it is undone."""
        async with self.engine.connect() as connection:
            transaction = await connection.begin()

            async def commit() -> None:
                settling = commits.settle
                await settling(connection, transaction.commit, within_s=self.commit_within_s)

            try:
                if not self._restored:
                    async with asyncio.timeout(UNIT_WITHIN_S):
                        await server_epochs.require_open(connection)
                yield connection, commit
                if transaction.is_active:
                    await transaction.rollback()
            except BaseException as error:
                if not connection.invalidated:
                    await commits.abandon(connection, error)
                raise


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction for what no journal holds (tokens, seeds); it commits at its end."""
    async with engine.begin() as connection:
        yield connection


def _referred(verdict: Verdict, key: Key | None, attempt: Attempt | None) -> audit.Noted:
    """Note what was written to reference data; without a request the service itself did it."""
    asked = attempt or audit.by_service("refer")
    noted = audit.decided(
        asked, key.caller_id if key else "service", "refer", [verdict], None, single=True
    )
    return noted._replace(kind=audit.Kind.REFERENCE)


async def _pause(attempt: int) -> None:
    await asyncio.sleep(0.02 * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311


__all__ = ["Mode", "Outcome", "Request", "Store", "UseCase", "writing"]
