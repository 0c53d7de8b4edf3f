"""Money: yuan to the fen, exactly (金额).

An amount is kept as whole fen (分). It is made from decimals in a context that traps `Inexact` and
`FloatOperation`, so an amount is either exact or an error, never rounded; sums and differences of
fen are exact by themselves. Storage keeps fen as well; this type is what the rules read and write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from itertools import pairwise
from typing import Final, Self

_EXACT: Final = Context(
    prec=28, traps=[Inexact, FloatOperation, InvalidOperation, DivisionByZero, Overflow]
)
_FEN: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)
_set = object.__setattr__


@dataclass(frozen=True, slots=True, init=False)
class Money:
    """An exact amount of yuan with two decimal places; may be negative only as a difference.

    Raises `decimal.Inexact` for more than two places, `decimal.FloatOperation` for floats and
    `decimal.InvalidOperation` for what is not a finite number.
    """

    fen: int
    """The same amount in whole fen (分), a hundredth of a yuan."""

    def __init__(self, yuan: Decimal) -> None:
        """Bring the amount to two places; refuse what has more, is not finite, or is a float."""
        if not isinstance(yuan, Decimal):
            raise FloatOperation(f"money is made from Decimal, not {type(yuan).__name__}")
        exact = _EXACT.quantize(yuan, _FEN)
        if exact.is_nan():
            raise InvalidOperation("money is a finite number")
        _set(self, "fen", int(_EXACT.multiply(exact, _HUNDRED)))

    @classmethod
    def of(cls, text: str) -> Self:
        """Make money from a decimal string such as "4999.99"."""
        return cls(_EXACT.create_decimal(text))

    @classmethod
    def from_fen(cls, fen: int) -> Self:
        """Make money from whole fen; another type of number goes the way of decimals."""
        if type(fen) is not int:
            return cls(_EXACT.multiply(_EXACT.create_decimal(fen), _FEN))
        made = object.__new__(cls)
        _set(made, "fen", fen)
        return made

    @property
    def yuan(self) -> Decimal:
        """The amount as a decimal of two places."""
        return _EXACT.multiply(_EXACT.create_decimal(self.fen), _FEN)

    def __add__(self, other: Self) -> Self:
        """Sum of two amounts."""
        return self.from_fen(self.fen + other.fen)

    def __sub__(self, other: Self) -> Self:
        """Difference of two amounts; negative when `other` is greater."""
        return self.from_fen(self.fen - other.fen)

    def __lt__(self, other: Self) -> bool:
        """Tell whether it is less."""
        return self.fen < other.fen

    def __le__(self, other: Self) -> bool:
        """Tell whether it is as much or less."""
        return self.fen <= other.fen

    def __gt__(self, other: Self) -> bool:
        """Tell whether it is more."""
        return self.fen > other.fen

    def __ge__(self, other: Self) -> bool:
        """Tell whether it is as much or more."""
        return self.fen >= other.fen

    def __neg__(self) -> Self:
        """Return the amount with its sign turned."""
        return self.from_fen(-self.fen)

    def __bool__(self) -> bool:
        """Tell whether there is any money at all."""
        return self.fen != 0

    def __str__(self) -> str:
        """Render as on the wire: digits, a point, two digits."""
        yuan, fen = divmod(abs(self.fen), 100)
        return f"{'-' if self.fen < 0 else ''}{yuan}.{fen:02d}"


ZERO: Final = Money(Decimal("0.00"))


def total(amounts: Sequence[Money]) -> Money:
    """Add up amounts; zero for none."""
    return Money.from_fen(sum(amount.fen for amount in amounts))


def split(amount: Money, parts: int) -> tuple[Money, ...]:
    """Part an amount ≥ 0 into `parts` ≥ 1 so that they sum to it and differ by at most one fen.

    Part k is R(k) − R(k−1) with R(k) = ⌊k·amount/parts⌋ (I-11).
    """
    assert parts >= 1, "an amount is split into one part or more"
    fen = amount.fen
    assert fen >= 0, "only an amount of zero or more is split"
    marks = [fen * part // parts for part in range(parts + 1)]
    return tuple(Money.from_fen(after - before) for before, after in pairwise(marks))


def share(pool: Money, weights: Sequence[int]) -> tuple[Money, ...]:
    """Share a pool by integer weights ≥ 0, largest remainder first, ties to the earlier weight.

    The shares sum to the pool exactly when any weight is above zero; otherwise nobody gets
    anything.
    """
    whole = sum(weights)
    fen = pool.fen
    assert fen >= 0, "only a pool of zero or more is shared"
    assert all(weight >= 0 for weight in weights), "a weight is zero or more"
    if whole == 0:
        return tuple(ZERO for _ in weights)
    floors = [fen * weight // whole for weight in weights]
    rest = fen - sum(floors)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(fen * weights[i] % whole), i))
    for index in by_remainder[:rest]:
        floors[index] += 1
    return tuple(Money.from_fen(floor) for floor in floors)
