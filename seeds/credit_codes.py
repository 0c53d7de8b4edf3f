"""Unified social credit codes (统一社会信用代码, GB 32100) with both check characters right.

Eighteen characters: registering department and kind, six digits of division, nine of organisation
code (its last a check by GB 11714), one check character over all.
"""

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_LENGTH: Final = 18


def credit_code(*, kind: str, adcode: str, organisation: str) -> str:
    """Build a code from its kind ("91" company, "52" non-profit school), division and body.

    `organisation` is the eight characters of the organisation code before its check.
    """
    body = kind + adcode + organisation + _organisation_check(organisation)
    return body + _check(body)


def is_valid(code: str) -> bool:
    """Tell whether both check characters are right."""
    if len(code) != _LENGTH or any(character not in _ALPHABET for character in code):
        return False
    return code[16] == _organisation_check(code[8:16]) and code[17] == _check(code[:17])


def _organisation_check(body: str) -> str:
    # A letter counts 10 for A, 11 for B, as in base 36.
    weighted = zip(body, _ORGANISATION_WEIGHTS, strict=True)
    remainder = 11 - sum(int(character, 36) * weight for character, weight in weighted) % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def _check(body: str) -> str:
    total = sum(_ALPHABET.index(character) * pow(3, n, 31) for n, character in enumerate(body))
    return _ALPHABET[-total % 31]
