"""The JSON contract of payment orders between the service and the bank that pays them."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from service.payouts.schemas import EXAMPLE_ORDER, OrderOut
from service.store import end_to_end_ids, ids
from service.web.wire import (
    Amount,
    BatchMode,
    CodeText,
    IdOf,
    Instant,
    ItemResult,
    OrderId,
    Page,
    Reference,
    WireIn,
    WireOut,
    examples,
)

LeaseId = Annotated[str, IdOf("lse")]
MessageId = Annotated[str, StringConstraints(strict=True, pattern=r"^[!-~]{1,35}$")]
EXAMPLE_LEASE: Final = "lse" + EXAMPLE_ORDER["id"].removeprefix("ord")
EXAMPLE_END_TO_END: Final = end_to_end_ids.written(*ids.parse("ord", EXAMPLE_ORDER["id"]))
Status = Literal["ACCEPTED", "PENDING", "REJECTED", "UNKNOWN", "NOT_FOUND"]


class PayeeOut(WireOut):
    """Who is paid; only the bank that pays sees it."""

    name: str | None = None
    account_number: str | None = None
    bank_name: str | None = None


class LeaseOut(WireOut):
    """Under which lease (租约) a bank has an order; instants of the machine's clock."""

    id: str
    leased_at: Instant
    expires_at: Instant
    acknowledged_at: Instant | None = None
    times: int = Field(description="How often the order was handed over")


class PaymentOut(OrderOut):
    """A payment order with its payee, for the bank that pays it."""

    payee: PayeeOut | None = None
    end_to_end_id: str | None = Field(
        default=None, description="The order's name in payment systems: 32 capitals and digits"
    )
    lease: LeaseOut | None = None
    waits_for: str | None = Field(
        default=None,
        description="Of a NEW order that is not handed over now: ITEM_LIMIT, CUT_OFF, WORKING_DAY"
        " or RESTRAINT",
    )
    waits_until: Instant | None = Field(
        default=None, description="When the bank opens next, of an order that waits for that"
    )


class SaidOut(WireOut):
    """What a bank said of an order; `bank_status` is its own word where a file had one."""

    status: str
    bank_status: str | None = None
    reason: str | None = None
    message_id: str | None = None
    state: str = Field(description="The order's afterwards")
    reported_at: Instant
    transaction_id: str


class PaymentDetail(PaymentOut):
    """A payment order with all that its bank said of it."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {"examples": [EXAMPLE_ORDER | {"reports": []}]}
    }

    reports: list[SaidOut]


class PaymentPage(Page[PaymentOut]):
    """A page of payment orders."""


class FetchIn(WireIn):
    """Take the orders that may go now, oldest first, under a lease."""

    model_config = examples({"jurisdiction": "500106", "limit": 100, "lease_s": 600})

    jurisdiction: Reference | None = Field(
        default=None, description="Needed when the bank serves several journals"
    )
    limit: Annotated[int, Field(strict=True, ge=1, le=500)] = 100
    lease_s: Annotated[int, Field(strict=True, ge=30, le=3600)] = Field(
        default=600, description="Seconds until what is not acknowledged may be fetched again"
    )


class FetchOut(WireOut):
    """The orders handed over; each is SENT now, and under the lease."""

    orders: list[PaymentOut]
    lease_id: str | None = Field(default=None, description="None when there was no order")
    expires_at: Instant | None = None
    transaction_id: str | None = None


class AcknowledgeIn(WireIn):
    """The bank has the orders of a lease for good: all of them, or those it names."""

    model_config = examples({"lease_id": EXAMPLE_LEASE})

    lease_id: LeaseId
    order_ids: Annotated[list[OrderId], Field(min_length=1, max_length=500)] | None = None


class AcknowledgedOut(WireOut):
    """The orders that the bank keeps, and those that were handed over again meanwhile."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "lease_id": EXAMPLE_LEASE,
                    "acknowledged": [EXAMPLE_ORDER["id"]],
                    "lost": [],
                    "transaction_id": ids.public_transaction(1, 42),
                }
            ]
        }
    }

    lease_id: str
    acknowledged: list[str]
    lost: list[str]
    transaction_id: str | None = None


