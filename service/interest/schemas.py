"""The JSON contract of interest credits."""

from typing import Any, Final, Literal

from pydantic import Field

from service.web.wire import Amount, Day, Page, WireIn, WireOut, example_id, examples

EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("int"),
    "custody_account_id": example_id("cus"),
    "institution_id": example_id("ins"),
    "bank": "ICBC",
    "from_on": "2026-03-21",
    "to_on": "2026-06-20",
    "amount": "1234.56",
    "allocated": "1234.56",
    "state": "ALLOCATED",
    "credited_on": "2026-06-21",
    "students": 128,
}


class AllocationIn(WireIn):
    """Allocate a credit; nothing is to be said, the day-products decide."""

    model_config = examples({})


class InterestOut(WireOut):
    """Interest that a bank credited (结息), and how much of it students have."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    custody_account_id: str
    institution_id: str
    bank: str
    from_on: Day = Field(description="First day of the period it is for")
    to_on: Day = Field(description="Last day of the period it is for")
    amount: Amount
    allocated: Amount
    state: Literal["CREDITED", "ALLOCATED"]
    credited_on: Day
    students: int | None = Field(default=None, description="To how many it was allocated")
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class InterestPage(Page[InterestOut]):
    """A page of interest credits."""
