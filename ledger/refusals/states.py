"""Refusals by state and by restraint."""

from ledger.refusals.base import Restrained, StateConflict


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


class StatementFileQuarantined(StateConflict, zh="对账单文件已隔离"):
    """The file says other than a statement that stands; nothing of it was posted."""


class StatementFileUnfinished(StateConflict, zh="前一对账单文件未入账完毕"):
    """A file of the same account and days is still being posted; send it again first."""


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


class MakerRevoked(StateConflict, zh="申请人已失去权限"):
    """Whoever asked for this may no longer ask for it; it can only be declined."""


class SameDevice(StateConflict, zh="须在另一设备上复核"):
    """Maker and checker work on one device or in one session."""


class ProposalStale(StateConflict, zh="规则包已有更新"):
    """The rule pack has got another version since this change was proposed."""


class ClaimAlreadyOpen(StateConflict, zh="已有未结退费申请"):
    """This enrolment already has an open claim."""


class WindDownAlreadyOpen(StateConflict, zh="已有清算案"):
    """This institution already has a wind-down."""


class LessonsUnsettled(StateConflict, zh="仍有未了结课时"):
    """Lessons of this enrolment or institution still wait for confirmation or a ruling."""


class PlanStale(StateConflict, zh="方案已失效"):
    """The books have moved since this plan was made, so it can no longer be carried out."""


class PayeeCoolingOff(StateConflict, zh="收款人变更冷静期"):
    """The payee was changed and the cool-off has not passed."""


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


class PackKeysMissing(StateConflict, zh="未配置处置包密钥"):
    """This installation has no keys to sign and seal resolution packs with."""


class SessionMissing(StateConflict, zh="不在登录会话中"):
    """Only a person who logged in has devices, a password and an authenticator."""
