"""The JSON contract of reconciliations, breaks and top-up demands."""

from typing import Any, Final, Literal

from pydantic import Field

from service.web.wire import (
    Amount,
    CodeText,
    CustodyAccountId,
    Day,
    Instant,
    Page,
    Reference,
    SignedAmount,
    WireIn,
    WireOut,
)

BreakKind = Literal[
    "TIMING",
    "UNPOSTED_FEE",
    "UNMATCHED",
    "DUPLICATE",
    "AMOUNT",
    "BANK_ERROR",
    "LEDGER_ERROR",
    "CONTRADICTED",
]
BreakState = Literal["OPEN", "SIGNED_OFF", "CLOSED"]
CoverageState = Literal["COVERED", "SHORT", "UNKNOWN"]
ExternalState = Literal["AGREED", "DIFFERENT", "MISSING", "NOT_DUE"]
DemandState = Literal["OPEN", "MET", "SUPERSEDED"]

_CUSTODY: Final = "cus_aaaqdfmpfxuma4aaqaaaaaaaaaaac"
_INSTITUTION: Final = "ins_aaaqdfmpfxuma4aaqaaaaaaaaaaac"

RECONCILIATION: Final[dict[str, Any]] = {
    "id": "rec_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "custody_account_id": _CUSTODY,
    "institution_id": _INSTITUTION,
    "bank_code": "ICBC",
    "day": "2026-03-02",
    "cause": "DAILY",
    "external": "DIFFERENT",
    "statement_on": "2026-03-02",
    "bank_closing": "5099.99",
    "ledger_closing": "4999.99",
    "difference": "100.00",
    "bank": "4999.99",
    "requirement": "4999.99",
    "shortfall": "0.00",
    "hard_shortfall": "0.00",
    "sub_ledger": "4999.99",
    "sub_ledger_gap": "0.00",
    "orders_in_transit": "0.00",
    "channel_clearing": "0.00",
    "cash_undeposited": "0.00",
    "transfers_in_transit": "0.00",
    "due_from_institution": "0.00",
    "due_from_bank": "0.00",
    "entries_unposted": 0,
    "breaks_open": 1,
    "coverage": "UNKNOWN",
    "position": "1:42",
    "run_at": "2026-03-03T00:30:00+00:00",
    "run_by": "service.reconciliation",
}

BREAK: Final[dict[str, Any]] = {
    "id": "brk_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "custody_account_id": _CUSTODY,
    "institution_id": _INSTITUTION,
    "bank_code": "ICBC",
    "kind": "UNMATCHED",
    "subject": "STATEMENT_DAY",
    "subject_key": "2026-03-02",
    "arose_on": "2026-03-02",
    "amount": "100.00",
    "within_books": False,
    "state": "OPEN",
    "owner": "OPERATOR",
    "assignee": None,
    "level": 0,
    "age_working_days": 0,
    "opened_at": "2026-03-03T00:30:00+00:00",
    "escalated_on": None,
    "cause": None,
    "signed_off_by": None,
    "signed_off_at": None,
    "closed_at": None,
    "bank_ref": None,
    "differs": [],
}

DEMAND: Final[dict[str, Any]] = {
    "id": "dmd_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "custody_account_id": _CUSTODY,
    "institution_id": _INSTITUTION,
    "reconciliation_id": RECONCILIATION["id"],
    "restraint_id": "rst_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "amount": "104.16",
    "due_on": "2026-03-03",
    "overdue": False,
    "state": "OPEN",
    "demanded_at": "2026-03-03T00:30:00+00:00",
    "ended_at": None,
}


def _shown(config: Any, example: dict[str, Any]) -> Any:  # noqa: ANN401 - pydantic's own
    return config | {"json_schema_extra": {"examples": [example]}}


class ReconcileIn(WireIn):
    """Which account is to be reconciled, for today unless another day is said."""

    model_config = _shown(WireIn.model_config, {"custody_account_id": _CUSTODY})

    custody_account_id: CustodyAccountId
    day: Day | None = Field(default=None, description="Of which the closing is compared")


