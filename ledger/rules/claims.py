"""Claims approved (退费): a contract ended, cut to fewer lessons, or handed to another student.

What is owed back stands on the refunds it was parted into, one a payer (L6, owned by the refund).
The share that re-pricing gives the institution first closes what it owes on this very contract. The
units of lessons that nobody will take go back where they came from (U1 | U0).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refunds import Price
from ledger.refusals import LessonsUnsettled
from ledger.rules.debts import Debt, make_good
from ledger.rules.places import place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers

_UNITS = (Reason.PAID, Reason.GIFT)


@dataclass(frozen=True, slots=True)
class RefundPart:
    """What one payer gets back; the refund owns its L6."""

    refund: UUID
    amount: Money


def refund_approved(  # noqa: PLR0913 - one approval has this many facts
    contract: Contract,
    *,
    claim: UUID,
    price: Price,
    parts: Sequence[RefundPart],
    unfunded: Sequence[Debt],
    units: Mapping[Reason, int],
) -> Transaction:
    """End a contract (E23): L1 r + s, L11 i | L6 a payer, A5 of this enrolment, the rest of s L4.

    `parts` sum to r + i; `unfunded` holds the enrolment's A5[LEGACY] and A5[DIVERSION]; `units`
    the lessons not taken (U1), which are taken back.
    """
    own = {contract.legacy, contract.diversion}
    assert all(debt.account in own for debt in unfunded), "only what is owed on this contract"
    closed, earned = make_good(unfunded, price.institution_share)
    sources = ((contract.prepaid, price.refund), (contract.interest, price.interest))
    return Transaction(
        TransactionKind.REFUND_APPROVED,
        money_transfers(
            *_parted(contract, sources, parts),
            *((contract.prepaid, debt, part) for debt, part in closed),
            (contract.prepaid, contract.payable, earned),
        )
        + _taken_back(contract, units),
        references(contract, claim=claim, basis=price.basis.value),
        price.reason.value,
    )


def schedule_rebased(
    contract: Contract,
    *,
    claim: UUID,
    price: Price,
    parts: Sequence[RefundPart],
    lessons_given_up: int,
) -> Transaction:
    """Cut a contract down (E56): L1 r | L6 a payer; the lessons given up are taken back.

    `rebased` is what goes on. `require_settled` must hold.
    """
    assert not price.institution_share, "nothing is re-priced while the contract goes on"
    assert not price.interest, "the interest stays with the contract"
    return Transaction(
        TransactionKind.SCHEDULE_REBASED,
        money_transfers(*_parted(contract, ((contract.prepaid, price.refund),), parts))
        + _taken_back(contract, {Reason.PAID: lessons_given_up}),
        references(contract, claim=claim, basis=price.basis.value),
        price.reason.value,
    )


def lessons_transferred(  # noqa: PLR0913 - one transfer has this many facts
    giver: Contract,
    receiver: Contract,
    *,
    amount: Money,
    interest: Money,
    unfunded: Sequence[Debt],
    units: Mapping[Reason, int],
) -> Transaction:
    """Hand remaining lessons to another student of the same institution (E58): L1 | L1.

    The interest (L11 | L11), the part that is not funded (A5 | A5) and the lessons' units go with
    them. Both contracts are backed by the same custody account.
    """
    assert place_of(giver) == place_of(receiver), "both stand in one place"
    own = {giver.legacy: receiver.legacy, giver.diversion: receiver.diversion}
    owed = ((own[debt.account], debt.account, debt.amount) for debt in unfunded)
    return Transaction(
        TransactionKind.LESSONS_TRANSFERRED,
        money_transfers(
            (giver.prepaid, receiver.prepaid, amount),
            (giver.interest, receiver.interest, interest),
            *owed,
        )
        + _taken_back(giver, units)
        + tuple(unit.mirrored() for unit in _taken_back(receiver, units)),
        references(giver, receiver=receiver.enrolment),
    )


def rebased(contract: Contract, *, left: Money, lessons_paid: int, lessons_gift: int) -> Contract:
    """Return the schedule that goes on: the money left spread over the lessons left."""
    return replace(contract, price=left, lessons_paid=lessons_paid, lessons_gift=lessons_gift)


def require_settled(pending: Money, disputed: Money) -> None:
    """Refuse to price or move a contract while lessons wait (L2 + L3 > 0): `LessonsUnsettled`."""
    if pending + disputed > ZERO:
        raise LessonsUnsettled(pending=str(pending), disputed=str(disputed))


def _parted(
    contract: Contract,
    sources: Sequence[tuple[Account, Money]],
    parts: Sequence[RefundPart],
) -> Iterator[tuple[Account, Account, Money]]:
    """Move what the sources give to the refunds, in order, each filled before the next."""
    given = total([amount for _, amount in sources])
    assert total([part.amount for part in parts]) == given, "the parts are the whole refund"
    place, left = place_of(contract), [amount for _, amount in sources]
    for part in parts:
        missing = part.amount
        for number, (source, _) in enumerate(sources):
            moved = min(missing, left[number])
            yield source, place.refund_payable(part.refund), moved
            missing -= moved
            left[number] -= moved


def _taken_back(contract: Contract, units: Mapping[Reason, int]) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(contract.units_granted(reason), contract.units_contracted(reason), units[reason])
        for reason in _UNITS
        if units.get(reason)
    )
