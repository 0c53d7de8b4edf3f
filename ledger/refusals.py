"""Every way the ledger and the service say no, in order of precedence.

A refusal is an answer, not a failure: its class names the rule, its docstring is the title,
its facts are keywords. The classes stand in the order in which they are checked: syntax, caller,
object, state, restraint, balance, rule; a command that offends twice is answered with the first.
"""

import re
from typing import ClassVar, Final

Fact = str | int | bool | None | list[str]

TITLES_ZH: Final[dict[str, str]] = {}
"""Chinese titles by code, filled from the classes below."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The request is refused."""

    code: ClassVar[str] = "refused"
    zh: ClassVar[str] = "请求被拒绝"

    def __init_subclass__(cls, *, zh: str | None = None, **kwargs: object) -> None:
        """Give each class its stable code, made from its name, and its Chinese title."""
        super().__init_subclass__(**kwargs)
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        if zh is not None:
            cls.zh = zh
            TITLES_ZH[cls.code] = zh

    def __init__(self, **facts: Fact) -> None:
        """Keep the facts that the answer shows; never a name, phone or account number."""
        super().__init__(self.code, facts)
        self.facts: dict[str, Fact] = facts

    @property
    def title(self) -> str:
        """The class's docstring: one English sentence."""
        return (type(self).__doc__ or "").strip()


# --- syntax -------------------------------------------------------------------------------------


class Malformed(Refusal):
    """The request cannot be read."""


class RequestInvalid(Malformed, zh="请求内容不合规范"):
    """The request has fields that are not as documented."""


class BodyTooLarge(Malformed, zh="请求过大"):
    """The body or the list in it is larger than the route takes."""


class MediaTypeUnsupported(Malformed, zh="内容类型不支持"):
    """The body must be JSON, not compressed, in UTF-8."""


class IdempotencyKeyMissing(Malformed, zh="缺少幂等键"):
    """This command needs an Idempotency-Key of 1 to 128 visible ASCII characters."""


class RouteUnknown(Malformed, zh="地址不存在"):
    """There is no such path."""


class MethodUnsupported(Malformed, zh="方法不支持"):
    """The path exists but not with this method."""


# --- caller -------------------------------------------------------------------------------------


class CallerRefused(Refusal):
    """The caller may not do this."""


class NotAuthenticated(CallerRefused, zh="未登录或令牌失效"):
    """The bearer token is missing, unknown, expired or revoked."""


class VerbForbidden(CallerRefused, zh="角色无此权限"):
    """The caller's role does not have this verb."""


# --- object -------------------------------------------------------------------------------------


class ObjectUnknown(Refusal):
    """There is no such object in the caller's scope."""


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


# --- state --------------------------------------------------------------------------------------


class StateConflict(Refusal):
    """The object's state does not allow this."""


class IdempotencyInFlight(StateConflict, zh="同键请求处理中"):
    """A request with the same Idempotency-Key is still being carried out."""


class WrongState(StateConflict, zh="状态不允许"):
    """The object is not in a state from which this is possible."""


class AlreadyExists(StateConflict, zh="已存在"):
    """An object with this reference exists with other content."""


class LessonAlreadyRecorded(StateConflict, zh="课时已记录"):
    """This lesson was already recorded."""


class NoSlotLeft(StateConflict, zh="课时已用完"):
    """Every lesson of this enrolment is recorded or taken."""


class EnrolmentNotPaid(StateConflict, zh="报名未缴清"):
    """Lessons can be recorded only when the whole price has been received."""


class BankEntryContradicted(StateConflict, zh="银行流水矛盾"):
    """The bank reference stands with another amount, sign, payer or date."""


class StatementContradicted(StateConflict, zh="对账单矛盾"):
    """A statement of this account and date stands with other figures."""


class StatementChainBroken(StateConflict, zh="对账单不连续"):
    """The opening balance is not the closing balance of the statement before."""


class AlreadyReversed(StateConflict, zh="已冲正"):
    """This transaction was already reversed."""


class DayNotClosable(StateConflict, zh="不可关账"):
    """The day cannot be closed: it is not over, or a day before it is open."""


class LiabilityOutstanding(StateConflict, zh="仍有未清债务"):
    """Money is still owed to students or payers, so the institution cannot leave."""


class VersionStale(StateConflict, zh="版本已变"):
    """The object has changed since the version the caller expected."""


class MakerIsChecker(StateConflict, zh="须由他人复核"):
    """The person who asked for this cannot be the one who approves it."""


# --- restraint ----------------------------------------------------------------------------------


class Restrained(Refusal):
    """A restraint is in force."""


class EnrolmentStopped(Restrained, zh="已停止招生"):
    """New enrolments of this institution are stopped."""


class PayoutStopped(Restrained, zh="已停止划款"):
    """Payouts from this custody account are stopped."""


class InstitutionFrozen(Restrained, zh="机构已冻结"):
    """The institution is frozen."""


class AccountFenced(Restrained, zh="专户已隔离"):
    """Everything that leaves this custody account is stopped until it has been checked."""


