"""Payment codes (缴费码): printed on the contract, written by the payer, read by the bank.

Twelve characters: "TE", nine of an alphabet without look-alikes, and a check character, so that a
mistyped code names nobody rather than somebody else. The alphabet has 29 characters, a prime, so
every single slip and every swap of neighbours changes the check.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTWXYZ"
PREFIX: Final = "TE"
BODY_LENGTH: Final = 9
LENGTH: Final = len(PREFIX) + BODY_LENGTH + 1
_CODE: Final = re.compile(rf"{PREFIX}[{ALPHABET}]{{{BODY_LENGTH + 1}}}")
_BETWEEN: Final = re.compile(r"[\W_]")
"""What payers and banks put between the characters of a code: blanks, dashes, dots, slashes."""


def make(chance: int) -> str:
    """Make a code from random bits (45 or more)."""
    body = ""
    for _ in range(BODY_LENGTH):
        chance, index = divmod(chance, len(ALPHABET))
        body += ALPHABET[index]
    return f"{PREFIX}{body}{_check(body)}"


def is_valid(code: str) -> bool:
    """Tell whether this is a code with the right check character."""
    return _CODE.fullmatch(code) is not None and _check(code[2:-1]) == code[-1]


def found_in(text: str) -> str | None:
    """Find the one valid code in free text, None otherwise.

    Full-width and spaced writing is read too, small letters, and a code that stands within other
    letters or beside the name of a school, its former one or any other.
    """
    found = set(_valid_in(plain(text)))
    return found.pop() if len(found) == 1 else None


def plain(text: str) -> str:
    """Write a text as codes are: half-width capitals, with nothing between the characters."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text)).upper()


def _valid_in(written: str) -> Iterator[str]:
    """Yield the valid codes, left to right; letters before one may read as its beginning."""
    at = written.find(PREFIX)
    while at >= 0:
        code = written[at : at + LENGTH]
        if is_valid(code):
            yield code
        at = written.find(PREFIX, at + (LENGTH if is_valid(code) else 1))


def _check(body: str) -> str:
    """Weigh each character by its place, so that two swapped neighbours are noticed."""
    total = sum((place + 1) * ALPHABET.index(c) for place, c in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]
