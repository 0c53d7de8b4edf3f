"""What could be wrong with a history, done to one that is right: the checker has to find each.

A mutant changes what clients were told, or what stands in the journal, and leaves everything else
as it was. None of them is possible while the service keeps its promises.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from ledger.money import Money
from ledger.transactions import Transaction, Transfer
from service.store import ids
from tests.campaigns.history_checker import Fault, windows_of
from tests.campaigns.recorded import DONE, DUPLICATE, Call, History, Posted

Mutant = Callable[[History, random.Random], History]
_REFUSED: Final = {"code": "wrong_state", "status": 409, "title": "", "request_id": "r"}


def lost_from_the_end(history: History, _chance: random.Random) -> History:
    """An acknowledged tail is gone, as after a failover to a standby that was behind."""
    last = max(seq for call in history.calls for seq in call.seen)
    return replace(history, journal=history.journal[: last - 1])


def lost_from_the_middle(history: History, chance: random.Random) -> History:
    """An acknowledged transaction is gone, and the others keep their numbers."""
    at = _index(chance.choice(_done(history)))
    return replace(history, journal=[*history.journal[:at], *history.journal[at + 1 :]])


def lost_and_closed_up(history: History, chance: random.Random) -> History:
    """An acknowledged transaction is gone, and those behind it have moved up."""
    at = _index(chance.choice(_done(history)))
    left = [*history.journal[:at], *history.journal[at + 1 :]]
    return replace(history, journal=_renumbered(left))


def acknowledged_and_never_posted(history: History, chance: random.Random) -> History:
    """A refused call was told that it is done, as of a transaction of somebody else."""
    refused = [c for c in _alone(history) if c.status == 409]
    call, other = chance.choice(refused), chance.choice(_done(history))
    return _told(history, replace(call, status=200, answer=other.answer))


def posted_twice_under_its_key(history: History, chance: random.Random) -> History:
    """A transaction stands again at the end, under the same key."""
    return _posted_again(history, chance, key=None)


def posted_twice_under_another_key(history: History, chance: random.Random) -> History:
    """A transaction stands again at the end, under a key that nobody was answered for."""
    return _posted_again(history, chance, key="another")


def answered_twice_as_new(history: History, chance: random.Random) -> History:
    """A call that was sent again under its key was not told that it was done before."""
    return _sent_again(history, chance.choice(_done(history)))


def refused_and_posted(history: History, chance: random.Random) -> History:
    """A call was told that it is refused, and stands in the journal."""
    return _told(history, replace(chance.choice(_done(history)), status=409, answer=_REFUSED))


def swapped(history: History, chance: random.Random) -> History:
    """Two transactions stand the other way round than their calls were answered."""
    windows = windows_of(history)
    calls = _done(history)
    chance.shuffle(calls)
    for early in calls:
        late = [c for c in calls if windows[c.number].low >= early.seen[0]]
        if late:
            return _changed_places(history, early, chance.choice(late))
    raise AssertionError("no call was sent after another was answered")


def read_of_before(history: History, chance: random.Random) -> History:
    """A read is told what an earlier one was told, without what was acknowledged meanwhile."""
    windows = windows_of(history)
    reads = [call for call in history.reads() if "bank_money" in call.answer]
    pairs = [(old, new) for old in reads for new in reads if windows[new.number].low > old.seen[0]]
    old, new = chance.choice(pairs)
    return _told(history, replace(new, answer=old.answer))


def read_of_later(history: History, chance: random.Random) -> History:
    """A read is told what was only asked for when it had been answered."""
    windows = windows_of(history)
    reads = [call for call in history.reads() if "bank_money" in call.answer]
    pairs = [(old, new) for old in reads for new in reads if windows[old.number].high < new.seen[0]]
    old, new = chance.choice(pairs)
    return _told(history, replace(old, answer=new.answer))


def read_with_old_figures(history: History, chance: random.Random) -> History:
    """A read claims to be of now and has the figures of before."""
    reads = [call for call in history.reads() if "bank_money" in call.answer]
    pairs = [(a, b) for a in reads for b in reads if a.answer["earned"] != b.answer["earned"]]
    old, new = chance.choice(pairs)
    return _told(history, replace(new, answer=new.answer | {"earned": old.answer["earned"]}))


def told_wrong_balances(history: History, chance: random.Random) -> History:
    """An answer's balances are some fen off."""
    call = chance.choice([c for c in _done(history) if c.answer.get("balances")])
    name = chance.choice(sorted(call.answer["balances"]))
    return _told(history, _off(call, name), also_again=True)


