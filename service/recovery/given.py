"""What others kept, read from the files they give: statements, and keys of acknowledged commands.

A key log is JSON lines, a line for each answer that a client was told: `caller` (its id) and `key`,
and where it has them `transaction_id` and `status`. Answers that are never stored (400, 401, 403,
404, 429, 5xx) tell nothing and are passed over.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from service.statement_files.canonical import CanonicalEntry, StatementHead
from service.statement_files.refused import StatementFileInvalid
from service.statements.file_faults import FileUnfit, flaw_of
from service.statements.import_check import Hints, check_file, parts_of
from service.store import ids

AT_ONCE: Final = 2_000

_STORED: Final = frozenset({200, 201, 202, 409, 422})
T = TypeVar("T")


class NotReadable(ValueError):  # noqa: N818 - says what a file is not
    """A file that was given cannot be read; the message names it and its line."""


@dataclass(frozen=True, slots=True)
class GivenEntry:
    """An entry of a statement, and the number of the account it is booked on."""

    account: str
    entry: CanonicalEntry


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An outcome that a client was told: under its own key, and as which transaction, if any."""

    caller: str
    key: str
    position: tuple[int, int] | None
    """Journal and sequence number."""

    @property
    def transaction_id(self) -> str | None:
        """The transaction as the client was told it."""
        return None if self.position is None else ids.public_transaction(*self.position)


def entries_of(file: Path, source: BinaryIO, hints: Hints) -> Iterator[GivenEntry]:
    """Check a whole statement file, then yield its entries; raises `NotReadable`."""
    try:
        check_file(source, hints)
    except (StatementFileInvalid, FileUnfit) as refused:
        flaw = flaw_of(refused)
        raise NotReadable(f"{file}: {flaw.reason}") from refused
    account = ""
    for part in parts_of(source, hints):
        if isinstance(part, StatementHead):
            account = part.account
        elif isinstance(part, CanonicalEntry):
            yield GivenEntry(account, part)


def answers_of(file: Path) -> Iterator[GivenAnswer]:
    """Yield the answers of a key log that are stored for ever; raises `NotReadable`."""
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                said: dict[str, Any] = json.loads(line)
                if said.get("status", 200) not in _STORED:
                    continue
                yield _answer(said)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise NotReadable(f"{file}, line {number}: {error!r}") from error


def _answer(said: dict[str, Any]) -> GivenAnswer:
    named = said.get("transaction_id")
    position = None if named is None else ids.parse_transaction(named)
    return GivenAnswer(str(said["caller"]), str(said["key"]), position)


def chunks(items: Iterator[T]) -> Iterator[list[T]]:
    """Yield some thousand at a time, none at the end."""
    while chunk := list(islice(items, AT_ONCE)):
        yield chunk
