"""What the bank saw, what it becomes, and what one kind of bank entry knows how to do."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from json.encoder import encode_basestring
from typing import Final, NamedTuple
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.money import ZERO, Money
from ledger.transactions import Transaction, TransactionKind
from service.store.facts import Change, Facts, Record
from service.store.unit import Unit

KEPT: Final = "KEPT"
"""The outcome of an entry that cannot be posted yet."""
PUSH: Final = "PUSH"
STATEMENT: Final = "STATEMENT"
"""By which way the service first knew of an entry."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What only some kinds of line say.

    `channel` and `fee` of what a payment channel settles (`amount` is net of the fee) or captures,
    `document_number` of a court's deduction, `corrects` the bank's reference of the wrong credit
    that it takes back, `failure` the failed account that a receiver or insurer pays for.
    """

    channel: Reason | None = None
    fee: Money = ZERO
    document_number: str | None = None
    corrects: str | None = None
    failure: UUID | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a debit paid one payment order."""

    order: UUID
    amount: Money


class EntryFact(NamedTuple):
    """One line as the bank saw it; `order` is the payment order its end-to-end id names."""

    bank_entry: UUID
    custody_account: UUID
    bank_ref: str
    direction: str
    kind: str
    amount: Money
    book_on: date
    value_on: date
    payment_code: str | None
    order: UUID | None
    payer_name: str | None
    payer_account: str | None
    purpose: str | None
    from_on: date | None = None
    to_on: date | None = None
    detail: Detail | None = None
    source: str = PUSH
    parts: tuple[Part, ...] = ()

    def __repr__(self) -> str:
        """Name the entry; what it tells of a person is written nowhere."""
        return f"EntryFact({self.kind}, {self.bank_entry}, {self.custody_account}, {self.bank_ref})"

    @property
    def orders(self) -> tuple[UUID, ...]:
        """The payment orders that the line or its parts name."""
        own = () if self.order is None else (self.order,)
        return own + tuple(part.order for part in self.parts) if self.parts else own

    @property
    def content_hash(self) -> bytes:
        """What must not differ when the same reference comes again: amount, sign, payer, date."""
        payer, account = _quoted(self.payer_name), _quoted(self.payer_account)
        book_on = self.book_on.isoformat()
        # Canonical JSON, in which of these only the payer may have anything to escape.
        content = f'["{self.direction}",{self.amount.fen},"{book_on}",{payer},{account}]'
        return hashlib.sha256(content.encode()).digest()


@dataclass(frozen=True, slots=True)
class Effect:
    """What an entry becomes: its outcome, the transactions that post it, the rows it changes."""

    outcome: str
    transactions: tuple[Transaction, ...] = ()
    changes: tuple[Change, ...] = ()
    suspense_reason: str | None = None
    suspense_fen: int = 0
    enrolment: UUID | None = None


def open_own(facts: Facts, account: Account) -> None:
    """Open an account of an entry's own; what was read of one that stands already stays."""
    if account not in facts.loaded:
        facts.open_new(account)


def _quoted(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)


async def _nothing(_unit: Unit, _facts: Sequence[EntryFact]) -> None:
    """For kinds that need no rows of their own."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of bank entry: what it becomes, and what must be known before that is decided.

    `effect` (of the fact and its custody account's row) returns None when the entry cannot be what
    it says: a credit then stands in suspense, a debit is kept. `accounts` are those whose balances
    it reads or touches; `owes` reads what the institution owes in the custody account. `lock` takes
    rows after the enrolments and before the payment orders, `read` runs under the journal's head.
    """

    name: str
    direction: str
    effect: Callable[[Facts, EntryFact, Record], Effect | None]
    accounts: Callable[[Facts, EntryFact, Record], Iterable[Account]]
    owes: bool = False
    lock: Callable[[Unit, Sequence[EntryFact]], Awaitable[None]] = _nothing
    read: Callable[[Unit, Sequence[EntryFact]], Awaitable[None]] = _nothing


def kept(fact: EntryFact, account: Record) -> Effect:
    """Keep an entry that cannot be posted yet; it is tried again after each later entry."""
    noted = Transaction(
        TransactionKind.BANK_ENTRY_KEPT,
        references={
            "bank_entry": str(fact.bank_entry),
            "custody": str(account.custody_account_id),
            "institution": str(account.institution_id),
        },
    )
    return Effect(KEPT, (noted,))