def duplicate_told_wrong_balances(history: History, chance: random.Random) -> History:
    """The balances in the answer to a repeated bank line never were."""
    lines = [c for c in _alone(history) if _code(c) == DUPLICATE and c.answer.get("balances")]
    return _told(history, _off(chance.choice(lines), "custody_bank"), also_again=True)


def told_another_state(history: History, chance: random.Random) -> History:
    """An answer says another state than the rules lead to."""
    call = chance.choice([c for c in _done(history) if c.path.endswith("/record")])
    return _told(history, replace(call, answer=call.answer | {"state": "VOIDED"}), also_again=True)


def posted_another_amount(history: History, chance: random.Random) -> History:
    """A transaction moves a fen more than it may."""
    calls = [c for c in _done(history) if _posted(history, c).transaction.transfers]
    posted = _posted(history, chance.choice(calls))
    first, *rest = posted.transaction.transfers
    more = first.amount + Money.of("0.01") if isinstance(first.amount, Money) else first.amount + 1
    transfers = (Transfer(first.debit, first.credit, more), *rest)
    return _reposted(history, posted, replace(posted.transaction, transfers=transfers))


def posted_the_other_way(history: History, chance: random.Random) -> History:
    """A transaction moves its money backwards."""
    calls = [c for c in _done(history) if c.path.endswith("/confirm")]
    posted = _posted(history, chance.choice(calls))
    mirrored = tuple(each.mirrored() for each in posted.transaction.transfers)
    return _reposted(history, posted, replace(posted.transaction, transfers=mirrored))


def refused_without_cause(history: History, chance: random.Random) -> History:
    """A refusal says what was not so at any time of its call."""
    call = chance.choice([c for c in _alone(history) if _code(c) == "enrolment_not_paid"])
    answer = call.answer | {"code": "no_slot_left"}
    return _told(history, replace(call, answer=answer), also_again=True)


def duplicate_of_nothing(history: History, chance: random.Random) -> History:
    """A call that was told to be a duplicate is the first one."""
    lines = [c for c in _alone(history) if _code(c) == DUPLICATE and c.path == "/v1/receipts"]
    call = chance.choice(lines)
    body = call.body | {"bank_ref": "NEVER-REPORTED"}
    return _told(history, replace(call, body=body), also_again=True)


def answered_otherwise_again(history: History, chance: random.Random) -> History:
    """A call that was sent again under its key was told something else."""
    call = chance.choice(_done(history))
    otherwise = call.answer | {"id": "another"}
    return _sent_again(history, replace(call, replayed=True, answer=otherwise))


def failed(history: History, chance: random.Random) -> History:
    """A call was answered by a fault."""
    call = chance.choice(_alone(history))
    return _told(history, replace(call, status=500, answer={"code": "internal_error"}))


