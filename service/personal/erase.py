"""Erasing a guardian's data by destroying its keys: asked for by them, done by two people.

While a contract, a case or money is open, and for the years that the law keeps it, the request is
refused with the reason and the first day it can be asked again; until then the data is kept and
used for nothing else (storage-only).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.refusals import DataRequestUnknown, PartyUnknown, Refusal, WrongState
from ledger.transactions import TransactionKind
from service.store import (
    approvals,
    data_requests,
    erasures,
    guardian_links,
    ids,
    registry,
    rows,
)
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.data_requests import DONE, ERASURE, FILED, REFUSED
from service.store.erasures import Obstacle, Subjects
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import (
    BankNarrative,
    ClaimNote,
    DataRequest,
    DestroyedKey,
    GuardianLink,
    Parent,
    Party,
    PartyVersion,
    UnmaskGrant,
)
from service.store.transact import UseCase
from service.store.unit import Unit

_OBSTACLES: Final = "erasure_obstacles"
_SUBJECTS: Final = "erasure_subjects"
_ALONE: Final = "erasure_parents"


@dataclass(frozen=True, slots=True)
class Erase:
    """Ask for everything about a guardian to be erased; `request` is the new id."""

    journal: int
    target: UUID
    request: UUID


@dataclass(frozen=True, slots=True)
class CarryOut:
    """Have a request carried out, once a second person agrees."""

    journal: int
    target: UUID
    approval: UUID
    key: str | None = None


async def find_own(
    _connection: AsyncConnection, caller: Context, commands: Sequence[Erase]
) -> list[Erase | Refusal]:
    """Find the guardians among the parent's own."""
    own = caller.parties or ()
    return [
        c if c.journal in caller.journals and c.target in own else PartyUnknown() for c in commands
    ]


async def load_own(unit: Unit, commands: Sequence[Erase]) -> None:
    """Lock the guardians."""
    await unit.lock(Party, {command.target for command in commands})


async def read_own(unit: Unit, commands: Sequence[Erase]) -> None:
    """Read what was asked before, and what keeps the data."""
    guardians = {command.target for command in commands}
    asked = rows.keyed(DataRequest, unit.facts.journal, guardians, "guardian_id")
    await unit.read(DataRequest, asked)
    await _read_obstacles(unit, guardians)


def decide_asked(facts: Facts, command: Erase) -> Decision:
    """File the request, or refuse it with its reason and keep the data for storage alone."""
    party = facts.get(Party, command.target)
    if party is None:
        raise PartyUnknown
    for asked in facts.each_by(DataRequest, "guardian_id", command.target):
        if asked.kind == ERASURE and asked.state in {FILED, DONE}:
            raise WrongState(object="data_request", state=asked.state)
    kept: Obstacle | None = facts.extra[_OBSTACLES][command.target]
    row = data_requests.new_row(
        facts,
        request_id=command.request,
        kind=ERASURE,
        guardian_id=command.target,
        party_id=command.target,
        institution_id=party.institution_id,
    )
    changes: list[Change] = []
    kind = TransactionKind.DATA_REQUEST_FILED
    if kept is not None:
        row |= data_requests.decided(facts, REFUSED, kept.reason)
        row["earliest_on"] = kept.earliest_on
        kind = TransactionKind.DATA_REQUEST_DECLINED
        if kept.reason == "RETENTION":
            changes.append(_restricted(facts, command.target))
    told = Record(row)
    return Decision(
        answer=data_requests.answer_of(facts.journal, told),
        transactions=(data_requests.fact(kind, told, row["reason"]),),
        changes=(*changes, data_requests.added(row)),
    )


async def find_asked(
    connection: AsyncConnection, caller: Context, commands: Sequence[CarryOut]
) -> list[CarryOut | Refusal]:
    """Find the requests in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, DataRequest, DataRequestUnknown)


async def load_asked(unit: Unit, commands: Sequence[CarryOut]) -> None:
    """Lock the requests."""
    await unit.lock(DataRequest, {command.target for command in commands})


def decide_carry_out(facts: Facts, command: CarryOut) -> Decision:
    """Let the erasure wait for its second person. Raises `WrongState`."""
    row = _open(facts, command.target)
    payload = {
        "request_id": ids.public(data_requests.PREFIX, facts.journal, row.request_id),
        "party_id": ids.public("pty", facts.journal, row.party_id),
    }
    wanted = Wanted(command.approval, payload, row.institution_id, command.key)
    return approvals.requested(facts, ERASURE_APPROVED, wanted)


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the requests, and every row they are about."""
    held = await unit.lock(DataRequest, {_request(payload) for payload in payloads})
    subjects: dict[UUID, Subjects] = unit.facts.extra.setdefault(_SUBJECTS, {})
    for row in held:
        subjects[row.request_id] = await erasures.lock_subjects(unit, row.guardian_id)


