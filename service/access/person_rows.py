"""People as rows: read in scope, told of, and changed with what they say in the journal."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import WrongState
from ledger.transactions import Transaction, TransactionKind
from service.access import endings
from service.access import standing as standings
from service.identity import people
from service.store import ids, rows
from service.store.approvals import Payload
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import Person, Ticket


async def seen(
    connection: AsyncConnection, journal: int, wanted: Sequence[UUID]
) -> dict[UUID, Record]:
    """Return the people of these ids that the caller sees, by id."""
    statement = rows.keyed(Person, journal, wanted, "person_id")
    return {row["person_id"]: Record(row) for row in await rows.fetch(connection, statement)}


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a person, nothing of who it is."""
    return {
        "id": row.caller_id,
        **standings.standing_of(row).said(journal),
        "state": row.state,
        "added_by": row.added_by,
        "added_at": row.added_at.isoformat(),
        "activated_at": endings.written(row.activated_at),
        "revoked_at": endings.written(row.revoked_at),
    }


def invitation(facts: Facts, person: Record, digest: bytes) -> Insert:
    """Invite a person with the token of this digest, for a week from now."""
    row = people.ticket_row(
        digest,
        Record({**person, "journal_id": facts.journal}),
        purpose="INVITATION",
        made_by=facts.moment.actor,
        made_at=facts.extra["machine_now"],
        lasting=people.INVITED_FOR,
    )
    return Insert(Ticket, row)


def locked(facts: Facts, payload: Payload, *states: str) -> Record:
    """Return the locked person a payload names; raises `WrongState` in any other state."""
    person = facts.get(Person, ids.parse("prs", payload["person_id"])[1])
    assert person is not None, "the person was locked"
    if person.state not in states:
        raise WrongState(object="person", state=person.state)
    return person


def changed(
    facts: Facts,
    person: Record,
    kind: TransactionKind,
    values: Mapping[str, Any],
    others: Sequence[Change],
) -> Decision:
    """Change a person's row, and others beside it, and say so in the journal."""
    now = Record({**person, **values})
    change = (Update(Person, (person.person_id,), values),) if values else ()
    return Decision(
        answer=answer_of(facts.journal, now),
        transactions=(noted(kind, now),),
        changes=(*change, *others),
    )


def noted(kind: TransactionKind, person: Record) -> Transaction:
    """Say in the journal what became of a person."""
    return Transaction(kind, references={"person": person.caller_id, "role": person.role})
