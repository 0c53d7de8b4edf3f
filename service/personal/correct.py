"""Correcting a party: its guardian asks, and who wrote the contract confirms.

The party keeps its id, so whatever names it still means the same person; how it was called before
is kept as a version. The new name and phone are sealed from the moment they are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import DataRequestUnknown, NothingChanged, PartyUnknown, Refusal, WrongState
from ledger.transactions import TransactionKind
from service.store import data_requests, ids, party_reads, registry, rows
from service.store.context import Context
from service.store.data_requests import CORRECTION, DONE, FILED, REFUSED
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import DataRequest, Party, PartyVersion
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.vault_rows import PARTY


@dataclass(frozen=True, slots=True)
class Correct:
    """Ask for another name or phone of a guardian or student; `request` is the new id."""

    journal: int
    target: UUID
    request: UUID
    name: str | None = field(repr=False)
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A correction with the guardian who asks for it."""

    command: Correct
    guardian: UUID


@dataclass(frozen=True, slots=True)
class Rule:
    """Confirm a correction, or decline it with a code for why."""

    journal: int
    target: UUID
    reason: str | None


async def find_own(
    connection: AsyncConnection, caller: Context, commands: Sequence[Correct]
) -> list[Found | Refusal]:
    """Find the parties among the guardian's own and their students."""
    found: list[Found | Refusal] = []
    for command in commands:
        guardian = await party_reads.guardian_of(
            connection, caller, command.journal, command.target
        )
        found.append(PartyUnknown() if guardian is None else Found(command, guardian))
    return found


async def load_own(unit: Unit, found: Sequence[Found]) -> None:
    """Lock the parties."""
    await unit.lock(Party, {item.command.target for item in found})


async def read_own(unit: Unit, found: Sequence[Found]) -> None:
    """Read what was asked for these parties before."""
    parties = {item.command.target for item in found}
    statement = rows.keyed(DataRequest, unit.facts.journal, parties, "party_id")
    await unit.read(DataRequest, statement)


def decide_asked(facts: Facts, found: Found) -> Decision:
    """File the correction. Raises `WrongState` beside an open one, `NothingChanged` for none."""
    command = found.command
    party = _party(facts, command.target)
    for asked in facts.each_by(DataRequest, "party_id", command.target):
        if asked.state == FILED:
            raise WrongState(object="data_request", state=asked.state)
    wanted = {"name": command.name or party.name, "phone": command.phone or party.phone}
    if (wanted["name"], wanted["phone"]) == (party.name, party.phone):
        raise NothingChanged
    row = data_requests.new_row(
        facts,
        request_id=command.request,
        kind=CORRECTION,
        guardian_id=found.guardian,
        party_id=command.target,
        institution_id=party.institution_id,
        name=command.name,
        phone=command.phone,
    )
    told = Record(row)
    return Decision(
        answer=data_requests.answer_of(facts.journal, told),
        transactions=(data_requests.fact(TransactionKind.DATA_REQUEST_FILED, told),),
        changes=(data_requests.added(row),),
    )


async def find_asked(
    connection: AsyncConnection, caller: Context, commands: Sequence[Rule]
) -> list[Rule | Refusal]:
    """Find the requests in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, DataRequest, DataRequestUnknown)


async def load_asked(unit: Unit, commands: Sequence[Rule]) -> None:
    """Lock the requests and their parties."""
    held = await unit.lock(DataRequest, {command.target for command in commands})
    await unit.lock(Party, {row.party_id for row in held})


def decide_ruled(facts: Facts, command: Rule) -> Decision:
    """Write the party anew, or decline. Raises `WrongState` for anything but an open correction."""
    row = facts.get(DataRequest, command.target)
    assert row is not None, "the request was locked"
    if row.kind != CORRECTION or row.state != FILED:
        raise WrongState(object="data_request", state=row.state, kind=row.kind)
    kind, changes = TransactionKind.DATA_REQUEST_DECLINED, list[Change]()
    if command.reason is not None:
        values = data_requests.decided(facts, REFUSED, command.reason)
    else:
        values = data_requests.decided(facts, DONE)
        kind, changes = TransactionKind.PERSONAL_DATA_CORRECTED, _corrected(facts, row)
    ruled = Record({**row, **values})
    return Decision(
        answer=data_requests.answer_of(facts.journal, ruled),
        transactions=(data_requests.fact(kind, ruled, command.reason),),
        changes=(*changes, Update(DataRequest, (row.request_id,), values)),
    )


def _corrected(facts: Facts, request: Record) -> list[Change]:
    """Keep how the party was called, and call it as was asked."""
    party = _party(facts, request.party_id)
    before = {name: party[name] for name in PARTY.fields}
    version = {
        "version_id": ids.derived(request.request_id, "version"),
        "party_id": request.party_id,
        "replaced_at": facts.moment.now,
        **before,
    }
    asked = {name: request[name] for name in ("name", "phone") if request[name] is not None}
    return [
        Insert(PartyVersion, version),
        Update(Party, (request.party_id,), before | asked),
    ]


def _party(facts: Facts, party: UUID) -> Record:
    row = facts.get(Party, party)
    assert row is not None, "the party was locked"
    if row.get("erased"):
        raise WrongState(object="party", state="ERASED")
    return row


ASK: Final = UseCase[Correct, Found](
    "ask_for_correction", find_own, load_own, decide_asked, read_own
)
RULE: Final = UseCase[Rule, Rule]("rule_on_correction", find_asked, load_asked, decide_ruled)
