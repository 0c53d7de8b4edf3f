"""What a unit of work knows and decides: rows, balances, decisions and verdicts.

`load` brings rows and balances; `decide` reads them and returns a `Decision`; the store applies
an accepted decision to these facts at once, so that the next command of the batch is decided on
what the previous one left. A refused command leaves no trace here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from ledger.accounts import Account, AccountKind, Reason
from ledger.book import Book, Entry
from ledger.refusals import Refusal
from ledger.transactions import Transaction

RowKey = tuple[Any, ...]


class Record(dict[str, Any]):
    """A row: a mapping whose columns also read as attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a row's columns are of any type
        """Read a column; an unknown one is our mistake."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row of a table; `values` names every column that has no default."""

    table: type[Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """New values for some columns of a locked row; `key` is its primary key without the journal."""

    table: type[Any]
    key: tuple[Any, ...]
    values: Mapping[str, Any]


Change = Insert | Update


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command does: transactions, row changes, and what the caller is told.

    `answer` is plain JSON; the store adds `transaction_id` and, for the accounts named in
    `shows`, `balances` after the decision. `duplicate` answers a business key that stands with
    the same content: nothing is posted. `on_behalf` names who asked for an approved command;
    `closes` is a business date that this decision closes for ever.
    """

    answer: Mapping[str, Any]
    transactions: tuple[Transaction, ...] = ()
    changes: tuple[Change, ...] = ()
    shows: Mapping[str, Account] = field(default_factory=dict)
    duplicate: bool = False
    moves: tuple["AreaMove", ...] = ()
    on_behalf: "OnBehalf | None" = None
    closes: date | None = None


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """The maker of an approved command: it is posted as theirs, under their key."""

    actor: str
    key: str | None


@dataclass(frozen=True, slots=True)
class AreaMove:
    """An institution leaves one roll-up area for another ("path/department")."""

    institution: UUID
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one command: an answer, or a refusal."""

    answer: Mapping[str, Any] | None = None
    refusal: Refusal | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """As what an actor is here: role, scope, duties; of a person session, device and last proof."""

    role: str
    path: str = ""
    duties: tuple[str, ...] = ()
    session: str | None = None
    device: str | None = None
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where in the journal a batch is decided, by whom; rules of ours have no presence."""

    journal: int
    now: datetime
    today: date
    next_seq: int
    actor: str
    presence: Presence | None = None


class Facts:
    """Rows by table and key, balances, custody totals and the moment, kept current."""

    def __init__(self, journal: int) -> None:
        """Start with nothing known."""
        self.journal = journal
        self.book = Book()
        self.totals: dict[tuple[UUID, AccountKind, str], int] = {}
        self.debts: dict[UUID, list[Account]] = {}
        self.loaded: set[Account] = set()
        self.extra: dict[str, Any] = {}
        self._moment: Moment | None = None
        self._rows: dict[type[Any], dict[RowKey, Record]] = {}
        self._indexes: dict[tuple[type[Any], tuple[str, ...]], dict[RowKey, Record]] = {}
        self._groups: dict[tuple[type[Any], str], dict[Any, dict[RowKey, Record]]] = {}

    @property
    def moment(self) -> Moment:
        """The moment of the batch; known once the head is locked."""
        assert self._moment is not None, "the head is not locked yet"
        return self._moment

    @moment.setter
    def moment(self, moment: Moment) -> None:
        self._moment = moment

    def advance(self, transactions: int) -> None:
        """Move the next sequence number past the transactions of an accepted decision."""
        moment = self.moment
        self.moment = replace(moment, next_seq=moment.next_seq + transactions)

    def take(self, table: type[Any], rows: Iterable[Any]) -> list[Record]:
        """Take in rows that were read; return them as records."""
        records = [Record(row) for row in rows]
        for record in records:
            self._put(table, record)
        return records

    def get(self, table: type[Any], *key: Any) -> Record | None:  # noqa: ANN401
        """The row with this key (without the journal), or None when there is none."""
        return self._rows.get(table, {}).get(key)

    def all(self, table: type[Any]) -> Iterable[Record]:
        """Every known row of a table."""
        return self._rows.get(table, {}).values()

    def by(self, table: type[Any], columns: tuple[str, ...], *values: Any) -> Record | None:  # noqa: ANN401
        """The row whose `columns` have these values; the columns must be unique among the rows."""
        index = self._indexes.get((table, columns))
        if index is None:
            index = {tuple(row[c] for c in columns): row for row in self.all(table)}
            self._indexes[(table, columns)] = index
        return index.get(values)

    def each_by(self, table: type[Any], column: str, value: Any) -> Iterable[Record]:  # noqa: ANN401
        """Every known row with this value of a column that never changes, such as its parent."""
        groups = self._groups.get((table, column))
        if groups is None:
            groups = {}
            for key, row in self._rows.get(table, {}).items():
                groups.setdefault(row[column], {})[key] = row
            self._groups[(table, column)] = groups
        return groups.get(value, {}).values()

    def apply(self, changes: Sequence[Change]) -> None:
        """Make an accepted decision's row changes visible to the commands after it."""
        for change in changes:
            if isinstance(change, Insert):
                self._put(change.table, Record(change.values))
            else:
                row = self.get(change.table, *change.key)
                assert row is not None, "only a loaded row is updated"
                self._put(change.table, Record({**row, **change.values}))

    def total(
        self, custody: UUID, kinds: Iterable[AccountKind], reason: Reason | None = None
    ) -> int:
        """Fen over the custody account's accounts of these kinds (and one reason)."""
        wanted = set(kinds)
        return sum(
            fen
            for (owner, kind, why), fen in self.totals.items()
            if owner == custody and kind in wanted and (reason is None or why == reason.value)
        )

    def post(self, transactions: Sequence[Transaction]) -> list[list[Entry]]:
        """Post through the Book and keep the custody totals current; raises `BalanceTooLow`."""
        for transaction in transactions:
            for transfer in transaction.transfers:
                for account in (transfer.debit, transfer.credit):
                    assert account in self.loaded, f"{account.kind} was not read before deciding"
        posted = self.book.post(*transactions)
        for entries in posted:
            for account, amount, _ in entries:
                key = (account.custody, account.kind, account.reason or "")
                self.totals[key] = self.totals.get(key, 0) + amount
        return posted

    def _put(self, table: type[Any], record: Record) -> None:
        key = tuple(record[name] for name in _key_names(table.__table__))
        self._rows.setdefault(table, {})[key] = record
        for (indexed, columns), index in self._indexes.items():
            if indexed is table:
                index[tuple(record[c] for c in columns)] = record
        for (grouped, column), groups in self._groups.items():
            if grouped is table:
                groups.setdefault(record[column], {})[key] = record


@cache
def _key_names(table: Table) -> tuple[str, ...]:
    """Names of a table's primary key columns after the journal; asked once for every row."""
    return tuple(c.key for c in table.primary_key if c.key != "journal_id")
