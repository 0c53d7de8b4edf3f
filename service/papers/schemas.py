"""The contract of papers: which formats there are, and how one is chosen."""

from enum import StrEnum
from typing import Annotated, Final

from litestar.params import QueryParameter

from ledger.refusals import FormatUnavailable

HTML: Final = "text/html"
PDF: Final = "application/pdf"


class PaperFormat(StrEnum):
    """What a paper can be had as."""

    HTML = "html"
    PDF = "pdf"


Asked = Annotated[
    PaperFormat | None,
    QueryParameter(name="format", description="html or pdf; without it `Accept` decides."),
]

_OFFERED: Final = (
    (PaperFormat.HTML, ("text/html", "text/*", "*/*")),
    (PaperFormat.PDF, ("application/pdf", "application/*", "*/*")),
)


def chosen(asked: PaperFormat | None, accept: str | None) -> PaperFormat:
    """Choose the format: the one asked for, else the best that `Accept` takes, HTML of equals.

    Raises `FormatUnavailable` when it takes neither.
    """
    if asked is not None:
        return asked
    wanted = _weights(accept or "*/*")
    best = max(_OFFERED, key=lambda offer: _weight(wanted, offer[1]))
    if _weight(wanted, best[1]) <= 0:
        raise FormatUnavailable(reason="not_offered", offered=[each.value for each in PaperFormat])
    return best[0]


def _weight(wanted: dict[str, int], names: tuple[str, ...]) -> int:
    """Weigh an offer by the most specific range that names it."""
    return next((wanted[name] for name in names if name in wanted), 0)


def _weights(accept: str) -> dict[str, int]:
    """Read media ranges and their q in thousandths; what cannot be read weighs nothing."""
    found: dict[str, int] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1000
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = _thousandths(value.strip())
        found[name] = weight
    return found


def _thousandths(text: str) -> int:
    whole, _, rest = text.partition(".")
    digits = f"{whole}{rest[:3]:0<3}"
    return min(1000, int(digits)) if digits.isascii() and digits.isdigit() else 0
