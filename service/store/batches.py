"""One unit of work: requests of one use case in one journal, carried out together.

Each request is found in its own caller's scope, then all are loaded under locks, decided in order
under the journal's head and appended as one batch. Each keeps its own verdicts, key and actor; one
that is refused, or that was answered before, leaves no trace among its neighbours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import BatchRefused, Refusal
from service.store import answers, ids, journal, rows
from service.store.context import Context
from service.store.facts import AreaMove, Change, Decision, Facts, OnBehalf, Verdict
from service.store.unit import Unit
from service.store.use_case import Mode, Outcome, Request

STATEMENT_TIMEOUT: Final = "60s"

Asking = Request[Any, Any]
Result = Outcome | Refusal
"""What became of a request: an outcome, or why it was not even looked at."""


@dataclass(slots=True)
class _Asked:
    """A request on its way: what was found for its commands, and its result once it has one."""

    request: Asking
    found: Sequence[Any] = ()
    result: Result | None = None

    @property
    def known(self) -> list[Any]:
        """What was found, without the refusals."""
        return [item for item in self.found if not isinstance(item, Refusal)]


async def carry_out(
    connection: AsyncConnection, requests: Sequence[Asking], *, waiting: bool
) -> tuple[list[Result], bool]:
    """Find, load, decide and append; return a result each and whether to commit anything.

    Without `waiting` for rows that somebody else holds, such a row is a fault at once (55P03).
    """
    many = sum(len(request.commands) for request in requests) > rows.FEW
    asked = [_Asked(request) for request in requests]
    callers: dict[Context, list[_Asked]] = {}
    for each in asked:
        callers.setdefault(each.request.caller, []).append(each)
    for caller, group in callers.items():
        await _find(connection, caller, group, many=many)
    if not _open(asked):
        return _results(asked), False
    first = requests[0]
    await Context.writer(first.journal).enter(
        connection, statement_timeout=STATEMENT_TIMEOUT, many=many
    )
    facts = Facts(first.journal)
    unit = Unit(
        connection,
        facts,
        actor=first.actor,
        locking=not first.dry_run,
        waiting=waiting,
    )
    await first.use_case.load(unit, _known(asked))
    await unit.take_head()
    await _replay(connection, asked)
    if not _open(asked):
        return _results(asked), False
    await first.use_case.read(unit, _known(asked))
    batch = _Batch(facts)
    for each in _open(asked):
        batch.decide(each)
    if first.dry_run:
        return _results(asked), False
    return _results(asked), await batch.write(unit)


def _open(asked: Sequence[_Asked]) -> list[_Asked]:
    return [each for each in asked if each.result is None]


def _known(asked: Sequence[_Asked]) -> list[Any]:
    return [item for each in _open(asked) for item in each.known]


def _results(asked: Sequence[_Asked]) -> list[Result]:
    return [each.result for each in asked if each.result is not None]


async def _find(
    connection: AsyncConnection, caller: Context, group: Sequence[_Asked], *, many: bool
) -> None:
    """Find the commands of one caller's requests in its own scope; refuse what is not there."""
    await caller.enter(connection, statement_timeout=STATEMENT_TIMEOUT, many=many)
    await _replay(connection, group)
    asking = _open(group)
    if not asking:
        return
    commands = [command for each in asking for command in each.request.commands]
    found = iter(await asking[0].request.use_case.find(connection, caller, commands))
    for each in asking:
        each.found = _taken(found, len(each.request.commands))
        if each.request.mode is Mode.SINGLE and isinstance(each.found[0], Refusal):
            each.result = Outcome([Verdict(refusal=each.found[0])])


def _taken(found: Iterator[Any], count: int) -> list[Any]:
    return [next(found) for _ in range(count)]


async def _replay(connection: AsyncConnection, asked: Sequence[_Asked]) -> None:
    """Answer the requests whose key was answered before."""
    keyed = {each.request.key: each for each in _open(asked) if each.request.key is not None}
    if not keyed:
        return
    journal_id = asked[0].request.journal
    standing = await answers.find_all(connection, journal_id, list(keyed))
    for key, stood in standing.items():
        again = stood if isinstance(stood, Refusal) else Outcome(stood, replayed=True)
        keyed[key].result = again


class _Batch:
    """The commands of the requests, decided in order against the same facts."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.posted: list[journal.Posted] = []
        self.changes: list[Change] = []
        self.moves: list[AreaMove] = []
        self.closes: date | None = None
        self.kept: list[tuple[answers.Key, Sequence[Verdict], int | None]] = []

    def decide(self, asked: _Asked) -> None:
        """Decide a request's commands; under all_or_nothing one refusal undoes all before it.

        What is undone here still stands in the facts: such a request is carried out alone.
        """
        request, before = asked.request, len(self.posted)
        self.facts.act_as(request.actor, request.presence)
        verdicts = [self._verdict(request, item) for item in asked.found]
        together = request.mode is Mode.ALL_OR_NOTHING
        if together and any(verdict.refusal is not None for verdict in verdicts):
            self.posted, self.changes, self.moves, self.closes = [], [], [], None
            verdicts = [
                v if v.refusal is not None else Verdict(refusal=BatchRefused()) for v in verdicts
            ]
        asked.result = Outcome(verdicts)
        single = request.mode is Mode.SINGLE
        if request.key is not None and answers.is_stored(verdicts, single=single):
            last = self.posted[-1].seq if len(self.posted) > before else None
            self.kept.append((request.key, verdicts, last))

    async def write(self, unit: Unit) -> bool:
        """Write rows, answers and the journal; return whether there was anything to write."""
        assert unit.head is not None, "the head is locked"
        if not (self.posted or self.changes or self.kept):
            return False
        kept = [
            answers.row(self.facts.moment, key, verdicts, unit.head.seq if last is None else last)
            for key, verdicts, last in self.kept
        ]
        await rows.write(unit.connection, self.facts.journal, [*self.changes, *kept])
        await journal.append(unit, self.posted, self.moves, self.closes)
        return True

    def _verdict(self, request: Asking, item: Any) -> Verdict:  # noqa: ANN401 - what was found
        if isinstance(item, Refusal):
            return Verdict(refusal=item)
        try:
            decision = request.use_case.decide(self.facts, item)
            posted = self.facts.post(decision.transactions)
        except Refusal as refusal:
            return Verdict(refusal=refusal)
        seq, facts = self.facts.moment.next_seq, self.facts
        maker = decision.on_behalf or OnBehalf(
            request.actor, request.key.key if request.key else None
        )
        version = facts.extra.get("policy_version")
        for transaction, entries in zip(decision.transactions, posted, strict=True):
            self.posted.append(
                journal.Posted(seq, transaction, entries, maker.key, version, maker.actor)
            )
            seq += 1
        if posted:
            facts.advance(len(posted))
        self.facts.apply(decision.changes)
        self.changes += decision.changes
        self.moves += decision.moves
        self.closes = decision.closes or self.closes
        return Verdict(answer=self._answer(decision), duplicate=decision.duplicate)

    def _answer(self, decision: Decision) -> Mapping[str, Any]:
        """The decision's answer with its last transaction and the balances it leaves."""
        answer = dict(decision.answer)
        if decision.transactions:
            seq = self.facts.moment.next_seq - 1
            answer["transaction_id"] = ids.public_transaction(self.facts.journal, seq)
        if decision.shows:
            book = self.facts.book
            answer["balances"] = {
                name: str(Money.from_fen(book.quantity(decision.shows[name])))
                for name in sorted(decision.shows)
            }
        return answer
