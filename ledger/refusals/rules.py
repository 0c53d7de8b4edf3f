"""Refusals by rule."""

from ledger.refusals.base import RuleBroken


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


class PayerUnknown(RuleBroken, zh="付款人不明"):
    """The bank named no payer whom this money could go back to."""


class AbsenceNotCharged(RuleBroken, zh="缺课不消课"):
    """An absence does not take a lesson under this contract."""


class CoolingOffPassed(RuleBroken, zh="冷静期已过"):
    """The cooling-off period from payment has passed, or a lesson was taken."""


class CourseStarted(RuleBroken, zh="课程已开始"):
    """The course has started, so it is no longer a refund before the start."""


class NothingToRefund(RuleBroken, zh="无可退金额"):
    """Nothing is left of this enrolment that could be refunded."""


class EvidenceMissing(RuleBroken, zh="缺少证明材料"):
    """This needs a document that proves it."""


class DeductionOverItemised(RuleBroken, zh="扣除超过合同列明金额"):
    """Only materials itemised in the contract are deducted, at their actual cost."""


class PayeeMissing(RuleBroken, zh="缺少收款账户"):
    """Nobody is known whom this money could be paid to."""


class LevelTooLow(RuleBroken, zh="须上一级主管部门"):
    """Of the two persons, one must be of the next higher level."""


class ObjectionTooLate(RuleBroken, zh="异议期已过"):
    """The period for objections has ended."""


class ConsentMissing(RuleBroken, zh="缺少家长同意"):
    """The parent's consent is not recorded."""


class OfferFull(RuleBroken, zh="接收名额已满"):
    """The receiving institution has no place left, or the offer has ended."""


class DepositExceeded(RuleBroken, zh="超过可用保证金"):
    """More than the risk deposit that is held and not already on its way."""


class DepositBelow(RuleBroken, zh="保证金不足"):
    """The risk deposit does not cover one charging cycle of every student."""


class NotReversible(RuleBroken, zh="不可冲正"):
    """This transaction cannot be reversed on its own."""


class StatementUnbalanced(RuleBroken, zh="对账单不平"):
    """The opening balance and the day's sums do not add up to the closing balance."""


class StatementFileRefused(RuleBroken, zh="对账单文件被拒收"):
    """The file cannot be right by itself or does not continue; nothing of it was posted."""


class ParameterInvalid(RuleBroken, zh="参数取值无效"):
    """A value is unknown, of another type, or outside the bounds of its parameter."""


class RuleLoosened(RuleBroken, zh="不得宽于上级规则"):
    """A lower level's rule may only be stricter than the one of the level above."""


class PastRejudged(RuleBroken, zh="不得追溯"):
    """A rule changes from a day on that has not passed anywhere; what was judged stays judged."""


class NothingChanged(RuleBroken, zh="没有变化"):
    """The change leaves every rule as it is."""


class ApprovalExpired(RuleBroken, zh="审批已过期"):
    """The approval has expired."""


class ClockBackwards(RuleBroken, zh="时钟不可回拨"):
    """Business time only moves forward."""


class PasswordWeak(RuleBroken, zh="密码强度不足"):
    """The password is too easily found; the facts say why."""


class DutiesApart(RuleBroken, zh="职责不相容"):
    """These are not duties of the role, or not ones that one caller may hold together."""


class ContractNotProved(RuleBroken, zh="合同信息不符"):
    """Number, payment code and student's name are not those of one contract."""


class CaseUnrelated(RuleBroken, zh="与案件无关"):
    """The case is not about this person, so it is no reason to read their data."""
