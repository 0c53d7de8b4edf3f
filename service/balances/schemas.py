"""The JSON contract of balances: figures, the positions they stand at, and a parent's statement."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from litestar.params import QueryParameter
from pydantic import Field

from ledger.accounts import CHART, AccountKind, Reason, Unit
from ledger.money import Money
from service.balances.use_cases import Answer, Line
from service.store.positions import Positions
from service.web.instants import QueryInstant
from service.web.wire import Amount, Day, Instant, SignedAmount, WireOut, yuan

AsOf = Annotated[
    date | None, QueryParameter(description="Business date: the last position of that date.")
]
KnownAt = Annotated[
    QueryInstant | None, QueryParameter(description="Instant: what had been recorded by then.")
]
AtPosition = Annotated[
    str | None,
    QueryParameter(max_length=4_000, description="`position` of an earlier answer, repeated."),
]

_MONEY: Final = [kind for kind, chart in CHART.items() if chart.unit is Unit.CNY]
_DUE: Final = AccountKind.DUE_FROM_INSTITUTION


class JournalPosition(WireOut):
    """How far one journal is counted into an answer."""

    journal: int
    seq: int
    effective_on: Day
    recorded_at: Instant


class PositionOut(WireOut):
    """The date, instant and positions of an answer; asked again with them it is the same."""

    currency: Literal["CNY"] = "CNY"
    as_of: Day
    known_at: Instant
    position: str = Field(description="Repeat it as `position` for the same answer")
    journals: list[JournalPosition]

    @staticmethod
    def position_fields(at: Positions) -> dict[str, Any]:
        """Write the positions as this model's fields."""
        return {
            "as_of": at.as_of,
            "known_at": at.known_at,
            "position": at.written,
            "journals": [
                JournalPosition(
                    journal=each.journal,
                    seq=each.seq,
                    effective_on=each.effective_on,
                    recorded_at=each.recorded_at,
                )
                for each in at.at
            ],
        }


class AccountLine(WireOut):
    """The sum over the accounts of one kind (科目)."""

    code: str = Field(examples=["L1"])
    kind: str
    side: Literal["DEBIT", "CREDIT"]
    name: str
    name_zh: str
    balance: Amount


class DueOut(WireOut):
    """What institutions must make good for one reason (应补足款)."""

    reason: str
    amount: Amount


class InTransitOut(WireOut):
    """Money that was instructed and has not arrived (在途)."""

    payouts: Amount
    refunds: Amount
    transfers: Amount


class CoverageOut(WireOut):
    """Whether the bank holds what is owed; a shortfall is never netted between accounts."""

    state: Literal["COVERED", "SHORT", "UNKNOWN"]
    grade: Literal["A", "B", "C", "-"] = Field(description="What is published (公布等级)")
    ratio: str = Field(description="Per cent, floored to 0.01", examples=["100.00"])


class LessonsOut(WireOut):
    """Lessons contracted, still to be taken and taken (课时), paid and gift together."""

    contracted: int
    remaining: int
    taken: int


class CountsOut(WireOut):
    """How many stand behind the figures; an active enrolment has money and lessons left."""

    institutions: int
    active_enrolments: int
    custody_accounts: int