class EnrolmentBlocked(Restrained, zh="报名有未结争议"):
    """An open dispute or claim blocks this enrolment."""


# --- balance ------------------------------------------------------------------------------------


class BalanceTooLow(Refusal, zh="余额不足"):
    """An account would be below zero."""


# --- rule ---------------------------------------------------------------------------------------


class RuleBroken(Refusal):
    """A rule says no."""


class IdempotencyKeyReused(RuleBroken, zh="幂等键被他用"):
    """The Idempotency-Key was used before with another request."""


class BatchRefused(RuleBroken, zh="整批被拒"):
    """An item of the batch was refused, so none was carried out."""


class AmountZero(RuleBroken, zh="金额须大于零"):
    """A command moves more than 0.00."""


class DateInFuture(RuleBroken, zh="日期在未来"):
    """The date or instant lies in the future."""


class AsOfUnsupported(RuleBroken, zh="不支持的时点组合"):
    """This combination of as_of and known_at is not answered."""


class PolicyMissing(RuleBroken, zh="缺少有效规则参数"):
    """No rule parameter is in force at that date, so nothing is allowed."""


class CalendarProvisional(RuleBroken, zh="节假日安排未公布"):
    """The calendar of that year is not official yet."""


class AdcodeNotInForce(RuleBroken, zh="区划代码未生效或已废止"):
    """The division code is not in force at that date."""


class AmountOverCap(RuleBroken, zh="超过收费上限"):
    """The price exceeds the cap on a single charge."""


class LessonsOverCap(RuleBroken, zh="超过课时上限"):
    """The lessons exceed the cap on a single charge."""


class SpanOverCap(RuleBroken, zh="超过收费时长上限"):
    """The span exceeds the cap on a single charge."""


class ChargedTooEarly(RuleBroken, zh="收费过早"):
    """The charge is earlier than the rules allow before the course starts."""


class PriceOverGuide(RuleBroken, zh="超过指导价或备案价"):
    """The price exceeds the guide price or the filed price."""


class OutsideTimetable(RuleBroken, zh="违反上课时间规定"):
    """The lesson is outside the hours or days allowed."""


class CourseNotFiled(RuleBroken, zh="课程未备案"):
    """Only a filed course takes money."""


class CustodyAccountInvalid(RuleBroken, zh="托管专户不适用"):
    """The custody account is not one this can be backed by."""


class CategoryMismatch(RuleBroken, zh="课程类别与许可类别不符"):
    """The course is not of the category the institution is licensed for."""


class DepartmentNotCompetent(RuleBroken, zh="非该辖区主管部门"):
    """The department is not a competent one of this jurisdiction."""


class CategoryClosed(RuleBroken, zh="不再审批该类别"):
    """No new licence of this category is given."""


class BankNotSelected(RuleBroken, zh="银行未入选"):
    """The bank is not a selected custodian of this jurisdiction."""


class AgreementMissing(RuleBroken, zh="未签监管协议"):
    """There is no supervision agreement in force."""


class ModeNotSupported(RuleBroken, zh="不支持的托管模式"):
    """This custody mode is not supported."""


class PayoutNotCovered(RuleBroken, zh="划款后余额不足以覆盖学员资金"):
    """After the payout the account would not hold what it owes to students."""


class HoldExceeded(RuleBroken, zh="超过可用余额"):
    """The amount exceeds what holds leave available."""


class SettlementAccountMissing(RuleBroken, zh="未登记结算账户"):
    """The institution has no settlement account to be paid to."""


class AbsenceNotCharged(RuleBroken, zh="缺课不消课"):
    """An absence does not take a lesson under this contract."""


class NotReversible(RuleBroken, zh="不可冲正"):
    """This transaction cannot be reversed on its own."""


class StatementUnbalanced(RuleBroken, zh="对账单不平"):
    """The opening balance and the day's sums do not add up to the closing balance."""


class ApprovalExpired(RuleBroken, zh="审批已过期"):
    """The approval has expired."""


class ClockBackwards(RuleBroken, zh="时钟不可回拨"):
    """Business time only moves forward."""


# --- service ------------------------------------------------------------------------------------


class Unavailable(Refusal):
    """The service cannot answer now."""


class Busy(Unavailable, zh="繁忙"):
    """The rows asked for are busy; the same request can be sent again."""


class OutcomeUnknown(Unavailable, zh="结果未知"):
    """The connection was lost around the commit; the same key will tell the one true outcome."""


class InternalFault(Unavailable, zh="内部故障"):
    """The service failed; nothing was changed unless the same key says so."""


def all_refusals() -> list[type[Refusal]]:
    """Every refusal that can be answered, in order of precedence (categories left out)."""
    found: list[type[Refusal]] = []

    def collect(parent: type[Refusal]) -> None:
        for child in parent.__subclasses__():
            if child.code in TITLES_ZH:
                found.append(child)
            collect(child)

    collect(Refusal)
    return found
