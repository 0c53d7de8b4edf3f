"""How an approval looks on the wire: the answer 202 of every command that needs two people."""

from typing import Any, Final

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from pydantic import Field

from service.store.approval_shown import as_it_stands
from service.store.transact import Outcome
from service.web.command import Command
from service.web.wire import Amount, Instant, WireOut

EXAMPLE: Final[dict[str, Any]] = {
    "id": "apr_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "command": "reverse_transaction",
    "kind": "CORRECTION",
    "institution_id": "ins_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "payload": {"seq": 42, "reason": "MISTYPED"},
    "payload_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "words": [
        {"zh": "冲正凭证", "en": "Reverse a transaction"},
        {
            "zh": "「学员未消课款」减少 4999.99 元(人民币肆仟玖佰玖拾玖元玖角玖分)",
            "en": '"student\'s prepaid, lessons not taken" falls by CNY 4999.99',
        },
    ],
    "limit": None,
    "state": "PENDING",
    "maker": "operator-wang",
    "checker": None,
    "requested_at": "2026-03-02T09:30:00+00:00",
    "expires_at": "2026-03-05T09:30:00+00:00",
    "decided_at": None,
    "outcome": None,
}


class WordsOut(WireOut):
    """One line of what will happen, in Chinese and in English."""

    zh: str
    en: str


class LimitOut(WireOut):
    """The limit a command crosses: which one, by what figure, and how much one person decides."""

    crossed: str = Field(description="AMOUNT, PAYEE_SUM, MAKER_SUM or INSTITUTION_SUM")
    figure: Amount
    limit: Amount


class ApprovalOut(WireOut):
    """A command that waits for, or had, its second person (复核)."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    command: str
    institution_id: str | None = None
    payload: dict[str, Any] = Field(description="What the maker asked for")
    payload_hash: str = Field(
        description="SHA-256 over the payload and the words of now, which the approver sends back"
    )
    kind: str = Field(description="What it is to the rule of four eyes")
    words: list[WordsOut] | None = Field(
        default=None, description="What will happen, or what was read when it was approved"
    )
    limit: LimitOut | None = Field(
        default=None, description="The limit it crosses; none where its kind always needs two"
    )
    state: str = Field(description="PENDING, EXECUTED, DECLINED or EXPIRED")
    maker: str
    checker: str | None = None
    requested_at: Instant
    expires_at: Instant
    decided_at: Instant | None = None
    outcome: dict[str, Any] | None = Field(
        default=None, description="The command's own answer, once it ran"
    )
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


def done_or_waits(done: type[WireOut], status: int = 201) -> dict[int, ResponseSpec]:
    """Describe a command that is done at once, or waits for a second person above a limit."""
    waits = "Above the limit of one person: waits"
    return {
        status: ResponseSpec(done, description="Done", generate_examples=False),
        202: ResponseSpec(ApprovalOut, description=waits, generate_examples=False),
    }


async def awaiting(command: Command, outcome: Outcome, journal: int) -> Response[ApprovalOut]:
    """Answer 202 with the approval and its words; the same key again shows its state of now."""
    outcome = await as_it_stands(command.store, journal, outcome)
    return command.answer(outcome, ApprovalOut, 202)
