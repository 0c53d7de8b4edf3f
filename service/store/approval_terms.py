"""Terms of the words that a second person reads: roles, labels, transactions and limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.four_eyes import Crossed
from ledger.transactions import TransactionKind

_K: Final = TransactionKind


@dataclass(frozen=True, slots=True)
class Words:
    """One line, in Chinese and in English."""

    zh: str
    en: str


AMOUNTS: Final = frozenset({"amount", "claimed", "distributed", "refund", "interest"})
"""Keys of payloads whose values are amounts."""

_ROLES: Final = {
    "regulator": "主管部门",
    "bank": "托管银行",
    "institution": "培训机构",
    "parent": "家长",
    "operator": "平台运营",
    "auditor": "审计",
}

_LABELS: Final = {
    "amount": Words("金额", "Amount"),
    "claimed": Words("申报债权", "Claimed"),
    "distributed": Words("分配金额", "Distributed"),
    "reason": Words("原因代码", "Reason"),
    "kind": Words("类别", "Kind"),
    "verdict": Words("裁定", "Verdict"),
    "target_type": Words("对象类别", "Target"),
    "basis": Words("分配基础", "Basis"),
    "round": Words("轮次", "Round"),
    "plan_hash": Words("方案摘要", "Hash of the plan"),
    "document_hash": Words("文件摘要", "Hash of the document"),
    "transaction_id": Words("凭证", "Transaction"),
    "break_id": Words("对账差异", "Break"),
    "cause": Words("差异原因", "Cause"),
    "restraint_id": Words("限制措施", "Restraint"),
    "claim_id": Words("退费申请", "Claim"),
    "enrolment_id": Words("报名", "Enrolment"),
    "receipt_id": Words("入账", "Receipt"),
    "refund_id": Words("退费", "Refund"),
    "order_id": Words("付款指令", "Payment order"),
    "plan_id": Words("分配方案", "Distribution plan"),
    "wind_down_id": Words("清算案", "Wind-down"),
    "custody_account_id": Words("托管专户", "Custody account"),
    "target_custody_account_id": Words("转入托管专户", "Custody account it goes to"),
    "move_id": Words("资金归属划转", "Move of the backing"),
    "failure_id": Words("银行倒闭事件", "Failure of the bank"),
    "failed_on": Words("倒闭日", "Failed on"),
    "deposit_account_id": Words("保证金专户", "Deposit account"),
    "version": Words("登记版本", "Version of the entry"),
    "payee_party_id": Words("收款人", "Payee"),
}

_TRANSACTIONS: Final = {
    _K.TRANSACTION_REVERSED: Words("凭证冲正", "transaction reversed"),
    _K.RECEIPT_HELD: Words("转入待核款", "receipt held in suspense"),
    _K.RECEIPT_RESTATED: Words("待核款更正", "receipt told of more fully"),
    _K.DUPLICATE_CLOSED: Words("重复入账核销", "duplicate closed"),
    _K.BANK_DUPLICATE_RECOGNISED: Words("确认银行重复入账", "recognised as the bank's own"),
    _K.SUSPICION_LIFTED: Words("解除重复入账疑点", "suspicion lifted"),
    _K.SUSPENSE_MATCHED: Words("待核款入账", "suspense matched"),
    _K.SUSPENSE_RETURN_INSTRUCTED: Words("待核款退回指令", "return from suspense instructed"),
    _K.BANK_CHARGE_DEBITED: Words("银行手续费", "bank charge"),
    _K.OWN_FUNDS_APPLIED: Words("自有资金补足", "own funds applied"),
    _K.DEBTS_MADE_GOOD: Words("机构欠款补足", "debts made good"),
    _K.REFUND_APPROVED: Words("退费核准", "refund approved"),
    _K.SCHEDULE_REBASED: Words("课时表重定", "schedule re-based"),
    _K.REFUND_INSTRUCTED: Words("退费指令", "refund instructed"),
    _K.REFUND_REISSUED: Words("退费重发", "refund issued again"),
    _K.PAYEE_CHANGED: Words("收款人变更", "payee changed"),
    _K.BREAK_SIGNED_OFF: Words("差异签核", "break signed off"),
    _K.RESTRAINT_LIFTED: Words("解除限制措施", "restraint lifted"),
    _K.SUSPENSE_FOUND_ERROR: Words("待核款认定为银行错入款", "suspense found to be the bank's"),
    _K.BANK_ERROR_DEBITED: Words("银行错误扣款", "wrong debit of the bank"),
    _K.BACKING_ARRIVED: Words("学员资金归属划转", "backing moved"),
    _K.BANK_FAILED: Words("托管银行倒闭", "bank failed"),
    _K.FAILED_BANK_LOSS_POSTED: Words("倒闭银行损失入账", "loss with a failed bank posted"),
    _K.BANK_FAILURE_CLOSED: Words("银行倒闭了结", "bank's failure closed"),
    _K.PLAN_APPROVED: Words("分配方案核准", "plan approved"),
    _K.TRANSFER_INSTRUCTED: Words("划转指令", "transfer instructed"),
    _K.WIND_DOWN_ADVANCED: Words("清算推进", "wind-down advanced"),
    _K.RESIDUAL_WRITTEN_OFF: Words("剩余债权核销", "residual written off"),
    _K.DEPOSIT_RELEASE_INSTRUCTED: Words("保证金退还指令", "release of the deposit instructed"),
    _K.DEPOSIT_APPLIED: Words("保证金抵补", "deposit applied"),
    _K.HELD_FEES_CALLED: Words("机构自持学费催缴", "held fees called"),
    _K.INSTITUTION_CHANGED: Words("机构登记变更", "institution's entry changed"),
}

_TABLES: Final = {
    "institution": Words("机构", "Institution"),
    "enrolment": Words("报名", "Enrolment"),
    "lesson": Words("课时", "Lesson"),
    "claim": Words("退费申请", "Claim"),
    "refund": Words("退费", "Refund"),
    "payment_order": Words("付款指令", "Payment order"),
    "bank_entry": Words("银行流水", "Bank entry"),
    "reconciliation_break": Words("对账差异", "Break"),
    "wind_down": Words("清算案", "Wind-down"),
    "distribution_plan": Words("分配方案", "Distribution plan"),
    "entitlement": Words("权益登记", "Entitlement"),
}

_CROSSED: Final = {
    Crossed.AMOUNT: Words("单笔金额", "the amount"),
    Crossed.PAYEE_SUM: Words("24 小时内同一收款人合计", "24 hours' sum for the same payee"),
    Crossed.MAKER_SUM: Words("24 小时内同一经办人合计", "24 hours' sum of the same person"),
    Crossed.INSTITUTION_SUM: Words("24 小时内同一机构合计", "24 hours' sum at the institution"),
}


def titled(title: tuple[str, str] | None, name: str) -> Words:
    """Name a command; one without a title by its name."""
    return Words(name, name.replace("_", " ")) if title is None else Words(*title)


def role(code: str) -> Words:
    """Name a role."""
    return Words(_ROLES.get(code, code), code)


def label(key: str) -> Words:
    """Name a part of a payload; one without a label by its key."""
    return _LABELS.get(key, Words(key, key.replace("_", " ")))


def transaction(kind: str) -> Words:
    """Name a kind of transaction."""
    return _TRANSACTIONS.get(TransactionKind(kind), Words(kind, kind.lower().replace("_", " ")))


def table(name: str) -> Words:
    """Name what a row of a table is."""
    return _TABLES.get(name, Words(name, name.replace("_", " ").capitalize()))


def crossed(crossing: Mapping[str, Any]) -> Words:
    """Say which limit an act crosses and by what."""
    what = _CROSSED[Crossed(crossing["crossed"])]
    figure, limit = crossing["figure"], crossing["limit"]
    return Words(
        f"须两人办理:{what.zh} {figure} 元,超过限额 {limit} 元",
        f"Needs two people: {what.en} is CNY {figure}, over the limit of CNY {limit}",
    )
