"""Refusals of objects that are not there, for this caller."""

from ledger.refusals.base import ObjectUnknown


class JurisdictionUnknown(ObjectUnknown, zh="辖区不存在"):
    """There is no such jurisdiction in the caller's scope."""


class AuditRowUnknown(ObjectUnknown, zh="审计记录不存在"):
    """There is no such row of the audit trail."""


class BankUnknown(ObjectUnknown, zh="银行不存在"):
    """There is no such bank."""


class BankMessageUnknown(ObjectUnknown, zh="银行报文不存在"):
    """There is no message of this name in the caller's scope."""


class BankKeyUnknown(ObjectUnknown, zh="银行密钥不存在"):
    """There is no such key of a bank in the caller's scope."""


class PersonUnknown(ObjectUnknown, zh="人员不存在"):
    """There is no such person in the caller's scope."""


class ClientUnknown(ObjectUnknown, zh="客户端不存在"):
    """There is no such client, or no such secret or key of it, in the caller's scope."""


class GuardianLinkUnknown(ObjectUnknown, zh="监护关联不存在"):
    """There is no such link between a parent and a contract's guardian in the caller's scope."""


class DeviceUnknown(ObjectUnknown, zh="设备不存在"):
    """There is no such device of this person."""


class InvitationUnknown(ObjectUnknown, zh="邀请无效"):
    """There is no such invitation, or it was used, withdrawn or has ended."""


class InstitutionUnknown(ObjectUnknown, zh="机构不存在"):
    """There is no such institution in the caller's scope."""


class CustodyAccountUnknown(ObjectUnknown, zh="托管专户不存在"):
    """There is no such custody account in the caller's scope."""


class CourseUnknown(ObjectUnknown, zh="课程不存在"):
    """There is no such course in the caller's scope."""


class EnrolmentUnknown(ObjectUnknown, zh="报名不存在"):
    """There is no such enrolment in the caller's scope."""


class LessonUnknown(ObjectUnknown, zh="课时不存在"):
    """There is no such lesson in the caller's scope."""


class ReceiptUnknown(ObjectUnknown, zh="入账不存在"):
    """There is no such bank entry in the caller's scope."""


class OrderUnknown(ObjectUnknown, zh="付款指令不存在"):
    """There is no such payment order in the caller's scope."""


class LeaseUnknown(ObjectUnknown, zh="指令租约不存在"):
    """There is no such lease of the caller's, or its orders were handed over again."""


class PartyUnknown(ObjectUnknown, zh="当事人不存在"):
    """There is no such party in the caller's scope."""


class NoticeUnknown(ObjectUnknown, zh="通知不存在"):
    """There is no such notice in the caller's scope."""


class TransactionUnknown(ObjectUnknown, zh="凭证不存在"):
    """There is no such transaction in the caller's scope."""


class AccountUnknown(ObjectUnknown, zh="账户不存在"):
    """There is no such account in the caller's scope."""


class StatementUnknown(ObjectUnknown, zh="对账单不存在"):
    """There is no such statement in the caller's scope."""


class ReconciliationUnknown(ObjectUnknown, zh="对账不存在"):
    """There is no such reconciliation in the caller's scope."""


class BreakUnknown(ObjectUnknown, zh="对账差异不存在"):
    """There is no such break in the caller's scope."""


class RestraintUnknown(ObjectUnknown, zh="限制措施不存在"):
    """There is no such restraint in the caller's scope."""


class ApprovalUnknown(ObjectUnknown, zh="审批不存在"):
    """There is no such approval in the caller's scope."""


class RulePackUnknown(ObjectUnknown, zh="规则包不存在"):
    """There is no such rule pack, or no such version of it."""


class ProposalUnknown(ObjectUnknown, zh="规则提案不存在"):
    """There is no such proposal in the caller's scope."""


class ClaimUnknown(ObjectUnknown, zh="退费申请不存在"):
    """There is no such claim in the caller's scope."""


class RefundUnknown(ObjectUnknown, zh="退费不存在"):
    """There is no such refund in the caller's scope."""


class WindDownUnknown(ObjectUnknown, zh="清算案不存在"):
    """There is no such wind-down in the caller's scope."""


class EntitlementUnknown(ObjectUnknown, zh="权益登记不存在"):
    """There is no such entitlement in the caller's scope."""


class ObjectionUnknown(ObjectUnknown, zh="异议不存在"):
    """There is no such objection in the caller's scope."""


class PlanUnknown(ObjectUnknown, zh="分配方案不存在"):
    """There is no such distribution plan in the caller's scope."""


class OfferUnknown(ObjectUnknown, zh="接收要约不存在"):
    """There is no such placement offer in the caller's scope."""


class PortingUnknown(ObjectUnknown, zh="转课不存在"):
    """There is no such porting in the caller's scope."""


class InterestUnknown(ObjectUnknown, zh="利息不存在"):
    """There is no such interest credit in the caller's scope."""


class PackUnknown(ObjectUnknown, zh="处置包不存在"):
    """There is no such resolution pack in the caller's scope."""


class DataRequestUnknown(ObjectUnknown, zh="个人信息请求不存在"):
    """There is no such request about personal data in the caller's scope."""


class CaseUnknown(ObjectUnknown, zh="案件不存在"):
    """There is no such case in the caller's scope."""


class StatementRequestUnknown(ObjectUnknown, zh="对账请求不存在"):
    """There is no such statement request in the caller's scope."""


class AssetUnknown(ObjectUnknown, zh="资产不存在"):
    """There is no such asset in the caller's scope."""


class CourtOrderUnknown(ObjectUnknown, zh="司法文书不存在"):
    """There is no such court order in the caller's scope."""


class BackingMoveUnknown(ObjectUnknown, zh="资金归属划转不存在"):
    """There is no such move of an enrolment's money in the caller's scope."""


class BankFailureUnknown(ObjectUnknown, zh="银行倒闭事件不存在"):
    """There is no such failure of a bank in the caller's scope."""