async def read_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read whether anything keeps the data by now."""
    wanted = {_open(unit.facts, _request(payload)).guardian_id for payload in payloads}
    await _read_obstacles(unit, wanted)
    unit.facts.extra[_ALONE] = await erasures.read_parents(unit, wanted)


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Destroy the keys, or refuse the request where something keeps the data by now."""
    row = _open(facts, _request(payload))
    kept: Obstacle | None = facts.extra[_OBSTACLES][row.guardian_id]
    if kept is not None:
        raise WrongState(object="data_request", state=kept.reason)
    subjects: Subjects = facts.extra[_SUBJECTS][row.request_id]
    values = data_requests.decided(facts, DONE)
    done = Record({**row, **values})
    destroyed = _destroyed(facts, row, subjects)
    return Decision(
        answer=data_requests.answer_of(facts.journal, done),
        transactions=(data_requests.fact(TransactionKind.PERSONAL_DATA_ERASED, done),),
        changes=(*destroyed, Update(DataRequest, (row.request_id,), values)),
    )


def _destroyed(facts: Facts, request: Record, subjects: Subjects) -> list[Change]:
    """Take the keys away, and write down whose they were."""
    gone: list[Change] = [
        Insert(
            DestroyedKey,
            {
                "subject_id": subject,
                "request_id": request.request_id,
                "destroyed_at": facts.moment.now,
            },
        )
        for subject in sorted(subjects.parties | subjects.entries)
    ]
    parties = subjects.parties
    emptied: list[Change] = [
        Update(table, (row[key],), erasures.without_key(table))
        for table, key, subject, wanted in (
            (Party, "party_id", "party_id", parties),
            (BankNarrative, "bank_entry_id", "bank_entry_id", subjects.entries),
            (ClaimNote, "note_id", "guardian_id", parties),
            (PartyVersion, "version_id", "party_id", parties),
            (DataRequest, "request_id", "party_id", parties),
            (UnmaskGrant, "grant_id", "party_id", parties),
        )
        for row in facts.all(table)
        if row[subject] in wanted
    ]
    return [*gone, *emptied, *_forgotten(facts, request.guardian_id)]


def _forgotten(facts: Facts, guardian: UUID) -> list[Change]:
    """End who logged in as this guardian; whose only one it was is known by no phone any more."""
    ended = guardian_links.ended(facts, guardian_links.REVOKED)
    links: list[Change] = [
        Update(GuardianLink, (row.link_id,), ended)
        for row in facts.all(GuardianLink)
        if row.party_id == guardian and row.state in guardian_links.LIVE
    ]
    alone: frozenset[UUID] = facts.extra[_ALONE]
    nobody = [
        Update(Parent, (parent,), {"phone_index": sha256(parent.bytes).digest(), "phone_mask": ""})
        for parent in sorted(alone)
        if facts.get(Parent, parent) is not None
    ]
    return [*links, *nobody]


def _restricted(facts: Facts, party: UUID) -> Update:
    return Update(Party, (party,), {"restricted_at": facts.moment.now})


def _open(facts: Facts, request: UUID) -> Record:
    row = facts.get(DataRequest, request)
    assert row is not None, "the request was locked"
    if row.kind != ERASURE or row.state != FILED:
        raise WrongState(object="data_request", state=row.state, kind=row.kind)
    return row


async def _read_obstacles(unit: Unit, guardians: set[UUID]) -> None:
    known: dict[UUID, Obstacle | None] = unit.facts.extra.setdefault(_OBSTACLES, {})
    for guardian in guardians:
        known[guardian] = await erasures.obstacle(unit, guardian)


def _request(payload: Payload) -> UUID:
    return ids.parse(data_requests.PREFIX, str(payload["request_id"]))[1]


ERASURE_APPROVED: Final = approvals.approvable(
    Approvable(
        "erase_party",
        frozenset({"regulator", "operator"}),
        load_approved,
        decide_approved,
        read_approved,
        kind=ActKind.PERSONAL_DATA,
        title=("删除个人信息", "Erase personal data"),
        consequence=(
            "该监护人及其学员的姓名、电话、账号和案件文字的密钥将被销毁,此后任何人都无法再读取",
            "Names, phones, accounts and texts of guardian and students: nobody reads them again",
        ),
    )
)
ASK: Final = UseCase[Erase, Erase]("ask_for_erasure", find_own, load_own, decide_asked, read_own)
CARRY_OUT: Final = UseCase[CarryOut, CarryOut](
    "carry_out_erasure", find_asked, load_asked, decide_carry_out
)
