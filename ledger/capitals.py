"""Amounts in Chinese capitals (大写金额), as cheques and receipts write them beside the figures.

The rules are those of the payment and settlement measures (支付结算办法, annex 1): 零 once for any
run of zeros between digits, 整 closes an amount that has no fen, and 零 stands before fen without
jiao. Where the annex leaves 零 free (a zero at the end of a group), none is written; where it
leaves 整 free (after jiao), it is written, so that nothing can be added.
"""

from typing import Final

from ledger.money import Money

CAPITALS_MAX: Final = Money.of("9999999999999.99")
"""The largest amount on the wire."""

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_WAN: Final = 10**4
_YI: Final = 10**8
_FULL_GROUP: Final = 10**3
_FULL_HALF: Final = 10**7


def in_capitals(amount: Money) -> str:
    """Write an amount from zero to `CAPITALS_MAX`, such as "人民币肆仟玖佰玖拾玖元玖角玖分"."""
    fen = amount.fen
    assert 0 <= fen <= CAPITALS_MAX.fen, "an amount on paper is zero or more and has its limit"
    yuan, rest = divmod(fen, 100)
    if not fen:
        return "人民币零元整"
    return f"人民币{f'{_whole(yuan)}元' if yuan else ''}{_parts(rest, after_yuan=bool(yuan))}"


def _whole(yuan: int) -> str:
    """Write whole yuan; what is above a hundred million (亿) is itself read in groups of four."""
    high, low = divmod(yuan, _YI)
    if not high:
        return _below_yi(low)
    return f"{_below_yi(high)}亿{_joined(low, _FULL_HALF, _below_yi(low))}"


def _below_yi(number: int) -> str:
    high, low = divmod(number, _WAN)
    if not high:
        return _group(low)
    return f"{_group(high)}万{_joined(low, _FULL_GROUP, _group(low))}"


def _joined(number: int, full: int, text: str) -> str:
    """Join what follows a group: 零 goes before it unless it fills its first place."""
    return f"零{text}" if 0 < number < full else text


def _group(number: int) -> str:
    """Write one to four digits: zeros between digits once, zeros at the end not at all."""
    text, skipped = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if skipped else "") + _DIGITS[digit] + _PLACES[place]
        skipped = not digit and bool(text)
    return text


def _parts(fen: int, *, after_yuan: bool) -> str:
    """Write jiao and fen, and the closing 整."""
    jiao, single = divmod(fen, 10)
    if not fen:
        return "整"
    if not jiao:
        return ("零" if after_yuan else "") + f"{_DIGITS[single]}分"
    return f"{_DIGITS[jiao]}角" + (f"{_DIGITS[single]}分" if single else "整")
