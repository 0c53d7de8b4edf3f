"""Wire types: strict strings for money, ids and dates, and the models every schema stands on."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import WithJsonSchema
from pydantic_core import core_schema

from ledger.money import Money
from service.store import end_to_end_ids, ids

MONEY_PATTERN: Final = r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}$"
EXAMPLE_UUID: Final = UUID("01956f2e-8c00-7000-8000-000000000001")
BATCH_MAX: Final = 10_000
VERSION_MAX: Final = 2**31 - 1
FIRST_INSTANT: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_INSTANT: Final = datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)
"""At both ends every offset still leads to an instant that the database holds."""


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

DocumentNumber = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=40,
        pattern=r"^[(（〔\[][0-9]{4}[)）〕\]][0-9A-Za-z㐀-鿿]*[0-9]号(之[0-9一二三四五六七八九十]+)?$",
    ),
]
"""A court's document number (文书号): year, court, kind of case, number; no other words."""

CodeText = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*$")
]
Label = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)]
Count = Annotated[int, Field(strict=True, ge=0, le=10_000)]


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):  # an answer's; JSON has none
        return value
    if not isinstance(value, str) or len(value) != len("2026-01-01"):
        raise ValueError("a date is written YYYY-MM-DD")
    return value


def _instant(value: object) -> object:
    if isinstance(value, datetime):  # an answer's; JSON has none
        return value
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("an instant is written as RFC 3339 with an offset")
    return value


def _has_offset(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return value


def _in_reach(value: datetime) -> datetime:
    if not FIRST_INSTANT <= value <= LAST_INSTANT:
        raise ValueError("an instant is of the years 1970 to 9998")
    return value


Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant), AfterValidator(_has_offset)]
InstantIn = Annotated[Instant, AfterValidator(_in_reach)]
"""An instant that a caller names; what stands is told whatever it is."""


def _order_named(value: object) -> object:
    """Read an order's name in payment systems as its id; anything else is left to the check."""
    found = end_to_end_ids.order_named(value) if isinstance(value, str) else None
    return value if found is None else ids.public(end_to_end_ids.ORDER, *found)


@dataclass(frozen=True, slots=True)
class IdOf:
    """Annotation of a public id with this prefix; the wire keeps the string as it is written."""

    prefix: str

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check by reading the id."""
        return core_schema.no_info_after_validator_function(
            self._check, core_schema.str_schema(strict=True, max_length=64)
        )

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe by pattern and example."""
        length = 16 if self.prefix == "txn" else 29
        example = (
            ids.public_transaction(1, 42)
            if self.prefix == "txn"
            else ids.public(self.prefix, 1, EXAMPLE_UUID)
        )
        return {
            "type": "string",
            "pattern": f"^{self.prefix}_[a-z2-7]{{{length}}}$",
            "examples": [example],
        }

    def _check(self, text: str) -> str:
        if self.prefix == "txn":
            ids.parse_transaction(text)
        else:
            ids.parse(self.prefix, text)
        return text


InstitutionId = Annotated[str, IdOf("ins")]
AgreementId = Annotated[str, IdOf("agr")]
CustodyAccountId = Annotated[str, IdOf("cus")]
CourseId = Annotated[str, IdOf("crs")]
EnrolmentId = Annotated[str, IdOf("enr")]
LessonId = Annotated[str, IdOf("lsn")]
BankEntryId = Annotated[str, IdOf("bke")]
OrderId = Annotated[str, IdOf("ord")]
EndToEndId = Annotated[
    str,
    IdOf("ord"),
    BeforeValidator(_order_named),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^(ord_[a-z2-7]{29}|ORD[A-Z2-7]{29})$",
            "examples": [ids.public("ord", 1, EXAMPLE_UUID)],
        }
    ),
]
"""An order by its id or by its name in payment systems; read as its id."""
PartyId = Annotated[str, IdOf("pty")]
TransactionId = Annotated[str, IdOf("txn")]


def example_id(prefix: str) -> str:
    """Return a well-formed id for examples."""
    return ids.public(prefix, 1, EXAMPLE_UUID)


class WireIn(BaseModel):
    """A request body: unknown fields are refused, values are never shown back in errors."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class WireOut(BaseModel):
    """A response body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def examples(*shown: dict[str, Any]) -> ConfigDict:
    """Model configuration of a request body with examples."""
    return ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        frozen=True,
        json_schema_extra={"examples": list(shown)},
    )


class BatchMode(WireIn):
    """How the items of a batch hang together."""

    mode: Annotated[str, StringConstraints(pattern="^(all_or_nothing|independent)$")] = (
        "independent"
    )


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
    """One item's outcome: the single call's status; `code` done, duplicate or why not."""

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
    return Money.from_fen(int(text.replace(".", "")))


def yuan(fen: int) -> str:
    """Write fen as a wire amount."""
    return str(Money.from_fen(fen))
