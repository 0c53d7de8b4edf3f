"""The JSON contract of operations."""

from typing import Any, Final, Literal

from pydantic import Field

from service.operations.use_cases import REFERENCE, Known
from service.store import ids
from service.store.answers import Standing
from service.store.facts import Verdict
from service.web.problems import problem_of
from service.web.wire import Instant, Problem, WireOut

EXAMPLE: Final[dict[str, Any]] = {
    "key": "receipt-2026-03-02-0017",
    "state": "DECIDED",
    "asked_at": "2026-03-02T09:31:07+00:00",
    "outcomes": [
        {
            "journal": 1,
            "position": "txn_aaaqaaaaaaaaaaal",
            "answered_at": "2026-03-02T09:30:00+00:00",
            "done": 1,
            "refused": 0,
            "results": [
                {
                    "code": "done",
                    "result": {
                        "id": "bke_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
                        "outcome": "ENROLMENT",
                        "transaction_id": "txn_aaaqaaaaaaaaaaal",
                        "balances": {"prepaid": "4999.99"},
                    },
                }
            ],
        }
    ],
}

State = Literal["DECIDED", "RUNNING", "ABSENT"]


class OperationResultOut(WireOut):
    """What became of one item of a command; a command alone has one."""

    code: str = Field(description="done, duplicate, or the code of the refusal")
    result: dict[str, Any] | None = Field(default=None, description="The answer it was given")
    problem: Problem | None = None


class OperationOutcomeOut(WireOut):
    """What was decided under the key in one journal."""

    journal: int | None = Field(description="null for reference data, which no journal holds")
    position: str | None = Field(description="The journal's last transaction when it was decided")
    answered_at: Instant
    done: int
    refused: int
    results: list[OperationResultOut]


class OperationOut(WireOut):
    """What is known of a command by its idempotency key."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    key: str
    state: State = Field(
        description="DECIDED: this is the one outcome, for ever. RUNNING: it is being carried out;"
        " ask again. ABSENT: at `asked_at` nothing had been decided under the key. Sent again with"
        " the same key it is carried out, once, even where it was still on its way."
    )
    asked_at: Instant
    outcomes: list[OperationOutcomeOut] = Field(
        description="One, but where the key was used in several journals"
    )


def operation_out(key: str, known: Known, *, chinese: bool) -> OperationOut:
    """Write what is known of a key."""
    state: State = "RUNNING" if known.running else "ABSENT"
    return OperationOut(
        key=key,
        state="DECIDED" if known.standing else state,
        asked_at=known.at,
        outcomes=[_outcome(each, chinese=chinese) for each in known.standing],
    )


def _outcome(standing: Standing, *, chinese: bool) -> OperationOutcomeOut:
    refused = sum(verdict.refusal is not None for verdict in standing.verdicts)
    journal = None if standing.journal == REFERENCE else standing.journal
    placed = journal is not None and standing.seq > 0
    return OperationOutcomeOut(
        journal=journal,
        position=ids.public_transaction(standing.journal, standing.seq) if placed else None,
        answered_at=standing.answered_at,
        done=len(standing.verdicts) - refused,
        refused=refused,
        results=[_result(verdict, chinese=chinese) for verdict in standing.verdicts],
    )


def _result(verdict: Verdict, *, chinese: bool) -> OperationResultOut:
    if verdict.refusal is not None:
        problem = problem_of(verdict.refusal, chinese=chinese)
        return OperationResultOut(code=verdict.refusal.code, problem=problem)
    code = "duplicate" if verdict.duplicate else "done"
    return OperationResultOut(code=code, result=dict(verdict.answer or {}))
