"""What a unit of work knows and decides: rows, balances, decisions and verdicts.

`load` brings rows and balances; `decide` reads them and returns a `Decision`; the store applies
an accepted decision to these facts at once, so that the next command of the batch is decided on
what the previous one left. A refused command leaves no trace here but what its decision says.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Table

from ledger.accounts import Account, AccountKind, Reason
from ledger.book import Book, Entry
from ledger.forms import Filled
from ledger.refusals import Refusal
from ledger.transactions import Transaction
from service.store.sheets import Sheet

RowKey = tuple[Any, ...]
_NOTHING: Final[Mapping[str, Account]] = MappingProxyType({})


class Record(dict[str, Any]):
    """A row: a mapping whose columns also read as attributes.

    A subscript costs a tenth of an attribute, so where every command passes it is written so.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a row's columns are of any type
        """Read a column; an unknown one is our mistake."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Insert(NamedTuple):
    """A new row of a table; `values` names every column that has no default."""

    table: type[Any]
    values: Mapping[str, Any]


class Update(NamedTuple):
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
    `closes` is a business date that this decision closes for ever. With a `refusal` the caller is
    refused, and what stands here is kept all the same: what a refusal leaves for people to see.
    """

    answer: Mapping[str, Any]
    transactions: tuple[Transaction, ...] = ()
    changes: tuple[Change, ...] = ()
    shows: Mapping[str, Account] = field(default_factory=lambda: _NOTHING)
    duplicate: bool = False
    moves: tuple["AreaMove", ...] = ()
    on_behalf: "OnBehalf | None" = None
    closes: date | None = None
    refusal: Refusal | None = None


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


class Verdict(NamedTuple):
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


class Moment(NamedTuple):
    """When and where in the journal a batch is decided, by whom; rules of ours have no presence."""

    journal: int
    now: datetime
    today: date
    next_seq: int
    actor: str
    presence: Presence | None = None


class _Shelf:
    """The known rows of one table, by key and by whatever they were asked for."""

    __slots__ = ("groups", "indexes", "key", "rows")

    def __init__(self, table: type[Any]) -> None:
        self.key = keys_of(table.__table__)
        self.rows: dict[RowKey, Record] = {}
        self.indexes: dict[
            tuple[str, ...], tuple[Callable[[Mapping[str, Any]], Any], dict[Any, Record]]
        ] = {}
        self.groups: dict[str, dict[Any, dict[RowKey, Record]]] = {}

    def put(self, record: Record) -> None:
        """Put a row in its place, instead of what stood there."""
        key = self.key(record)
        self.rows[key] = record
        for values_of, index in self.indexes.values():
            index[values_of(record)] = record
        for column, groups in self.groups.items():
            groups.setdefault(record[column], {})[key] = record