class ReconciliationOut(WireOut):
    """A custody account on one day: bank, ledger, requirement and single balances (三方核对).

    `bank` to `due_from_bank` are the ledger's at the day's last position; the two closings are by
    the bank's booking dates, of the last statement.
    """

    model_config = _shown(WireOut.model_config, RECONCILIATION)

    id: str
    custody_account_id: str
    institution_id: str
    bank_code: str
    day: Day
    cause: str = Field(description="DAILY, FOLLOW_UP, ON_DEMAND or DAY_CLOSE")
    external: str = Field(
        description="AGREED, DIFFERENT, MISSING; NOT_DUE before the day is over and on rest days"
    )
    statement_on: Day | None = None
    bank_closing: Amount | None = None
    ledger_closing: SignedAmount | None = Field(
        default=None, description="Below zero where a debit was booked before its money"
    )
    difference: SignedAmount | None = Field(default=None, description="Bank less ledger")
    bank: Amount
    requirement: Amount
    shortfall: Amount
    hard_shortfall: Amount = Field(description="Less what is on its way in time")
    sub_ledger: Amount = Field(description="What the single balances say is owed")
    sub_ledger_gap: Amount
    orders_in_transit: Amount
    channel_clearing: Amount
    cash_undeposited: Amount
    transfers_in_transit: Amount
    due_from_institution: Amount
    due_from_bank: Amount
    entries_unposted: int
    breaks_open: int
    coverage: str = Field(description="COVERED, SHORT, or UNKNOWN: a stale or missing statement")
    position: str = Field(description="The journal's position the figures are of")
    run_at: Instant
    run_by: str
    transaction_id: str | None = None


class ReconciliationPage(Page[ReconciliationOut]):
    """A page of reconciliations."""


class BreakOut(WireOut):
    """A difference with a name (对账差异): how much, about what, whose turn it is, how old."""

    model_config = _shown(WireOut.model_config, BREAK)

    id: str
    custody_account_id: str
    institution_id: str
    bank_code: str
    kind: str
    subject: str = Field(
        description="BANK_ENTRY, STATEMENT_LINE, STATEMENT_DAY, LEDGER or BANK_MESSAGE"
    )
    subject_key: str
    arose_on: Day
    amount: SignedAmount = Field(
        description="Bank less ledger; of a CONTRADICTED one what was said less what stands"
    )
    within_books: bool = Field(
        description="No part of the difference: a fault of our own books, or CONTRADICTED"
    )
    state: str
    owner: str = Field(description="Whose turn it is: BANK, INSTITUTION or OPERATOR")
    assignee: str | None = None
    level: int = Field(description="How far it was escalated, 0 to 3")
    age_working_days: int
    opened_at: Instant
    escalated_on: Day | None = None
    cause: str | None = None
    signed_off_by: str | None = None
    signed_off_at: Instant | None = None
    closed_at: Instant | None = None
    bank_ref: str | None = Field(
        default=None, description="Of a CONTRADICTED one the bank's reference"
    )
    differs: list[Literal["AMOUNT", "DIRECTION", "DATE", "PAYER"]] = Field(
        default_factory=list, description="In what its bank says of the entry what it is not"
    )
    transaction_id: str | None = None


class BreakPage(Page[BreakOut]):
    """A page of breaks."""


class OrderInTransitOut(WireOut):
    """A payment order that its bank has, and has not debited."""

    id: str
    kind: str
    state: str
    amount: Amount
    requested_on: Day


class ReconciliationDetailOut(ReconciliationOut):
    """A reconciliation with what stands open of its account now: breaks, and orders in transit."""

    model_config = _shown(WireOut.model_config, RECONCILIATION | {"breaks": [BREAK], "orders": []})

    breaks: list[BreakOut]
    orders: list[OrderInTransitOut]


class AssignIn(WireIn):
    """Who is to explain a break, by the id that person calls with."""

    model_config = _shown(WireIn.model_config, {"assignee": "operator-wang"})

    assignee: Reference


class SignOffIn(WireIn):
    """Why bank and ledger differ, as a code."""

    model_config = _shown(WireIn.model_config, {"cause": "BANK_CUT_OFF"})

    cause: CodeText


class DemandOut(WireOut):
    """What an institution is to pay in the same day (补足通知), and the stop until it has."""

    model_config = _shown(WireOut.model_config, DEMAND)

    id: str
    custody_account_id: str
    institution_id: str
    reconciliation_id: str
    restraint_id: str
    amount: Amount
    due_on: Day
    overdue: bool
    state: str
    demanded_at: Instant
    ended_at: Instant | None = None


class DemandPage(Page[DemandOut]):
    """A page of demands."""
