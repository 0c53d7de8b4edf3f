"""The chart of accounts (会计科目): every place money or lesson units can stand.

Source: domain.md section 3.1. The codes A1…A8, L1…L16 and U1, U2 stand in the docstrings; the
identifiers are the supervisor's words. `CHART` gives each kind its normal side, unit and names.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final
from uuid import UUID


class Side(StrEnum):
    """The side on which an account kind grows."""

    DEBIT = "DEBIT"
    CREDIT = "CREDIT"


class Unit(StrEnum):
    """What an account counts: fen of yuan, or lessons (课时)."""

    CNY = "CNY"
    LESSON = "LESSON"


class AccountKind(StrEnum):
    """Every kind of account; its entry in `CHART` says the rest."""

    __hash__ = str.__hash__  # An enum's own is written in Python, and every balance asks for it.

    CUSTODY_BANK = "CUSTODY_BANK"
    RISK_DEPOSIT_BANK = "RISK_DEPOSIT_BANK"
    CHANNEL_CLEARING = "CHANNEL_CLEARING"
    CASH_UNDEPOSITED = "CASH_UNDEPOSITED"
    DUE_FROM_INSTITUTION = "DUE_FROM_INSTITUTION"
    DUE_FROM_BANK = "DUE_FROM_BANK"
    HELD_BY_INSTITUTION = "HELD_BY_INSTITUTION"
    BANK_TRANSFER_IN_TRANSIT = "BANK_TRANSFER_IN_TRANSIT"
    STUDENT_PREPAID = "STUDENT_PREPAID"
    LESSON_PENDING = "LESSON_PENDING"
    LESSON_DISPUTED = "LESSON_DISPUTED"
    INSTITUTION_PAYABLE = "INSTITUTION_PAYABLE"
    PAYOUT_IN_TRANSIT = "PAYOUT_IN_TRANSIT"
    REFUND_PAYABLE = "REFUND_PAYABLE"
    REFUND_IN_TRANSIT = "REFUND_IN_TRANSIT"
    SUSPENSE_RECEIPT = "SUSPENSE_RECEIPT"
    RETURNED_REFUND_HELD = "RETURNED_REFUND_HELD"
    INTEREST_UNALLOCATED = "INTEREST_UNALLOCATED"
    STUDENT_INTEREST = "STUDENT_INTEREST"
    RISK_DEPOSIT_HELD = "RISK_DEPOSIT_HELD"
    RESIDUAL_CLAIM = "RESIDUAL_CLAIM"
    BANK_ERROR_CREDIT = "BANK_ERROR_CREDIT"
    PORTING_IN_TRANSIT = "PORTING_IN_TRANSIT"
    INSTITUTION_OWN_FUNDS = "INSTITUTION_OWN_FUNDS"
    LESSON_UNITS_CONTRACTED = "LESSON_UNITS_CONTRACTED"
    LESSON_UNITS_GRANTED = "LESSON_UNITS_GRANTED"
    LESSON_UNITS_CONSUMED = "LESSON_UNITS_CONSUMED"


class Reason(StrEnum):
    """Why an account of one kind and owner stands apart from its siblings."""

    __hash__ = str.__hash__

    BANK_CHARGE = "BANK_CHARGE"
    CLAWBACK = "CLAWBACK"
    CHARGEBACK = "CHARGEBACK"
    COURT_DEDUCTION = "COURT_DEDUCTION"
    CALLED = "CALLED"
    LEGACY = "LEGACY"
    DIVERSION = "DIVERSION"
    ERROR_DEBIT = "ERROR_DEBIT"
    FEE_DISPUTED = "FEE_DISPUTED"
    FAILED_BANK = "FAILED_BANK"
    WECHAT = "WECHAT"
    ALIPAY = "ALIPAY"
    UNIONPAY = "UNIONPAY"
    PAID = "PAID"
    GIFT = "GIFT"


@dataclass(frozen=True, slots=True)
class Chart:
    """What the chart says of one account kind."""

    code: str
    side: Side
    unit: Unit
    zh: str
    en: str


def _money(code: str, side: Side, zh: str, en: str) -> Chart:
    return Chart(code, side, Unit.CNY, zh, en)


def _lessons(code: str, side: Side, zh: str, en: str) -> Chart:
    return Chart(code, side, Unit.LESSON, zh, en)


_K = AccountKind
_DR, _CR = Side.DEBIT, Side.CREDIT

CHART: Final[dict[AccountKind, Chart]] = {
    _K.CUSTODY_BANK: _money("A1", _DR, "托管专户", "custody bank account"),
    _K.RISK_DEPOSIT_BANK: _money("A2", _DR, "风险保证金专户", "risk deposit bank account"),
    _K.CHANNEL_CLEARING: _money("A3", _DR, "渠道待清算", "captured by a channel, not yet settled"),
    _K.CASH_UNDEPOSITED: _money("A4", _DR, "现金待归集", "cash taken, not yet paid in"),
    _K.DUE_FROM_INSTITUTION: _money("A5", _DR, "机构应补足款", "due from the institution"),
    _K.DUE_FROM_BANK: _money("A6", _DR, "银行应返还款", "due from the bank"),
    _K.HELD_BY_INSTITUTION: _money("A7", _DR, "机构自持预收费", "fees the institution holds"),
    _K.BANK_TRANSFER_IN_TRANSIT: _money("A8", _DR, "划转在途", "transfer on its way"),
    _K.STUDENT_PREPAID: _money("L1", _CR, "学员未消课款", "student's prepaid, lessons not taken"),
    _K.LESSON_PENDING: _money("L2", _CR, "待确认课时款", "lessons waiting for confirmation"),
    _K.LESSON_DISPUTED: _money("L3", _CR, "争议课时款", "lessons in dispute"),
    _K.INSTITUTION_PAYABLE: _money("L4", _CR, "机构应付(已消课)", "earned and not paid out"),
    _K.PAYOUT_IN_TRANSIT: _money("L5", _CR, "划拨在途", "payout on its way"),
    _K.REFUND_PAYABLE: _money("L6", _CR, "应退费", "refund payable"),
    _K.REFUND_IN_TRANSIT: _money("L7", _CR, "退费在途", "refund on its way"),
    _K.SUSPENSE_RECEIPT: _money("L8", _CR, "待核款", "receipt in suspense"),
    _K.RETURNED_REFUND_HELD: _money("L9", _CR, "退汇挂账", "refund that came back"),
    _K.INTEREST_UNALLOCATED: _money("L10", _CR, "待分配利息", "interest not yet allocated"),
    _K.STUDENT_INTEREST: _money("L11", _CR, "学员利息", "student's interest"),
    _K.RISK_DEPOSIT_HELD: _money("L12", _CR, "机构保证金", "institution's risk deposit"),
    _K.RESIDUAL_CLAIM: _money("L13", _CR, "剩余债权", "residual claim"),
    _K.BANK_ERROR_CREDIT: _money("L14", _CR, "银行错入款", "credited by the bank in error"),
    _K.PORTING_IN_TRANSIT: _money("L15", _CR, "转课在途", "porting to another institution"),
    _K.INSTITUTION_OWN_FUNDS: _money("L16", _CR, "机构自有补足/备用金", "institution's own funds"),
    _K.LESSON_UNITS_CONTRACTED: _lessons("U0", _DR, "合同课时", "lessons contracted"),
    _K.LESSON_UNITS_GRANTED: _lessons("U1", _CR, "未消课时", "lessons granted, not taken"),
    _K.LESSON_UNITS_CONSUMED: _lessons("U2", _CR, "已消课时", "lessons taken"),
}
"""The chart: U0 is the contra side of U1 and U2, so that the unit ledger balances as well."""

STUDENT_OWNED: Final = (
    _K.STUDENT_PREPAID,
    _K.LESSON_PENDING,
    _K.LESSON_DISPUTED,
    _K.REFUND_PAYABLE,
    _K.REFUND_IN_TRANSIT,
    _K.SUSPENSE_RECEIPT,
    _K.RETURNED_REFUND_HELD,
    _K.STUDENT_INTEREST,
    _K.PORTING_IN_TRANSIT,
)
"""L1, L2, L3, L6, L7, L8, L9, L11, L15: money that is a student's or a payer's (section 4)."""

_set = object.__setattr__
_REMEMBERED: Final = 16_384
"""Accounts of institutions that are kept."""

NOT_REQUIRED: Final = (_K.RISK_DEPOSIT_HELD, _K.INSTITUTION_OWN_FUNDS)
"""L12 and L16: liabilities that the custody requirement leaves out (I-20)."""

ASSETS: Final = tuple(k for k, c in CHART.items() if c.side is _DR and c.unit is Unit.CNY)
LIABILITIES: Final = tuple(k for k, c in CHART.items() if c.side is _CR and c.unit is Unit.CNY)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Account:
    """One account: kind + owner + custody account + reason identify it.

    `owner` is the enrolment, institution, order or bank entry of the chart's owner key;
    `custody` the custody (or deposit) account whose bank money backs it; `institution` whose
    books it stands in, derived and so not part of the identity. Every balance is kept by account,
    so the hash of the identity is taken once.
    """

    kind: AccountKind
    owner: UUID
    custody: UUID
    reason: Reason | None = None
    institution: UUID | None = None
    side: Side = field(init=False, repr=False)
    """The side on which this account grows."""
    unit: Unit = field(init=False, repr=False)
    """What this account counts."""
    _hash: int = field(init=False, repr=False)

    def __init__(
        self,
        kind: AccountKind,
        owner: UUID,
        custody: UUID,
        reason: Reason | None = None,
        institution: UUID | None = None,
    ) -> None:
        """Take side and unit from the chart, and the hash of the identity."""
        chart = CHART[kind]
        _set(self, "kind", kind)
        _set(self, "owner", owner)
        _set(self, "custody", custody)
        _set(self, "reason", reason)
        _set(self, "institution", institution)
        _set(self, "side", chart.side)
        _set(self, "unit", chart.unit)
        _set(self, "_hash", hash((kind, owner, custody, reason)))

    def of_another(self, owner: UUID) -> "Account":
        """Return the same account of another owner in the same books."""
        made = object.__new__(Account)
        kind, custody, reason = self.kind, self.custody, self.reason
        _set(made, "kind", kind)
        _set(made, "owner", owner)
        _set(made, "custody", custody)
        _set(made, "reason", reason)
        _set(made, "institution", self.institution)
        _set(made, "side", self.side)
        _set(made, "unit", self.unit)
        _set(made, "_hash", hash((kind, owner, custody, reason)))
        return made

    def __hash__(self) -> int:
        """Hash of the identity."""
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Compare the identities."""
        if self is other:
            return True
        return (
            isinstance(other, Account)
            and self._hash == other._hash
            and self.kind is other.kind
            and self.owner == other.owner
            and self.custody == other.custody
            and self.reason is other.reason
        )


@lru_cache(maxsize=_REMEMBERED)
def own_account(
    kind: AccountKind,
    owner: UUID,
    custody: UUID,
    reason: Reason | None = None,
    institution: UUID | None = None,
) -> Account:
    """Return an account of an institution itself, the same one each time.

    A batch touches it with every command; what is the same object needs no comparing.
    """
    return Account(kind, owner, custody, reason, institution)
