"""Use cases of approvals: another person approves, and the command runs; or declines it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.refusals import (
    ApprovalExpired,
    ApprovalUnknown,
    MakerIsChecker,
    Refusal,
    VerbForbidden,
    VersionStale,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals
from service.store.approvals import Approvable, Payload
from service.store.context import Context
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import Approval
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Answer:
    """A second person's answer to an approval; `payload_hash` is what that person saw.

    `path` is that person's scope, for commands that need somebody of a higher level.
    """

    journal: int
    approval: UUID
    role: str
    path: str
    payload_hash: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FoundApproval:
    """An approval in scope, with the command it holds back."""

    answer: Answer
    command: Approvable
    payload: Payload


async def find_approvals(
    connection: AsyncConnection, caller: Context, answers: Sequence[Answer]
) -> list[FoundApproval | Refusal]:
    """Find the approvals in the caller's scope whose command the caller's role may check."""
    seen = await approvals.approvals(
        connection, caller, answers[0].journal, [answer.approval for answer in answers]
    )
    return [_found(seen.get(answer.approval), answer) for answer in answers]


async def load_approvals(unit: Unit, found: Sequence[FoundApproval]) -> None:
    """Lock what the commands name, each command's own way, then the approvals."""
    for item in found:
        unit.facts.extra["checker_path"] = item.answer.path
        await item.command.load(unit, [item.payload])
    await _lock(unit, found)


async def read_approvals(unit: Unit, found: Sequence[FoundApproval]) -> None:
    """Read what the commands need under the head."""
    for item in found:
        await item.command.read(unit, [item.payload])


def decide_approve(facts: Facts, found: FoundApproval) -> Decision:
    """Carry out the command as it would be decided now, as the maker's.

    Raises `WrongState`, `MakerIsChecker`, `VersionStale` (the payload is not the one that was
    seen), `ApprovalExpired`, and whatever the command itself is refused with.
    """
    row = _pending(facts, found)
    if found.answer.payload_hash != row.payload_hash.hex():
        raise VersionStale(approval=found.answer.approval.hex)
    decision = found.command.decide(facts, found.payload)
    return _decided(facts, row, "EXECUTED", approvals.as_makers(row, decision))


def decide_decline(facts: Facts, found: FoundApproval) -> Decision:
    """Let the command never run; raises as `decide_approve`."""
    row = _pending(facts, found)
    noted = Transaction(
        TransactionKind.APPROVAL_DECLINED,
        references={"approval": str(row.approval_id), "command": row.command},
        reason=found.answer.reason,
    )
    declined = Decision(answer={"reason": found.answer.reason}, transactions=(noted,))
    return _decided(facts, row, "DECLINED", declined)


async def load_only(unit: Unit, found: Sequence[FoundApproval]) -> None:
    """Lock the approvals alone: declining touches nothing else."""
    await _lock(unit, found)


APPROVE = UseCase("approve", find_approvals, load_approvals, decide_approve, read_approvals)
DECLINE = UseCase("decline", find_approvals, load_only, decide_decline)


def _found(row: Record | None, answer: Answer) -> FoundApproval | Refusal:
    if row is None:
        return ApprovalUnknown()
    command = approvals.known(row.command)
    if answer.role not in command.checkers:
        return VerbForbidden(role=answer.role, command=row.command)
    return FoundApproval(answer, command, approvals.payload_of(row))


async def _lock(unit: Unit, found: Sequence[FoundApproval]) -> None:
    await unit.lock(Approval, {item.answer.approval for item in found})


def _pending(facts: Facts, found: FoundApproval) -> Record:
    row = facts.get(Approval, found.answer.approval)
    assert row is not None, "the approval was locked"
    if row.state != "PENDING":
        raise WrongState(object="approval", state=row.state)
    if row.maker == facts.moment.actor:
        raise MakerIsChecker
    if row.expires_at <= facts.moment.now:
        raise ApprovalExpired(expired_at=row.expires_at.isoformat())
    return row


def _decided(facts: Facts, row: Record, state: str, decision: Decision) -> Decision:
    moment = facts.moment
    values = {
        "state": state,
        "checker": moment.actor,
        "decided_at": moment.now,
        "outcome": canonical_json(dict(decision.answer)),
    }
    decided = Record({**row, **values})
    return replace(
        decision,
        answer=approvals.answer_of(moment.journal, decided, moment.now),
        changes=(*decision.changes, Update(Approval, (row.approval_id,), values)),
    )
