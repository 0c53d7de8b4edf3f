"""Money that comes in: what the bank, a payment channel or the institution's till received.

A bank fact is never refused. What cannot stand on an enrolment stands in suspense (待核款, L8) with
a reason, owned by the bank entry (or capture) that brought it, until it is matched or returned.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.forms import Form
from ledger.money import ZERO, Money
from ledger.rules.debts import Debt, make_good
from ledger.rules.places import Place, place_of, references
from ledger.transactions import Transaction, TransactionKind, money_transfers

_LEAST: Final = Money.from_fen(1)
_CHANNELS: Final = (Reason.WECHAT, Reason.ALIPAY, Reason.UNIONPAY)


class HeldReason(StrEnum):
    """Why a receipt stands in suspense."""

    UNKNOWN_ENROLMENT = "UNKNOWN_ENROLMENT"
    WRONG_ACCOUNT = "WRONG_ACCOUNT"
    OVER_CAP = "OVER_CAP"
    COURSE_NOT_FILED = "COURSE_NOT_FILED"
    ENROLMENT_CLOSED = "ENROLMENT_CLOSED"
    EXCESS = "EXCESS"
    AFTER_FREEZE = "AFTER_FREEZE"
    SUSPECTED_DUPLICATE = "SUSPECTED_DUPLICATE"


def receipt_matched(
    contract: Contract, *, bank_entry: UUID, amount: Money, received_before: Money
) -> Transaction:
    """Credit a parent's bank transfer to the enrolment it names (E04).

    A1 x | L1 up to the price, the excess L8. `received_before` is all that L1 has received so far.
    """
    return _received(
        TransactionKind.RECEIPT_MATCHED,
        contract,
        source=place_of(contract).bank,
        entry=("bank_entry", bank_entry),
        amount=amount,
        received_before=received_before,
    )


def receipt_form(contract: Contract) -> Form:
    """Return what `receipt_matched` posts within the price of any contract in the same books.

    A1 x | L1 x, told of the bank entry and the enrolment.
    """
    sample = receipt_matched(
        contract, bank_entry=contract.enrolment, amount=_LEAST, received_before=ZERO
    )
    return Form.of(sample, owner=contract.enrolment, blanks=("bank_entry", "enrolment"))


def receipt_held(
    place: Place, *, bank_entry: UUID, amount: Money, reason: HeldReason
) -> Transaction:
    """Keep a receipt in suspense: unmatched (E08), or breaching a rule (E11). A1 x | L8 x."""
    return Transaction(
        TransactionKind.RECEIPT_HELD,
        money_transfers((place.bank, place.suspense(bank_entry), amount)),
        references(place, bank_entry=bank_entry),
        reason.value,
    )


def channel_captured(
    contract: Contract, *, capture: UUID, channel: Reason, amount: Money, received_before: Money
) -> Transaction:
    """Credit a payment that a channel has captured and not yet settled (E05). A3 x | L1 x.

    The excess over the price is L8, owned by the capture.
    """
    return _received(
        TransactionKind.CHANNEL_CAPTURED,
        contract,
        source=place_of(contract).channel_clearing(channel),
        entry=("capture", capture),
        amount=amount,
        received_before=received_before,
    )


def capture_held(
    place: Place, *, capture: UUID, channel: Reason, amount: Money, reason: HeldReason
) -> Transaction:
    """Keep what a channel captured for nobody's enrolment in suspense (E05). A3 x | L8 x."""
    return Transaction(
        TransactionKind.CAPTURE_HELD,
        money_transfers((place.channel_clearing(channel), place.suspense(capture), amount)),
        references(place, capture=capture),
        reason.value,
    )


