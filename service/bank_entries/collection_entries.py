"""Money that comes by a payment channel or in cash (渠道、现金, E05, E06, E07).

What a channel captured, or a school took in cash, counts for the parent at once and is not in the
bank yet: it is a bank entry that is pending (PEND), with the channel's or the school's reference.
The bank's line that brings it later clears what is pending, oldest or newest alike; what it brings
beyond that was never told of, and stands in suspense.
"""

from collections.abc import Iterable
from typing import Final

from ledger.accounts import Account, Reason
from ledger.money import ZERO, Money
from ledger.rules import receipts as rules
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction
from service.bank_entries import payments, waiting_money
from service.bank_entries.facts import Effect, EntryFact, Kind, open_own
from service.store.contracts import contract_of, place_of, received_change
from service.store.facts import Facts, Record
from service.store.tables import Enrolment

PENDING: Final = "PEND"
CAPTURE: Final = "CHANNEL_CAPTURE"
CASH_REPORT: Final = "CASH_REPORT"


def captured(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Credit what a channel captured (E05); a settlement that came before it is cleared."""
    return waiting_money.cleared(
        facts,
        account,
        _lane(fact),
        pending=place_of(account).channel_clearing(_channel(fact)),
        amount=fact.amount,
        effect=_captured(facts, fact, account),
    )


def _captured(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Credit the enrolment it names, or hold it with a reason."""
    place, channel = place_of(account), _channel(fact)
    enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    reason = payments.held_because(facts, fact, account, enrolment)
    if reason is not None or enrolment is None:
        why = reason or HeldReason.UNKNOWN_ENROLMENT
        open_own(facts, place.suspense(fact.bank_entry))
        held = rules.capture_held(
            place, capture=fact.bank_entry, channel=channel, amount=fact.amount, reason=why
        )
        return Effect("SUSPENSE", (held,), (), why.value, fact.amount.fen)
    contract = contract_of(enrolment)
    received = Money.from_fen(enrolment.received_fen)
    posted = rules.channel_captured(
        contract,
        capture=fact.bank_entry,
        channel=channel,
        amount=fact.amount,
        received_before=received,
    )
    return _credited(facts, fact, enrolment, posted)


def cash_reported(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Credit cash that a school took for an enrolment that may take it (E07)."""
    enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    assert enrolment is not None, "cash is taken for an enrolment"
    posted = rules.cash_reported(
        contract_of(enrolment),
        receipt=fact.bank_entry,
        amount=fact.amount,
        received_before=Money.from_fen(enrolment.received_fen),
    )
    return waiting_money.cleared(
        facts,
        account,
        _lane(fact),
        pending=place_of(account).cash_undeposited,
        amount=fact.amount,
        effect=_credited(facts, fact, enrolment, posted),
    )


def _lane(fact: EntryFact) -> waiting_money.Lane:
    """Return in which lane a capture, a report, or the money for it stands."""
    if fact.kind in {CAPTURE, waiting_money.SETTLEMENT}:
        return fact.custody_account, waiting_money.SETTLEMENT, _channel(fact)
    return fact.custody_account, waiting_money.CASH, None


def _credited(facts: Facts, fact: EntryFact, enrolment: Record, posted: Transaction) -> Effect:
    contract = contract_of(enrolment)
    matched = min(fact.amount, rules.still_due(contract, Money.from_fen(enrolment.received_fen)))
    excess = fact.amount - matched
    if excess:
        open_own(facts, place_of(enrolment).suspense(fact.bank_entry))
    return Effect(
        "ENROLMENT",
        (posted,),
        (received_change(enrolment, matched),),
        HeldReason.EXCESS.value if excess else None,
        excess.fen,
        enrolment.enrolment_id,
    )


def _settled(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Clear what a channel owes with its settlement; its fee is the institution's (E06, E57)."""
    place, channel = place_of(account), _channel(fact)
    assert fact.detail is not None, "a settlement says its channel and fee"
    clearing, fee = facts.book.balance(place.channel_clearing(channel)), fact.detail.fee
    unknown = max(fact.amount + fee - clearing, ZERO)
    if unknown:
        open_own(facts, place.suspense(fact.bank_entry))
        waiting_money.waits(facts, _lane(fact), fact.bank_entry)
    posted = rules.channel_settled(
        place,
        channel=channel,
        bank_entry=fact.bank_entry,
        settled=fact.amount,
        fee=fee,
        clearing=clearing,
    )
    covered: tuple[Transaction, ...] = ()
    own = facts.book.balance(place.own_funds)
    if own and fee:
        debt = Debt(place.due(Reason.BANK_CHARGE), fee)
        covered = (own_funds_applied(place, own_funds=own, debts=[debt]),)
    return Effect("SETTLEMENT", (posted, *covered), (), _beyond(unknown), unknown.fen)


def _paid_in(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Clear what a school said it took in cash with what it paid in (E07)."""
    place = place_of(account)
    undeposited = facts.book.balance(place.cash_undeposited)
    unknown = max(fact.amount - undeposited, ZERO)
    if unknown:
        open_own(facts, place.suspense(fact.bank_entry))
        waiting_money.waits(facts, _lane(fact), fact.bank_entry)
    posted = rules.cash_paid_in(
        place, bank_entry=fact.bank_entry, amount=fact.amount, undeposited=undeposited
    )
    return Effect("CASH", (posted,), (), _beyond(unknown), unknown.fen)


def _beyond(unknown: Money) -> str | None:
    return HeldReason.UNKNOWN_ENROLMENT.value if unknown else None


def _channel(fact: EntryFact) -> Reason:
    assert fact.detail is not None, "a capture and a settlement say their channel"
    assert fact.detail.channel is not None, "a capture and a settlement say their channel"
    return fact.detail.channel


def _capture_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    clearing = place_of(account).channel_clearing(_channel(fact))
    return (clearing, *_waiting(facts, fact, account))


def _report_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    cash = place_of(account).cash_undeposited
    return (cash, *_waiting(facts, fact, account))


def _waiting(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    waiting = waiting_money.accounts_of(facts, account, _lane(fact))
    return (*waiting, *payments.payment_accounts(facts, fact, account))


def _settled_accounts(_facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    clearing = place.channel_clearing(_channel(fact))
    return (place.bank, clearing, place.own_funds, place.due(Reason.BANK_CHARGE))


def _cash_accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    return (place.bank, place.cash_undeposited)


KINDS: Final = (
    Kind(
        CAPTURE,
        PENDING,
        captured,
        _capture_accounts,
        lock=waiting_money.lock_waiting,
        read=payments.read_freezes,
    ),
    Kind(
        CASH_REPORT,
        PENDING,
        cash_reported,
        _report_accounts,
        lock=waiting_money.lock_waiting,
        read=payments.read_freezes,
    ),
    Kind(waiting_money.SETTLEMENT, "CRDT", _settled, _settled_accounts),
    Kind(waiting_money.CASH, "CRDT", _paid_in, _cash_accounts),
)
