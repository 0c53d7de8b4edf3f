"""What a task force does with one failed institution, a step of the case at a time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from service.demo.bank_books import yuan
from service.demo.stage import Stage

_CAUSE: Final = "RAN_AWAY"
_REASON: Final = "INSOLVENT"


@dataclass(slots=True)
class Case:
    """The wind-down of one institution: its public id and number, and the plan in force."""

    id: str
    institution: int
    plan: dict[str, Any] | None = None


async def freeze(stage: Stage, school: int) -> Case:
    """Freeze an institution in one act of one person, which begins its case."""
    institution = stage.institutions[school]
    await stage.api.post(
        "/v1/restraints",
        stage.cast.regulator,
        {
            "target_type": "INSTITUTION",
            "target_id": institution,
            "kind": "FREEZE",
            "cause": _CAUSE,
        },
        key=stage.key("freeze", school),
    )
    listed = await stage.api.get(
        "/v1/wind-downs", stage.cast.regulator, institution_id=institution, limit=1
    )
    return Case(listed["items"][0]["id"], school)


async def open_case(stage: Stage, case: Case) -> None:
    """Open a case by two persons, one of the next higher level; banks say what they hold."""
    await _answer_banks(stage, case)
    await _by_two(stage, f"/v1/wind-downs/{case.id}/open", {"reason": _REASON}, case, "open")


async def register(stage: Stage, case: Case) -> dict[str, Any]:
    """Build the register from the ledger and publish it to every parent."""
    return await step(stage, case, "register")


async def set_off(stage: Stage, case: Case) -> None:
    """Let the institution's own money and what it earned make good what it owes."""
    await step(stage, case, "set-off")
    await step(stage, case, "draw-deposit")


async def simulate(stage: Stage, case: Case) -> dict[str, dict[str, Any]]:
    """Simulate a plan under both bases; return them by basis."""
    made = await step(stage, case, "plans", {})
    return {plan["basis"]: plan for plan in made["plans"]}


async def approve(stage: Stage, case: Case, plan: dict[str, Any]) -> None:
    """Let two persons of two levels approve the plan they saw, by its hash."""
    case.plan = plan
    body = {"plan_hash": plan["plan_hash"]}
    await _by_two(stage, f"/v1/plans/{plan['id']}/approve", body, case, "approve", plan["id"])


async def post(stage: Stage, case: Case) -> None:
    """Post the approved plan, chunk by chunk, to the last entitlement."""
    assert case.plan is not None, "a plan was approved"
    number, finished = 0, False
    while not finished:
        number += 1
        posted = await step(stage, case, "post", {}, of=f"{case.plan['round']}.{number}")
        finished = posted["finished"]


async def read(stage: Stage, case: Case) -> dict[str, Any]:
    """Read the case as it stands."""
    return await stage.api.get(f"/v1/wind-downs/{case.id}", stage.cast.regulator)


async def step(
    stage: Stage,
    case: Case,
    name: str,
    body: dict[str, Any] | None = None,
    *,
    of: str = "",
) -> dict[str, Any]:
    """Take one step of a case as the district's regulator."""
    return await stage.api.post(
        f"/v1/wind-downs/{case.id}/{name}",
        stage.cast.regulator,
        body or {},
        key=stage.key(name, case.institution, of or stage.today),
        of=f"/v1/wind-downs/{{id}}/{name}",
    )


async def _answer_banks(stage: Stage, case: Case) -> None:
    """Let each bank that was asked say what it holds, by its own books."""
    for bank, token in stage.cast.banks.items():
        asked = await stage.api.get(
            "/v1/statement-requests", token, wind_down_id=case.id, state="ASKED", limit=500
        )
        for request in asked["items"]:
            book = stage.books[request["custody_account_id"]]
            stated = yuan(book.balance)
            document = hashlib.sha256(f"{request['id']}/{stated}".encode()).hexdigest()
            await stage.api.post(
                f"/v1/statement-requests/{request['id']}/answer",
                token,
                {"balance": stated, "document_hash": document},
                key=stage.key("stated", case.institution, bank, book.account),
                of="/v1/statement-requests/{id}/answer",
            )


async def _by_two(stage: Stage, path: str, body: dict[str, Any], case: Case, *parts: str) -> None:
    """Ask as the district's regulator, and let the higher one approve."""
    asked = await stage.api.post(
        path, stage.cast.regulator, body, key=stage.key(*parts, case.institution)
    )
    await stage.api.post(
        f"/v1/approvals/{asked['id']}/approve",
        stage.cast.higher_regulator,
        {"payload_hash": asked["payload_hash"]},
        key=stage.key(*parts, case.institution, "second"),
        of="/v1/approvals/{id}/approve",
    )
