"""The JSON contract of bank messages."""

from typing import Any, Final, Literal

from pydantic import Field

from service.web.wire import Amount, Day, Instant, WireOut, example_id

EXAMPLE: Final[dict[str, Any]] = {
    "ref": "20260302-000017",
    "items": [
        {
            "kind": "ENTRY",
            "id": example_id("bke"),
            "bank": "ICBC",
            "ref": "20260302-000017",
            "state": "ENROLMENT",
            "confirmed": True,
            "custody_account_id": example_id("cus"),
            "amount": "4999.99",
            "book_on": "2026-03-02",
            "received_at": "2026-03-02T10:15:00+08:00",
            "related_ids": [],
            "items": [],
        }
    ],
}


class MessageItemOut(WireOut):
    """One fact of a notification, and what stands for it now."""

    kind: str
    custody_account_id: str
    ref: str = Field(description="The bank's reference, or the document number of a freeze")
    id: str | None = Field(default=None, description="What it became; nothing when it was refused")
    state: str | None = None


class MessageOut(WireOut):
    """Something a bank sent or was sent, as it stands now."""

    kind: Literal["ENTRY", "ORDER", "NOTIFICATION", "STATEMENT_FILE"]
    id: str
    bank: str
    ref: str | None = Field(default=None, description="The bank's own reference of it")
    state: str = Field(
        description="Of an entry its outcome, of an order and a statement file their state; a"
        " notification is KEPT"
    )
    reason: str | None = Field(
        default=None, description="Why it stands in suspense, was rejected or refused"
    )
    confirmed: bool | None = Field(
        default=None, description="Of an entry: whether a statement file shows it"
    )
    custody_account_id: str | None = None
    amount: Amount | None = None
    book_on: Day | None = None
    received_at: Instant | None = None
    related_ids: list[str] = Field(
        default_factory=list,
        description="Of an entry its orders, of an order the entries that executed or returned it",
    )
    items: list[MessageItemOut] = Field(default_factory=list)


class MessagesOut(WireOut):
    """Everything in the caller's scope that is called so."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    ref: str
    items: list[MessageOut]
