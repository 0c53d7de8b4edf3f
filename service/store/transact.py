"""The unit of work: the only BEGIN, COMMIT and bounded retry of the service.

A use case is three functions over lists: `find` (plain reads in the caller's own scope), `load`
(set-based, under locks, in journal context) and `decide` (pure, in order, one verdict a command).
Between load and decide the journal's head is locked and `read` may read what the head protects.
COMMIT has three outcomes: applied, refused, unknown; unknown is never reported as failed.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import refusals
from ledger.money import Money
from ledger.refusals import BatchRefused, Refusal
from service.store import answers, ids, journal, rows
from service.store.answers import Key
from service.store.context import Context
from service.store.facts import AreaMove, Change, Decision, Facts, Moment, OnBehalf, Verdict
from service.store.leaves import FAULTS
from service.store.reference import lock_reference
from service.store.tables import JournalHead
from service.store.unit import Unit
from service.store.use_case import Mode, Outcome, Request, UseCase

C = TypeVar("C")
F = TypeVar("F")

RETRIED: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout: rolled back for certain, worth another try."""
SERVER_GAVE_UP: Final = frozenset({"57014", "57P01", "57P02", "57P03", "53300", "53100", "25P03"})
"""Timeouts, shutdown, too many connections, disk full: nothing was committed, come back later."""
ATTEMPTS_MAX: Final = 4
FEW: Final = 16
"""Commands in a list whose statements are not worth a plan of their own."""
OUTCOME_WITHIN_S: Final = 60
STATEMENT_TIMEOUT: Final = "60s"
READ_TIMEOUT: Final = "30s"
_SNAPSHOT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


