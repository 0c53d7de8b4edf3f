"""Payment codes: found in what payers write, and never somebody else's by a slip."""

from hypothesis import assume, given
from hypothesis import strategies as st

from service.store import payment_codes

codes = st.integers(min_value=0, max_value=2**64 - 1).map(payment_codes.make)
body = st.integers(min_value=2, max_value=11)


@given(code=codes, place=body, other=st.sampled_from(payment_codes.ALPHABET))
def test_no_single_slip_makes_another_valid_code(code: str, place: int, other: str) -> None:
    slipped = code[:place] + other + code[place + 1 :]

    assert payment_codes.is_valid(slipped) is (slipped == code)


@given(code=codes, place=st.integers(min_value=2, max_value=9))
def test_no_swap_of_neighbours_makes_another_valid_code(code: str, place: int) -> None:
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]

    assert payment_codes.is_valid(swapped) is (swapped == code)


@given(code=codes)
def test_a_code_is_found_in_a_purpose_however_it_is_written(code: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    spaced = " ".join((code[:4], code[4:8], code[8:])).lower()

    assert payment_codes.found_in(f"学费 {wide} 张同学") == code
    assert payment_codes.found_in(f"缴费码:{spaced}") == code


@given(first=codes, second=codes)
def test_two_codes_in_one_purpose_name_nobody(first: str, second: str) -> None:
    found = payment_codes.found_in(f"{first}/{second}")

    assert found == (first if first == second else None)


@given(code=codes, noise=st.sampled_from(["TE", "XUEFEITETE", "青禾艺术TE2", "NO2026TET"]))
def test_noise_before_a_code_and_after_it_does_not_hide_it(code: str, noise: str) -> None:
    written = noise + code
    assume(not any(payment_codes.is_valid(written[at : at + 12]) for at in range(len(noise))))
    cut = "/".join((noise, code[:3], code[3:9], code[9:]))

    assert payment_codes.found_in(f"{written}学费") == code
    assert payment_codes.found_in(f"(原示例青禾艺术培训) {cut}:谢谢") == code
