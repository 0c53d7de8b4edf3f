"""How an approval looks on the wire: the answer 202 of every command that needs two people."""

from typing import Any, Final

from litestar import Response
from pydantic import Field

from service.store import approvals
from service.store.transact import Outcome
from service.web.command import Command
from service.web.wire import Amount, Instant, WireOut

EXAMPLE: Final[dict[str, Any]] = {
    "id": "apr_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "command": "reverse_transaction",
    "institution_id": "ins_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "payload": {"seq": 42, "reason": "MISTYPED"},
    "payload_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "state": "PENDING",
    "maker": "operator-wang",
    "checker": None,
    "requested_at": "2026-03-02T09:30:00+00:00",
    "expires_at": "2026-03-05T09:30:00+00:00",
    "decided_at": None,
    "outcome": None,
}


class ApprovalOut(WireOut):
    """A command that waits for, or had, its second person (复核)."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    command: str
    institution_id: str | None = None
    payload: dict[str, Any] = Field(description="What the maker asked for")
    payload_hash: str = Field(description="SHA-256 that the approver sends back")
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


async def awaiting(command: Command, outcome: Outcome, journal: int) -> Response[ApprovalOut]:
    """Answer 202 with the approval; the same key again shows its state of now."""
    context = command.caller.context
    if outcome.replayed:
        async with command.store.reading(context) as connection:
            outcome = await approvals.as_it_stands(connection, context, journal, outcome)
    return command.answer(outcome, ApprovalOut, 202)
