"""Masks show enough to tell people apart, and never the whole of anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web import masks


@pytest.mark.parametrize(
    ("mask", "text", "shown"),
    [
        (masks.name, "张三", "张*"),
        (masks.name, "张小三", "张*三"),
        (masks.name, "欧阳大锤", "欧**锤"),
        (masks.name, "张", "*"),
        (masks.phone, "13812345678", "138****5678"),
        (masks.phone, "1381234", "*******"),
        (masks.account, "6222020000001234", "****1234"),
        (masks.account, "12345678", "****"),
        (masks.id_number, "500106199001011234", "500106********1234"),
        (masks.id_number, "5001061990", "**********"),
        (masks.name, None, ""),
        (masks.phone, "", ""),
        (masks.account, None, ""),
        (masks.id_number, None, ""),
    ],
)
def test_a_mask_is_as_supervisors_know_it(mask: object, text: str | None, shown: str) -> None:
    assert callable(mask)
    assert mask(text) == shown


@given(st.text(st.characters(exclude_characters="*"), min_size=1, max_size=30))
def test_nothing_is_ever_shown_whole(text: str) -> None:
    for mask in (masks.name, masks.phone, masks.account, masks.id_number):
        assert mask(text) != text
