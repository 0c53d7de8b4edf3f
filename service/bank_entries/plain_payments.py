"""Plain payments: those that stand whole on the enrolment they name, decided by columns.

Plain is a payment that came under a new reference, is like no other, may stand on its enrolment
and, with all others of the batch for the same one, does not exceed the price. Whatever else a
batch brings goes the way of objects (`entries.decide_entry`), and so does every payment for an
enrolment that one of those names: the two ways meet in nothing but the bank's own account.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any, Final
from uuid import UUID

from ledger.accounts import Account
from ledger.forms import Filled
from ledger.money import Money
from ledger.rules import receipts as receipt_rules
from service.bank_entries import suspected
from service.bank_entries.entries import answer_of, row_of
from service.bank_entries.facts import PUSH, Effect, EntryFact
from service.bank_entries.payments import held_because
from service.store import ids
from service.store.contracts import contract_of, place_of, received_change
from service.store.facts import Facts, Record, Update
from service.store.sheets import Line, Rows, blank_form
from service.store.tables import BankEntry, BankNarrative, CustodyAccount, Enrolment

OUTCOME: Final = "ENROLMENT"
_PLAIN: Final = Effect(OUTCOME)
_TOLD: Final = (
    *("id", "bank_ref", "amount", "book_on", "value_on", "enrolment_id"),
    *("transaction_id", "balances.custody_bank"),
)
"""What differs between the answers of two plain payments into the same custody account."""


class _Desk:
    """One custody account: the form of its receipts, and the answer in which they are told."""

    __slots__ = ("account", "answer", "bank", "form")

    def __init__(self, account: Record, enrolment: Record) -> None:
        self.account = account
        self.bank = place_of(account).bank
        self.form = receipt_rules.receipt_form(contract_of(enrolment))
        self.answer: str | None = None

    def told(self, facts: Facts, fact: EntryFact, enrolment: UUID) -> str:
        """Return the answer with blanks, as the first of its payments is told."""
        if self.answer is None:
            row = row_of(facts, fact, self.account, _PLAIN)
            row["enrolment_id"] = enrolment
            told = answer_of(facts.journal, row) | {
                "transaction_id": None,
                "balances": {"custody_bank": None},
            }
            self.answer = blank_form(told, _TOLD)
        return self.answer


class _Payee:
    """One enrolment that is paid: its row, its accounts in the form, and what it receives."""

    __slots__ = ("accounts", "desk", "enrolment", "fen", "key", "public")

    def __init__(self, journal: int, enrolment: Record, desk: _Desk) -> None:
        self.enrolment = enrolment
        self.key: UUID = enrolment["enrolment_id"]
        self.desk = desk
        self.accounts = desk.form.accounts_of(self.key)
        self.public = ids.public("enr", journal, self.key)
        self.fen = 0


class PlainPayments:
    """The plain payments of a batch, by their bank entries."""

    def __init__(
        self, payees: dict[UUID, _Payee], likeness: Mapping[UUID, int], now: datetime
    ) -> None:
        self._payees = payees
        self._now = now
        self._entries: list[tuple[Any, ...]] = []
        self._narratives: list[tuple[Any, ...]] = []
        self._likeness = likeness

    @property
    def accounts(self) -> list[Account]:
        """The accounts that they touch."""
        return list({a: None for payee in self._each() for a in payee.accounts})

    def line(self, facts: Facts, item: EntryFact) -> Line | None:
        """Post a plain payment to its enrolment; None for what is not plain."""
        payee = self._payees.get(item.bank_entry)
        if payee is None:
            return None
        fen, entry, desk = item.amount.fen, item.bank_entry, payee.desk
        journal, seq = facts.journal, facts.next_seq
        filled = Filled(desk.form, payee.accounts, (fen,), (entry, payee.key))
        entries = facts.fill(filled)
        payee.fen += fen
        account, answer = desk.account, desk.told(facts, item, payee.key)
        self._entries.append(
            (
                entry,
                item.custody_account,
                account["institution_id"],
                account["bank_code"],
                item.bank_ref,
                item.direction,
                fen,
                item.book_on,
                item.value_on,
                item.kind,
                item.payment_code,
                item.content_hash,
                OUTCOME,
                None,
                0,
                payee.key,
                None,
                self._now,
                seq,
                seq,
                self._likeness.get(entry),
                item.source,
            )
        )
        self._narratives.append(
            (
                entry,
                account["bank_code"],
                item.payer_name,
                item.payer_account,
                item.purpose,
                None,
                None,
                None,
            )
        )
        told = answer % (
            f'"{ids.public("bke", journal, entry)}"',
            encode_basestring(item.bank_ref),
            _yuan(fen),
            f'"{item.book_on}"',
            f'"{item.value_on}"',
            f'"{payee.public}"',
            f'"{ids.public_transaction(journal, seq)}"',
            _yuan(entries[0].balance_after),
        )
        return filled, entries, told

    def rows(self) -> Sequence[Rows]:
        """Return the entries, then what the bank wrote beside them."""
        return (Rows(BankEntry, self._entries), Rows(BankNarrative, self._narratives))

    def changes(self) -> list[Update]:
        """Count what each enrolment received."""
        paid = [payee for payee in self._each() if payee.fen]
        return [received_change(p.enrolment, Money.from_fen(p.fen)) for p in paid]

    def _each(self) -> Iterable[_Payee]:
        return {id(payee): payee for payee in self._payees.values()}.values()


def sorted_out(
    facts: Facts, entries: Sequence[EntryFact]
) -> tuple[PlainPayments, Sequence[EntryFact]]:
    """Part a batch's entries into the plain ones and the others, before any is decided.

    Rows, likeness and cap are read; beside entries of any other kind no payment is plain.
    """
    if any(fact.kind != "PAYMENT" for fact in entries):
        return PlainPayments({}, {}, facts.moment.now), entries
    by_code: dict[str | None, list[EntryFact]] = {}
    for fact in entries:
        by_code.setdefault(fact.payment_code, []).append(fact)
    others: list[EntryFact] = []
    payees: dict[UUID, _Payee] = {}
    desks: dict[UUID, _Desk] = {}
    is_plain = _Judge(facts, entries)
    for code, group in by_code.items():
        enrolment = None
        if code is not None:
            enrolment = facts.by(Enrolment, ("payment_code",), code)
        if enrolment is None or not is_plain(group, enrolment):
            others += group
            continue
        custody = enrolment["custody_account_id"]
        desk = desks.get(custody)
        if desk is None:
            account = facts.get(CustodyAccount, custody)
            assert account is not None, "the custody account was found and locked"
            desk = desks[custody] = _Desk(account, enrolment)
        payee = _Payee(facts.journal, enrolment, desk)
        for fact in group:
            payees[fact.bank_entry] = payee
    return PlainPayments(payees, suspected.likenesses(facts), facts.moment.now), others


class _Judge:
    """Tells whether all payments of a batch for one enrolment are plain."""

    def __init__(self, facts: Facts, entries: Sequence[EntryFact]) -> None:
        self._facts = facts
        self._today = facts.moment.today
        self._references = Counter([(f.custody_account, f.bank_ref) for f in entries])
        known = facts.all(BankEntry)
        self._standing = {(row["custody_account_id"], row["bank_ref"]) for row in known}
        self._likenesses = {row["likeness"] for row in known}
        self._likeness = suspected.likenesses(facts)

    def __call__(self, group: Sequence[EntryFact], enrolment: Record) -> bool:
        facts, custody = self._facts, enrolment["custody_account_id"]
        account, fen = facts.get(CustodyAccount, custody), enrolment["received_fen"]
        if account is None:
            return False
        for fact in group:
            fen += fact.amount.fen
            if fact.custody_account != custody or fen > enrolment["price_fen"]:
                return False
            if not self._is_new(fact) or held_because(facts, fact, account, enrolment):
                return False
        return len(group) == 1 or not suspected.are_alike(facts, group)

    def _is_new(self, fact: EntryFact) -> bool:
        """Tell whether a push is a mere payment, of a day that has come, that nothing is like."""
        if fact.order is not None or fact.detail is not None or fact.parts or fact.source != PUSH:
            return False
        if fact.amount.fen <= 0 or fact.book_on > self._today:
            return False
        reference = (fact.custody_account, fact.bank_ref)
        if self._references[reference] > 1 or reference in self._standing:
            return False
        if self._likeness.get(fact.bank_entry) not in self._likenesses:
            return True
        return suspected.twin_of(self._facts, fact) is None


def _yuan(fen: int) -> str:
    return f'"{fen // 100}.{fen % 100:02d}"'
