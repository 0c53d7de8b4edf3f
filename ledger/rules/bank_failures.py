"""Bank failures (托管银行倒闭): a custodian fails, and its receiver pays into a new account (E51).

The balance turns into a claim on the failed bank (A6). Each payment of the receiver or insurer is
shared over the enrolments of that one custody account, and what was shared goes on in the new
account; what is never paid becomes a residual claim (L13) of each. No other account bears any of
it. Lessons are settled and refunds not sent are taken back before, as at a freeze, so that what a
student stands to lose is in L1 and L11; what was never paid in is lost by nobody here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from ledger import distribution
from ledger.money import ZERO, Money
from ledger.rules.backings import Backing, backing_arrived
from ledger.rules.places import Place, place_of, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


@dataclass(frozen=True, slots=True)
class Stake:
    """An enrolment's backing in the failed bank, and where it stands in a tie."""

    backing: Backing
    contract_on: date
    contract_number: str


def bank_failed(place: Place, *, bank: UUID, bank_entry: UUID, balance: Money) -> Transaction:
    """Turn a failed bank's whole balance into a claim on it (E51): A6[FAILED_BANK] B | A1 B."""
    return Transaction(
        TransactionKind.BANK_FAILED,
        money_transfers((place.lost_with(bank), place.bank, balance)),
        references(place, bank=bank, bank_entry=bank_entry),
    )


def failed_bank_payment_sent(
    place: Place, *, bank: UUID, order: UUID, amount: Money
) -> Transaction:
    """Record that the receiver or insurer pays (E51): A8 x | A6[FAILED_BANK] x.

    What it pays beyond the claim is no part of it and arrives as any other receipt.
    """
    return Transaction(
        TransactionKind.FAILED_BANK_PAYMENT_SENT,
        money_transfers((place.transfer_in_transit(order), place.lost_with(bank), amount)),
        references(place, bank=bank, order=order),
    )


def shares_of_payment(amount: Money, stakes: Sequence[Stake]) -> tuple[tuple[Stake, Money], ...]:
    """Share a payment over funded parts, largest remainder, nobody more than is lost (I-30).

    Ties go to the earlier contract date, then contract number. All stakes come back, also those
    that get nothing, in that order. A later payment is shared over what is left (I-31).
    """
    ranked = sorted(
        stakes, key=lambda s: (s.contract_on, s.contract_number, s.backing.contract.enrolment)
    )
    places = {place_of(stake.backing.contract) for stake in ranked}
    assert len(places) <= 1, "a loss is shared over one custody account only"
    parts = distribution.rateably(amount.fen, [stake.backing.funded.fen for stake in ranked])
    return tuple((stake, Money.from_fen(part)) for stake, part in zip(ranked, parts, strict=True))


def divided(backing: Backing, share: Money) -> tuple[Backing, Backing]:
    """Part a backing into what goes on in the new account and what is not paid yet.

    The share, the unfunded part and the lessons go on; the prepaid money is filled before the
    interest, so that lessons stay paid as far as the money reaches.
    """
    assert ZERO <= share <= backing.funded, "nobody gets more than is lost"
    prepaid = min(backing.prepaid, share + backing.unfunded)
    interest = share + backing.unfunded - prepaid
    going = replace(backing, prepaid=prepaid, interest=interest)
    left = Backing(
        contract=backing.contract,
        prepaid=backing.prepaid - prepaid,
        interest=backing.interest - interest,
    )
    return going, left


def failed_bank_payment_arrived(
    backing: Backing, target: UUID, *, share: Money, order: UUID, bank_entry: UUID
) -> Transaction:
    """Book one enrolment's share in the new account `target` (E51), where it goes on.

    A1, A5 | L1, L11 there; L1, L11 | A5, A8 at the failed bank. One per enrolment, all citing the
    one bank entry.
    """
    going, _ = divided(backing, share)
    arrived = backing_arrived(going, target, order=order, bank_entry=bank_entry)
    return replace(arrived, kind=TransactionKind.FAILED_BANK_PAYMENT_ARRIVED)


def failed_bank_loss_posted(left: Backing, *, entitlement: UUID) -> Transaction:
    """Turn what is not paid into a residual claim (E51): L1, L11 loss | L13 loss.

    `left` is the second part of `divided` after the last payment.
    """
    assert not left.unfunded, "what was never paid in went on with the enrolment"
    contract = left.contract
    residual = place_of(contract).residual_claim(entitlement)
    return Transaction(
        TransactionKind.FAILED_BANK_LOSS_POSTED,
        money_transfers(
            (contract.prepaid, residual, left.prepaid),
            (contract.interest, residual, left.interest),
        ),
        references(contract, entitlement=entitlement),
    )