class Facts:
    """Rows by table and key, balances, custody totals and the moment, kept current."""

    def __init__(self, journal: int) -> None:
        """Start with nothing known."""
        self.journal = journal
        self.book = Book()
        self.totals: dict[tuple[UUID, AccountKind, str], int] = {}
        self.counting = False
        """Whether custody totals were read, and so are kept current."""
        self.debts: dict[UUID, list[Account]] = {}
        self.loaded: set[Account] = set()
        self.extra: dict[str, Any] = {}
        self.noticed: set[str] = set()
        self.answering = True
        self.sheet: Sheet | None = None
        self.next_seq = 0
        self._moment: Moment | None = None
        self._shelves: dict[type[Any], _Shelf] = {}

    @property
    def moment(self) -> Moment:
        """The moment of the batch; known once the head is locked."""
        known = self._moment
        assert known is not None, "the head is not locked yet"
        if known.next_seq != self.next_seq:
            known = self._moment = known._replace(next_seq=self.next_seq)
        return known

    @moment.setter
    def moment(self, moment: Moment) -> None:
        self._moment, self.next_seq = moment, moment.next_seq

    def advance(self, transactions: int) -> None:
        """Move the next sequence number past the transactions of an accepted decision."""
        self.next_seq += transactions

    def act_as(self, actor: str, presence: Presence | None) -> None:
        """Decide what follows as another actor's."""
        self.moment = self.moment._replace(actor=actor, presence=presence)

    def take(self, table: type[Any], rows: Iterable[Any]) -> list[Record]:
        """Take in rows that were read; return them as records."""
        records = [row if type(row) is Record else Record(row) for row in rows]
        put = self._shelf(table).put
        for record in records:
            put(record)
        return records

    def get(self, table: type[Any], *key: Any) -> Record | None:  # noqa: ANN401
        """The row with this key (without the journal), or None when there is none."""
        shelf = self._shelves.get(table)
        return None if shelf is None else shelf.rows.get(key)

    def all(self, table: type[Any]) -> Iterable[Record]:
        """Every known row of a table."""
        shelf = self._shelves.get(table)
        return () if shelf is None else shelf.rows.values()

    def knows_any(self, table: type[Any]) -> bool:
        """Tell whether any row of a table is known."""
        shelf = self._shelves.get(table)
        return shelf is not None and bool(shelf.rows)

    def by(self, table: type[Any], columns: tuple[str, ...], *values: Any) -> Record | None:  # noqa: ANN401
        """The row whose `columns` have these values; the columns must be unique among the rows."""
        shelf = self._shelf(table)
        found = shelf.indexes.get(columns)
        if found is None:
            values_of = _values_of(columns)
            found = values_of, {values_of(row): row for row in shelf.rows.values()}
            shelf.indexes[columns] = found
        return found[1].get(values)

    def each_by(self, table: type[Any], column: str, value: Any) -> Iterable[Record]:  # noqa: ANN401
        """Every known row with this value of a column that never changes, such as its parent."""
        shelf = self._shelf(table)
        groups = shelf.groups.get(column)
        if groups is None:
            groups = shelf.groups[column] = {}
            for key, row in shelf.rows.items():
                groups.setdefault(row[column], {})[key] = row
        return groups.get(value, {}).values()

    def open_new(self, account: Account) -> None:
        """Take an account as empty whose owner is new with this very command."""
        self.book.open({account: 0})
        self.loaded.add(account)

    def apply(self, changes: Sequence[Change]) -> None:
        """Make an accepted decision's row changes visible to the commands after it."""
        for change in changes:
            values, shelf = change.values, self._shelf(change.table)
            if isinstance(change, Insert):
                shelf.put(values if type(values) is Record else Record(values))
            else:
                row = shelf.rows.get(change.key)
                assert row is not None, "only a loaded row is updated"
                changed = Record(row)
                changed.update(values)
                shelf.put(changed)

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
        loaded, totals = self.loaded, self.totals
        for transaction in transactions:
            for transfer in transaction.transfers:
                debit, credit = transfer.debit, transfer.credit
                assert debit in loaded, f"{debit.kind} was not read before deciding"
                assert credit in loaded, f"{credit.kind} was not read before deciding"
        posted = self.book.post(*transactions)
        counting = self.counting
        for entries in posted:
            for account, amount, _ in entries:
                kind = account.kind
                if counting:
                    key = (account.custody, kind, account.reason or "")
                    totals[key] = totals.get(key, 0) + amount
                if kind is AccountKind.DUE_FROM_INSTITUTION:
                    self._note_debt(account)
        return posted

    def fill(self, filled: Filled) -> list[Entry]:
        """Post a form that is filled in; raises `BalanceTooLow`.

        The custody totals stay as they were read: no decision that reads them has a sheet.
        """
        assert self.loaded.issuperset(filled.accounts), "a form's accounts were read"
        return self.book.fill(filled)

    def _note_debt(self, account: Account) -> None:
        """Let later commands of the batch see a debt that was not there when debts were read."""
        known = self.debts.get(account.custody)
        if known is not None and account not in known:
            known.append(account)

    def _shelf(self, table: type[Any]) -> _Shelf:
        shelf = self._shelves.get(table)
        if shelf is None:
            shelf = self._shelves[table] = _Shelf(table)
        return shelf


@cache
def keys_of(table: Table) -> Callable[[Mapping[str, Any]], RowKey]:
    """Return what reads a row's primary key after the journal."""
    return _values_of(tuple(c.key for c in table.primary_key if c.key != "journal_id"))


@cache
def _values_of(columns: tuple[str, ...]) -> Callable[[Mapping[str, Any]], RowKey]:
    """Return what reads these columns of a row as a tuple."""
    if len(columns) == 1:
        [only] = columns
        return lambda row: (row[only],)
    return itemgetter(*columns)
