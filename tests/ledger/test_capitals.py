"""Amounts in capitals: what the payment and settlement measures show, and back to the fen."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.capitals import CAPITALS_MAX, in_capitals
from ledger.money import Money

DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}

amounts = st.one_of(
    st.integers(min_value=0, max_value=CAPITALS_MAX.fen),
    # Amounts full of zeros, which is where writing goes wrong.
    st.lists(st.sampled_from([0, 0, 0, 1, 9]), min_size=1, max_size=15).map(
        lambda digits: int("".join(map(str, digits)))
    ),
)


def read_back(text: str) -> int:
    """Read capitals into fen, digit by digit, knowing nothing of how they were written."""
    found = re.fullmatch(r"人民币(?:(.+)元)?零?(?:(.)角)?(?:(.)分)?整?", text)
    assert found, text
    yuan, jiao, fen = found.groups()
    return number(yuan or "零") * 100 + DIGITS[jiao or "零"] * 10 + DIGITS[fen or "零"]


def number(text: str) -> int:
    for name, factor in (("亿", 10**8), ("万", 10**4)):
        high, mark, low = text.rpartition(name)
        if mark:
            return number(high) * factor + number(low)
    total = digit = 0
    for letter in text:
        if letter in UNITS:
            total, digit = total + digit * UNITS[letter], 0
        else:
            digit = DIGITS[letter]
    return total + digit


@pytest.mark.parametrize(
    ("figures", "capitals"),
    [
        ("0.00", "零元整"),
        ("0.01", "壹分"),
        ("0.10", "壹角整"),
        ("0.55", "伍角伍分"),
        ("1.00", "壹元整"),
        ("10.00", "壹拾元整"),
        ("10.05", "壹拾元零伍分"),
        ("100.50", "壹佰元伍角整"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        ("1001.00", "壹仟零壹元整"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("4999.99", "肆仟玖佰玖拾玖元玖角玖分"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("20345.73", "贰万零叁佰肆拾伍元柒角叁分"),
        ("107000.53", "壹拾万柒仟元伍角叁分"),
        ("100000.00", "壹拾万元整"),
        ("1000700.00", "壹佰万零柒佰元整"),
        ("44000000.00", "肆仟肆佰万元整"),
        ("100000001.00", "壹亿零壹元整"),
        ("110000000.00", "壹亿壹仟万元整"),
        ("1000010000.00", "壹拾亿零壹万元整"),
        ("1000000000000.00", "壹万亿元整"),
        ("1000000000001.01", "壹万亿零壹元零壹分"),
        ("1001000000000.00", "壹万零壹拾亿元整"),
        ("9999999999999.99", "玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_an_amount_is_written_as_on_a_cheque(figures: str, capitals: str) -> None:
    assert in_capitals(Money.of(figures)) == f"人民币{capitals}"


@given(amounts)
def test_capitals_say_the_amount_and_nothing_else(fen: int) -> None:
    written = in_capitals(Money.from_fen(fen))

    assert read_back(written) == fen
    assert "零零" not in written
    assert ("整" in written) is (fen % 10 == 0)


@given(amounts, amounts)
def test_two_amounts_never_read_alike(one: int, other: int) -> None:
    written = in_capitals(Money.from_fen(one)), in_capitals(Money.from_fen(other))

    assert (written[0] == written[1]) is (one == other)


@pytest.mark.parametrize("fen", [-1, CAPITALS_MAX.fen + 1])
def test_what_no_paper_can_say_is_a_mistake_of_ours(fen: int) -> None:
    with pytest.raises(AssertionError):
        in_capitals(Money.from_fen(fen))
