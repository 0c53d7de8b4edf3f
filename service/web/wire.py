"""Wire types: strict strings for money, ids and dates, and the models every schema stands on."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

from ledger.money import Money
from service.store import ids

MONEY_PATTERN: Final = r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}$"
_MONEY_EXACT: Final = r"\A(0|[1-9][0-9]{0,12})\.[0-9]{2}\z"
BATCH_MAX: Final = 10_000
PAGE_MAX: Final = 500


def _no_line_end(text: str) -> str:
    if not text.isascii() or text != text.strip():
        raise ValueError("digits, a point and two digits, nothing else")
    return text


Amount = Annotated[
    str,
    StringConstraints(strict=True, pattern=MONEY_PATTERN, max_length=16),
    AfterValidator(_no_line_end),
    WithJsonSchema(
        {
            "type": "string",
            "format": "decimal",
            "pattern": MONEY_PATTERN,
            "examples": ["4999.99"],
            "description": "Yuan with two places, as a string",
        }
    ),
]
"""Money on the wire: ASCII digits, a point, two digits; never a JSON number."""

SignedAmount = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "format": "decimal", "pattern": r"^-?(0|[1-9][0-9]*)\.[0-9]{2}$"}
    ),
]

Reference = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[!-~]+$")
]
"""A caller's own reference: visible ASCII, no spaces."""

CodeText = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*$")
]
Label = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)]
Count = Annotated[int, Field(strict=True, ge=0, le=10_000)]


def _day(value: object) -> object:
    if not isinstance(value, str) or len(value) != len("2026-01-01"):
        raise ValueError("a date is written YYYY-MM-DD")
    return value


def _instant(value: object) -> object:
    if not isinstance(value, str) or "T" not in value:
        raise ValueError("an instant is written as RFC 3339 with an offset")
    return value


def _has_offset(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return value


Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant), AfterValidator(_has_offset)]


class ObjectId:
    """A public id in a request: parsed into (journal, UUID), written back by `ids.public`."""

    @staticmethod
    def schema(prefix: str) -> Any:  # noqa: ANN401 - an annotation
        """Return the annotated type of ids with this prefix."""

        def check(text: object) -> str:
            if not isinstance(text, str):
                raise ValueError("an id is a string")  # noqa: TRY004 - pydantic wants ValueError
            ids.parse(prefix, text)
            return text

        return Annotated[
            str,
            BeforeValidator(check),
            WithJsonSchema(
                {
                    "type": "string",
                    "pattern": f"^{prefix}_[a-z2-7]{{29}}$",
                    "examples": [ids.public(prefix, 1, UUID(int=7 << 76 | 2 << 62))],
                }
            ),
        ]


class WireIn(BaseModel):
    """A request body: unknown fields are refused, values are never shown back in errors."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class WireOut(BaseModel):
    """A response body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BatchMode(WireIn):
    """How the items of a batch hang together."""

    mode: Annotated[str, StringConstraints(pattern="^(all_or_nothing|independent)$")] = "independent"


class Problem(WireOut):
    """An RFC 9457 problem: `code` is stable, texts follow Accept-Language."""

    type: str = Field(examples=["/v1/problems/wrong_state"])
    title: str
    status: int
    code: str
    detail: str | None = None
    facts: dict[str, Any] | None = None
    errors: list["FieldError"] | None = None
    request_id: str | None = None


class FieldError(WireOut):
    """What is wrong with one field, by JSON pointer."""

    pointer: str = Field(examples=["/items/0/amount"])
    code: str
    message: str


T = TypeVar("T")


class ItemResult(WireOut, Generic[T]):
    """One item's outcome: `status` as the single call would answer, `code` done, duplicate or why not."""

    status: int
    code: str
    result: T | None = None
    problem: Problem | None = None


class Page(WireOut, Generic[T]):
    """A page of a list in stable order."""

    items: list[T]
    next_cursor: str | None = None


def money(text: str) -> Money:
    """Make money from a checked wire amount."""
    return Money.of(text)


def yuan(fen: int) -> str:
    """Write fen as a wire amount."""
    return str(Money.from_fen(fen))
