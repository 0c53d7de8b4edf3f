"""Passwords: argon2id, worked out in a few threads beside the event loop; what is too weak.

A hash takes a quarter of a second and 64 MiB, so only a few are made at once and only so many wait:
more are told to come back, and nobody can buy all our memory with logins.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ledger.refusals import Busy, PasswordWeak

T = TypeVar("T")

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 128
DIFFERENT_MIN: Final = 5
AT_ONCE: Final = 2
WAITING_MAX: Final = 64

_TRIED: Final = """
123456789012 1234567890123 12345678901234 123456789123 1234567890qwerty 1q2w3e4r5t6y
1qaz2wsx3edc 1qaz2wsx3edc4rfv aa123456789 abc123456789 abcd12345678 abcdef123456 abcdefghijkl
adminadmin12 administrator administrator1 asdfghjkl123 changeme1234 changemechangeme
iloveyou1234 iloveyou123456 letmein12345 letmeinletmein passw0rd1234 password1234
password12345 password123456 password1234567 passwordpassword p@ssw0rd1234 p@ssword1234
q1w2e3r4t5y6 qazwsxedcrfv qwerasdfzxcv qwerty123456 qwerty1234567 qwerty12345678
qwertyqwerty qwertyuiop12 qwertyuiop123 qwertyuiopasdf welcome12345 welcome123456
woaini123456 woaini1314520 woaini5201314 zaq12wsxcde3 zhangsan1234 zxcvbnm12345 zxcvbnmasdfg
tuitionescrow escrow123456 xuefei123456 mima12345678 qq123456789012 wang12345678 a1b2c3d4e5f6
"""
COMMON: Final = frozenset(_TRIED.split())
"""Passwords that everybody tries, of those long enough to be taken."""

_RUNS: Final = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
_HASHER: Final = PasswordHasher()
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$NX1Gv7o7uGv1Qm3m8p2b0w"
    "$AKZ4VWnyRqDfSjBfQPgHcB0xPYHVPFS9g8y4cyWX5aY"
)
"""A hash that no password is known for: what an unknown login is compared with."""

_THREADS: Final = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
_waiting: set[asyncio.Future[Any]] = set()


def written(password: str) -> str:
    """Return the one form of a password, however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password)


def require_strong(password: str, login: str | None = None) -> None:
    """Refuse a password that is short, among those everybody tries, or made of the login name.

    Raises `PasswordWeak` with the reason.
    """
    plain = written(password)
    folded = plain.casefold()
    if len(plain) < LENGTH_MIN:
        raise PasswordWeak(reason="too_short", length_min=LENGTH_MIN)
    if len(plain) > LENGTH_MAX:
        raise PasswordWeak(reason="too_long", length_max=LENGTH_MAX)
    if folded in COMMON or any(folded in run or folded in run[::-1] for run in _RUNS):
        raise PasswordWeak(reason="common")
    if len(set(folded)) < DIFFERENT_MIN:
        raise PasswordWeak(reason="too_few_different_characters")
    name = (login or "").casefold().partition("@")[0]
    if len(name) > 3 and name in folded:  # noqa: PLR2004 - shorter names stand in many words
        raise PasswordWeak(reason="holds_the_login_name")


async def hashed(password: str) -> str:
    """Return the argon2id hash of a password; raises `Busy` when too many wait."""
    return await _in_thread(lambda: _HASHER.hash(written(password)))


async def matches(password: str, kept: str | None) -> bool:
    """Tell whether this is the password; without one the same work is done, for no.

    Raises `Busy` when too many wait.
    """
    return await _in_thread(lambda: _verified(password, kept or _NOBODY)) and kept is not None


def _verified(password: str, kept: str) -> bool:
    try:
        return _HASHER.verify(kept, written(password))
    except (VerificationError, InvalidHashError):
        return False


async def _in_thread(work: Callable[[], T]) -> T:
    if len(_waiting) >= WAITING_MAX:
        raise Busy
    running = asyncio.get_running_loop().run_in_executor(_THREADS, work)
    _waiting.add(running)
    running.add_done_callback(_waiting.discard)
    return await running
