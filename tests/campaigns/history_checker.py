"""Judges a history: is there one order in which one thread could have given every answer?

The journal claims to be that order. It is gone through once, transaction by transaction, through
the pure Book: what a call posted must be what the rules make of it there, every balance told must
be the Book's, and what was refused must have been refusable between the call and its answer.
Nobody may be told less than was acknowledged before they asked.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final, NamedTuple

from ledger.accounts import AccountKind
from ledger.book import Book
from ledger.money import Money
from ledger.refusals import BalanceTooLow
from ledger.transactions import Transaction, TransactionKind
from tests.campaigns.recorded import DONE, DUPLICATE, Call, Deed, History, Posted
from tests.campaigns.single_threaded import CONTRADICTED, OneThread, Should

_FAILED: Final = 500


class Fault(StrEnum):
    """What can be wrong with a history."""

    LOST = "lost"
    """Acknowledged, and not in the journal."""
    DOUBLED = "doubled"
    """In the journal more often than it was asked for."""
    UNASKED = "unasked"
    """In the journal, and nobody was told that it was done."""
    REORDERED = "reordered"
    """It stands before something that was acknowledged before it was asked for."""
    STALE = "stale"
    """Read without what was acknowledged before, or with what was not asked for yet."""
    WRONG = "wrong"
    """Posted or told otherwise than the rules say."""
    UNEXPLAINED = "unexplained"
    """Refused, or called a duplicate, though it was not so at any time of the call."""
    CHANGED = "changed"
    """Answered otherwise under the same key."""
    FAILED = "failed"
    """Answered by a fault."""


class Anomaly(NamedTuple):
    """One thing that is wrong."""

    fault: Fault
    where: str
    what: str

    def __str__(self) -> str:
        """Write it on a line."""
        return f"{self.fault}: {self.where}: {self.what}"


class Window(NamedTuple):
    """The positions at which a call can have been decided, by what was seen before and after."""

    low: int
    high: int


@dataclass
class _Pending:
    """What still needs a position at which it is true."""

    call: Call
    deed: Deed
    until: int
    said: str = "nothing"


@dataclass
class Checker:
    """A history on its way through the Book."""

    history: History
    thread: OneThread
    anomalies: list[Anomaly] = field(default_factory=list)
    windows: dict[int, Window] = field(default_factory=dict)
    due: dict[str, list[tuple[Call, Deed]]] = field(default_factory=dict)
    """What was told to be done and has not been met in the journal, by key in order."""
    keys: dict[str, list[Call]] = field(default_factory=dict)
    reads: dict[int, list[Call]] = field(default_factory=lambda: defaultdict(list))
    starting: dict[int, list[_Pending]] = field(default_factory=lambda: defaultdict(list))
    pending: list[_Pending] = field(default_factory=list)
    contradicted: set[tuple[str, ...]] = field(default_factory=set)
    """What the bank said against entries, as far as breaks were opened for it."""

    def check(self) -> list[Anomaly]:
        """Go through the history once; return all that is wrong."""
        self.windows = windows_of(self.history)
        self.keys = self.history.by_key()
        for key, calls in self.keys.items():
            self._check_key(key, calls)
        for call in self.history.reads():
            [seen] = call.seen
            window = self.windows[call.number]
            if not window.low <= seen <= window.high:
                self._found(Fault.STALE, call, f"read at {seen}, not within {window}")
            self.reads[seen].append(call)
        self._go_through()
        for key, left in self.due.items():
            for _, deed in left:
                self._found(Fault.LOST, key, f"{deed.verb} was told as {deed.told}")
        for seen, calls in self.reads.items():
            for call in calls:
                self._found(Fault.WRONG, call, f"read at {seen}, where no batch ends")
        return self.anomalies

    def _check_key(self, key: str, calls: Sequence[Call]) -> None:
        """Hold the answers under one key together, and note what they promise."""
        first = calls[0]
        for call in calls:
            if call.status >= _FAILED:
                self._found(Fault.FAILED, call, f"{call.status} {call.answer}")
            if (call.status, _told(call)) != (first.status, _told(first)):
                self._found(Fault.CHANGED, call, f"{key} was told {first.answer}")
        done = [(first, deed) for deed in first.deeds if deed.code == DONE]
        anew = [call for call in calls if not call.replayed]
        if done and len(anew) != 1:
            self._found(Fault.DOUBLED, first, f"{len(anew)} answers to {key} are none of before")
        if done:
            self.due[key] = done
        window = self.windows[(anew or calls)[0].number]
        for _, deed in done:
            told = deed.told or 0
            if told <= window.low:
                self._found(Fault.REORDERED, first, f"told as {told}, {window.low} was known")
        for deed in first.deeds:
            if deed.code != DONE:
                low, high = min(window.low, len(self.history.journal)), window.high
                self.starting[max(low, self.history.since)].append(_Pending(first, deed, high))

    def _go_through(self) -> None:
        journal, at = self.history.journal, 0
        while at < len(journal):
            if journal[at].seq != at + 1:
                self._found(Fault.LOST, f"position {at + 1}", f"followed by {journal[at].seq}")
            if at < self.history.since:
                self._post(journal[at])
                at += 1
            else:
                self._stand(at, ends=_ends(journal, at))
                at += self._take(journal, at)
        self._stand(at, ends=True)
        for each in [*self.pending, *(one for late in self.starting.values() for one in late)]:
            self._unexplained(each)

    def _take(self, journal: Sequence[Posted], at: int) -> int:
        """Hold what a call posted against what it should have; return how much that is."""
        posted = journal[at]
        if posted.transaction.kind is TransactionKind.BREAK_OPENED:
            self._judge_break(posted)
            return 1
        where, due = f"position {posted.seq}", self.due.get(posted.key or "")
        if not due:
            known = self.keys.get(posted.key or "", ())
            told = any(deed.code == DONE for call in known for deed in call.deeds)
            fault = Fault.DOUBLED if told else Fault.UNASKED
            self._found(fault, where, f"{posted.transaction.kind} of {posted.key}")
            self._post(posted)
            return 1
        call, deed = due.pop(0)
        should = self.thread.should(deed)
        taken = journal[at : at + max(1, len(should.transactions))]
        if should.code != DONE:
            fault = Fault.DOUBLED if should.code == DUPLICATE else Fault.WRONG
            self._found(fault, where, f"{deed.verb} is {should.code} here")
        elif [_moves(each.transaction) for each in taken] != [*map(_moves, should.transactions)]:
            self._found(Fault.WRONG, where, f"{deed.verb} posted {posted.transaction}")
        elif any(each.key != posted.key for each in taken):
            self._found(Fault.WRONG, where, f"{deed.verb} is torn apart")
        if deed.told != taken[-1].seq:
            self._found(Fault.LOST, call, f"told as {deed.told}, it stands as {taken[-1].seq}")
        for each in taken:
            self._post(each)
        should.change()
        self._compare(call, deed, should)
        return len(taken)

    def _judge_break(self, posted: Posted) -> None:
        """Hold a break against the refusal that opened it; each is opened once."""
        where, told = f"position {posted.seq}", posted.transaction.references
        known = self.keys.get(posted.key or "", ())
        said = (told["entry"], told["amount_fen"], told["differs"])
        if not any(deed.code == CONTRADICTED for call in known for deed in call.deeds):
            self._found(Fault.UNASKED, where, f"a break of {posted.key}")
        elif said in self.contradicted:
            self._found(Fault.DOUBLED, where, f"{said} was opened before")
        self.contradicted.add(said)
        self._post(posted)

    def _post(self, posted: Posted) -> None:
        try:
            self.thread.post(posted.transaction)
        except BalanceTooLow as refused:
            self._found(Fault.WRONG, f"position {posted.seq}", f"{refused.facts}")

    def _stand(self, at: int, *, ends: bool) -> None:
        """Judge, after `at` transactions, what was read there and what may have been refused."""
        if ends:
            for call in self.reads.pop(at, ()):
                self._compare_read(call)
        # A decision of two transactions has a position inside that nobody can be told of.
        begun = [*self.starting.pop(at - 1, ()), *self.starting.pop(at, ())]
        waiting = [*self.pending, *begun]
        self.pending = []
        for each in waiting:
            should = self.thread.should(each.deed)
            if should.code == each.deed.code and not self._differences(each.deed, should):
                continue
            each.said = should.code
            if at < each.until:
                self.pending.append(each)
            else:
                self._unexplained(each)

    def _unexplained(self, pending: _Pending) -> None:
        what = f"{pending.deed.verb} was told {pending.deed.code}, it was {pending.said}"
        self._found(Fault.UNEXPLAINED, pending.call, what)

    def _compare(self, call: Call, deed: Deed, should: Should) -> None:
        for difference in self._differences(deed, should):
            self._found(Fault.WRONG, call, difference)

    def _differences(self, deed: Deed, should: Should) -> list[str]:
        """Say where an answer differs from what should be told."""
        if deed.code not in {DONE, DUPLICATE}:
            return []
        told = deed.answer.get("balances") or {}
        book = self.thread.book
        balances = {name: str(book.balance(account)) for name, account in should.shows.items()}
        found = [] if told == balances else [f"{deed.verb} told {told}, not {balances}"]
        said = {name: deed.answer.get(name) for name in should.says}
        return found if said == should.says else [*found, f"told {said}, not {dict(should.says)}"]

    def _compare_read(self, call: Call) -> None:
        told, holds = call.answer, {}
        if "bank_money" in told:
            holds = self._custody_figures()
            told = {name: told[name] for name in holds}
        elif not told["next_cursor"]:
            enrolment = self.thread.enrolments.get(told["enrolment_id"])
            shown, book = enrolment.shown if enrolment else {}, self.thread.book
            holds = {name: str(book.balance(account)) for name, account in shown.items()}
            last = told["items"][-1]["balance"] if told["items"] else told["opening"]
            told = {name: last[name] for name in holds or last}
        else:
            return
        if told != holds:
            self._found(Fault.WRONG, call, f"read {told}, not {holds}")

    def _custody_figures(self) -> dict[str, Any]:
        totals = self.thread.totals
        money = {
            "bank_money": AccountKind.CUSTODY_BANK,
            "prepaid": AccountKind.STUDENT_PREPAID,
            "pending": AccountKind.LESSON_PENDING,
            "disputed": AccountKind.LESSON_DISPUTED,
            "earned": AccountKind.INSTITUTION_PAYABLE,
            "suspense": AccountKind.SUSPENSE_RECEIPT,
        }
        lessons = {
            "contracted": AccountKind.LESSON_UNITS_CONTRACTED,
            "remaining": AccountKind.LESSON_UNITS_GRANTED,
            "taken": AccountKind.LESSON_UNITS_CONSUMED,
        }
        return {name: str(Money.from_fen(totals.get(kind, 0))) for name, kind in money.items()} | {
            "lessons": {name: totals.get(kind, 0) for name, kind in lessons.items()}
        }

    def _found(self, fault: Fault, where: Call | str, what: str) -> None:
        if isinstance(where, Call):
            where = f"call {where.number} {where.method} {where.path} {where.key or ''}".rstrip()
        self.anomalies.append(Anomaly(fault, where, what))


def check(history: History) -> list[Anomaly]:
    """Return all that is wrong with a history."""
    return Checker(history, OneThread(history.place, Book())).check()


def windows_of(history: History) -> dict[int, Window]:
    """Tell of each call between which positions it was decided, as far as anybody can know.

    Not before what was seen in an answer that came before it was sent; before anything that was
    carried out for a call that was only sent when it had been answered.
    """
    answered = sorted((call.end, max(call.seen)) for call in history.calls if call.seen)
    ends = [end for end, _ in answered]
    highest = list(accumulate((seen for _, seen in answered), max))
    sent = sorted(
        (call.start, min(call.seen))
        for call in history.calls
        if call.key is not None and call.seen and not call.replayed
    )
    starts = [start for start, _ in sent]
    lowest = list(accumulate((seen for _, seen in reversed(sent)), min))[::-1]
    found = {}
    for call in history.calls:
        before, after = bisect_left(ends, call.start), bisect_right(starts, call.end)
        low = highest[before - 1] if before else history.since
        high = lowest[after] - 1 if after < len(lowest) else len(history.journal)
        found[call.number] = Window(low, high)
    return found


def _ends(journal: Sequence[Posted], at: int) -> bool:
    """Tell whether a batch ends after `at` transactions."""
    return at == 0 or journal[at].recorded_at != journal[at - 1].recorded_at


def _moves(transaction: Transaction) -> Any:
    return transaction.kind, transaction.transfers, dict(transaction.references)


def _told(call: Call) -> Any:
    """Return what two answers under one key have in common; a problem names its own request."""
    if isinstance(call.answer, dict):
        return {name: said for name, said in call.answer.items() if name != "request_id"}
    return call.answer
