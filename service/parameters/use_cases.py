"""Use cases of rule packs: propose a change or an assignment, approve, decline or withdraw it.

Each runs in one transaction under the lock of all reference data, and everything is judged again
in the one that makes the version: two people of the right level who still may, nothing newer, the
words as they were read. A version is a new row for ever; none is edited.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.policy import PolicyValue
from ledger.refusals import (
    AlreadyExists,
    ApprovalExpired,
    LevelTooLow,
    ProposalStale,
    ProposalUnknown,
    Refusal,
    VersionStale,
    WrongState,
)
from service.parameters.plan import Plan, newest, planned
from service.store import (
    approvals,
    reference,
    rule_pack_proposals,
    rule_pack_rows,
    second_person,
)
from service.store.caller_standing import fallen
from service.store.facts import Presence, Record, Verdict
from service.store.rule_pack_proposals import ASSIGN, CHANGE, LIFETIME

NEW: Final = 0
"""The version before the first of a pack that is made by a proposal."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: id, presence, and machine time as the edge saw it."""

    caller_id: str
    presence: Presence
    at: datetime

    @property
    def scope(self) -> str:
        """The path of their jurisdiction; "" is the nation."""
        return self.presence.path


@dataclass(frozen=True, slots=True)
class Propose:
    """Ask for values of a pack to change from a day on; with `origin` for a new pack of a level."""

    proposal: UUID
    code: str
    delta: tuple[PolicyValue, ...]
    effective_on: date
    reason: str
    document_id: str
    origin: str | None = None
    jurisdiction: str | None = None


@dataclass(frozen=True, slots=True)
class Assign:
    """Ask for a jurisdiction to have a pack from a day on."""

    proposal: UUID
    code: str
    jurisdiction: str
    from_on: date
    reason: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Decide:
    """Answer a proposal: `payload_hash` is what was read, `reason` why it is not to be."""

    proposal: UUID
    payload_hash: str | None = None
    reason: str | None = None


async def propose(connection: AsyncConnection, author: Author, command: Propose) -> Verdict:
    """Keep a proposal that could be carried out now. Raises as `plan.planned`, `AlreadyExists`."""
    await rule_pack_proposals.close_expired(connection)
    standing = await reference.pack_by_code(connection, command.code)
    if command.origin is not None:
        if standing is not None:
            raise AlreadyExists(pack=command.code)
        version, level = NEW, command.jurisdiction
    else:
        pack = await newest(connection, command.code)
        version, level = pack.version, pack.jurisdiction
    asked = {
        "proposal_id": command.proposal,
        "action": CHANGE,
        "code": command.code,
        "jurisdiction_code": level or "",
        "base_version": version,
        "origin": command.origin,
        "delta": rule_pack_proposals.written_delta(command.delta),
        "effective_on": command.effective_on,
        "reason": command.reason,
        "document_id": command.document_id,
    }
    return await _kept(connection, author, asked)


async def assign(connection: AsyncConnection, author: Author, command: Assign) -> Verdict:
    """Keep the proposal of an assignment. Raises as `plan.planned`."""
    await rule_pack_proposals.close_expired(connection)
    pack = await newest(connection, command.code)
    asked = {
        "proposal_id": command.proposal,
        "action": ASSIGN,
        "code": command.code,
        "jurisdiction_code": command.jurisdiction,
        "base_version": pack.version,
        "origin": None,
        "delta": rule_pack_proposals.written_delta(()),
        "effective_on": command.from_on,
        "reason": command.reason,
        "document_id": command.document_id,
    }
    return await _kept(connection, author, asked)


async def approve(connection: AsyncConnection, author: Author, command: Decide) -> Verdict:
    """Make the version, or the assignment, as another person read it.

    Raises `ProposalUnknown`, `WrongState`, `MakerIsChecker`, `SameDevice`, `ApprovalExpired`,
    `NotAuthenticated`, `MakerRevoked`, `StepUpRequired`, `ProposalStale`, what `plan.planned`
    refuses now, and `VersionStale` (the words are not those that were read).
    """
    row = await _pending(connection, author, command.proposal)
    gone = await fallen(connection, [row.maker, author.caller_id])
    second_person.require_standing(row.maker, author.caller_id, gone)
    second_person.require_fresh(author.presence, author.at)
    await _require_newest(connection, row)
    plan = await planned(connection, row, author.scope)
    covered = plan.covered(row)
    if covered.hex() != command.payload_hash:
        raise VersionStale(proposal=rule_pack_proposals.public_id(row.proposal_id))
    at = await rule_pack_proposals.clock(connection)
    for pack in plan.versions:
        await rule_pack_rows.keep_version(
            connection, pack, effective_on=row.effective_on, proposal=row.proposal_id, at=at
        )
    if row.action == ASSIGN:
        await rule_pack_rows.keep_assignment(connection, _assignment_of(row, at))
    shown = {"shown": plan.written, "shown_hash": covered}
    made = plan.versions[0].version if plan.versions else None
    return await _decided(connection, author, row, "APPROVED", version=made, **shown)


async def decline(connection: AsyncConnection, author: Author, command: Decide) -> Verdict:
    """Let another person's proposal never be. Raises as `approve` up to the level."""
    row = await _pending(connection, author, command.proposal)
    gone = await fallen(connection, [author.caller_id])
    second_person.require_checker(author.caller_id, gone)
    level = await _level(connection, row)
    if level is None or not reference.is_within(level, author.scope):
        raise LevelTooLow(pack=row.code)
    return await _decided(connection, author, row, "DECLINED", decision=command.reason)