class FiguresOut(WireOut):
    """What one scope holds and owes, in yuan."""

    bank_money: Amount = Field(description="A1: at the banks (托管余额)")
    requirement: Amount = Field(description="What must be there (应有余额)")
    shortfall: Amount = Field(description="What is missing, account by account (缺口)")
    hard_shortfall: Amount = Field(description="What is missing and not on its way in time")
    coverage: CoverageOut
    liabilities: Amount = Field(description="Everything owed, L1 to L16")
    prepaid: Amount = Field(description="L1: lessons not taken (未消课款)")
    pending: Amount = Field(description="L2: lessons waiting for confirmation (待确认)")
    disputed: Amount = Field(description="L3: lessons in dispute (争议)")
    earned: Amount = Field(description="L4: earned and not paid out (已消课未划拨)")
    suspense: Amount = Field(description="L8: receipts not matched (待核款)")
    in_transit: InTransitOut
    due_from_institutions: list[DueOut]
    lessons: LessonsOut
    counts: CountsOut
    accounts: list[AccountLine] = Field(description="Every account kind with a balance")

    @staticmethod
    def figure_fields(line: Line) -> dict[str, Any]:
        """Write a line of an answer as this model's fields."""
        figures, covered = line.figures, line.figures.coverage
        kinds = AccountKind

        def fen(*wanted: AccountKind) -> str:
            return yuan(figures.quantity(*wanted))

        return {
            "bank_money": fen(kinds.CUSTODY_BANK),
            "requirement": str(covered.requirement),
            "shortfall": str(covered.shortfall),
            "hard_shortfall": str(covered.hard_shortfall),
            "coverage": CoverageOut(
                state=covered.state.value, grade=covered.grade.value, ratio=str(covered.ratio)
            ),
            "liabilities": fen(*(k for k in _MONEY if CHART[k].code.startswith("L"))),
            "prepaid": fen(kinds.STUDENT_PREPAID),
            "pending": fen(kinds.LESSON_PENDING),
            "disputed": fen(kinds.LESSON_DISPUTED),
            "earned": fen(kinds.INSTITUTION_PAYABLE),
            "suspense": fen(kinds.SUSPENSE_RECEIPT),
            "in_transit": InTransitOut(
                payouts=fen(kinds.PAYOUT_IN_TRANSIT),
                refunds=fen(kinds.REFUND_IN_TRANSIT),
                transfers=fen(kinds.BANK_TRANSFER_IN_TRANSIT),
            ),
            "due_from_institutions": [
                DueOut(reason=reason.value, amount=yuan(figures.quantity(_DUE, reason=reason)))
                for reason in Reason
                if figures.quantity(_DUE, reason=reason)
            ],
            "lessons": LessonsOut(
                contracted=figures.quantity(kinds.LESSON_UNITS_CONTRACTED),
                remaining=figures.quantity(kinds.LESSON_UNITS_GRANTED),
                taken=figures.quantity(kinds.LESSON_UNITS_CONSUMED),
            ),
            "counts": CountsOut(
                institutions=line.scope.institutions,
                active_enrolments=line.figures.active_enrolments,
                custody_accounts=line.scope.custody_accounts,
            ),
            "accounts": [
                _account_line(kind, fen(kind)) for kind in _MONEY if figures.quantity(kind)
            ],
        }


class BalancesOut(PositionOut, FiguresOut):
    """The figures of one division, institution or custody account."""

    adcode: str | None = None
    name: str | None = None
    institution_id: str | None = None
    custody_account_id: str | None = None


class ChildOut(FiguresOut):
    """The figures of one child of a division, or of what stands on the division itself."""

    adcode: str
    name: str | None


class ChildrenOut(PositionOut):
    """A division's figures and its children's, which add up to them."""

    total: ChildOut
    items: list[ChildOut]

    @classmethod
    def of(cls, answer: Answer) -> "ChildrenOut":
        """Write an answer whose first line is the whole."""
        whole, *rest = (
            ChildOut(adcode=line.code or "", name=line.name, **FiguresOut.figure_fields(line))
            for line in answer.lines
        )
        return cls(**PositionOut.position_fields(answer.positions), total=whole, items=rest)


class OneAccountOut(WireOut):
    """One account's balance in one custody account."""

    account_id: str
    custody_account_id: str
    balance: Amount | int = Field(description="Yuan, or whole lessons")


class AccountOut(PositionOut):
    """The balance of what one owner has of one account kind, now or as of then."""

    kind: str
    code: str
    name: str
    name_zh: str
    owner: str
    reason: str | None
    unit: Literal["CNY", "LESSON"]
    balance: Amount | int
    accounts: list[OneAccountOut]


class HeldOut(WireOut):
    """What stands on an enrolment: lessons not taken, waiting, in dispute, and all of it."""

    prepaid: Amount
    pending: Amount
    disputed: Amount
    held: Amount


class StatementLine(WireOut):
    """One transaction on an enrolment, and what stands on it afterwards."""

    transaction_id: str
    kind: str
    reason: str | None
    effective_on: Day
    recorded_at: Instant
    lesson_id: str | None
    lesson_reference: str | None
    slot: int | None
    prepaid: SignedAmount = Field(description="Change of the prepaid balance")
    pending: SignedAmount
    disputed: SignedAmount
    balance: HeldOut


class StatementOut(PositionOut):
    """A parent's own statement (对账单): every change with the running balances."""

    enrolment_id: str
    opening: HeldOut = Field(description="What stood before the first line of this page")
    items: list[StatementLine]
    next_cursor: str | None = None


def quantity_out(unit: Unit, quantity: int) -> str | int:
    """Write a quantity of an account: yuan as a string, lessons as a number."""
    return str(Money.from_fen(quantity)) if unit is Unit.CNY else quantity


def _account_line(kind: AccountKind, balance: str) -> AccountLine:
    chart = CHART[kind]
    return AccountLine(
        code=chart.code,
        kind=kind.value,
        side=chart.side.value,
        name=chart.en,
        name_zh=chart.zh,
        balance=balance,
    )
