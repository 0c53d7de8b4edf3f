"""Masks: what a caller sees of a name, phone or account number that is not theirs to see.

张*三, 138****5678, ****1234, 500106********1234 (domain.md section 5.3). A mask never shows the
whole of anything.
"""

from typing import Final

_SHOWN_OF_PHONE: Final = 7
_SHOWN_OF_ACCOUNT: Final = 4
_SHOWN_OF_ID: Final = (6, 4)
_NAMED: Final = 3


def name(text: str | None) -> str:
    """Mask a name: its first and last letter, of two letters the first alone."""
    if not text:
        return ""
    if len(text) < _NAMED:
        return f"{text[0]}*" if len(text) > 1 else "*"
    return f"{text[0]}{'*' * (len(text) - 2)}{text[-1]}"


def phone(text: str | None) -> str:
    """Mask a phone number: the first three and the last four digits."""
    if not text:
        return ""
    if len(text) <= _SHOWN_OF_PHONE:
        return "*" * len(text)
    return f"{text[:3]}{'*' * (len(text) - _SHOWN_OF_PHONE)}{text[-4:]}"


def account(text: str | None) -> str:
    """Mask an account number: its last four digits."""
    if not text:
        return ""
    shown = text[-_SHOWN_OF_ACCOUNT:] if len(text) > 2 * _SHOWN_OF_ACCOUNT else ""
    return f"****{shown}"


def id_number(text: str | None) -> str:
    """Mask an identity number: the region it begins with and the last four characters."""
    if not text:
        return ""
    first, last = _SHOWN_OF_ID
    hidden = len(text) - first - last
    if hidden < first:
        return "*" * len(text)
    return f"{text[:first]}{'*' * hidden}{text[-last:]}"