class ReportIn(WireIn):
    """What the bank says of an order before its bank entry does."""

    model_config = examples({"status": "REJECTED", "reason": "AC04"})

    status: Status
    reason: CodeText | None = Field(default=None, description="The bank's code, such as AC04")
    message_id: MessageId | None = Field(
        default=None, description="The bank's own message; the same one says nothing new"
    )


class ReportItemIn(ReportIn):
    """One order of a batch of reports."""

    model_config = examples({"order_id": EXAMPLE_ORDER["id"], "status": "ACCEPTED"})

    order_id: OrderId


class ReportBatchIn(BatchMode):
    """Up to 10,000 reports on orders of one journal."""

    items: list[ReportItemIn] = Field(min_length=1)


class ReportOut(OrderOut):
    """An order after a report on it."""

    query_again_at: Instant | None = Field(
        default=None, description="From when on a second NOT_FOUND counts as the order's failure"
    )


class ReportResult(ItemResult[ReportOut]):
    """One report's outcome."""


class ReportBatchOut(WireOut):
    """A result for each report, in the same order."""

    mode: str
    results: list[ReportResult]


class StatusResult(ReportResult):
    """One status of a pain.002 file: what the bank said, and what became of it."""

    end_to_end_id: str | None = None
    said: str = Field(description="The status in the file, such as ACSP or RJCT")


class StatusFileOut(WireOut):
    """A result for each status of a pain.002 file, in the file's order."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "message_id": "R-20260302-0007",
                    "original_message_id": EXAMPLE_LEASE.replace("_", "").upper(),
                    "results": [
                        {
                            "end_to_end_id": EXAMPLE_END_TO_END,
                            "said": "ACSP",
                            "status": 200,
                            "code": "done",
                            "result": EXAMPLE_ORDER | {"state": "ACCEPTED"},
                        }
                    ],
                }
            ]
        }
    }

    message_id: str
    original_message_id: str | None = None
    results: list[StatusResult]


class QueryOut(WireOut):
    """An order whose fate its bank must tell (查询): answer by a report on the order."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "order_id": EXAMPLE_ORDER["id"],
                    "end_to_end_id": EXAMPLE_END_TO_END,
                    "institution_id": EXAMPLE_ORDER["institution_id"],
                    "custody_account_id": EXAMPLE_ORDER["custody_account_id"],
                    "bank": "ICBC",
                    "amount": "1770.82",
                    "state": "ACCEPTED",
                    "why": "NOT_EXECUTED",
                    "since": "2026-03-02T09:30:00+08:00",
                    "last_status": "ACCEPTED",
                    "query_again_at": None,
                }
            ]
        }
    }

    order_id: str
    end_to_end_id: str
    institution_id: str
    custody_account_id: str
    bank: str
    amount: Amount
    state: str
    why: str = Field(
        description="UNKNOWN: its fate is; NO_REPORT: acknowledged and never reported on;"
        " NOT_EXECUTED: accepted, and no debit within a day"
    )
    since: Instant = Field(description="When the bank was last heard of about it")
    last_status: str | None = None
    query_again_at: Instant | None = Field(
        default=None, description="From when on a second NOT_FOUND counts as its failure"
    )


class QueryPage(Page[QueryOut]):
    """A page of the orders that a bank must answer for."""


def lease_out(journal: int, lease: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    """Tell of a lease."""
    return {
        "id": ids.public("lse", journal, lease.lease_id),
        "leased_at": lease.leased_at,
        "expires_at": lease.expires_at,
        "acknowledged_at": lease.acknowledged_at,
        "times": lease.times,
    }


def named(answer: dict[str, Any]) -> dict[str, Any]:
    """Add to what is told of an order its name in payment systems."""
    return answer | {"end_to_end_id": end_to_end_ids.written(*ids.parse("ord", answer["id"]))}


def said_out(journal: int, said: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
    """Tell of a report."""
    told = {name: said[name] for name in ("status", "bank_status", "reason", "message_id", "state")}
    return told | {
        "reported_at": said.reported_at,
        "transaction_id": ids.public_transaction(journal, said.seq),
    }
