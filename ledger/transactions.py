"""Transfers and transactions (凭证): a balanced set of moves that cannot be written unbalanced.

A `Transfer` names one debit and one credit account of the same unit and the same custody
account and a quantity above zero, so every transaction balances in total (I-01), within each
custody account (I-02) and within each unit by construction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from ledger import chain
from ledger.accounts import Account, Side, Unit
from ledger.money import Money

REFERENCES_MAX: Final = 24
_set = object.__setattr__
_NO_REFERENCES: Final[Mapping[str, str]] = MappingProxyType({})


class TransactionKind(StrEnum):
    """What a transaction says happened; past tense, with the posting table's code beside it."""

    __hash__ = str.__hash__

    # Money (posting table)
    LEGACY_ONBOARDED = "LEGACY_ONBOARDED"  # E01
    TOP_UP_RECEIVED = "TOP_UP_RECEIVED"  # E02, E12 deposit
    RECEIPT_MATCHED = "RECEIPT_MATCHED"  # E04
    CHANNEL_CAPTURED = "CHANNEL_CAPTURED"  # E05
    CAPTURE_HELD = "CAPTURE_HELD"  # E05, nobody's enrolment: A3 | L8
    PENDING_CLEARED = "PENDING_CLEARED"  # E06, E07 told in the other order: L8 | A3 or A4
    CHANNEL_SETTLED = "CHANNEL_SETTLED"  # E06
    CASH_REPORTED = "CASH_REPORTED"  # E07
    CASH_PAID_IN = "CASH_PAID_IN"  # E07
    RECEIPT_HELD = "RECEIPT_HELD"  # E08, E11
    RECEIPT_RESTATED = "RECEIPT_RESTATED"  # E08 undone, what the fuller word says is beside it
    DUPLICATE_CLOSED = "DUPLICATE_CLOSED"  # E30 of E08, the same money under two references
    BANK_DUPLICATE_RECOGNISED = "BANK_DUPLICATE_RECOGNISED"  # E42 out of suspense, L8 | L14
    SUSPICION_LIFTED = "SUSPICION_LIFTED"  # E08 undone, what it is by its kind follows
    SUSPENSE_MATCHED = "SUSPENSE_MATCHED"  # E09
    ENROLMENT_LAPSED = "ENROLMENT_LAPSED"  # what came goes back to L8, then E10
    SUSPENSE_RETURN_INSTRUCTED = "SUSPENSE_RETURN_INSTRUCTED"  # E10
    SUSPENSE_RETURN_EXECUTED = "SUSPENSE_RETURN_EXECUTED"  # E10
    SUSPENSE_RETURN_REJECTED = "SUSPENSE_RETURN_REJECTED"  # E10 undone
    SUSPENSE_RETURN_BOUNCED = "SUSPENSE_RETURN_BOUNCED"  # E10, come back after the debit
    SURPLUS_INSTRUCTED = "SURPLUS_INSTRUCTED"  # E12
    LESSON_RECORDED = "LESSON_RECORDED"  # E13
    LESSON_CONFIRMED = "LESSON_CONFIRMED"  # E14, E03
    LESSON_DISPUTED = "LESSON_DISPUTED"  # E15
    DISPUTE_UPHELD = "DISPUTE_UPHELD"  # E15
    DISPUTE_REJECTED = "DISPUTE_REJECTED"  # E15
    LESSON_VOIDED = "LESSON_VOIDED"  # E16
    PAYOUT_INSTRUCTED = "PAYOUT_INSTRUCTED"  # E17
    PAYOUT_EXECUTED = "PAYOUT_EXECUTED"  # E18
    PAYOUT_REJECTED = "PAYOUT_REJECTED"  # E19
    PAYOUT_CANCELLED = "PAYOUT_CANCELLED"  # E19 from NEW
    PAYOUT_RETURNED = "PAYOUT_RETURNED"  # E20
    LESSON_REVERSED = "LESSON_REVERSED"  # E28, E29
    DEBTS_MADE_GOOD = "DEBTS_MADE_GOOD"  # E29 recovered, E48, E55
    TRANSACTION_REVERSED = "TRANSACTION_REVERSED"  # E30
    BANK_CHARGE_DEBITED = "BANK_CHARGE_DEBITED"  # E32
    BANK_CHARGE_REIMBURSED = "BANK_CHARGE_REIMBURSED"  # E33
    DIVERSION_DISCOVERED = "DIVERSION_DISCOVERED"  # E36
    OWN_FUNDS_APPLIED = "OWN_FUNDS_APPLIED"  # E57
    OWN_FUNDS_SENT = "OWN_FUNDS_SENT"  # E60, at the source
    OWN_FUNDS_ARRIVED = "OWN_FUNDS_ARRIVED"  # E60, at the gap
    PAYOUT_REVERSED = "PAYOUT_REVERSED"  # E21
    REFUND_APPROVED = "REFUND_APPROVED"  # E23
    REFUND_INSTRUCTED = "REFUND_INSTRUCTED"  # E24
    REFUND_EXECUTED = "REFUND_EXECUTED"  # E24
    REFUND_REJECTED = "REFUND_REJECTED"  # E25
    REFUND_CANCELLED = "REFUND_CANCELLED"  # E25 from NEW
    REFUND_RETURNED = "REFUND_RETURNED"  # E26
    REFUND_REVERSED = "REFUND_REVERSED"  # E21 of a refund
    REFUND_REISSUED = "REFUND_REISSUED"  # E26
    REFUND_TAKEN_BACK = "REFUND_TAKEN_BACK"  # not yet sent when the freeze came: L6 back to L1
    REFUND_LODGED = "REFUND_LODGED"  # E52
    CHARGEBACK_DEBITED = "CHARGEBACK_DEBITED"  # E31
    SCHEDULE_REBASED = "SCHEDULE_REBASED"  # E56
    LESSONS_TRANSFERRED = "LESSONS_TRANSFERRED"  # E58
    INTEREST_CREDITED = "INTEREST_CREDITED"  # E34
    INTEREST_ALLOCATED = "INTEREST_ALLOCATED"  # E34
    INTEREST_SETTLED = "INTEREST_SETTLED"  # E35
    DEPOSIT_LODGED = "DEPOSIT_LODGED"  # E37
    DEPOSIT_DRAWN = "DEPOSIT_DRAWN"  # E37, leaves the deposit account
    DEPOSIT_ARRIVED = "DEPOSIT_ARRIVED"  # E37, arrives in custody
    DEPOSIT_RELEASE_INSTRUCTED = "DEPOSIT_RELEASE_INSTRUCTED"  # E38
    FEE_HELD_BY_INSTITUTION = "FEE_HELD_BY_INSTITUTION"  # E39
    HELD_LESSON_CONFIRMED = "HELD_LESSON_CONFIRMED"  # E39
    HELD_REFUND_PAID = "HELD_REFUND_PAID"  # E39
    HELD_FEES_CALLED = "HELD_FEES_CALLED"  # E40
    DEPOSIT_APPLIED = "DEPOSIT_APPLIED"  # E40
    ADVANCE_RECEIVED = "ADVANCE_RECEIVED"  # E45
    BANK_ERROR_DEBITED = "BANK_ERROR_DEBITED"  # E41
    BANK_ERROR_DEBIT_CORRECTED = "BANK_ERROR_DEBIT_CORRECTED"  # E41
    BANK_ERROR_CREDITED = "BANK_ERROR_CREDITED"  # E42
    BANK_ERROR_CREDIT_CORRECTED = "BANK_ERROR_CREDIT_CORRECTED"  # E42
    BACKING_SENT = "BACKING_SENT"  # E43, leaves the bank it stood in
    BACKING_ARRIVED = "BACKING_ARRIVED"  # E43, the enrolment stands in the other bank
    COURT_DEDUCTION_DEBITED = "COURT_DEDUCTION_DEBITED"  # E47
    SUSPENSE_FOUND_ERROR = "SUSPENSE_FOUND_ERROR"  # E42, L8 | L14
    BANK_ERRORS_NETTED = "BANK_ERRORS_NETTED"  # E41, E42 told in the other order: L14 | A6
    BANK_FAILED = "BANK_FAILED"  # E51, A6 | A1
    FAILED_BANK_PAYMENT_SENT = "FAILED_BANK_PAYMENT_SENT"  # E51, A8 | A6
    FAILED_BANK_PAYMENT_ARRIVED = "FAILED_BANK_PAYMENT_ARRIVED"  # E51, in the new account
    FAILED_BANK_LOSS_POSTED = "FAILED_BANK_LOSS_POSTED"  # E51, L1, L11 | L13
    PORTING_INSTRUCTED = "PORTING_INSTRUCTED"  # E44, L1 or L6 to L15
    PORTING_SENT = "PORTING_SENT"  # E44, leaves the bank of X
    PORTING_ARRIVED = "PORTING_ARRIVED"  # E44, arrives at Y
    PORTING_SETTLED = "PORTING_SETTLED"  # E44, closed at X (another journal than Y's, or the same)
    TRANSFER_INSTRUCTED = "TRANSFER_INSTRUCTED"  # a transfer order; no money moves yet
    TRANSFER_FAILED = "TRANSFER_FAILED"  # E59, A1 | A8
    PORTING_UNDONE = "PORTING_UNDONE"  # E59, L15 | L1
    POOL_MOVED_OUT = "POOL_MOVED_OUT"  # wind-down, cash to where dividends lack it: A8 | A1
    POOL_MOVED_IN = "POOL_MOVED_IN"  # wind-down, A1 | A5 there, A5 | A8 here
    DISTRIBUTION_POSTED = "DISTRIBUTION_POSTED"  # E49
    RECOVERY_RECEIVED = "RECOVERY_RECEIVED"  # E50
    RECOVERY_DISTRIBUTED = "RECOVERY_DISTRIBUTED"  # E50, L13 | L6
    RESIDUAL_WRITTEN_OFF = "RESIDUAL_WRITTEN_OFF"  # E50, L13 | A5
    # Facts without money: the journal is the one outbox, so they stand in it as well
    ENROLMENT_OPENED = "ENROLMENT_OPENED"
    ENROLMENT_COMPLETED = "ENROLMENT_COMPLETED"
    LESSON_SCHEDULED = "LESSON_SCHEDULED"
    LESSON_CANCELLED = "LESSON_CANCELLED"
    NOTICE_DELIVERED = "NOTICE_DELIVERED"
    JURISDICTION_ADDED = "JURISDICTION_ADDED"
    BANK_SELECTION_CHANGED = "BANK_SELECTION_CHANGED"
    BANK_KEY_REGISTERED = "BANK_KEY_REGISTERED"
    BANK_KEY_REVOKED = "BANK_KEY_REVOKED"
    INSTITUTION_REGISTERED = "INSTITUTION_REGISTERED"
    INSTITUTION_CHANGED = "INSTITUTION_CHANGED"
    INSTITUTION_MOVED = "INSTITUTION_MOVED"
    AGREEMENT_SIGNED = "AGREEMENT_SIGNED"
    CUSTODY_ACCOUNT_OPENED = "CUSTODY_ACCOUNT_OPENED"
    COURSE_FILED = "COURSE_FILED"
    COURSE_REVIEWED = "COURSE_REVIEWED"
    COURSE_WITHDRAWN = "COURSE_WITHDRAWN"
    ORDER_SENT = "ORDER_SENT"
    ORDER_HANDED_AGAIN = "ORDER_HANDED_AGAIN"  # its lease had lapsed; the same order
    ORDER_ACKNOWLEDGED = "ORDER_ACKNOWLEDGED"
    ORDER_ANSWERED = "ORDER_ANSWERED"  # a bank's word that moves nothing, such as not found once
    ORDER_ACCEPTED = "ORDER_ACCEPTED"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    BANK_ENTRY_KEPT = "BANK_ENTRY_KEPT"
    COURT_ORDER_NOTICED = "COURT_ORDER_NOTICED"
    COURT_ORDER_RELEASED = "COURT_ORDER_RELEASED"
    BANK_FAILURE_CLOSED = "BANK_FAILURE_CLOSED"
    BANK_NOTIFIED = "BANK_NOTIFIED"
    STATEMENT_DELIVERED = "STATEMENT_DELIVERED"
    STATEMENT_FILE_ACCEPTED = "STATEMENT_FILE_ACCEPTED"
    STATEMENT_FILE_REFUSED = "STATEMENT_FILE_REFUSED"
    STATEMENT_LINES_TAKEN = "STATEMENT_LINES_TAKEN"
    STATEMENT_FILE_POSTED = "STATEMENT_FILE_POSTED"
    ACCOUNT_RECONCILED = "ACCOUNT_RECONCILED"
    BREAK_OPENED = "BREAK_OPENED"
    BREAK_CHANGED = "BREAK_CHANGED"
    BREAK_ESCALATED = "BREAK_ESCALATED"
    BREAK_ASSIGNED = "BREAK_ASSIGNED"
    BREAK_SIGNED_OFF = "BREAK_SIGNED_OFF"
    BREAK_CLOSED = "BREAK_CLOSED"
    TOP_UP_DEMANDED = "TOP_UP_DEMANDED"
    TOP_UP_DEMAND_ENDED = "TOP_UP_DEMAND_ENDED"
    DAY_CLOSED = "DAY_CLOSED"
    RESTRAINT_PLACED = "RESTRAINT_PLACED"
    RESTRAINT_LIFTED = "RESTRAINT_LIFTED"
    APPROVAL_REQUESTED = "APPROVAL_REQUESTED"
    APPROVAL_DECLINED = "APPROVAL_DECLINED"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    CLAIM_FILED = "CLAIM_FILED"
    CLAIM_AGREED = "CLAIM_AGREED"
    CLAIM_CONTESTED = "CLAIM_CONTESTED"
    CLAIM_DECIDED = "CLAIM_DECIDED"
    CLAIM_DISMISSED = "CLAIM_DISMISSED"
    CLAIM_WITHDRAWN = "CLAIM_WITHDRAWN"
    CLAIM_EVIDENCE_ADDED = "CLAIM_EVIDENCE_ADDED"
    PAYEE_CHANGED = "PAYEE_CHANGED"
    WIND_DOWN_STARTED = "WIND_DOWN_STARTED"
    WIND_DOWN_ADVANCED = "WIND_DOWN_ADVANCED"
    STATEMENT_REQUESTED = "STATEMENT_REQUESTED"
    STATEMENT_REQUEST_ANSWERED = "STATEMENT_REQUEST_ANSWERED"
    ENTITLEMENTS_REGISTERED = "ENTITLEMENTS_REGISTERED"
    OBJECTION_FILED = "OBJECTION_FILED"
    OBJECTION_DECIDED = "OBJECTION_DECIDED"
    ASSET_RECORDED = "ASSET_RECORDED"
    PLAN_SIMULATED = "PLAN_SIMULATED"
    PLAN_APPROVED = "PLAN_APPROVED"
    PORTING_REQUESTED = "PORTING_REQUESTED"
    PORTING_WITHDRAWN = "PORTING_WITHDRAWN"
    PLACEMENT_OFFERED = "PLACEMENT_OFFERED"
    PLACEMENT_WITHDRAWN = "PLACEMENT_WITHDRAWN"
    PLACEMENT_CHOSEN = "PLACEMENT_CHOSEN"
    RESOLUTION_PACK_MADE = "RESOLUTION_PACK_MADE"
    PERSON_ADDED = "PERSON_ADDED"
    PERSON_INVITED = "PERSON_INVITED"
    PERSON_CHANGED = "PERSON_CHANGED"
    PERSON_REVOKED = "PERSON_REVOKED"
    DEVICE_REVOKED = "DEVICE_REVOKED"
    CLIENT_ADDED = "CLIENT_ADDED"
    CLIENT_REVOKED = "CLIENT_REVOKED"
    CLIENT_CREDENTIAL_ADDED = "CLIENT_CREDENTIAL_ADDED"
    CLIENT_CREDENTIAL_REVOKED = "CLIENT_CREDENTIAL_REVOKED"
    GUARDIAN_LINK_ASKED = "GUARDIAN_LINK_ASKED"
    GUARDIAN_LINKED = "GUARDIAN_LINKED"
    GUARDIAN_INVITED = "GUARDIAN_INVITED"
    GUARDIAN_LINK_ENDED = "GUARDIAN_LINK_ENDED"
    GUARDIAN_DEVICE_CHANGED = "GUARDIAN_DEVICE_CHANGED"
    PERSONAL_DATA_UNMASKED = "PERSONAL_DATA_UNMASKED"
    PERSONAL_DATA_CORRECTED = "PERSONAL_DATA_CORRECTED"
    PERSONAL_DATA_ERASED = "PERSONAL_DATA_ERASED"
    DATA_REQUEST_FILED = "DATA_REQUEST_FILED"
    DATA_REQUEST_DECLINED = "DATA_REQUEST_DECLINED"


