"""Words for codes: what transactions, states, reasons and bases are called on paper."""

from typing import Final

from ledger.accounts import CHART, AccountKind, Reason
from ledger.transactions import TransactionKind
from service.papers.paper import Words

_T = TransactionKind

KINDS: Final[dict[str, Words]] = {
    _T.LEGACY_ONBOARDED: Words("存量合同纳入监管", "Earlier contract taken on"),
    _T.TOP_UP_RECEIVED: Words("机构补足", "Institution's top-up"),
    _T.RECEIPT_MATCHED: Words("收到学费", "Tuition received"),
    _T.CHANNEL_CAPTURED: Words("渠道收款", "Taken by a payment channel"),
    _T.CHANNEL_SETTLED: Words("渠道清算", "Settled by the channel"),
    _T.CASH_REPORTED: Words("现金收款", "Cash reported"),
    _T.CASH_PAID_IN: Words("现金缴存", "Cash paid in"),
    _T.SUSPENSE_MATCHED: Words("待核款入账", "Taken from suspense"),
    _T.ENROLMENT_LAPSED: Words("报名失效", "Enrolment lapsed"),
    _T.LESSON_RECORDED: Words("课时登记", "Lesson recorded"),
    _T.LESSON_CONFIRMED: Words("课时确认(消课)", "Lesson confirmed"),
    _T.LESSON_DISPUTED: Words("课时争议", "Lesson disputed"),
    _T.DISPUTE_UPHELD: Words("争议成立", "Dispute upheld"),
    _T.DISPUTE_REJECTED: Words("争议不成立", "Dispute rejected"),
    _T.LESSON_VOIDED: Words("课时作废", "Lesson voided"),
    _T.LESSON_REVERSED: Words("消课冲正", "Confirmed lesson reversed"),
    _T.TRANSACTION_REVERSED: Words("凭证冲正", "Transaction reversed"),
    _T.DIVERSION_DISCOVERED: Words("查实体外收费", "Collection outside custody found"),
    _T.DEBTS_MADE_GOOD: Words("机构欠款补足", "Institution's debts made good"),
    _T.OWN_FUNDS_APPLIED: Words("机构自有资金补足", "Institution's own funds applied"),
    _T.REFUND_APPROVED: Words("退费核准", "Refund approved"),
    _T.REFUND_INSTRUCTED: Words("退费指令", "Refund instructed"),
    _T.REFUND_EXECUTED: Words("退费已付", "Refund paid"),
    _T.REFUND_REJECTED: Words("退费被银行拒绝", "Refund rejected by the bank"),
    _T.REFUND_CANCELLED: Words("退费指令撤销", "Refund order cancelled"),
    _T.REFUND_RETURNED: Words("退费退汇", "Refund returned"),
    _T.REFUND_REVERSED: Words("退费冲账", "Refund reversed by the bank"),
    _T.REFUND_REISSUED: Words("退费重发", "Refund issued again"),
    _T.REFUND_TAKEN_BACK: Words("未付退费转回", "Unsent refund taken back"),
    _T.REFUND_LODGED: Words("退费提存", "Refund lodged with a notary"),
    _T.CHARGEBACK_DEBITED: Words("渠道拒付", "Charged back"),
    _T.SCHEDULE_REBASED: Words("课时表重定", "Schedule re-based"),
    _T.LESSONS_TRANSFERRED: Words("课时转让", "Lessons transferred"),
    _T.INTEREST_ALLOCATED: Words("利息分配", "Interest allocated"),
    _T.INTEREST_SETTLED: Words("利息结清", "Interest settled"),
    _T.FEE_HELD_BY_INSTITUTION: Words("学费由机构收取", "Fee paid to the institution"),
    _T.HELD_LESSON_CONFIRMED: Words("课时确认(机构自持)", "Lesson confirmed, fee held outside"),
    _T.HELD_REFUND_PAID: Words("机构自行退费", "Refund paid by the institution"),
    _T.HELD_FEES_CALLED: Words("机构自持学费催缴", "Held fees called"),
    _T.DEPOSIT_APPLIED: Words("保证金抵补", "Risk deposit applied"),
    _T.DEPOSIT_ARRIVED: Words("保证金划入", "Risk deposit arrived"),
    _T.ADVANCE_RECEIVED: Words("垫付到账", "Advance received"),
    _T.TRANSFER_INSTRUCTED: Words("划转指令", "Transfer instructed"),
    _T.BACKING_ARRIVED: Words("划转至另一托管银行", "Moved to another custodian bank"),
    _T.FAILED_BANK_PAYMENT_ARRIVED: Words("托管银行倒闭受偿", "Paid out of a failed bank"),
    _T.FAILED_BANK_LOSS_POSTED: Words("托管银行倒闭损失", "Lost with a failed bank"),
    _T.PORTING_REQUESTED: Words("申请转课", "Porting asked for"),
    _T.PORTING_WITHDRAWN: Words("撤回转课", "Porting withdrawn"),
    _T.PORTING_INSTRUCTED: Words("转课指令", "Porting instructed"),
    _T.PORTING_SENT: Words("转课划出", "Porting sent"),
    _T.PORTING_ARRIVED: Words("转课到账", "Porting arrived"),
    _T.PORTING_SETTLED: Words("转课结清", "Porting settled"),
    _T.PORTING_UNDONE: Words("转课撤销", "Porting undone"),
    _T.DISTRIBUTION_POSTED: Words("清算分配", "Distribution"),
    _T.RECOVERY_RECEIVED: Words("追回款到账", "Recovery received"),
    _T.RECOVERY_DISTRIBUTED: Words("追回款分配", "Recovery distributed"),
    _T.RESIDUAL_WRITTEN_OFF: Words("剩余债权核销", "Residual written off"),
    _T.ENROLMENT_OPENED: Words("报名成立", "Enrolment opened"),
}
"""What can touch an account that holds an enrolment's money or lessons."""

