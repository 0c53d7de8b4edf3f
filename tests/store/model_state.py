"""The pure model the store is compared with: the Book, plain rows, and every prefix of balances.

It knows nothing of the store: its rows are dicts, its postings the ledger's rules. A command is a
function that raises `No` (or a refusal of the ledger) or changes the state and says what it did.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from ledger.accounts import Account, AccountKind
from ledger.book import Book, Entry
from ledger.money import Money
from ledger.refusals import Refusal
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt, owed
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind
from service.store.transact import Mode

Row = dict[str, Any]
Rows = dict[UUID, Row]

_K = AccountKind


class No(Exception):  # noqa: N818 - an answer, not an error
    """The model refuses with a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Said:
    """What became of one command: done, duplicate or a refusal's code, and parts of its answer."""

    code: str = "done"
    answer: Row = field(default_factory=dict)


def again(answer: Row | None = None) -> Said:
    """Say that the same was asked before."""
    return Said("duplicate", answer or {})


@dataclass(frozen=True)
class Posted:
    """A transaction of the model and the entries the Book made of it."""

    transaction: Transaction
    entries: list[Entry]


@dataclass(frozen=True)
class Prefix:
    """Where the journal stood after a batch."""

    seq: int
    today: date
    balances: dict[Account, int]


@dataclass
class State:
    """Everything that a refused command must leave as it was."""

    book: Book = field(default_factory=Book)
    enrolments: Rows = field(default_factory=dict)
    lessons: Rows = field(default_factory=dict)
    entries: Rows = field(default_factory=dict)
    orders: Rows = field(default_factory=dict)
    restraints: Rows = field(default_factory=dict)
    approvals: Rows = field(default_factory=dict)
    frozen: Mapping[UUID, date] = field(default_factory=dict)
    """Since when institutions are frozen."""
    reversed: frozenset[int] = frozenset()
    log: tuple[Posted, ...] = ()
    matched_alone: tuple[tuple[date, UUID, UUID, Money], ...] = ()

    def copy(self) -> "State":
        """Copy what commands change."""
        return replace(
            self,
            book=Book(self.book._balances),
            enrolments=_copied(self.enrolments),
            lessons=_copied(self.lessons),
            entries=_copied(self.entries),
            orders=_copied(self.orders),
            restraints=_copied(self.restraints),
            approvals=_copied(self.approvals),
        )


def _copied(rows: Rows) -> Rows:
    copied = rows.copy()
    for key in copied:
        copied[key] = copied[key].copy()
    return copied


class Model:
    """A journal as it ought to be."""

    def __init__(self, places: dict[UUID, Place], banks: dict[UUID, str], today: date) -> None:
        """Open an empty journal over these custody accounts, each at its bank."""
        self.places = places
        self.banks = banks
        self.today = today
        self.state = State()
        self.prefixes: list[Prefix] = []

    @property
    def book(self) -> Book:
        """Balances as they stand."""
        return self.state.book

    @property
    def seq(self) -> int:
        """How many transactions there are."""
        return len(self.state.log)

    def carry_out(
        self, commands: Sequence[Any], decide: Callable[[Any], Said], mode: Mode, *, dry_run: bool
    ) -> list[Said]:
        """Decide commands in order as one unit of work does."""
        start = self.state.copy()
        said = [self._decided(command, decide) for command in commands]
        refused = [each.code not in {"done", "duplicate"} for each in said]
        if mode is Mode.ALL_OR_NOTHING and any(refused):
            self.state = start
            said = [
                each if no else Said("batch_refused")
                for each, no in zip(said, refused, strict=True)
            ]
        if dry_run:
            self.state = start
        if self.seq > len(start.log):
            self.prefixes.append(Prefix(self.seq, self.today, self.book._balances.copy()))
        return said

    def _decided(self, command: object, decide: Callable[[Any], Said]) -> Said:
        before = self.state.copy()
        try:
            said = decide(command)
            self._cover_gaps(len(before.log))
        except (No, Refusal) as refusal:
            self.state = before
            return Said(refusal.code)
        return said

    def post(self, *transactions: Transaction) -> None:
        """Append transactions to the journal."""
        for transaction in transactions:
            (entries,) = self.book.post(transaction)
            self.state.log += (Posted(transaction, entries),)

    def debts(self, place: Place, *more: Account) -> list[Debt]:
        """Return what the institution owes in one custody account, and other accounts asked for."""
        return [
            Debt(account, Money.from_fen(quantity), self._contract_on(account))
            for account in self.book.accounts()
            if (quantity := self.book.quantity(account))
            and account.custody == place.custody
            and (account.kind is _K.DUE_FROM_INSTITUTION or account in more)
        ]

    def balance(self, account: Account) -> Money:
        """Balance of a money account."""
        return self.book.balance(account)

    def shown(self, **accounts: Account) -> Row:
        """Say the balances of accounts as an answer does."""
        return {name: str(self.balance(account)) for name, account in accounts.items()}

    def ask(self, approval: UUID, maker: str, what: tuple[str, object]) -> Said:
        """Let a command wait for its second person."""
        self.state.approvals[approval] = {
            "what": what,
            "maker": maker,
            "state": "PENDING",
            "asked_on": self.today,
        }
        self.post(Transaction(TransactionKind.APPROVAL_REQUESTED))
        return Said(answer={"state": "PENDING"})

    def restrained(self, target: UUID, kind: str) -> bool:
        """Tell whether a restraint of this kind stands."""
        return any(
            row["target"] == target and row["kind"] == kind and row["stands"]
            for row in self.state.restraints.values()
        )

    def is_frozen(self, institution: UUID) -> bool:
        """Tell whether nothing of the institution moves."""
        return institution in self.state.frozen

    def _cover_gaps(self, since: int) -> None:
        """Let own funds cover at once what is owed wherever this command touched (E57)."""
        for place in self._touched(since):
            own = self.balance(place.own_funds)
            if own and owed(debts := self.debts(place)):
                self.post(own_funds_applied(place, own_funds=own, debts=debts))

    def _touched(self, since: int) -> Iterator[Place]:
        touched = dict.fromkeys(
            entry.account.custody for posted in self.state.log[since:] for entry in posted.entries
        )
        yield from (self.places[custody] for custody in touched)

    def _contract_on(self, account: Account) -> date | None:
        enrolment = self.state.enrolments.get(account.owner)
        return None if enrolment is None else enrolment["contract_on"]
