"""Replay: one journal's transactions, in order, through the pure Book, against what is stored.

The chain is recomputed over every stored field; entries are compared one by one. What a corrupted
transaction says is noted and left out, so one break does not hide the next.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from ledger import chain
from ledger.accounts import CHART, Account, AccountKind, Reason, Unit
from ledger.book import Book, Entry
from ledger.money import Money
from ledger.refusals import BalanceTooLow
from ledger.transactions import Transaction, TransactionKind, Transfer
from service.store.sealed_batches import sealed_fields
from service.verify.floors import Floors
from service.verify.lawful import unlawful_moves
from service.verify.report import Report
from service.verify.rollups import Rollups
from service.verify.snapshot import Row
from service.verify.transfer_checks import crosses_lawfully

UNREADABLE: Final = (ValueError, KeyError, TypeError, AssertionError, AttributeError)


QUANTITY_MAX: Final = 10**15
"""Fen, or lessons, that a transfer stays below: thirteen digits of yuan."""


class Unbalanced(Exception):  # noqa: N818 - says what a stored transfer is
    """A stored transfer breaks I-01, I-02 or V-08."""


@dataclass(slots=True)
class Closed:
    """A closed business date and its last sequence number."""

    day: date
    last_seq: int


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a replay begins that is not of the whole journal: after `seq`.

    `opened` accounts stood by then; `accounts` are those that matter later, with their `balances`.
    """

    seq: int
    hash: bytes
    recorded_at: datetime | None = None
    effective_on: date | None = None
    opened: int = 0
    accounts: dict[int, Account] = field(default_factory=dict)
    balances: dict[Account, int] = field(default_factory=dict)


