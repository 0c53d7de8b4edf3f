"""Use cases of people: add, invite anew, change duties, revoke, and make a device a stranger.

Operators are nobody's own administrator: what they ask for waits for a second one. Who is revoked
or changed loses every session in the same commit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.four_eyes import ActKind
from ledger.refusals import DeviceUnknown, PersonUnknown, Refusal
from ledger.transactions import TransactionKind
from service.access import endings, person_rows
from service.access import standing as standings
from service.identity.callers import Caller
from service.store import approvals, ids
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import (
    Device,
    PersonSecret,
)
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class ChangePerson:
    """Something to do to a person there is: what, and the payload that says so."""

    by: Caller
    journal: int
    person: UUID
    payload: Payload
    approval: UUID | None = None
    key: str | None = None


async def find_person(
    connection: AsyncConnection, _caller: Context, commands: Sequence[ChangePerson]
) -> list[ChangePerson | Refusal]:
    """Find the people in the caller's scope that are the caller's to administer."""
    seen = await person_rows.seen(
        connection, commands[0].journal, [command.person for command in commands]
    )
    found: list[ChangePerson | Refusal] = []
    for command in commands:
        row = seen.get(command.person)
        if row is None:
            found.append(PersonUnknown())
            continue
        try:
            await standings.require_administers(connection, command.by, row, PersonUnknown)
        except Refusal as refusal:
            found.append(refusal)
        else:
            found.append(command)
    return found


async def load_person(unit: Unit, found: Sequence[ChangePerson]) -> None:
    """Lock the people with all that ends when they change."""
    await endings.load_people(unit, {command.person for command in found})


async def load_payloads(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the people that approvals name."""
    wanted = {ids.parse("prs", payload["person_id"])[1] for payload in payloads}
    await endings.load_people(unit, wanted)


def decide_invite(facts: Facts, payload: Payload) -> Decision:
    """Invite a person anew, who lost what it proves itself with; earlier invitations end.

    What the person has holds until the new invitation is used. Raises `WrongState`.
    """
    person = person_rows.locked(facts, payload, "INVITED", "ACTIVE")
    invited = person_rows.invitation(facts, person, bytes.fromhex(payload["invitation"]))
    changes = (*endings.tickets_ended(facts, person), invited)
    return person_rows.changed(facts, person, TransactionKind.PERSON_INVITED, {}, changes)


def decide_duties(facts: Facts, payload: Payload) -> Decision:
    """Give a person other duties; its sessions end. Raises `WrongState`, `DutiesApart`."""
    person = person_rows.locked(facts, payload, "INVITED", "ACTIVE")
    values = {"duties": canonical_json(sorted(payload["duties"]))}
    changed = Record({**person, **values})
    standings.require_duties(standings.standing_of(changed), system=False)
    return person_rows.changed(
        facts, person, TransactionKind.PERSON_CHANGED, values, endings.tokens_ended(facts, person)
    )


def decide_revoke(facts: Facts, payload: Payload) -> Decision:
    """Take a person's access away for good, at once; its login name is free again."""
    person = person_rows.locked(facts, payload, "PROPOSED", "INVITED", "ACTIVE")
    values = {"state": "REVOKED", "revoked_at": facts.moment.now}
    ended = (
        *endings.tokens_ended(facts, person),
        *endings.tickets_ended(facts, person),
        *endings.devices_ended(facts, person),
        Update(PersonSecret, (person.person_id,), {"login_index": None, "password_hash": None}),
    )
    return person_rows.changed(facts, person, TransactionKind.PERSON_REVOKED, values, ended)


def decide_forget(facts: Facts, payload: Payload) -> Decision:
    """Make a device a stranger and end the session on it; raises `DeviceUnknown`."""
    person = person_rows.locked(facts, payload, "INVITED", "ACTIVE", "REVOKED")
    wanted = ids.parse("dev", payload["device_id"])[1]
    device = facts.get(Device, wanted)
    if device is None:
        raise DeviceUnknown
    ended = (
        *endings.tokens_ended(facts, person, device=wanted),
        *endings.devices_ended(facts, person, device=wanted),
    )
    return person_rows.changed(facts, person, TransactionKind.DEVICE_REVOKED, {}, ended)


def _at_once(decide: Callable[[Facts, Payload], Decision]) -> Callable[..., Decision]:
    """Let an administrator of the own body decide alone."""
    return lambda facts, found: decide(facts, found.payload)


def _asked(command: Callable[[], Approvable]) -> Callable[..., Decision]:
    """Let an operator's wish wait for a second operator."""

    def decide(facts: Facts, found: ChangePerson) -> Decision:
        assert found.approval is not None, "an operator asks"
        person = person_rows.locked(facts, found.payload, "INVITED", "ACTIVE")
        wanted = Wanted(found.approval, found.payload, person.institution_id, found.key)
        return approvals.requested(facts, command(), wanted)

    return decide


INVITE: Final = approvals.approvable(
    Approvable(
        "invite_person",
        standings.OPERATORS,
        load_payloads,
        decide_invite,
        kind=ActKind.CALLER,
        title=("重新邀请人员", "Invite a person anew"),
    )
)
DUTIES: Final = approvals.approvable(
    Approvable(
        "change_duties",
        standings.OPERATORS,
        load_payloads,
        decide_duties,
        kind=ActKind.CALLER,
        title=("变更人员职责", "Change a person's duties"),
    )
)

INVITE_PERSON = UseCase("invite_person", find_person, load_person, _at_once(decide_invite))
PROPOSE_INVITING = UseCase("propose_inviting", find_person, load_person, _asked(lambda: INVITE))
CHANGE_DUTIES = UseCase("change_duties", find_person, load_person, _at_once(decide_duties))
PROPOSE_DUTIES = UseCase("propose_duties", find_person, load_person, _asked(lambda: DUTIES))
FORGET_DEVICE = UseCase("forget_device", find_person, load_person, _at_once(decide_forget))
REVOKE_PERSON = UseCase("revoke_person", find_person, load_person, _at_once(decide_revoke))
