"""What a refusal is, and its categories in the order in which they are checked.

Syntax, caller, object, state, restraint, balance, rule; last what the service itself cannot do. A
command that offends twice is answered with the first.
"""

import re
from typing import ClassVar, Final

Fact = str | int | bool | None | list[str]

TITLES_ZH: Final[dict[str, str]] = {}
"""Chinese titles by code, filled from the classes below."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The request is refused."""

    code: ClassVar[str] = "refused"
    zh: ClassVar[str] = "请求被拒绝"

    def __init_subclass__(cls, *, zh: str | None = None, **kwargs: object) -> None:
        """Give each class its stable code, made from its name, and its Chinese title."""
        super().__init_subclass__(**kwargs)
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        if zh is not None:
            cls.zh = zh
            TITLES_ZH[cls.code] = zh

    def __init__(self, **facts: Fact) -> None:
        """Keep the facts that the answer shows; never a name, phone or account number."""
        super().__init__(self.code, facts)
        self.facts: dict[str, Fact] = facts

    @property
    def title(self) -> str:
        """The class's docstring: one English sentence."""
        return (type(self).__doc__ or "").strip()


class Malformed(Refusal):
    """The request cannot be read."""


class CallerRefused(Refusal):
    """The caller may not do this."""


class SignatureRefused(CallerRefused):
    """The caller's signature does not prove who it is."""


class ObjectUnknown(Refusal):
    """There is no such object in the caller's scope."""


class StateConflict(Refusal):
    """The object's state does not allow this."""


class Restrained(Refusal):
    """A restraint is in force."""


class BalanceTooLow(Refusal, zh="余额不足"):
    """An account would be below zero."""


class RuleBroken(Refusal):
    """A rule says no."""


class Unavailable(Refusal):
    """The service cannot answer now."""


def all_refusals() -> list[type[Refusal]]:
    """Every refusal that can be answered, in order of precedence (categories left out)."""
    found: list[type[Refusal]] = []

    def collect(parent: type[Refusal]) -> None:
        for child in parent.__subclasses__():
            if child.code in TITLES_ZH:
                found.append(child)
            collect(child)

    collect(Refusal)
    return found
