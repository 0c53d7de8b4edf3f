"""Where an institution's money stands: the accounts of one institution in one custody account.

Every rule that is not about one enrolment starts from a `Place`; an enrolment's own accounts are
on its `Contract`. References on transactions are ids and codes, as strings.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID

from ledger.accounts import Account, AccountKind, Reason, own_account
from ledger.entitlement import Contract

_REMEMBERED: Final = 4_096
"""Places that are kept: every transaction of an institution is of the same few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One institution's books in one custody account (托管专户).

    `deposit` says that the account is the one its risk deposit (风险保证金) is kept in.
    """

    institution: UUID
    custody: UUID
    deposit: bool = field(default=False, compare=False)

    @property
    def bank(self) -> Account:
        """A1: the money in the bank; A2 where this is a deposit account."""
        return self.deposit_bank if self.deposit else self.custody_bank

    @property
    def custody_bank(self) -> Account:
        """A1: the money in a custody account."""
        return self._own(AccountKind.CUSTODY_BANK, self.custody)

    @property
    def deposit_bank(self) -> Account:
        """A2: the money in a deposit account."""
        return self._own(AccountKind.RISK_DEPOSIT_BANK, self.custody)

    @property
    def deposit_held(self) -> Account:
        """L12: the institution's risk deposit."""
        return self._own(AccountKind.RISK_DEPOSIT_HELD, self.institution)

    @property
    def interest_unallocated(self) -> Account:
        """L10: interest credited here and not yet allocated to students."""
        return self._own(AccountKind.INTEREST_UNALLOCATED, self.custody)

    @property
    def cash_undeposited(self) -> Account:
        """A4: cash taken and not yet paid in."""
        return self._own(AccountKind.CASH_UNDEPOSITED, self.institution)

    @property
    def payable(self) -> Account:
        """L4: earned by the institution and not paid out."""
        return self._own(AccountKind.INSTITUTION_PAYABLE, self.institution)

    @property
    def own_funds(self) -> Account:
        """L16: the institution's own money."""
        return self._own(AccountKind.INSTITUTION_OWN_FUNDS, self.institution)

    def channel_clearing(self, channel: Reason) -> Account:
        """A3: captured by a payment channel and not yet settled."""
        return self._own(AccountKind.CHANNEL_CLEARING, self.institution, channel)

    def due(self, reason: Reason) -> Account:
        """A5: what the institution must make good, for a reason that is not an enrolment's."""
        return self._own(AccountKind.DUE_FROM_INSTITUTION, self.institution, reason)

    def fee_disputed(self, bank: UUID) -> Account:
        """A6: a fee the bank was not allowed to take."""
        return self._account(AccountKind.DUE_FROM_BANK, bank, Reason.FEE_DISPUTED)

    def debited_in_error(self, bank: UUID) -> Account:
        """A6: what the bank took without a right to it."""
        return self._account(AccountKind.DUE_FROM_BANK, bank, Reason.ERROR_DEBIT)

    def lost_with(self, bank: UUID) -> Account:
        """A6: what a failed bank held."""
        return self._account(AccountKind.DUE_FROM_BANK, bank, Reason.FAILED_BANK)

    def credited_in_error(self, entry: UUID) -> Account:
        """L14: a bank's own money, by the bank entry that credited it."""
        return self._account(AccountKind.BANK_ERROR_CREDIT, entry)

    def transfer_in_transit(self, order: UUID) -> Account:
        """A8: on its way from this custody account to another."""
        return self._account(AccountKind.BANK_TRANSFER_IN_TRANSIT, order)

    def payout_in_transit(self, order: UUID) -> Account:
        """L5: instructed to the institution and not yet debited."""
        return self._account(AccountKind.PAYOUT_IN_TRANSIT, order)

    def refund_in_transit(self, order: UUID) -> Account:
        """L7: instructed back to a payer and not yet debited."""
        return self._account(AccountKind.REFUND_IN_TRANSIT, order)

    def porting_in_transit(self, porting: UUID) -> Account:
        """L15: a student's money on its way to another institution."""
        return self._account(AccountKind.PORTING_IN_TRANSIT, porting)

    def refund_payable(self, refund: UUID) -> Account:
        """L6: owed back to a student or payer, by the refund."""
        return self._account(AccountKind.REFUND_PAYABLE, refund)

    def refund_returned(self, refund: UUID) -> Account:
        """L9: a refund that came back and waits for another payee account."""
        return self._account(AccountKind.RETURNED_REFUND_HELD, refund)

    def residual_claim(self, entitlement: UUID) -> Account:
        """L13: what a student is still owed after a distribution, by the entitlement."""
        return self._account(AccountKind.RESIDUAL_CLAIM, entitlement)

    def suspense(self, entry: UUID) -> Account:
        """L8: a payer's money, not matched, by the bank entry (or capture) that brought it."""
        return self._account(AccountKind.SUSPENSE_RECEIPT, entry)

    def _own(self, kind: AccountKind, owner: UUID, reason: Reason | None = None) -> Account:
        return own_account(kind, owner, self.custody, reason, self.institution)

    def _account(self, kind: AccountKind, owner: UUID, reason: Reason | None = None) -> Account:
        return Account(kind, owner, self.custody, reason, self.institution)


def place_of(contract: Contract) -> Place:
    """Return the place that backs a contract."""
    return place_at(contract.institution, contract.custody)


@lru_cache(maxsize=_REMEMBERED)
def place_at(institution: UUID, custody: UUID, *, deposit: bool = False) -> Place:
    """Return the place of an institution in a custody account, the same one each time."""
    return Place(institution=institution, custody=custody, deposit=deposit)


def references(subject: Place | Contract, **facts: UUID | int | str) -> dict[str, str]:
    """Name the institution, the custody account, the enrolment if any, and further ids."""
    named = {"institution": str(subject.institution), "custody": str(subject.custody)}
    if isinstance(subject, Contract):
        named["enrolment"] = str(subject.enrolment)
    return named | {name: str(fact) for name, fact in facts.items()}