def channel_settled(  # noqa: PLR0913 - one settlement has this many facts
    place: Place,
    *,
    channel: Reason,
    bank_entry: UUID,
    settled: Money,
    fee: Money,
    clearing: Money,
) -> Transaction:
    """Receive a channel's settlement, net of its fee f (E06): A1 x−f, A5[BANK_CHARGE] f | A3 x.

    `clearing` is the balance of A3; what is settled beyond it was never notified and is L8.
    """
    bank, charge = place.bank, place.due(Reason.BANK_CHARGE)
    known, unknown = place.channel_clearing(channel), place.suspense(bank_entry)
    settled_known = min(settled, clearing)
    fee_known = min(fee, clearing - settled_known)
    return Transaction(
        TransactionKind.CHANNEL_SETTLED,
        money_transfers(
            (bank, known, settled_known),
            (charge, known, fee_known),
            (bank, unknown, settled - settled_known),
            (charge, unknown, fee - fee_known),
        ),
        references(place, bank_entry=bank_entry, channel=channel.value),
    )


def cash_reported(
    contract: Contract, *, receipt: UUID, amount: Money, received_before: Money
) -> Transaction:
    """Credit cash that the institution reports to have taken (E07). A4 x | L1 x.

    The excess over the price is L8, owned by the cash receipt.
    """
    return _received(
        TransactionKind.CASH_REPORTED,
        contract,
        source=place_of(contract).cash_undeposited,
        entry=("receipt", receipt),
        amount=amount,
        received_before=received_before,
    )


def cash_paid_in(
    place: Place, *, bank_entry: UUID, amount: Money, undeposited: Money
) -> Transaction:
    """Receive cash at the bank (E07): A1 x | A4 x.

    `undeposited` is the balance of A4; cash beyond it was never reported and is L8.
    """
    reported = min(amount, undeposited)
    return Transaction(
        TransactionKind.CASH_PAID_IN,
        money_transfers(
            (place.bank, place.cash_undeposited, reported),
            (place.bank, place.suspense(bank_entry), amount - reported),
        ),
        references(place, bank_entry=bank_entry),
    )


def pending_cleared(place: Place, *, pending: Account, receipt: UUID, amount: Money) -> Transaction:
    """Clear what is told of only after its money came (E06, E07): L8 x | A3 x or A4 x.

    `receipt` is the settlement or the cash paid in that stood in suspense for it, so that the
    order in which both are told makes no difference (I-39).
    """
    assert pending in {place.cash_undeposited, *map(place.channel_clearing, _CHANNELS)}, "A3 or A4"
    return Transaction(
        TransactionKind.PENDING_CLEARED,
        money_transfers((place.suspense(receipt), pending, amount)),
        references(place, receipt=receipt),
    )


def top_up_received(
    place: Place, *, bank_entry: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Receive the institution's own money (E02, and the deposit of E12).

    A1 x | A5 in order up to what is owed in this custody account, the rest L16 (I-25).
    """
    closed, rest = make_good(debts, amount)
    return Transaction(
        TransactionKind.TOP_UP_RECEIVED,
        money_transfers(
            *((place.bank, debt, part) for debt, part in closed),
            (place.bank, place.own_funds, rest),
        ),
        references(place, bank_entry=bank_entry),
    )


def still_due(contract: Contract, received_before: Money) -> Money:
    """Return what is missing to the price; zero when it is reached."""
    return max(contract.price - received_before, ZERO)


def _received(  # noqa: PLR0913 - shared by three sources of money
    kind: TransactionKind,
    contract: Contract,
    *,
    source: Account,
    entry: tuple[str, UUID],
    amount: Money,
    received_before: Money,
) -> Transaction:
    name, owner = entry
    named = references(contract, **{name: owner})
    matched = min(amount, still_due(contract, received_before))
    if matched == amount:
        return Transaction(kind, money_transfers((source, contract.prepaid, amount)), named)
    suspense = place_of(contract).suspense(owner)
    moves = (source, contract.prepaid, matched), (source, suspense, amount - matched)
    return Transaction(kind, money_transfers(*moves), named, HeldReason.EXCESS.value)
