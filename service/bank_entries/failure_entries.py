"""A failed bank's money (E51): lost by a decision of two, and paid by its receiver or insurer.

A payment is shared over the students of the one failed account, whose enrolments go on in the
account it comes to. What it brings beyond what students had there is held in suspense.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from ledger.accounts import Account
from ledger.money import ZERO, Money, total
from ledger.rules import bank_failures as rules
from ledger.rules import receipts
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction
from service.bank_entries.facts import Effect, EntryFact, Kind, open_own
from service.store import bank_failures, custodians, ids
from service.store.bank_failures import accounts_of, bank_of, place_of_failure, stakes_of
from service.store.contracts import place_of
from service.store.facts import Change, Facts, Record, Update
from service.store.tables import BankFailure, Enrolment
from service.store.unit import Unit

FAILED: Final = "BANK_FAILED"
PAYMENT: Final = "FAILED_BANK_PAYMENT"


def _failed(_facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Turn the whole balance into a claim on the failed bank."""
    posted = rules.bank_failed(
        place_of(account),
        bank=custodians.bank_id(account.bank_code),
        bank_entry=fact.bank_entry,
        balance=fact.amount,
    )
    return Effect(FAILED, (posted,))


def _paid(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Share a payment over the students of the failed account; in suspense when it is for none."""
    failure = _failure(facts, fact)
    if failure is None or not _goes_to(failure, account):
        return None
    stakes = stakes_of(facts, failure)
    source, bank, order = place_of_failure(failure), bank_of(failure), _order(fact)
    claim = min(
        total([stake.backing.funded for stake in stakes]),
        facts.book.balance(source.lost_with(bank)),
    )
    amount = min(fact.amount, claim)
    if not amount:
        return None
    sent = rules.failed_bank_payment_sent(source, bank=bank, order=order, amount=amount)
    arrived = [
        rules.failed_bank_payment_arrived(
            stake.backing,
            account.custody_account_id,
            share=share,
            order=order,
            bank_entry=fact.bank_entry,
        )
        for stake, share in rules.shares_of_payment(amount, stakes)
    ]
    rest = fact.amount - amount
    return Effect(
        PAYMENT,
        (sent, *(t for t in arrived if t.transfers), *_held(facts, fact, account, rest)),
        (_noted(failure, account, amount), *_going_on(facts, failure, account)),
        HeldReason.UNKNOWN_ENROLMENT.value if rest else None,
        rest.fen,
    )


def _held(facts: Facts, fact: EntryFact, account: Record, rest: Money) -> tuple[Transaction, ...]:
    if rest == ZERO:
        return ()
    place = place_of(account)
    open_own(facts, place.suspense(fact.bank_entry))
    return (
        receipts.receipt_held(
            place,
            bank_entry=fact.bank_entry,
            amount=rest,
            reason=HeldReason.UNKNOWN_ENROLMENT,
        ),
    )


def _noted(failure: Record, account: Record, amount: Money) -> Change:
    values = {
        "paid_fen": failure.paid_fen + amount.fen,
        "target_custody_account_id": account.custody_account_id,
    }
    return Update(BankFailure, (failure.failure_id,), values)


def _going_on(facts: Facts, failure: Record, account: Record) -> list[Change]:
    """Let the enrolments that still stand at the failed bank go on in the new account."""
    going = {"custody_account_id": account.custody_account_id}
    return [
        Update(Enrolment, (stake.backing.contract.enrolment,), going)
        for stake in stakes_of(facts, failure)
        if bank_failures.enrolment_of(facts, stake.backing.contract.enrolment).custody_account_id
        == failure.custody_account_id
    ]


def _failure(facts: Facts, fact: EntryFact) -> Record | None:
    named = None if fact.detail is None else fact.detail.failure
    return None if named is None else facts.get(BankFailure, named)


def _goes_to(failure: Record, account: Record) -> bool:
    """Tell whether an account can take a failed one's payment: the school's own, one for all."""
    target = failure.target_custody_account_id
    return bool(
        failure.state == bank_failures.OPEN
        and account.institution_id == failure.institution_id
        and account.purpose == "CUSTODY"
        and account.custody_account_id != failure.custody_account_id
        and target in (None, account.custody_account_id)
    )


def _order(fact: EntryFact) -> UUID:
    """Return the id that a payment is on its way under: no order of ours sent it."""
    return ids.derived(fact.bank_entry, "failed bank")


def _failed_accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    return (place.bank, place.lost_with(custodians.bank_id(account.bank_code)))


def _paid_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    failure = _failure(facts, fact)
    yield place_of(account).bank
    if failure is not None:
        yield place_of_failure(failure).transfer_in_transit(_order(fact))
        yield from accounts_of(facts, failure, account.custody_account_id)


async def _lock(unit: Unit, facts: Sequence[EntryFact]) -> None:
    named = {f.detail.failure for f in facts if f.detail is not None}
    await bank_failures.lock_failures(unit, {one for one in named if one is not None})


KINDS: Final = (
    Kind(FAILED, "DBIT", _failed, _failed_accounts),
    Kind(PAYMENT, "CRDT", _paid, _paid_accounts, lock=_lock),
)
