"""Risk deposits (风险保证金): lodged, drawn, released, or standing in place of custody.

A deposit account is a place of its own: A2 is the money in it, L12 the institution's deposit. Under
the risk-deposit mode the institution holds the fees itself (A7), the deposit backs them, and the
books of its enrolments are tagged with the deposit account (E39, E40).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from ledger.accounts import Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refusals import DepositBelow, DepositExceeded
from ledger.rules.debts import Debt, make_good
from ledger.rules.places import Place, place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers


class DepositStatus(StrEnum):
    """What a deposit is against what the formula requires."""

    OK = "OK"
    BELOW = "BELOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDeposit:
    """What stands of a deposit, and what it must be.

    `held` is L12, `in_bank` A2. `arriving` was debited and has not arrived in custody (A8): it
    stands in L12 and no more in A2. `leaving` is instructed and not debited (L5, L7): it stands in
    A2 and no more in L12. `ordered` are draws not debited, which stand in both.
    """

    held: Money
    in_bank: Money
    required: Money
    arriving: Money = ZERO
    leaving: Money = ZERO
    ordered: Money = ZERO

    @property
    def counted(self) -> Money:
        """The deposit that counts: the smaller of L12 and A2."""
        return min(self.held, self.in_bank)

    @property
    def status(self) -> DepositStatus:
        """BELOW exactly when what counts is less than what is required (I-26)."""
        return DepositStatus.BELOW if self.counted < self.required else DepositStatus.OK

    @property
    def missing(self) -> Money:
        """What must be lodged until the deposit is as required, at least 0.00."""
        return max(self.required - self.counted, ZERO)

    @property
    def surplus(self) -> Money:
        """What counts beyond the requirement, at least 0.00."""
        return max(self.counted - self.required, ZERO)

    @property
    def drawable(self) -> Money:
        """The most that may be drawn: what is left of L12 and A2 beside what is on its way."""
        free = min(self.held - self.arriving, self.in_bank - self.leaving)
        return max(free - self.ordered, ZERO)

    @property
    def applicable(self) -> Money:
        """The most that may make good what is owed in the account itself (E40).

        What A2 lacks of L12 is owed there, so that it bounds nothing.
        """
        return max(self.held - self.arriving - self.ordered, ZERO)

    @property
    def releasable(self) -> Money:
        """The most that may be given back (E38): what may be drawn beyond the requirement."""
        return max(self.drawable - self.required, ZERO)


def deposit_required(cycle_fees: Iterable[Money]) -> Money:
    """Add up the fees of one charging cycle over all students (I-26); one charge is one cycle."""
    return total(list(cycle_fees))


def check_enrolment(deposit: RiskDeposit, fee: Money) -> None:
    """Refuse a student whose fee the deposit would not cover: raises `DepositBelow` (I-26)."""
    required = deposit.required + fee
    if deposit.counted < required:
        raise DepositBelow(held=str(deposit.counted), required=str(required))


def check_draw(deposit: RiskDeposit, amount: Money) -> None:
    """Refuse a draw of more than is there and not on its way: raises `DepositExceeded` (E37)."""
    if amount > deposit.drawable:
        raise DepositExceeded(available=str(deposit.drawable), amount=str(amount))


def check_release(deposit: RiskDeposit, amount: Money) -> None:
    """Refuse to release more than the surplus: raises `DepositExceeded` (E38)."""
    if amount > deposit.releasable:
        raise DepositExceeded(available=str(deposit.releasable), amount=str(amount))


def deposit_lodged(
    place: Place, *, bank_entry: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Receive a deposit at its bank (E37): A2 d | A5 in order, the rest L12.

    `debts` are what the institution owes in the deposit account itself: a bank's charge, or fees
    that were called (I-25).
    """
    closed, rest = make_good(debts, amount)
    return Transaction(
        TransactionKind.DEPOSIT_LODGED,
        money_transfers(
            *((place.deposit_bank, debt, part) for debt, part in closed),
            (place.deposit_bank, place.deposit_held, rest),
        ),
        references(place, bank_entry=bank_entry),
    )


def deposit_drawn(source: Place, *, order: UUID, bank_entry: UUID, amount: Money) -> Transaction:
    """Book the debit of a draw at the deposit account (E37): A8 d | A2 d.

    The gap in custody closes only when the money is there.
    """
    return Transaction(
        TransactionKind.DEPOSIT_DRAWN,
        money_transfers((source.transfer_in_transit(order), source.deposit_bank, amount)),
        references(source, order=order, bank_entry=bank_entry),
    )


