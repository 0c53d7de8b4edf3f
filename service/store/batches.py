"""One unit of work: requests of one use case in one journal, carried out together.

Each request is found in its own caller's scope, then all are loaded under locks, decided in order
under the journal's head and appended as one batch. Each keeps its own verdicts, key and actor; one
that is refused, or that was answered before, leaves no trace among its neighbours, unless it was
decided that something of a refusal is kept (`Decision.refusal`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import BatchRefused, Refusal
from service.failpoints import Point, reach
from service.store import answers, audit, evidence, ids, journal, rows
from service.store.context import Context
from service.store.facts import AreaMove, Change, Decision, Facts, Insert, OnBehalf, Verdict
from service.store.sealed_batches import Posted, Sealed, seal
from service.store.sheets import Line, Written
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
    spent = False
    for caller, group in callers.items():
        await caller.enter(connection, statement_timeout=STATEMENT_TIMEOUT, many=many)
        spent = spent or await _spend(connection, asked)
        await _find(connection, caller, group)
    if not _open(asked):
        return _results(asked), spent
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
    reach(Point.UNIT_LOCKED)
    await _replay(connection, asked)
    if not _open(asked):
        return _results(asked), spent
    await first.use_case.read(unit, _known(asked))
    batch = _Batch(facts)
    for each in _open(asked):
        batch.decide(each)
    if first.dry_run:
        return _results(asked), False
    written = await batch.write(unit)
    return _results(asked), written or spent


def _open(asked: Sequence[_Asked]) -> list[_Asked]:
    return [each for each in asked if each.result is None]


def _known(asked: Sequence[_Asked]) -> list[Any]:
    return [item for each in _open(asked) for item in each.known]


def _results(asked: Sequence[_Asked]) -> list[Result]:
    return [each.result for each in asked if each.result is not None]


async def _spend(connection: AsyncConnection, asked: Sequence[_Asked]) -> bool:
    """Spend the nonces of signed requests, before anything is answered; tell whether any was."""
    signed = [each for each in asked if each.request.evidence is not None]
    shown = [each.request.evidence for each in signed if each.request.evidence is not None]
    if not shown:
        return False
    for each, refusal in zip(signed, await evidence.spend(connection, shown), strict=True):
        each.result = refusal
    return True


async def _find(connection: AsyncConnection, caller: Context, group: Sequence[_Asked]) -> None:
    """Find the commands of one caller's requests in its own scope; refuse what is not there."""
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
        self.posted: list[Posted] = []
        self.changes: list[Change] = []
        self.moves: list[AreaMove] = []
        self.closes: date | None = None
        self.kept: list[tuple[Asking, Sequence[Verdict], int | None]] = []
        self.noted: list[audit.Noted] = []

    def decide(self, asked: _Asked) -> None:
        """Decide a request's commands; under all_or_nothing one refusal undoes all before it.

        What is undone here still stands in the facts: such a request is carried out alone.
        """
        request, before = asked.request, len(self.posted)
        self.facts.act_as(request.actor, request.presence)
        self.facts.answering = not request.unread
        verdicts = [self._verdict(request, item) for item in asked.found]
        together = request.mode is Mode.ALL_OR_NOTHING
        if together and any(verdict.refusal is not None for verdict in verdicts):
            self.posted, self.changes, self.moves, self.closes = [], [], [], None
            self.facts.sheet = None
            verdicts = [
                v if v.refusal is not None else Verdict(refusal=BatchRefused()) for v in verdicts
            ]
        noticed = frozenset(self.facts.noticed)
        asked.result = Outcome(verdicts, recorded=not request.dry_run, noticed=noticed)
        single = request.mode is Mode.SINGLE
        self._note(request, verdicts, self.posted[before:])
        if request.key is not None and answers.is_stored(verdicts, single=single):
            last = self.posted[-1].seq if len(self.posted) > before else None
            self.kept.append((request, verdicts, last))

    async def write(self, unit: Unit) -> bool:
        """Write rows, answers and the journal; return whether there was anything to write."""
        assert unit.head is not None, "the head is locked"
        if not (self.posted or self.changes or self.kept or self.noted):
            return False
        reach(Point.UNIT_DECIDED)
        sheet, journal_id, on_paper = self.facts.sheet, self.facts.journal, _OnPaper(self, unit)
        if sheet is not None:
            filled = sheet.rows()
            await rows.insert(unit.connection, journal_id, filled, meanwhile=on_paper.work_out)
            self.changes += sheet.changes()
        ahead = on_paper.work_out if len(self.changes) > rows.STAGED else None
        await rows.write(unit.connection, journal_id, self.changes, meanwhile=ahead)
        on_paper.work_out()
        await rows.write(unit.connection, journal_id, on_paper.kept)
        reach(Point.ROWS_WRITTEN)
        connection, moment = unit.connection, self.facts.moment
        trail = await audit.append(connection, unit.head, self.noted, moment.now)
        if self.posted:
            assert on_paper.sealed is not None, "what was posted is sealed"
            await journal.append(unit, on_paper.sealed, self.moves, self.closes, trail=trail)
        elif self.noted:
            await audit.move_head(connection, self.facts.journal, *trail)
        return True

    def _note(self, request: Asking, verdicts: Sequence[Verdict], posted: Sequence[Posted]) -> None:
        """Note a request for the audit trail; not what the service itself proposed in vain."""
        if request.attempt is None and not posted:
            return
        first = posted[0] if posted else None
        posts = None
        if first is not None:
            reason, version = first.transaction.reason, first.policy_version
            posts = audit.Posts(first.seq, posted[-1].seq, reason, version)
        self.noted.append(
            audit.decided(
                request.attempt or audit.by_service(request.use_case.name),
                request.actor,
                request.use_case.name,
                verdicts,
                posts,
                single=request.mode is Mode.SINGLE,
            )
        )

    def answers(self, before: int) -> list[Insert]:
        """Make the rows that keep the answers; `before` is the number at the head."""
        return [row for each in self.kept for row in self._kept(*each, before)]

    def _kept(
        self, request: Asking, verdicts: Sequence[Verdict], last: int | None, before: int
    ) -> list[Insert]:
        """Make the rows that keep an answer, and the signed message that it answers."""
        assert request.key is not None, "only answers under a key are kept"
        seq = before if last is None else last
        answer = answers.row(self.facts.moment, request.key, verdicts, seq)
        if request.evidence is None:
            return [answer]
        return [answer, *evidence.rows_of(request.evidence, request.key, seq)]

    def _verdict(self, request: Asking, item: Any) -> Verdict:  # noqa: ANN401 - what was found
        if isinstance(item, Refusal):
            return Verdict(refusal=item)
        sheet = self.facts.sheet
        try:
            line = None if sheet is None else sheet.line(self.facts, item)
            if line is not None:
                return self._lined(request, line)
            decision = request.use_case.decide(self.facts, item)
            posted = self.facts.post(decision.transactions)
        except Refusal as refusal:
            # Its frames know this batch, which keeps it: nothing would be freed for a while.
            return Verdict(refusal=refusal.with_traceback(None))
        seq, facts = self.facts.moment.next_seq, self.facts
        maker = decision.on_behalf or OnBehalf(
            request.actor, request.key.key if request.key else None
        )
        version = facts.extra.get("policy_version")
        for transaction, entries in zip(decision.transactions, posted, strict=True):
            self.posted.append(Posted(seq, transaction, entries, maker.key, version, maker.actor))
            seq += 1
        if posted:
            facts.advance(len(posted))
        self.facts.apply(decision.changes)
        self.changes += decision.changes
        self.moves += decision.moves
        self.closes = decision.closes or self.closes
        if decision.refusal is not None:
            return Verdict(refusal=decision.refusal)
        answer = {} if request.unread else self._answer(decision)
        return Verdict(answer=answer, duplicate=decision.duplicate)

    def _lined(self, request: Asking, line: Line) -> Verdict:
        """Take what a plain command becomes."""
        facts, (filled, entries, answer) = self.facts, line
        key = None if request.key is None else request.key.key
        version = facts.extra.get("policy_version")
        self.posted.append(Posted(facts.next_seq, filled, entries, key, version, request.actor))
        facts.next_seq += 1
        return Verdict({} if request.unread else Written(answer))

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


class _OnPaper:
    """What a batch still writes once its new rows are on their way: worked out once."""

    def __init__(self, batch: _Batch, unit: Unit) -> None:
        self._batch = batch
        self._unit = unit
        self._done = False
        self.kept: list[Insert] = []
        self.sealed: Sealed | None = None

    def work_out(self) -> None:
        """Seal what was posted after the head, and write down the answers; once."""
        if self._done:
            return
        self._done, unit = True, self._unit
        assert unit.head is not None, "the head is locked"
        if self._batch.posted:
            self.sealed = seal(unit, self._batch.posted)
        self.kept = self._batch.answers(unit.head.seq)
