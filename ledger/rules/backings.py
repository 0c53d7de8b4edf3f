"""Backings (资金归属): an enrolment's money moves from one bank of its institution to another.

The whole enrolment goes: what is prepaid (L1), its interest (L11), what the institution still owes
on this very contract (A5[LEGACY], A5[DIVERSION]) and its lessons. Only the funded part is cash. The
move is instructed and fails as every transfer; until the money has arrived the enrolment stands
where it stood and rests: no lesson, no claim, no other move.

What comes to the old account later (interest of the days before, a lesson reversed) is a smaller
backing there, and follows by the same rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from ledger.accounts import Account, AccountKind, Reason
from ledger.coverage import NOTHING_IN_TIME, InTime, Position, payout_room
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refusals import CustodyAccountInvalid, EnrolmentBlocked, PayoutNotCovered
from ledger.rules.payouts import check_payout
from ledger.rules.places import Place, place_at, place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers, poured


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What stands of an enrolment in one custody account: balances in yuan, and its lessons.

    `prepaid` L1, `interest` L11, `legacy` and `diversion` the enrolment's own A5; `granted` and
    `taken` are lessons of U1 and U2 by PAID and GIFT.
    """

    contract: Contract
    prepaid: Money
    interest: Money = ZERO
    legacy: Money = ZERO
    diversion: Money = ZERO
    granted: Mapping[Reason, int] = field(default_factory=dict)
    taken: Mapping[Reason, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold the promise of the class."""
        for balance in (self.prepaid, self.interest, self.legacy, self.diversion):
            assert balance >= ZERO, "a balance is not negative"
        assert self.funded >= ZERO, "no more is owed on a contract than stands on it"

    @property
    def unfunded(self) -> Money:
        """What the institution owes on this very contract: there is no money behind it."""
        return self.legacy + self.diversion

    @property
    def funded(self) -> Money:
        """What there is money behind: L1 + L11 − A5[LEGACY] − A5[DIVERSION]."""
        return self.prepaid + self.interest - self.unfunded


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """What keeps an enrolment where it is, in yuan, once no lesson waits.

    `refunds` L6, L7 and L9, `porting` L15, `captured` what stands in
    L1 and not yet in the bank (A3, A4), `held` A7. `claim` says that one is open.
    """

    claim: bool = False
    refunds: Money = ZERO
    porting: Money = ZERO
    captured: Money = ZERO
    held: Money = ZERO


def moved_to(contract: Contract, custody: UUID) -> Contract:
    """Return the contract as it stands in another custody account."""
    return replace(contract, custody=custody)


def room_to_move(
    backing: Backing,
    position: Position,
    *,
    holds_fen: int = 0,
    in_time: InTime = NOTHING_IN_TIME,
) -> Money:
    """Return what may leave with this enrolment, given that its own claim leaves as well (I-22).

    `position` is the custody account it stands in, `in_time` what excuses the others there.
    """
    balances = dict(position.balances)
    for kind, gone in (
        (AccountKind.STUDENT_PREPAID, backing.prepaid),
        (AccountKind.STUDENT_INTEREST, backing.interest),
    ):
        balances[kind] = balances.get(kind, 0) - gone.fen
    others = Position(balances, position.legacy_fen - backing.legacy.fen)
    return payout_room(others, holds_fen=holds_fen, in_time=in_time)


def require_backed(standing: Money, owed: Money) -> None:
    """Refuse to move what more is owed on than stands on it: `PayoutNotCovered`.

    A chargeback took money of a contract whose debt (A5) stays: it is made good before it moves.
    """
    if owed > standing:
        raise PayoutNotCovered(room=str(standing), amount=str(owed))


def require_movable(backing: Backing, target: Place, *, unsettled: Unsettled, room: Money) -> None:
    """Refuse to move a backing (E43) that is not settled, or at the cost of others.

    `claims.require_settled` must hold (what waits to be confirmed has left L1, and its debt has
    not), and `require_backed`. Raises in order: `EnrolmentBlocked` (cause claim, refund, porting,
    receipt or held), `CustodyAccountInvalid` (another institution's, the same, or a deposit
    account), `PayoutNotCovered` (`room` is what `room_to_move` leaves).
    """
    causes = {
        "claim": unsettled.claim,
        "refund": bool(unsettled.refunds),
        "porting": bool(unsettled.porting),
        "receipt": bool(unsettled.captured),
        "held": bool(unsettled.held),
    }
    for cause, stands in causes.items():
        if stands:
            raise EnrolmentBlocked(cause=cause)
    source = backing.contract
    if (
        target.institution != source.institution
        or target.custody == source.custody
        or target.deposit
    ):
        raise CustodyAccountInvalid(custody=str(target.custody))
    check_payout(room=room, amount=backing.funded)


def backing_move_instructed(backing: Backing, target: UUID, *, order: UUID) -> Transaction:
    """Ask the bank to move an enrolment's money to custody account `target` (E43).

    No money moves before the bank's debit. It fails as every transfer (E59).
    """
    assert target != backing.contract.custody, "a transfer goes to another custody account"
    return Transaction(
        TransactionKind.TRANSFER_INSTRUCTED,
        references=references(backing.contract, order=order, target_custody=target),
        reason="BACKING",
    )


def backing_sent(
    contract: Contract, *, order: UUID, bank_entry: UUID, amount: Money
) -> Transaction:
    """Book the debit at the bank it stood in (E43): A8 x | A1 x."""
    place = place_of(contract)
    return Transaction(
        TransactionKind.BACKING_SENT,
        money_transfers((place.transfer_in_transit(order), place.custody_bank, amount)),
        references(contract, order=order, bank_entry=bank_entry),
    )


def backing_arrived(
    backing: Backing, target: UUID, *, order: UUID, bank_entry: UUID
) -> Transaction:
    """Book the credit in custody account `target`, where the enrolment goes on (E43).

    A1, A5 | L1, L11 there; L1, L11 | A5, A8 where it stood. `backing` is as it was when the move
    was instructed, and what arrived is its funded part.
    """
    return _carried_over(backing, target, order=order, bank_entry=bank_entry)


def backing_moved_without_money(backing: Backing, target: UUID) -> Transaction:
    """Move an enrolment that no money is behind: A5 | L1 there, L1 | A5 where it stood (E43)."""
    assert not backing.funded, "money moves by the bank"
    return _carried_over(backing, target)


def _carried_over(backing: Backing, target: UUID, **evidence: UUID) -> Transaction:
    here, there = backing.contract, moved_to(backing.contract, target)
    new, old = place_at(here.institution, target), place_of(here)
    assert new != old, "a backing goes to another custody account"
    cash_out: list[tuple[Account, Money]] = []
    cash_in: list[tuple[Account, Money]] = []
    if backing.funded:
        cash_out = [(old.transfer_in_transit(evidence["order"]), backing.funded)]
        cash_in = [(new.custody_bank, backing.funded)]
    return Transaction(
        TransactionKind.BACKING_ARRIVED,
        money_transfers(
            *poured([*_owed(there, backing), *cash_in], _claimed(there, backing)),
            *poured(_claimed(here, backing), [*_owed(here, backing), *cash_out]),
        )
        + _lessons(there, backing)
        + tuple(unit.mirrored() for unit in _lessons(here, backing)),
        references(there, source_custody=here.custody, **evidence),
    )


def _owed(contract: Contract, backing: Backing) -> list[tuple[Account, Money]]:
    return [(contract.legacy, backing.legacy), (contract.diversion, backing.diversion)]


def _claimed(contract: Contract, backing: Backing) -> list[tuple[Account, Money]]:
    return [(contract.prepaid, backing.prepaid), (contract.interest, backing.interest)]


def _lessons(contract: Contract, backing: Backing) -> tuple[Transfer, ...]:
    granted = [(contract.units_granted(r), r, n) for r, n in backing.granted.items()]
    taken = [(contract.units_consumed(r), r, n) for r, n in backing.taken.items()]
    return tuple(
        Transfer(contract.units_contracted(reason), account, lessons)
        for account, reason, lessons in (*granted, *taken)
        if lessons
    )
