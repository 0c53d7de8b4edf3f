"""Sheets: what many commands alike become, kept by columns instead of as objects.

A use case may sort out, under the head, which of its commands are plain: each posts one form filled
in, inserts one row into each of a few tables, and is answered in the same words. A sheet decides
those in their turn among the others, and must come to what deciding by objects comes to.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ledger.book import Entry
from ledger.forms import Filled


class Rows(NamedTuple):
    """New rows of a table: tuples of its columns in their order, without the journal."""

    table: type[Any]
    rows: list[tuple[Any, ...]]


Line = tuple[Filled, Sequence[Entry], str]
"""What one plain command becomes: a transaction, its entries, and its answer as JSON."""


class Written(Mapping[str, Any]):
    """An answer that was written as JSON at once; it is read again only if somebody looks."""

    __slots__ = ("_read", "text")

    def __init__(self, text: str) -> None:
        """Take a JSON object as it is told and stored."""
        self.text = text
        self._read: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return one of its values."""
        return self._known()[name]

    def __iter__(self) -> Iterator[str]:
        """Go through its names."""
        return iter(self._known())

    def __len__(self) -> int:
        """Count its names."""
        return len(self._known())

    def _known(self) -> dict[str, Any]:
        if self._read is None:
            self._read = json.loads(self.text)
        return self._read


def blank_form(answer: Mapping[str, Any], blanks: Sequence[str]) -> str:
    """Write an answer as JSON with a blank (%s) for each of these values, to be filled in in order.

    A value within another is named with a point between, such as "balances.prepaid".
    """
    blanked: dict[str, Any] = dict(answer)
    for name in blanks:
        outer, _, inner = name.partition(".")
        blanked[outer] = {**blanked[outer], inner: name} if inner else name
    written = json.dumps(blanked, ensure_ascii=False, separators=(",", ":"))
    assert "%" not in written, "what is not filled in are ids and codes"
    for name in blanks:
        written = written.replace(f':"{name}"', ":%s", 1)
    return written


class Sheet(Protocol):
    """The plain commands of a batch.

    It does not keep the facts, which keep it: neither would be freed before the next collection.
    """

    def line(self, facts: Any, item: Any) -> Line | None:  # noqa: ANN401 - what the use case found
        """Decide a command in its turn; None where it is not plain, and decided by objects."""
        ...

    def rows(self) -> Sequence[Rows]:
        """Return the rows that the lines insert, and forget nothing."""
        ...

    def changes(self) -> Sequence[Any]:
        """Return the updates of locked rows that the lines come to, one for each row."""
        ...
