"""Refusals of objects that are not there, for this caller."""

from ledger.refusals.base import ObjectUnknown


class JurisdictionUnknown(ObjectUnknown, zh="辖区不存在"):
    """There is no such jurisdiction in the caller's scope."""


class BankUnknown(ObjectUnknown, zh="银行不存在"):
    """There is no such bank."""


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


class RestraintUnknown(ObjectUnknown, zh="限制措施不存在"):
    """There is no such restraint in the caller's scope."""


class ApprovalUnknown(ObjectUnknown, zh="审批不存在"):
    """There is no such approval in the caller's scope."""
