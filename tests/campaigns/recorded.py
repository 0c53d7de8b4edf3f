"""A history: every call with its answer and both instants, and the journal as it is read back."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store import ids

DONE: Final = "done"
DUPLICATE: Final = "duplicate"
_FAILED: Final = 400
_NAMED: Final = re.compile(r"[a-z]{3}_[a-z2-7]+")


class Deed(NamedTuple):
    """One thing that a call asks for, and what it was told: a batch has several."""

    verb: str
    """The path without the id in it, such as /v1/lessons/*/confirm."""
    about: str
    """The id in the path, or nothing."""
    body: Any
    code: str
    """`done`, `duplicate` or the refusal's code."""
    answer: Any

    @property
    def told(self) -> int | None:
        """The position of the transaction that the answer names."""
        named = self.answer.get("transaction_id") if isinstance(self.answer, dict) else None
        return None if named is None else ids.parse_transaction(named)[1]


@dataclass(frozen=True)
class Call:
    """One request that was answered; `start` and `end` are nanoseconds of one clock."""

    number: int
    client: int
    process: int
    """Which of the service's processes answered."""
    method: str
    path: str
    key: str | None
    body: Any
    start: int
    end: int
    status: int
    replayed: bool
    answer: Any

    @cached_property
    def deeds(self) -> tuple[Deed, ...]:
        """What was asked for one by one, none of a call that only reads."""
        if self.key is None:
            return ()
        verb, about = self._verb_and_about()
        if isinstance(self.answer, dict) and "results" in self.answer:
            told = zip(self.body["items"], self.answer["results"], strict=True)
            verb = verb.removesuffix("/batch")
            return tuple(
                Deed(verb, about, body, one["code"], one.get("result", one.get("problem")))
                for body, one in told
            )
        code = str(self.answer.get("code", "")) if self.status >= _FAILED else DONE
        deed = Deed(verb, about, self.body, code, self.answer)
        if code == DONE and deed.told is None:
            deed = deed._replace(code=DUPLICATE)
        return (deed,)

    @property
    def is_read(self) -> bool:
        """Whether it only reads, and was answered."""
        return self.key is None and self.status < _FAILED

    @cached_property
    def seen(self) -> tuple[int, ...]:
        """The positions that the answer proves to stand by now."""
        if self.is_read:
            return (int(self.answer["position"].rpartition(":")[2]),)
        return tuple(deed.told for deed in self.deeds if deed.told is not None)

    def _verb_and_about(self) -> tuple[str, str]:
        path = self.path.partition("?")[0]
        named = _NAMED.search(path)
        return _NAMED.sub("*", path), named.group() if named else ""


@dataclass(frozen=True)
class Posted:
    """One transaction as it stands in the journal."""

    seq: int
    transaction: Transaction
    key: str | None
    recorded_at: datetime


@dataclass(frozen=True)
class History:
    """All that was called and answered, and all that stands.

    Up to position `since` the journal was prepared by nobody who was recorded. Everything is about
    one custody account, `place`.
    """

    since: int
    place: Place
    calls: Sequence[Call]
    journal: Sequence[Posted]

    def by_key(self) -> dict[str, list[Call]]:
        """Return the calls that change something by key, each key's in order of their starts."""
        found: dict[str, list[Call]] = {}
        for call in sorted(self.calls, key=lambda call: call.start):
            if call.key is not None:
                found.setdefault(call.key, []).append(call)
        return found

    def reads(self) -> Iterator[Call]:
        """Return the calls that only read."""
        return (call for call in self.calls if call.is_read)


def named(prefix: str, public: str) -> UUID:
    """Return what a public id names."""
    return UUID(str(ids.parse(prefix, public)[1]))