MUTANTS: Final[dict[Mutant, frozenset[Fault]]] = {
    lost_from_the_end: frozenset({Fault.LOST}),
    lost_from_the_middle: frozenset({Fault.LOST}),
    lost_and_closed_up: frozenset({Fault.LOST}),
    acknowledged_and_never_posted: frozenset({Fault.LOST, Fault.REORDERED, Fault.CHANGED}),
    posted_twice_under_its_key: frozenset({Fault.DOUBLED}),
    posted_twice_under_another_key: frozenset({Fault.UNASKED}),
    answered_twice_as_new: frozenset({Fault.DOUBLED}),
    refused_and_posted: frozenset({Fault.UNASKED}),
    swapped: frozenset({Fault.REORDERED}),
    read_of_before: frozenset({Fault.STALE}),
    read_of_later: frozenset({Fault.STALE}),
    read_with_old_figures: frozenset({Fault.WRONG}),
    told_wrong_balances: frozenset({Fault.WRONG}),
    duplicate_told_wrong_balances: frozenset({Fault.UNEXPLAINED}),
    told_another_state: frozenset({Fault.WRONG}),
    posted_another_amount: frozenset({Fault.WRONG}),
    posted_the_other_way: frozenset({Fault.WRONG}),
    refused_without_cause: frozenset({Fault.UNEXPLAINED}),
    duplicate_of_nothing: frozenset({Fault.UNEXPLAINED}),
    answered_otherwise_again: frozenset({Fault.CHANGED}),
    failed: frozenset({Fault.FAILED}),
}
"""What each of them is found as, by one of these at least."""


def _alone(history: History) -> list[Call]:
    """Return the calls that ask for one thing under a key that was sent once."""
    calls = [call for sent in history.by_key().values() if len(sent) == 1 for call in sent]
    return [call for call in calls if len(call.deeds) == 1 and call.path.count("batch") == 0]


def _done(history: History) -> list[Call]:
    """Return those that are done, by one transaction."""
    done = [call for call in _alone(history) if _code(call) == DONE]
    kinds = {posted.seq: posted.transaction.kind.value for posted in history.journal}
    return [call for call in done if kinds.get(call.seen[0]) != "ENROLMENT_COMPLETED"]


def _code(call: Call) -> str:
    return call.deeds[0].code


def _index(call: Call) -> int:
    return call.seen[0] - 1


def _posted(history: History, call: Call) -> Posted:
    return history.journal[_index(call)]


def _told(history: History, told: Call, *, also_again: bool = False) -> History:
    """Let a call have been told otherwise; and whoever sent it again as well."""

    def one(call: Call) -> Call:
        if call.number == told.number:
            return told
        if also_again and call.key is not None and call.key == told.key:
            return replace(call, body=told.body, answer=told.answer)
        return call

    return replace(history, calls=[one(call) for call in history.calls])


def _sent_again(history: History, call: Call) -> History:
    """Let a call be sent again when everything is over."""
    end = max(each.end for each in history.calls)
    again = replace(call, number=len(history.calls), start=end + 1, end=end + 2)
    return replace(history, calls=[*history.calls, again])


def _off(call: Call, name: str) -> Call:
    balances = call.answer["balances"]
    more = str(Money.of(balances[name]) + Money.of("0.55"))
    return replace(call, answer=call.answer | {"balances": balances | {name: more}})


def _reposted(history: History, posted: Posted, transaction: Transaction) -> History:
    journal = list(history.journal)
    journal[posted.seq - 1] = replace(posted, transaction=transaction)
    return replace(history, journal=journal)


def _posted_again(history: History, chance: random.Random, key: str | None) -> History:
    posted = _posted(history, chance.choice(_done(history)))
    again = replace(posted, seq=len(history.journal) + 1, key=key or posted.key)
    return replace(history, journal=[*history.journal, again])


def _renumbered(journal: Sequence[Posted]) -> list[Posted]:
    return [replace(posted, seq=seq) for seq, posted in enumerate(journal, start=1)]


def _changed_places(history: History, early: Call, late: Call) -> History:
    """Let two calls have been carried out in each other's place, and told so."""
    journal, [first], [last] = list(history.journal), early.seen, late.seen
    journal[first - 1], journal[last - 1] = (
        replace(journal[last - 1], seq=first),
        replace(journal[first - 1], seq=last),
    )
    changed = replace(history, journal=journal)
    for call, seq in ((early, last), (late, first)):
        answer: dict[str, Any] = call.answer | {"transaction_id": _named_like(call, seq)}
        changed = _told(changed, replace(call, answer=answer))
    return changed


def _named_like(call: Call, seq: int) -> str:
    journal, _ = ids.parse_transaction(call.answer["transaction_id"])
    return ids.public_transaction(journal, seq)
