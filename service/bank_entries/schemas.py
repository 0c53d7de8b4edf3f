"""What every noun that takes bank entries tells of one, as JSON."""

from typing import Any, Final, Literal

from pydantic import Field

from service.store import ids
from service.web.wire import Amount, Day, WireOut, example_id

EXAMPLE_ENTRY: Final[dict[str, Any]] = {
    "id": example_id("bke"),
    "custody_account_id": example_id("cus"),
    "bank_ref": "20260302-000017",
    "direction": "CRDT",
    "amount": "4999.99",
    "book_on": "2026-03-02",
    "value_on": "2026-03-02",
    "kind": "PAYMENT",
    "outcome": "ENROLMENT",
    "suspense_reason": None,
    "suspense": "0.00",
    "enrolment_id": example_id("enr"),
    "order_id": None,
    "transaction_id": ids.public_transaction(1, 42),
}


class BankEntryOut(WireOut):
    """What became of a bank entry."""

    id: str
    custody_account_id: str
    bank_ref: str
    direction: Literal["CRDT", "DBIT", "PEND"] = Field(
        description="PEND: told of, and not in the bank yet"
    )
    amount: Amount
    book_on: Day
    value_on: Day
    kind: str
    outcome: str
    suspense_reason: str | None = None
    suspense: Amount = Field(description="How much of it stands in suspense (待核款)")
    enrolment_id: str | None = None
    order_id: str | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None
