"""Entitlement (权益): what one enrolment's contract is worth, lesson by lesson.

A contract has N numbered slots over its price P. Slot k is worth R(k) − R(k−1) for ever, with
R(k) = ⌊k·P/N⌋ (I-11), so no rounding is ever against the student (I-12) and the last lesson ends
at P exactly. Gift lessons (赠课) stand after the paid ones and are worth nothing unless the
contract prices them as well. The account properties are what the posting rules write to.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ledger.accounts import Account, AccountKind, Reason, own_account
from ledger.money import Money

_LESSONS: Final = (Reason.PAID, Reason.GIFT)


@dataclass(frozen=True, slots=True)
class Contract:
    """One charge: one price in yuan, `lessons_paid` ≥ 1 and `lessons_gift` ≥ 0 lessons.

    `gift_in_schedule` says that the price is spread over paid and gift lessons alike (case 8.3).
    A price of 0.00 is possible; it then moves lessons and no money.
    """

    enrolment: UUID
    institution: UUID
    custody: UUID
    price: Money
    lessons_paid: int
    lessons_gift: int = 0
    gift_in_schedule: bool = False
    _accounts: dict[tuple[AccountKind, Reason | None], Account] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Its accounts, each made when it is first asked for."""

    def __post_init__(self) -> None:
        """Hold P ≥ 0 and N ≥ 1, which the schedule relies on."""
        assert self.price.fen >= 0, "a price is zero or more"
        assert self.lessons_paid >= 1, "a contract has one paid lesson or more"
        assert self.lessons_gift >= 0, "gift lessons are zero or more"

    @property
    def prepaid(self) -> Account:
        """Account of the student's money for lessons not taken (L1)."""
        return self._owned(AccountKind.STUDENT_PREPAID)

    @property
    def pending(self) -> Account:
        """Account of lessons waiting for confirmation (L2)."""
        return self._owned(AccountKind.LESSON_PENDING)

    @property
    def disputed(self) -> Account:
        """Account of lessons in dispute (L3)."""
        return self._owned(AccountKind.LESSON_DISPUTED)

    @property
    def legacy(self) -> Account:
        """Account of what the institution owes for money collected before custody (A5[LEGACY])."""
        return self._owned(AccountKind.DUE_FROM_INSTITUTION, Reason.LEGACY)

    @property
    def diversion(self) -> Account:
        """Account of what the institution owes for money kept off the account (A5[DIVERSION])."""
        return self._owned(AccountKind.DUE_FROM_INSTITUTION, Reason.DIVERSION)

    @property
    def held(self) -> Account:
        """Account of what the institution itself holds of this contract (A7, risk deposit)."""
        return self._owned(AccountKind.HELD_BY_INSTITUTION)

    @property
    def interest(self) -> Account:
        """Account of the student's interest (L11)."""
        return self._owned(AccountKind.STUDENT_INTEREST)

    @property
    def payable(self) -> Account:
        """Account of what the institution has earned in this custody account (L4)."""
        kind, institution = AccountKind.INSTITUTION_PAYABLE, self.institution
        return own_account(kind, institution, self.custody, None, institution)

    def units_contracted(self, reason: Reason) -> Account:
        """Account of lessons contracted (U0), by PAID or GIFT."""
        return self._units(AccountKind.LESSON_UNITS_CONTRACTED, reason)

    def units_granted(self, reason: Reason) -> Account:
        """Account of lessons granted and not taken (U1), by PAID or GIFT."""
        return self._units(AccountKind.LESSON_UNITS_GRANTED, reason)

    def units_consumed(self, reason: Reason) -> Account:
        """Account of lessons taken (U2), by PAID or GIFT."""
        return self._units(AccountKind.LESSON_UNITS_CONSUMED, reason)

    @property
    def slots(self) -> int:
        """How many numbered slots the contract has, worthless gift slots included."""
        return self.lessons_paid + self.lessons_gift

    @property
    def slots_priced(self) -> int:
        """Over how many slots the price is spread: N of the schedule."""
        return self.slots if self.gift_in_schedule else self.lessons_paid

    def slot_value(self, slot: int) -> Money:
        """Return what slot 1…`slots` is worth: R(k) − R(k−1), or 0.00 after the priced slots."""
        assert 1 <= slot <= self.slots, "a slot is one of the contract's"
        return self.released_after(slot) - self.released_after(slot - 1)

    def slot_reason(self, slot: int) -> Reason:
        """Tell whether slot 1…`slots` is a paid lesson or a gift; paid lessons come first."""
        assert 1 <= slot <= self.slots, "a slot is one of the contract's"
        return Reason.PAID if slot <= self.lessons_paid else Reason.GIFT

    def released_after(self, lessons: int) -> Money:
        """Return R(k), the value of slots 1…k, for k from 0 to `slots`."""
        assert 0 <= lessons <= self.slots, "lessons taken are within the contract"
        taken = min(lessons, self.slots_priced)
        return Money.from_fen(taken * self.price.fen // self.slots_priced)

    def refundable_after(self, lessons: int) -> Money:
        """Return P − R(k), the value of the slots after k, for k from 0 to `slots`."""
        return self.price - self.released_after(lessons)

    def _owned(self, kind: AccountKind, reason: Reason | None = None) -> Account:
        made = self._accounts.get((kind, reason))
        if made is None:
            made = Account(kind, self.enrolment, self.custody, reason, self.institution)
            self._accounts[kind, reason] = made
        return made

    def _units(self, kind: AccountKind, reason: Reason) -> Account:
        assert reason in _LESSONS, "lesson units are paid or gift"
        return self._owned(kind, reason)


def lowest_free_slot(taken: Collection[int], slots: int) -> int | None:
    """Return the lowest slot of 1…`slots` not in `taken`, or None when every slot is taken.

    A recorded lesson takes it; a void, an upheld dispute or a reversal frees it again.
    """
    occupied = frozenset(taken)
    return next((slot for slot in range(1, slots + 1) if slot not in occupied), None)
