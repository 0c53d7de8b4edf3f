"""Four eyes (双人复核): which acts need a second person, by kind, by amount and by rolling sum.

Some kinds always need one. Others need one above an amount; and what one person did alone within
the last 24 hours counts with it: of the same maker, to the same payee, at the same institution. So
an amount over the limit, split into pieces, needs a second person at the piece that crosses it.
Whatever the jurisdiction's limits, no single person ever decides alone on a kind in `ALWAYS`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from ledger.money import Money, total

WINDOW: Final = timedelta(hours=24)
"""What one person did alone within it counts towards the sums; an act exactly as old does not."""


class ActKind(StrEnum):
    """A kind of act that can need a second person."""

    PAYEE_CHANGE = "PAYEE_CHANGE"
    SETTLEMENT_ACCOUNT = "SETTLEMENT_ACCOUNT"
    REFUND = "REFUND"
    LODGING = "LODGING"
    SUSPENSE_MATCH = "SUSPENSE_MATCH"
    SUSPENSE_RETURN = "SUSPENSE_RETURN"
    BREAK_SIGN_OFF = "BREAK_SIGN_OFF"
    CORRECTION = "CORRECTION"
    RETENTION = "RETENTION"
    DEPOSIT = "DEPOSIT"
    WIND_DOWN = "WIND_DOWN"
    DISTRIBUTION = "DISTRIBUTION"
    LIFTING = "LIFTING"
    BACKING = "BACKING"
    BANK_FAILURE = "BANK_FAILURE"
    PARAMETERS = "PARAMETERS"
    KEY = "KEY"
    CALLER = "CALLER"
    PERSONAL_DATA = "PERSONAL_DATA"
    OTHER = "OTHER"


LIMITED: Final = frozenset(
    {ActKind.REFUND, ActKind.SUSPENSE_MATCH, ActKind.SUSPENSE_RETURN, ActKind.BREAK_SIGN_OFF}
)
"""Kinds that one person may decide up to a limit of the rule pack (I-45, decisions.md)."""

ALWAYS: Final = frozenset(ActKind) - LIMITED
"""Kinds that always need two, whatever a rule pack says."""


class Crossed(StrEnum):
    """Why an act needs a second person."""

    KIND = "KIND"
    AMOUNT = "AMOUNT"
    PAYEE_SUM = "PAYEE_SUM"
    MAKER_SUM = "MAKER_SUM"
    INSTITUTION_SUM = "INSTITUTION_SUM"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one person decides alone: at once and to one payee a day, and altogether a day.

    `day_sum` holds for one maker and for one institution. Raises ValueError when it is the smaller.
    """

    at_once: Money
    day_sum: Money

    def __post_init__(self) -> None:
        """Refuse limits of which one could never be reached."""
        if self.day_sum < self.at_once:
            raise ValueError("a day's sum is at least what one may decide at once")


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody decides or decided: how much, for whom, at which institution and when."""

    kind: ActKind
    amount: Money
    maker: str
    at: datetime
    payee: UUID | None = None
    institution: UUID | None = None


@dataclass(frozen=True, slots=True)
class Crossing:
    """The limit an act crosses, and the amount or sum by which it does."""

    crossed: Crossed
    figure: Money
    limit: Money


def crossing(act: Act, alone: Iterable[Act], limits: Limits) -> Crossing | None:
    """Return the limit that an act of a limited kind crosses, None when one person may decide it.

    `alone` are acts that were decided by one person; those of another kind, or as old as `WINDOW`,
    do not count, nor do those of the future. Judged in the order amount, payee, maker, institution.
    """
    assert act.kind in LIMITED, "the other kinds always need two"
    before = [past for past in alone if _counts(past, act)]
    sums: tuple[tuple[Crossed, bool, list[Money], Money], ...] = (
        (Crossed.AMOUNT, True, [], limits.at_once),
        (
            Crossed.PAYEE_SUM,
            act.payee is not None,
            [past.amount for past in before if past.payee == act.payee],
            limits.at_once,
        ),
        (
            Crossed.MAKER_SUM,
            True,
            [past.amount for past in before if past.maker == act.maker],
            limits.day_sum,
        ),
        (
            Crossed.INSTITUTION_SUM,
            act.institution is not None,
            [past.amount for past in before if past.institution == act.institution],
            limits.day_sum,
        ),
    )
    for crossed, applies, amounts, limit in sums:
        figure = total([*amounts, act.amount])
        if applies and figure > limit:
            return Crossing(crossed, figure, limit)
    return None


def _counts(past: Act, act: Act) -> bool:
    return past.kind is act.kind and act.at - WINDOW < past.at <= act.at