class Store:
    """The database as the service uses it: reads in a caller's scope, and units of work."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use an engine that logs in as the application role."""
        self.engine = engine
        self._running: set[asyncio.Task[Any]] = set()

    async def transact(self, request: Request[C, F]) -> Outcome:
        """Carry out the commands in one unit of work, in a task of its own.

        The task is shielded from the caller's cancellation. Raises `OutcomeUnknown` when the
        outcome is not known in time or the connection was lost around COMMIT; the same key then
        tells the one true outcome.
        """
        task = asyncio.get_running_loop().create_task(self._attempts(request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.wait_for(asyncio.shield(task), OUTCOME_WITHIN_S)
        except TimeoutError:
            raise refusals.OutcomeUnknown from None

    @asynccontextmanager
    async def reading(self, context: Context) -> AsyncIterator[AsyncConnection]:
        """Open a read-only transaction that sees with the caller's eyes, from one snapshot."""
        async with self.engine.connect() as connection:
            await connection.execute(_SNAPSHOT)
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
    ) -> Outcome:
        """Write reference data, which no journal holds, in one transaction.

        Its idempotency keys stand under journal 0; a refusal is raised and writes nothing.
        """
        async with self.engine.connect() as connection, connection.begin() as transaction:
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
                await transaction.rollback()
            return Outcome([verdict])

    async def drain(self) -> None:
        """Wait until every running unit of work has ended; for an orderly stop."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def _attempts(self, request: Request[C, F]) -> Outcome:
        for attempt in range(ATTEMPTS_MAX):
            try:
                return await self._attempt(request)
            except (DBAPIError, *FAULTS) as error:
                if _is_lost(error):
                    raise refusals.Busy from error
                if _sqlstate(error) not in RETRIED:
                    raise
                await asyncio.sleep(0.02 * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        raise refusals.Busy

    async def _attempt(self, request: Request[C, F]) -> Outcome:
        async with self.engine.connect() as connection:
            transaction = await connection.begin()
            try:
                outcome, writes = await _carry_out(connection, request)
            except BaseException:
                await _abandon(connection)
                raise
            if not writes:
                await transaction.rollback()
                return outcome
            try:
                await transaction.commit()
            except BaseException as error:
                await connection.invalidate()
                if _sqlstate(error) in RETRIED:
                    raise
                raise refusals.OutcomeUnknown from error
            return outcome


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction for what no journal holds (tokens, seeds); it commits at its end."""
    async with engine.begin() as connection:
        yield connection


def _sqlstate(error: BaseException) -> str | None:
    """Return what PostgreSQL calls the error, None where it said nothing."""
    found = getattr(getattr(error, "orig", error), "sqlstate", None)
    return None if found is None else str(found)


def _is_lost(error: BaseException) -> bool:
    """Tell whether nothing was committed because the server or the connection gave up."""
    if _sqlstate(error) in SERVER_GAVE_UP:
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return not isinstance(error, asyncpg.PostgresError)


async def _abandon(connection: AsyncConnection) -> None:
    """Roll back; a connection that cannot even do that is never used again."""
    try:
        await connection.rollback()
    except BaseException:
        await connection.invalidate()
        raise


async def _carry_out(connection: AsyncConnection, request: Request[C, F]) -> tuple[Outcome, bool]:
    """Find, load, decide and append; return the outcome and whether there is anything to commit."""
    many = len(request.commands) > FEW
    await request.caller.enter(connection, statement_timeout=STATEMENT_TIMEOUT, many=many)
    key = request.key
    if key is not None:
        replay = await answers.find(connection, request.journal, key)
        if replay is not None:
            return Outcome(replay, replayed=True), False
    found = await request.use_case.find(connection, request.caller, request.commands)
    if request.mode is Mode.SINGLE and isinstance(found[0], Refusal):
        return Outcome([Verdict(refusal=found[0])]), False
    await Context.writer(request.journal).enter(
        connection, statement_timeout=STATEMENT_TIMEOUT, many=many
    )
    facts = Facts(request.journal)
    unit = Unit(connection, facts, actor=request.actor, locking=not request.dry_run)
    known = [item for item in found if not isinstance(item, Refusal)]
    await request.use_case.load(unit, known)
    await unit.take_head()
    if key is not None:
        replay = await answers.find(connection, request.journal, key)
        if replay is not None:
            return Outcome(replay, replayed=True), False
    await request.use_case.read(unit, known)
    batch = _Batch(facts, request)
    batch.decide(found)
    if request.dry_run:
        return Outcome(batch.verdicts), False
    await rows.write(connection, request.journal, batch.changes)
    await journal.append(unit, batch.posted, batch.moves, batch.closes)
    if key is not None and answers.is_stored(batch.verdicts, single=request.mode is Mode.SINGLE):
        assert unit.head is not None, "the head is locked"
        seq = batch.posted[-1].seq if batch.posted else unit.head.seq
        await answers.store(connection, facts, key, batch.verdicts, seq)
    elif not batch.posted and not batch.changes:
        return Outcome(batch.verdicts), False
    return Outcome(batch.verdicts), True


class _Batch:
    """The commands of one request, decided in order against the same facts."""

    def __init__(self, facts: Facts, request: Request[Any, Any]) -> None:
        self.facts = facts
        self.request = request
        self.verdicts: list[Verdict] = []
        self.posted: list[journal.Posted] = []
        self.changes: list[Change] = []
        self.moves: list[AreaMove] = []
        self.closes: date | None = None

    def decide(self, found: Sequence[Any]) -> None:
        """Decide every command; under all_or_nothing one refusal undoes all that went before."""
        for item in found:
            self.verdicts.append(self._verdict(item))
        together = self.request.mode is Mode.ALL_OR_NOTHING
        if together and any(verdict.refusal is not None for verdict in self.verdicts):
            self.posted, self.changes, self.moves, self.closes = [], [], [], None
            self.verdicts = [
                v if v.refusal is not None else Verdict(refusal=BatchRefused())
                for v in self.verdicts
            ]

    def _verdict(self, item: Any) -> Verdict:  # noqa: ANN401 - what the use case found
        if isinstance(item, Refusal):
            return Verdict(refusal=item)
        try:
            decision = self.request.use_case.decide(self.facts, item)
            posted = self.facts.post(decision.transactions)
        except Refusal as refusal:
            return Verdict(refusal=refusal)
        first_seq = self.facts.moment.next_seq
        maker = decision.on_behalf or OnBehalf(
            self.request.actor, self.request.key.key if self.request.key else None
        )
        for offset, (transaction, entries) in enumerate(
            zip(decision.transactions, posted, strict=True)
        ):
            self.posted.append(
                journal.Posted(
                    first_seq + offset,
                    transaction,
                    entries,
                    maker.key,
                    self.facts.extra.get("policy_version"),
                    maker.actor,
                )
            )
        self.facts.advance(len(decision.transactions))
        self.facts.apply(decision.changes)
        self.changes += decision.changes
        self.moves += decision.moves
        self.closes = decision.closes or self.closes
        return Verdict(answer=self._answer(decision), duplicate=decision.duplicate)

    def _answer(self, decision: Decision) -> dict[str, Any]:
        """The decision's answer with its last transaction and the balances it leaves."""
        answer = dict(decision.answer)
        if decision.transactions:
            seq = self.facts.moment.next_seq - 1
            answer["transaction_id"] = ids.public_transaction(self.facts.journal, seq)
        if decision.shows:
            answer["balances"] = {
                name: str(Money.from_fen(self.facts.book.quantity(account)))
                for name, account in sorted(decision.shows.items())
            }
        return answer


__all__ = ["Mode", "Outcome", "Request", "Store", "UseCase", "writing"]