REASONS: Final[dict[str, Words]] = {
    "COOLING_OFF": Words("七日内无理由退费", "Cooling-off"),
    "BEFORE_START": Words("开课前退费", "Before the course began"),
    "CONSUMER": Words("消费者原因", "The consumer's reason"),
    "INSTITUTION": Words("机构原因", "The institution's fault"),
    "LAW_ENFORCEMENT": Words("执法责令停办", "Closed by law enforcement"),
    "COLLAPSE": Words("机构停业", "Collapse of the institution"),
    "PORTING": Words("转课", "Porting"),
}

BASES: Final[dict[str, Words]] = {
    "PRINCIPAL": Words("退还本金", "The principal"),
    "NOT_STARTED": Words("未开课全额", "Course not begun"),
    "LIST_PRICE": Words("按优惠前价格", "Price before discount"),
    "DISCOUNT_PRICE": Words("按折后价格", "Discounted price"),
    "PERIOD": Words("按剩余期限", "Remaining period"),
    "SCHEDULE": Words("按课时表", "As scheduled"),
    "LESSONS_GIVEN_UP": Words("放弃部分课时", "Lessons given up"),
    "POOLED": Words("合并按比例", "Pooled"),
    "TRACED_FIRST": Words("先归属后按比例", "Traced first"),
}

STATES: Final[dict[str, Words]] = {
    "FILED": Words("已提出", "Filed"),
    "AGREED": Words("机构同意", "Agreed"),
    "CONTESTED": Words("机构有异议", "Contested"),
    "DECIDED": Words("主管部门已裁定", "Decided"),
    "APPROVED": Words("已核准", "Approved"),
    "PAID": Words("已付清", "Paid"),
    "WITHDRAWN": Words("已撤回", "Withdrawn"),
    "DISMISSED": Words("已驳回", "Dismissed"),
    "REGISTERED": Words("已登记", "Registered"),
    "OBJECTED": Words("异议中", "Objected"),
    "ADMITTED": Words("已确认", "Admitted"),
    "POSTED": Words("已分配", "Distributed"),
    "SETTLED": Words("已结清", "Settled"),
    "LODGED": Words("已提存", "Lodged"),
    "RETURNED": Words("已退汇", "Returned"),
    "IN_TRANSIT": Words("付款在途", "On its way"),
    "WAITING_FOR_MONEY": Words("待补足资金", "Waiting for money"),
    "WAITING_FOR_PAYEE": Words("待登记收款账户", "Waiting for a payee"),
    "PAYABLE": Words("待付", "Payable"),
    "TAKEN_BACK": Words("转回", "Taken back"),
}

DAY_COUNTS: Final[dict[str, Words]] = {
    "NATURAL": Words("自然日", "natural days"),
    "WORKING": Words("工作日", "working days"),
}

UNFUNDED: Final = {
    Reason.LEGACY.value: Words("监管前收取未缴入", "collected before custody"),
    Reason.DIVERSION.value: Words("体外收取未缴入", "collected outside custody"),
}


def kind(code: str) -> Words:
    """Name a kind of transaction; an unknown one by its code."""
    return KINDS.get(code, Words(code))


def account(code: str, reason: str) -> Words:
    """Name an account of the chart, with why it stands apart."""
    chart = CHART[AccountKind(code)]
    why = UNFUNDED.get(reason)
    if why is None:
        return Words(chart.zh, chart.en)
    return Words(f"{chart.zh}({why.zh})", f"{chart.en}, {why.en}")


def named(words: dict[str, Words], code: str | None) -> Words | None:
    """Name a code from a table; an unknown one as it is, None for none."""
    return None if code is None else words.get(code, Words(code))
