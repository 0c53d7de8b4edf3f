"""Use cases of approvals: another person approves, and the command runs; or declines it.

Everything that made the approval possible is judged again in the unit of work that carries the
command out: that two people stand behind it who still may, on two devices, that it has not expired,
and that what was read is what would be done now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.refusals import (
    ApprovalExpired,
    ApprovalUnknown,
    Refusal,
    VerbForbidden,
    VersionStale,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import approval_reads, approval_shown, approval_words, approvals, second_person
from service.store.approvals import Approvable, Payload
from service.store.caller_standing import fallen
from service.store.context import Context
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import Approval
from service.store.transact import UseCase
from service.store.unit import Unit

_FALLEN: Final = "callers_fallen"


@dataclass(frozen=True, slots=True)
class Answer:
    """A second person's answer to an approval; `payload_hash` is what that person saw.

    `path` is that person's scope, for commands that need somebody of a higher level; `at` is
    machine time.
    """

    journal: int
    approval: UUID
    role: str
    path: str
    payload_hash: str | None = None
    reason: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundApproval:
    """An approval in scope, with the command it holds back."""

    answer: Answer
    command: Approvable
    payload: Payload
    maker: str


async def find_approvals(
    connection: AsyncConnection, caller: Context, answers: Sequence[Answer]
) -> list[FoundApproval | Refusal]:
    """Find the approvals in the caller's scope whose command the caller's role may check."""
    seen = await approval_reads.approvals_seen(
        connection, caller, answers[0].journal, [answer.approval for answer in answers]
    )
    return [_found(seen.get(answer.approval), answer) for answer in answers]


async def load_approvals(unit: Unit, found: Sequence[FoundApproval]) -> None:
    """Lock what the commands name, each command's own way, then the approvals."""
    for item in found:
        unit.facts.extra["checker_path"] = item.answer.path
        await item.command.load(unit, [item.payload])
    await _lock(unit, found)
    await _read_standing(unit, found)


async def read_approvals(unit: Unit, found: Sequence[FoundApproval]) -> None:
    """Read what the commands need under the head, and whom the words name."""
    for item in found:
        await item.command.read(unit, [item.payload])
    rows = [unit.facts.get(Approval, item.answer.approval) for item in found]
    await approval_shown.read_named(unit, [row for row in rows if row is not None])


def decide_approve(facts: Facts, found: FoundApproval) -> Decision:
    """Carry out the command as it would be decided now, as the maker's.

    Raises `WrongState`, `MakerIsChecker`, `SameDevice`, `ApprovalExpired`, `MakerRevoked`,
    `StepUpRequired`, whatever the command itself is refused with, and `VersionStale` (the payload
    or the words are not those that were read).
    """
    row, moment = _pending(facts, found), facts.moment
    second_person.require_standing(found.maker, moment.actor, facts.extra[_FALLEN])
    second_person.require_fresh(moment.presence, found.answer.at)
    decision = found.command.decide(facts, found.payload)
    told = approval_shown.told(facts, row, decision)
    read = approval_words.lines(facts, row, told, approval_shown.mask_of(facts, decision))
    covered = approval_words.covered(row.payload_hash, read)
    if found.answer.payload_hash != covered.hex():
        raise VersionStale(approval=found.answer.approval.hex)
    kept = approval_words.lines(facts, row, told, approval_shown.id_of(facts))
    shown = {"shown": approval_words.written(kept), "shown_hash": covered}
    return _decided(facts, row, "EXECUTED", approvals.as_makers(row, decision), **shown)


def decide_decline(facts: Facts, found: FoundApproval) -> Decision:
    """Let the command never run; raises as `decide_approve`."""
    row = _pending(facts, found)
    second_person.require_checker(facts.moment.actor, facts.extra[_FALLEN])
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
    await _read_standing(unit, found)


APPROVE = UseCase("approve", find_approvals, load_approvals, decide_approve, read_approvals)
DECLINE = UseCase("decline", find_approvals, load_only, decide_decline)


def _found(row: Record | None, answer: Answer) -> FoundApproval | Refusal:
    if row is None:
        return ApprovalUnknown()
    command = approvals.known(row.command)
    if answer.role not in command.checkers:
        return VerbForbidden(role=answer.role, command=row.command)
    return FoundApproval(answer, command, approvals.payload_of(row), row.maker)


async def _lock(unit: Unit, found: Sequence[FoundApproval]) -> None:
    await unit.lock(Approval, {item.answer.approval for item in found})


def _pending(facts: Facts, found: FoundApproval) -> Record:
    row = facts.get(Approval, found.answer.approval)
    assert row is not None, "the approval was locked"
    if row.state != "PENDING":
        raise WrongState(object="approval", state=row.state)
    made_with = approvals.presence_of(row.maker_presence)
    moment = facts.moment
    second_person.require_other(row.maker, made_with, moment.actor, moment.presence)
    if row.expires_at <= facts.moment.now:
        raise ApprovalExpired(expired_at=row.expires_at.isoformat())
    return row


async def _read_standing(unit: Unit, found: Sequence[FoundApproval]) -> None:
    named = {item.maker for item in found} | {unit.actor}
    unit.facts.extra[_FALLEN] = await fallen(unit.connection, named)


def _decided(
    facts: Facts, row: Record, state: str, decision: Decision, **shown: object
) -> Decision:
    moment = facts.moment
    values = {
        "state": state,
        "checker": moment.actor,
        "decided_at": moment.now,
        "outcome": canonical_json(dict(decision.answer)),
        "checker_presence": approvals.written_presence(moment.presence),
        **shown,
    }
    decided = Record({**row, **values})
    return replace(
        decision,
        answer=approvals.answer_of(moment.journal, decided, moment.now),
        changes=(*decision.changes, Update(Approval, (row.approval_id,), values)),
    )
