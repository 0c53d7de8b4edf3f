"""Passwords, authenticator codes and failures: the pure rules, and the work they cost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.refusals import Busy, PasswordWeak
from service.identity import passwords, totp

RFC_6238_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_standards_own_examples(at_s: int, code: str) -> None:
    assert totp.code(RFC_6238_SECRET, totp.step_at(at_s)) == code


@given(at_s=st.integers(120, 2**40), off=st.integers(-3, 3))
def test_a_code_is_taken_one_step_early_or_late_and_no_further(at_s: int, off: int) -> None:
    step = totp.step_at(at_s) + off
    given_code = totp.code(RFC_6238_SECRET, step)

    taken = totp.matched(RFC_6238_SECRET, given_code, at_s=at_s, after=0)

    neighbours = {totp.code(RFC_6238_SECRET, totp.step_at(at_s) + d) for d in (-1, 0, 1)}
    assert (taken is not None) == (given_code in neighbours)


@given(at_s=st.integers(60, 2**40), off=st.integers(-1, 1))
def test_no_step_is_taken_twice_and_none_before_one_that_was_taken(at_s: int, off: int) -> None:
    given_code = totp.code(RFC_6238_SECRET, totp.step_at(at_s) + off)

    first = totp.matched(RFC_6238_SECRET, given_code, at_s=at_s, after=0)
    assert first is not None
    again = totp.matched(RFC_6238_SECRET, given_code, at_s=at_s, after=first)

    assert again is None or again > first


def test_secrets_and_recovery_codes_are_long_and_never_the_same() -> None:
    codes = totp.new_recovery_codes()

    assert totp.new_secret() != totp.new_secret()
    assert len(set(codes)) == totp.RECOVERY_CODES
    assert all(len(code.replace("-", "")) == 16 for code in codes)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "too_short"),
        ("elevenchars", "too_short"),
        ("x" * 129, "too_long"),
        ("Password1234", "common"),
        ("PASSWORD1234", "common"),
        ("234567890123", "common"),
        ("zyxwvutsrqponm", "common"),
        ("qwertyuiopasdf", "common"),
        ("aaaaaaaaaaaa", "too_few_different_characters"),
        ("ababababababab", "too_few_different_characters"),
        ("xx-zhangwei-xx", "holds_the_login_name"),
        ("xx-ZHANGWEI-xx", "holds_the_login_name"),
    ],
)
def test_a_password_that_is_easily_found_is_refused(password: str, reason: str) -> None:
    with pytest.raises(PasswordWeak) as refused:
        passwords.require_strong(password, "zhangwei@school.example")

    assert refused.value.facts["reason"] == reason


@pytest.mark.parametrize(
    "password",
    ["seven purple wombats", "一二三四五六七八九十甲乙丙", "kJ8#mQ2$xR5!", "a" * 8 + "bcdef"],
)
def test_a_password_that_is_not_is_taken(password: str) -> None:
    passwords.require_strong(password, "zhangwei@school.example")


@given(st.text(max_size=200))
def test_every_password_is_taken_or_refused_and_nothing_else_happens(password: str) -> None:
    try:
        passwords.require_strong(password)
    except PasswordWeak:
        return
    assert passwords.LENGTH_MIN <= len(passwords.written(password)) <= passwords.LENGTH_MAX


async def test_a_password_matches_however_its_letters_were_composed() -> None:
    kept = await passwords.hashed("caf\u00e9 con leche")

    assert kept.startswith("$argon2id$")
    assert await passwords.matches("cafe\u0301 con leche", kept)
    assert not await passwords.matches("cafe con leche", kept)


async def test_nobodys_password_takes_as_long_to_refuse_as_somebodys() -> None:
    kept = await passwords.hashed("seven purple wombats")
    started = time.process_time()
    assert not await passwords.matches("wrong", kept)
    somebody = time.process_time() - started

    started = time.process_time()
    assert not await passwords.matches("wrong", None)
    nobody = time.process_time() - started

    assert nobody > somebody / 5


async def test_who_waits_too_long_for_a_hash_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 0)

    with pytest.raises(Busy):
        await passwords.hashed("seven purple wombats")


async def test_a_broken_hash_matches_nothing() -> None:
    assert not await passwords.matches("seven purple wombats", "not a hash")