class Replay:
    """The state of a journal after the transactions seen so far, recomputed from them alone."""

    def __init__(
        self,
        journal: int,
        report: Report,
        rollups: Rollups,
        closed: Sequence[Closed],
        *,
        begun: Begun | None = None,
    ) -> None:
        """Begin before the first transaction, or where the journal stood earlier."""
        start = begun or Begun(0, chain.genesis(journal))
        self.journal = journal
        self.report = report
        self.rollups = rollups
        self.whole = begun is None
        self.book = Book(start.balances)
        self.accounts: dict[int, Account] = dict(start.accounts)
        self.numbers = {account: number for number, account in self.accounts.items()}
        self.opened = start.opened
        self.seq = start.seq
        self.hash = start.hash
        self.recorded_at = start.recorded_at
        self.effective_on = start.effective_on
        self._floors = Floors()
        self._closed = sorted(closed, key=lambda each: each.last_seq)
        self._closed_until: date | None = None

    def step(self, row: Row, stored: Iterable[Row]) -> None:
        """Take in the next stored transaction with its stored entries."""
        seq = row["seq"]
        self._check_order(row, seq)
        self._check_chain(row, seq)
        expected: dict[int, tuple[int, int]] = {}
        try:
            expected = self._post(row, seq)
        except Unbalanced as broken:
            self._broken(str(broken), seq=seq, transfers=row["transfers"])
        except BalanceTooLow as refused:
            self._broken("I-05", seq=seq, account=str(refused.facts.get("account")))
        except UNREADABLE as error:
            self._broken("V-02", seq=seq, kind=row["kind"], error=repr(error)[:200])
        self._compare(seq, expected, stored)

    def finish(self, head: Row) -> None:
        """Compare the journal's head, and the sums that must hold at it."""
        self.rollups.flush(self.seq)
        if head["seq"] != self.seq:
            self._broken("I-06", head_seq=head["seq"], last_seq=self.seq)
        if head["hash"] != self.hash:
            self._broken("V-23", head_hash=head["hash"], computed=self.hash)
        seen = (self.recorded_at, self.effective_on)
        if self.seq and (head["recorded_at"], head["effective_on"]) != seen:
            self._broken("I-06", head_recorded_at=head["recorded_at"], recorded_at=seen[0])
        if head["next_account_id"] != self.opened + 1:
            self._broken("V-07", next_account_id=head["next_account_id"], opened=self.opened)
        for unit in Unit if self.whole else ():
            debit, credit = self.book.trial_balance(unit)
            if debit != credit:
                self._broken("I-03", unit=unit.value, debit=debit, credit=credit)

    def _check_order(self, row: Row, seq: int) -> None:
        if seq != self.seq + 1:
            self._broken("I-06", seq=seq, expected=self.seq + 1)
        self.seq = seq
        recorded, effective = row["recorded_at"], row["effective_on"]
        if self.recorded_at is not None and recorded != self.recorded_at:
            self.rollups.flush(seq - 1)
            if recorded < self.recorded_at:
                self._broken("I-06", seq=seq, recorded_at=recorded, before=self.recorded_at)
        if self.effective_on is not None and effective < self.effective_on:
            self._broken("I-06", seq=seq, effective_on=effective, before=self.effective_on)
        self.recorded_at, self.effective_on = recorded, effective
        while self._closed and self._closed[0].last_seq < seq:
            day = self._closed.pop(0).day
            self._closed_until = max(day, self._closed_until or day)
        if self._closed_until is not None and effective <= self._closed_until:
            self._broken("I-10", seq=seq, effective_on=effective, closed_on=self._closed_until)

    def _check_chain(self, row: Row, seq: int) -> None:
        if row["previous_hash"] != self.hash:
            self._broken("V-23", seq=seq, previous_hash=row["previous_hash"], computed=self.hash)
        computed = chain.digest(row["previous_hash"], sealed_fields(row))
        if row["hash"] != computed:
            self._broken("V-23", seq=seq, hash=row["hash"], computed=computed)
        self.hash = row["hash"]

    def _post(self, row: Row, seq: int) -> dict[int, tuple[int, int]]:
        """Post the transaction to the Book; return by account number its change and balance."""
        opened = self._open(row, seq)
        transaction = self._transaction(row)
        self.rollups.note_move(transaction)
        if not transaction.transfers:
            if opened:
                self._broken("V-07", seq=seq, opened_unused=sorted(opened))
            return {}
        for check, why in unlawful_moves(transaction):
            self._broken(check, seq=seq, kind=row["kind"], move=why)
        [entries] = self.book.post(transaction)
        self._check_floors(transaction, entries, seq)
        posted = {self.numbers[e.account]: (e.amount, e.balance_after) for e in entries}
        if opened - posted.keys():
            self._broken("V-07", seq=seq, opened_unused=sorted(opened - posted.keys()))
        institutions = {entry.account.institution for entry in entries}
        if len(institutions) > 1 and not crosses_lawfully(transaction):
            self._broken("I-24", seq=seq, kind=row["kind"])
        for account, amount, after in entries:
            self.rollups.add(self.numbers[account], account, amount, after)
        return posted

    def _check_floors(self, transaction: Transaction, entries: Sequence[Entry], seq: int) -> None:
        if not self.whole:
            return
        self._floors.take(entries)
        for custody, fen in self._floors.missing_after(transaction.kind, entries):
            self._broken("I-22", seq=seq, custody_account_id=custody, missing_fen=fen)

    def _open(self, row: Row, seq: int) -> set[int]:
        """Take in the accounts that a transaction says it used first."""
        if row["opened"] == "[]":
            return set()
        numbers: set[int] = set()
        for given in json.loads(row["opened"]):
            number = int(given["account_id"])
            account = account_of(given)
            misnumbered = number != self.opened + 1
            self.opened = max(self.opened, number)
            if misnumbered or account in self.numbers or given["unit"] != account.unit.value:
                self._broken("V-07", seq=seq, account_id=number, opened=dict(given))
            self.accounts[number] = account
            self.numbers[account] = number
            numbers.add(number)
        return numbers

    def _transaction(self, row: Row) -> Transaction:
        moves = json.loads(row["transfers"])
        transfers = tuple(self._transfer(*move) for move in moves)
        return Transaction(
            TransactionKind(row["kind"]), transfers, json.loads(row["refs"]), row["reason"]
        )

    def _transfer(self, debit_number: int, credit_number: int, quantity: int) -> Transfer:
        debit, credit = self.accounts[debit_number], self.accounts[credit_number]
        if debit.custody != credit.custody:
            raise Unbalanced("I-02")
        if type(quantity) is not int or quantity <= 0 or debit.unit is not credit.unit:
            raise Unbalanced("I-01")
        if debit == credit:
            raise Unbalanced("I-01")
        if quantity >= QUANTITY_MAX:
            raise Unbalanced("V-08")
        money = debit.unit is Unit.CNY
        return Transfer(debit, credit, amount_of(quantity) if money else quantity)

    def _compare(
        self, seq: int, expected: dict[int, tuple[int, int]], stored: Iterable[Row]
    ) -> None:
        for entry in stored:
            number = entry["account_id"]
            held = (entry["amount"], entry["balance_after"])
            if entry["balance_after"] < 0:
                self._broken("I-05", seq=seq, account_id=number, balance_after=held[1])
            said = expected.pop(number, None)
            if said != held:
                self._broken("I-04", seq=seq, account_id=number, stored=held, recomputed=said)
        for number, said in expected.items():
            self._broken("I-04", seq=seq, account_id=number, stored=None, recomputed=said)

    def _broken(self, check: str, **example: Any) -> None:  # noqa: ANN401
        self.report.broken(check, self.journal, **example)


def account_of(given: dict[str, Any]) -> Account:
    """Make the ledger's account from what a transaction says it opened."""
    kind = AccountKind(given["kind"])
    assert kind in CHART, "every kind is in the chart"
    return Account(
        kind,
        UUID(given["owner_id"]),
        UUID(given["custody_account_id"]),
        Reason(given["reason"]) if given["reason"] else None,
        UUID(given["institution_id"]),
    )


@lru_cache(maxsize=50_000)
def amount_of(fen: int) -> Money:
    """Make an amount; most amounts of a journal come again and again."""
    return Money.from_fen(fen)


def by_seq(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Group rows by their sequence number."""
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["seq"]].append(row)
    return grouped
