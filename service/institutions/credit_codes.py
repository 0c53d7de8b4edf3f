"""Unified social credit codes (统一社会信用代码): what GB 32100 lets one check.

Eighteen characters: registering department and kind, six digits of division, nine of organisation
code (its last a check by GB 11714), and one check character over all.
"""

import re
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_SHAPE: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}")
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def is_valid(code: str) -> bool:
    """Tell whether a code is well formed and both check characters are right."""
    if _SHAPE.fullmatch(code) is None:
        return False
    return code[16] == _organisation_check(code[8:16]) and code[17] == _check(code[:17])


def _organisation_check(body: str) -> str:
    # A letter counts 10 for A, 11 for B and so on, as in base 36.
    weighted = zip(body, _ORGANISATION_WEIGHTS, strict=True)
    remainder = 11 - sum(int(character, 36) * weight for character, weight in weighted) % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def _check(body: str) -> str:
    total = sum(_ALPHABET.index(character) * pow(3, n, 31) for n, character in enumerate(body))
    return _ALPHABET[-total % 31]
