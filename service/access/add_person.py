"""Use cases of new people: invited at once, or once a second operator approves.

An administrator invites the own body's people; an operator is nobody's own administrator.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.refusals import AlreadyExists, Refusal
from ledger.transactions import TransactionKind
from service.access import endings, person_rows
from service.access import standing as standings
from service.access.standing import Standing
from service.store import approvals, ids
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.tables import Person, PersonDetail, PersonSecret
from service.store.transact import UseCase
from service.store.unit import Unit

_TAKEN: Final = text("SELECT escrow.login_is_taken(:login) AS taken")


@dataclass(frozen=True, slots=True)
class Detail:
    """Who a person is, for the vault alone."""

    name: str
    login: str
    phone: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class AddPerson:
    """A person to add; `invitation` is the digest of what it is invited with.

    `approval` and `key` are the maker's where a second person approves.
    """

    journal: int
    person: UUID
    standing: Standing
    detail: Detail
    login_index: bytes
    invitation: bytes
    approval: UUID | None = None
    key: str | None = None


async def find_new(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[AddPerson]
) -> list[AddPerson | Refusal]:
    """Refuse duties that nobody may hold together; the scope was checked at the edge."""
    found: list[AddPerson | Refusal] = []
    for command in commands:
        try:
            standings.require_duties(command.standing, system=False)
        except Refusal as refusal:
            found.append(refusal)
        else:
            found.append(command)
    return found


async def load_new(unit: Unit, commands: Sequence[AddPerson]) -> None:
    """Ask whether the login names are taken, in whatever journal, and keep others from them."""
    await endings.read_clock(unit)
    taken = unit.facts.extra.setdefault("logins_taken", set())
    for command in commands:
        [row] = await unit.query(_TAKEN, login=command.login_index)
        if row["taken"]:
            taken.add(command.login_index)


def decide_add(facts: Facts, command: AddPerson) -> Decision:
    """Add a person who is invited at once; raises `AlreadyExists` for a login name taken."""
    row, changes = _new_person(facts, command, "INVITED")
    return Decision(
        answer=person_rows.answer_of(facts.journal, Record(row)),
        transactions=(person_rows.noted(TransactionKind.PERSON_ADDED, Record(row)),),
        changes=(*changes, person_rows.invitation(facts, Record(row), command.invitation)),
    )


def decide_propose(facts: Facts, command: AddPerson) -> Decision:
    """Add a person who is invited once a second operator approves; raises as `decide_add`."""
    assert command.approval is not None, "an operator asks"
    row, changes = _new_person(facts, command, "PROPOSED")
    payload = {
        "person_id": row["caller_id"],
        **command.standing.said(facts.journal),
        "invitation": command.invitation.hex(),
    }
    wanted = Wanted(command.approval, payload, command.standing.institution, command.key)
    return endings.together(approvals.requested(facts, ADD, wanted), changes)


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Invite a person whom two operators want; raises `WrongState`."""
    person = person_rows.locked(facts, payload, "PROPOSED")
    return person_rows.changed(
        facts,
        person,
        TransactionKind.PERSON_ADDED,
        {"state": "INVITED"},
        (person_rows.invitation(facts, person, bytes.fromhex(payload["invitation"])),),
    )


async def load_proposed(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the people that approvals name."""
    wanted = {ids.parse("prs", payload["person_id"])[1] for payload in payloads}
    await endings.load_people(unit, wanted)


def _new_person(
    facts: Facts, command: AddPerson, state: str
) -> tuple[dict[str, Any], tuple[Change, ...]]:
    if command.login_index in facts.extra["logins_taken"]:
        raise AlreadyExists(object="login")
    moment, detail = facts.moment, command.detail
    row = {
        "person_id": command.person,
        "caller_id": ids.public("prs", moment.journal, command.person),
        **command.standing.columns(),
        "state": state,
        "added_by": moment.actor,
        "added_at": moment.now,
        "activated_at": None,
        "revoked_at": None,
        "seq": moment.next_seq,
    }
    secret = {
        "person_id": command.person,
        "login_index": command.login_index,
        "password_hash": None,
        "totp_step": 0,
        "changed_at": facts.extra["machine_now"],
    }
    told = {
        "person_id": command.person,
        "name": detail.name,
        "login": detail.login,
        "phone": detail.phone,
        "email": detail.email,
    }
    return row, (
        Insert(Person, row),
        Insert(PersonSecret, secret),
        Insert(PersonDetail, told),
    )


ADD: Final = approvals.approvable(
    Approvable(
        "add_person",
        standings.OPERATORS,
        load_proposed,
        decide_approved,
        kind=ActKind.CALLER,
        title=("新增人员", "Add a person"),
    )
)
ADD_PERSON = UseCase("add_person", find_new, load_new, decide_add)
PROPOSE_PERSON = UseCase("propose_person", find_new, load_new, decide_propose)