def deposit_arrived(  # noqa: PLR0913 - two places, each with its balances
    source: Place,
    gap: Place,
    *,
    order: UUID,
    bank_entry: UUID,
    amount: Money,
    held: Money,
    debts: Sequence[Debt],
) -> Transaction:
    """Book a drawn deposit arriving in custody (E37).

    In custody A1 d | A5 in order, the rest L16; at the deposit account L12 d | A8 d. `held` is the
    balance of L12 there; where it no longer reaches, the institution owes the difference to the
    deposit account, A5[CLAWBACK]: arrival is a bank fact.
    """
    assert source.institution == gap.institution, "one institution's deposit covers its own gap"
    closed, rest = make_good(debts, amount)
    from_deposit = min(amount, held)
    in_transit = source.transfer_in_transit(order)
    return Transaction(
        TransactionKind.DEPOSIT_ARRIVED,
        money_transfers(
            *((gap.custody_bank, debt, part) for debt, part in closed),
            (gap.custody_bank, gap.own_funds, rest),
            (source.deposit_held, in_transit, from_deposit),
            (source.due(Reason.CLAWBACK), in_transit, amount - from_deposit),
        ),
        references(gap, order=order, bank_entry=bank_entry, source_custody=source.custody),
    )


def deposit_release_instructed(place: Place, *, order: UUID, amount: Money) -> Transaction:
    """Instruct a DEPOSIT order that gives the surplus back (E38): L12 d | L5 d.

    Its debit is that of any payout, L5 d | A2 d, and what comes back goes to L12.
    """
    return Transaction(
        TransactionKind.DEPOSIT_RELEASE_INSTRUCTED,
        money_transfers((place.deposit_held, place.payout_in_transit(order), amount)),
        references(place, order=order),
    )


def fee_held_by_institution(
    contract: Contract, *, proof: str, amount: Money, received_before: Money
) -> Transaction:
    """Recognize a fee that the institution took itself (E39): A7 x | L1 x.

    `proof` is the hash of its receipt. Never more than is still due under the contract.
    """
    assert amount + received_before <= contract.price, "no more is recognized than is due"
    return Transaction(
        TransactionKind.FEE_HELD_BY_INSTITUTION,
        money_transfers((contract.held, contract.prepaid, amount)),
        references(contract, proof=proof),
    )


def held_lesson_confirmed(
    contract: Contract, *, lesson: UUID, slot: int, disputed: bool = False
) -> Transaction:
    """Confirm a lesson whose fee the institution holds (E39): L2 a | A7 a, or L3 by a ruling.

    The money is where it belongs already, so nothing is owed to the institution. The unit moves
    from U1 to U2.
    """
    source = contract.disputed if disputed else contract.pending
    reason = contract.slot_reason(slot)
    unit = Transfer(contract.units_granted(reason), contract.units_consumed(reason), 1)
    return Transaction(
        TransactionKind.HELD_LESSON_CONFIRMED,
        (*money_transfers((source, contract.held, contract.slot_value(slot))), unit),
        references(contract, lesson=lesson, slot=slot),
    )


def held_refund_paid(  # noqa: PLR0913 - a refund, its proof and the lessons that end with it
    contract: Contract,
    *,
    claim: UUID,
    proof: str,
    refund: Money,
    institution: Money,
    units: Mapping[Reason, int],
) -> Transaction:
    """Book a refund that the institution paid out of fees it holds (E39): L1 r+s | A7 r+s.

    `proof` is the hash of the bank's proof, `institution` the share s that re-pricing leaves it,
    `units` the lessons not taken (U1), which are taken back.
    """
    taken_back = tuple(
        Transfer(contract.units_granted(reason), contract.units_contracted(reason), lessons)
        for reason, lessons in units.items()
        if lessons
    )
    return Transaction(
        TransactionKind.HELD_REFUND_PAID,
        money_transfers((contract.prepaid, contract.held, refund + institution)) + taken_back,
        references(contract, claim=claim, proof=proof),
    )


def held_fees_called(place: Place, *, held: Sequence[tuple[Contract, Money]]) -> Transaction:
    """Call the fees that a collapsed institution holds (E40): A5[CALLED] x | A7 x by enrolment."""
    assert all(place_of(contract) == place for contract, _ in held), "one deposit account a call"
    called = place.due(Reason.CALLED)
    return Transaction(
        TransactionKind.HELD_FEES_CALLED,
        money_transfers(*((called, contract.held, amount) for contract, amount in held)),
        references(place),
    )


def deposit_applied(place: Place, *, amount: Money, debts: Sequence[Debt]) -> Transaction:
    """Let the deposit make good what was called (E40): L12 d | A5 d, in order.

    `amount` is the most that may be taken, `debts` those of the deposit account.
    """
    closed, _ = make_good(debts, amount)
    assert closed, "a deposit is applied when there is both a deposit and a debt"
    return Transaction(
        TransactionKind.DEPOSIT_APPLIED,
        money_transfers(*((place.deposit_held, debt, part) for debt, part in closed)),
        references(place),
    )