async def withdraw(connection: AsyncConnection, author: Author, command: Decide) -> Verdict:
    """Take one's own proposal back. Raises `ProposalUnknown` for another's, `WrongState`."""
    row = await seen(connection, author.scope, command.proposal)
    if row.maker != author.caller_id:
        raise ProposalUnknown
    _require_pending(row)
    return await _decided(connection, author, row, "WITHDRAWN", decision=command.reason)


async def seen(connection: AsyncConnection, scope: str, wanted: UUID) -> Record:
    """Return a proposal that is about rules of this scope, or above it.

    Raises `ProposalUnknown`.
    """
    row = await rule_pack_proposals.proposal(connection, wanted)
    if row is None or not await is_seen(connection, scope, row):
        raise ProposalUnknown
    return row


async def is_seen(connection: AsyncConnection, scope: str, row: Record) -> bool:
    """Tell whether a proposal is about rules of a scope: its own, those below and those above."""
    level = await _level(connection, row)
    if level is None:
        return not scope
    return reference.is_within(level, scope) or reference.is_within(scope, level)


async def shown(connection: AsyncConnection, row: Record) -> dict[str, Any]:
    """Tell of a proposal with the words of now, or those that were read when it was approved."""
    at = await rule_pack_proposals.clock(connection)
    if row.state != "PENDING" or row.expires_at <= at:
        return answer_of(row, at)
    try:
        plan: Plan | Refusal = await planned(connection, row, "")
    except Refusal as refusal:
        plan = refusal
    return answer_of(row, at, plan)


def answer_of(row: Record, at: datetime, plan: Plan | Refusal | None = None) -> dict[str, Any]:
    """Tell of a proposal; with a plan, in the words of now and the hash that covers them."""
    expired = row.state == "PENDING" and row.expires_at <= at
    said = approvals.words_of(row.shown)
    covered = row.shown_hash or row.delta_hash
    if isinstance(plan, Plan):
        said, covered = approvals.words_of(plan.written), plan.covered(row)
    return {
        "id": rule_pack_proposals.public_id(row.proposal_id),
        "action": row.action,
        "rule_pack": row.code,
        "base_version": row.base_version,
        "derived_from": row.origin,
        "jurisdiction": row.jurisdiction_code,
        "effective_on": row.effective_on.isoformat(),
        "values": approvals.json_of(row.delta),
        "reason": row.reason,
        "document_id": row.document_id,
        "words": said,
        "refused": plan.code if isinstance(plan, Refusal) else None,
        "payload_hash": covered.hex(),
        "state": "EXPIRED" if expired else row.state,
        "maker": row.maker,
        "checker": row.checker,
        "proposed_at": row.proposed_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
        "decision": row.decision,
        "version": row.version,
    }


async def _kept(connection: AsyncConnection, author: Author, asked: Mapping[str, Any]) -> Verdict:
    at = await rule_pack_proposals.clock(connection)
    row = Record(
        {
            **asked,
            "delta_hash": rule_pack_proposals.hash_of(asked),
            "maker": author.caller_id,
            "maker_presence": approvals.written_presence(author.presence),
            "proposed_at": at,
            "expires_at": at + LIFETIME,
            "state": "PENDING",
            "checker": None,
            "checker_presence": None,
            "decided_at": None,
            "decision": None,
            "shown": None,
            "shown_hash": None,
            "version": None,
        }
    )
    plan = await planned(connection, row, author.scope)
    await rule_pack_proposals.keep(connection, row)
    return Verdict(answer=answer_of(row, at, plan))


async def _pending(connection: AsyncConnection, author: Author, wanted: UUID) -> Record:
    """Return a proposal that another person's answer may decide."""
    row = await seen(connection, author.scope, wanted)
    _require_pending(row)
    made_with = approvals.presence_of(row.maker_presence)
    second_person.require_other(row.maker, made_with, author.caller_id, author.presence)
    if row.expires_at <= await rule_pack_proposals.clock(connection):
        raise ApprovalExpired(expired_at=row.expires_at.isoformat())
    return row


def _require_pending(row: Record) -> None:
    if row.state != "PENDING":
        raise WrongState(object="proposal", state=row.state)


async def _require_newest(connection: AsyncConnection, row: Record) -> None:
    """Refuse a change of a version that is no longer the newest."""
    standing = await reference.pack_by_code(connection, row.code)
    version = NEW if standing is None else standing.version
    if row.action == CHANGE and version != row.base_version:
        raise ProposalStale(base_version=row.base_version, version=version)


async def _level(connection: AsyncConnection, row: Record) -> str | None:
    paths = await rule_pack_proposals.level_paths(connection, [row.jurisdiction_code])
    return paths.get(row.jurisdiction_code)


def _assignment_of(row: Record, at: datetime) -> dict[str, Any]:
    return {
        "jurisdiction_code": row.jurisdiction_code,
        "from_on": row.effective_on,
        "rule_pack": row.code,
        "proposal_id": row.proposal_id,
        "assigned_at": at,
    }


async def _decided(
    connection: AsyncConnection, author: Author, row: Record, state: str, **values: object
) -> Verdict:
    at = await rule_pack_proposals.clock(connection)
    changed = {
        "state": state,
        "checker": None if state == "WITHDRAWN" else author.caller_id,
        "checker_presence": approvals.written_presence(author.presence),
        "decided_at": at,
        **values,
    }
    await rule_pack_proposals.decide(connection, row.proposal_id, changed)
    decided = Record({**row, **changed})
    return Verdict(answer=answer_of(decided, at))
