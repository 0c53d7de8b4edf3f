"""The JSON contract of distribution plans: asked for, told, replayed, posted."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from service.web.wire import (
    Amount,
    CodeText,
    Day,
    Instant,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)

PlanBasis = Literal["POOLED", "TRACED_FIRST"]
PlanHash = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]

_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class SimulateIn(WireIn):
    """What to simulate; without a basis both are made side by side."""

    model_config = examples({}, {"basis": "TRACED_FIRST"})

    basis: PlanBasis | None = None


class ApprovePlanIn(WireIn):
    """The hash of the plan that was seen and replayed."""

    model_config = examples({"plan_hash": _HASH})

    plan_hash: PlanHash


class CloseIn(WireIn):
    """Why the case is closed, as a code."""

    model_config = examples({"reason": "NOTHING_LEFT_TO_RECOVER"})

    reason: CodeText


class PlanOut(WireOut):
    """A distribution plan (分配方案): totals, hash and how far it is posted."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "id": example_id("pln"),
                    "wind_down_id": example_id("wdn"),
                    "institution_id": example_id("ins"),
                    "round": 1,
                    "basis": "TRACED_FIRST",
                    "state": "SIMULATED",
                    "plan_hash": _HASH,
                    "inputs_hash": _HASH,
                    "entitlements": 7,
                    "claimed": "29062.50",
                    "pool": "20345.73",
                    "distributed": "20345.73",
                    "residual": "8716.77",
                    "posted_to": 0,
                    "simulated_at": "2026-03-02T09:30:00+00:00",
                    "approved_on": None,
                }
            ]
        }
    }

    id: str
    wind_down_id: str
    institution_id: str
    round: int
    basis: PlanBasis
    state: Literal["SIMULATED", "APPROVED", "POSTED", "SUPERSEDED"]
    plan_hash: str = Field(description="SHA-256 over the canonical JSON of [inputs, shares]")
    inputs_hash: str
    entitlements: int
    claimed: Amount
    pool: Amount
    distributed: Amount
    residual: Amount
    posted_to: int = Field(description="Register number up to which it is posted")
    simulated_at: Instant
    approved_on: Day | None


class PlansOut(WireOut):
    """Plans of one case; simulated without a basis, both stand side by side."""

    plans: list[PlanOut]
    transaction_id: str | None = None


class PlanInputsOut(WireOut):
    """All that went into a plan, in whole fen, without the name of anybody."""

    plan_id: str
    plan_hash: str
    inputs: dict[str, Any] = Field(description="What `escrow replay-plan` shares out again")


class PlanShareOut(WireOut):
    """What a plan gives one entitlement: both tiers, and what is left of the claim."""

    entitlement_id: str
    register_number: int
    claim: Amount
    tier_one: Amount
    tier_two: Amount
    dividend: Amount
    residual: Amount


class PlanSharePage(Page[PlanShareOut]):
    """A page of a plan's shares, in register order."""


class PostedOut(WireOut):
    """What one chunk posted; unless `finished`, the next call (or the worker) goes on."""

    wind_down_id: str
    plan: PlanOut
    posted: int = Field(description="Entitlements of this chunk")
    finished: bool
    transaction_id: str | None = None


class MovesOut(WireOut):
    """The transfer orders that take the place of failed ones; none when nothing failed."""

    wind_down_id: str
    orders: list[str]
    transaction_id: str | None = None
