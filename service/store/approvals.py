"""Approvals (复核): commands that wait for a second person, the same for every noun.

A noun registers what it lets wait as an `Approvable`. The maker's request writes the approval with
its payload and the payload's hash; another person's approval decides the command again, on the
facts of then, in the same unit of work, and it is posted as the maker's, under the maker's key.
What that person sends back covers the payload and the words they read (`approval_words.py`).
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.four_eyes import ActKind, Crossing
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, rows
from service.store.facts import Decision, Facts, Insert, OnBehalf, Presence, Record
from service.store.tables import Approval, JournalHead
from service.store.unit import Unit, business_now

LIFETIME: Final = timedelta(days=3)
"""How long an approval waits, in business time."""

Payload = Mapping[str, Any]


async def _nothing(_unit: Unit, _payloads: Sequence[Payload]) -> None:
    """For commands that need nothing but what they locked."""


@dataclass(frozen=True, slots=True)
class Approvable:
    """A command that another person approves: how its payload is loaded, read and decided.

    `checkers` are the roles that may approve or decline it; `kind` is what it is to the rule of
    four eyes, `title` what it is called in Chinese and English, and `consequence` what follows from
    it that no posting shows.
    """

    name: str
    checkers: frozenset[str]
    load: Callable[[Unit, Sequence[Payload]], Awaitable[None]]
    decide: Callable[[Facts, Payload], Decision]
    read: Callable[[Unit, Sequence[Payload]], Awaitable[None]] = _nothing
    kind: ActKind = ActKind.OTHER
    title: tuple[str, str] | None = None
    consequence: tuple[str, str] | None = None


_KNOWN: Final[dict[str, Approvable]] = {}


def approvable(command: Approvable) -> Approvable:
    """Register a command under its name, once."""
    assert command.name not in _KNOWN, "a command's name is its own"
    _KNOWN[command.name] = command
    return command


def known(name: str) -> Approvable:
    """Return the command of this name."""
    return _KNOWN[name]


def registered() -> list[Approvable]:
    """Return every command that can wait for a second person, by name."""
    return [_KNOWN[name] for name in sorted(_KNOWN)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a maker asks for; `key` is the maker's idempotency key, `approval` the new id.

    `crossing` is the limit it crosses, None where its kind always needs two.
    """

    approval: UUID
    payload: Payload
    institution: UUID | None
    key: str | None
    crossing: Crossing | None = None


def requested(facts: Facts, command: Approvable, wanted: Wanted) -> Decision:
    """Let a command wait for its second person."""
    moment, approval = facts.moment, wanted.approval
    written = canonical_json({"key": wanted.key, "payload": dict(wanted.payload)})
    row = {
        "approval_id": approval,
        "institution_id": wanted.institution,
        "command": command.name,
        "payload": written,
        "payload_hash": hashlib.sha256(written.encode()).digest(),
        "maker": moment.actor,
        "checker": None,
        "state": "PENDING",
        "requested_at": moment.now,
        "expires_at": moment.now + LIFETIME,
        "decided_at": None,
        "outcome": None,
        "seq": moment.next_seq,
        "maker_presence": written_presence(moment.presence),
        "checker_presence": None,
        "crossed": _written_crossing(wanted.crossing),
        "shown": None,
        "shown_hash": None,
    }
    noted = Transaction(
        TransactionKind.APPROVAL_REQUESTED,
        references={"approval": str(approval), "command": command.name},
    )
    return Decision(
        answer=answer_of(moment.journal, Record(row), moment.now),
        transactions=(noted,),
        changes=(Insert(Approval, row),),
    )


def payload_of(row: Record) -> Payload:
    """Return what the maker asked for; its hash still holds."""
    assert hashlib.sha256(row.payload.encode()).digest() == row.payload_hash, "payload is unchanged"
    payload: Payload = json.loads(row.payload)["payload"]
    return payload


def as_makers(row: Record, decision: Decision) -> Decision:
    """Post an approved decision as its maker's, under the maker's key, naming the approval."""
    return replace(
        decision,
        transactions=tuple(
            replace(posted, references={**posted.references, "approval": str(row.approval_id)})
            for posted in decision.transactions
        ),
        on_behalf=OnBehalf(row.maker, json.loads(row.payload)["key"]),
    )


def answer_of(journal: int, row: Record, now: datetime) -> dict[str, Any]:
    """Tell of an approval; one that waited too long has expired."""
    institution = row.institution_id
    expired = row.state == "PENDING" and row.expires_at <= now
    return {
        "id": ids.public("apr", journal, row.approval_id),
        "command": row.command,
        "kind": kind_of(row.command),
        "institution_id": None if institution is None else ids.public("ins", journal, institution),
        "payload": dict(payload_of(row)),
        "payload_hash": (row.shown_hash or row.payload_hash).hex(),
        "words": words_of(row.shown),
        "limit": crossing_of(row),
        "state": "EXPIRED" if expired else row.state,
        "maker": row.maker,
        "checker": row.checker,
        "requested_at": row.requested_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
        "outcome": None if row.outcome is None else json.loads(row.outcome),
    }


async def business_clocks(
    connection: AsyncConnection, journals: Sequence[int]
) -> dict[int, datetime]:
    """Return the business time of journals."""
    head = rows.table_of(JournalHead)
    found = await connection.execute(
        select(
            head.c.journal_id, head.c.clock_offset_us, func.clock_timestamp().label("clock")
        ).where(head.c.journal_id.in_(journals))
    )
    return {row.journal_id: business_now(row.clock, row.clock_offset_us) for row in found}


def written_presence(presence: Presence | None) -> str | None:
    """Write as what somebody was present, None for a rule of ours."""
    if presence is None:
        return None
    said = {name: value for name, value in asdict(presence).items() if value not in (None, ())}
    if presence.authenticated_at is not None:
        said["authenticated_at"] = presence.authenticated_at.isoformat()
    return canonical_json(said | {"duties": list(presence.duties)})


def presence_of(written: str | None) -> Mapping[str, Any]:
    """Return what was written of somebody's presence; nothing of an approval from before."""
    found: Mapping[str, Any] = {} if written is None else json.loads(written)
    return found


def _written_crossing(crossing: Crossing | None) -> str | None:
    if crossing is None:
        return None
    return canonical_json(
        {
            "crossed": crossing.crossed.value,
            "figure": str(crossing.figure),
            "limit": str(crossing.limit),
        }
    )


def kind_of(command: str) -> str:
    """Return the kind of a command; of one that is no longer known, OTHER."""
    found = _KNOWN.get(command)
    return (ActKind.OTHER if found is None else found.kind).value


def crossing_of(row: Record) -> Mapping[str, Any] | None:
    """Return the limit an approval's command crosses, None where its kind always needs two."""
    found: Mapping[str, Any] | None = None if row.crossed is None else json.loads(row.crossed)
    return found


def words_of(shown: str | None) -> list[dict[str, str]] | None:
    """Return words as they were written, None for none."""
    return None if shown is None else json_of(shown)


def json_of(written: str) -> Any:  # noqa: ANN401 - whatever was written
    """Read what was written as canonical JSON."""
    return json.loads(written)