@dataclass(frozen=True, slots=True, init=False)
class Transfer:
    """Move `amount` (Money, or a whole number of lessons) from the credit to the debit account."""

    debit: Account
    credit: Account
    amount: Money | int
    quantity: int = field(init=False, repr=False, compare=False)
    """Fen, or lessons."""

    def __init__(self, debit: Account, credit: Account, amount: Money | int) -> None:
        """Hold the promise of the class; breaking it is our mistake, not an answer."""
        unit = debit.unit
        assert unit is credit.unit, "a transfer stays in one unit"
        assert debit.custody == credit.custody, "a transfer stays in one custody account"
        assert debit != credit, "a transfer moves between two accounts"
        assert isinstance(amount, Money) is (unit is Unit.CNY), "unit fits amount"
        quantity = amount.fen if isinstance(amount, Money) else amount
        assert quantity > 0, "a transfer moves more than zero"
        _set(self, "debit", debit)
        _set(self, "credit", credit)
        _set(self, "amount", amount)
        _set(self, "quantity", quantity)

    def mirrored(self) -> Self:
        """Return the same move the other way round."""
        return type(self)(self.credit, self.debit, self.amount)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A kind, its transfers in order, and references (opaque ids and codes, never prose or names).

    `reason` is a code. Zero transfers record a fact without money.
    """

    kind: TransactionKind
    transfers: tuple[Transfer, ...] = ()
    references: Mapping[str, str] = field(default_factory=lambda: _NO_REFERENCES)
    reason: str | None = None

    def __post_init__(self) -> None:
        """Hold the bounds that the journal's encoding relies on."""
        assert len(self.references) <= REFERENCES_MAX, "too many references"

    @property
    def moves(self) -> list[tuple[Account, Account, int]]:
        """Debit account, credit account and quantity of each transfer."""
        return [(move.debit, move.credit, move.quantity) for move in self.transfers]

    @property
    def written_references(self) -> str:
        """The references as canonical JSON."""
        return chain.canonical_texts(self.references)

    def effects(self) -> dict[Account, int]:
        """Net change of each touched account in fen or lessons, signed by its normal side."""
        net: dict[Account, int] = {}
        for transfer in self.transfers:
            quantity, debit, credit = transfer.quantity, transfer.debit, transfer.credit
            net[debit] = net.get(debit, 0) + (quantity if debit.side is Side.DEBIT else -quantity)
            net[credit] = net.get(credit, 0) + (
                quantity if credit.side is Side.CREDIT else -quantity
            )
        return net

    def reversal(
        self,
        *,
        references: Mapping[str, str],
        kind: TransactionKind = TransactionKind.TRANSACTION_REVERSED,
        reason: str | None = None,
    ) -> Self:
        """Return the exact mirror (E30, I-07); `references` must say what it reverses."""
        return type(self)(
            kind, tuple(transfer.mirrored() for transfer in self.transfers), references, reason
        )


def money_transfers(*moves: tuple[Account, Account, Money]) -> tuple[Transfer, ...]:
    """Make transfers of (debit, credit, amount), leaving out zero amounts (never posted)."""
    return tuple(Transfer(debit, credit, amount) for debit, credit, amount in moves if amount)


def poured(
    sources: Sequence[tuple[Account, Money]], targets: Sequence[tuple[Account, Money]]
) -> list[tuple[Account, Account, Money]]:
    """Pair debits (sources) with credits (targets) in order; both sum to the same."""
    moves: list[tuple[Account, Account, Money]] = []
    waiting = [(target, wanted.fen) for target, wanted in reversed(targets)]
    for source, amount in sources:
        rest = amount.fen
        while rest:
            target, wanted = waiting.pop()
            part = min(rest, wanted)
            moves.append((source, target, Money.from_fen(part)))
            rest -= part
            if part < wanted:
                waiting.append((target, wanted - part))
    return moves
