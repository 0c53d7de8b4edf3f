"""Reading a party in plain: for a case, for a quarter of an hour, and not too often alone.

A regulator may grant themselves so many readings within 24 hours; beyond that, and for an operator
always, a second person decides. What is granted is written down with its purpose and case; why it
was asked for is free text and sealed with the party's own data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.refusals import CaseUnknown, CaseUnrelated, PartyUnknown, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals, ids, party_reads, rows
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.tables import UnmaskGrant
from service.store.transact import UseCase
from service.store.unit import Unit

GRANTED_FOR: Final = timedelta(minutes=15)
WINDOW: Final = timedelta(hours=24)
ALONE_MAX: Final = 20
"""Readings that one regulator grants themselves within 24 hours."""
_ALONE: Final = "unmasked_alone"

_COUNT: Final = text(
    "SELECT count(*) FROM pii.unmask_grant WHERE journal_id = :journal AND caller_id = :caller"
    " AND granted_at > :since"
)


@dataclass(frozen=True, slots=True)
class Unmask:
    """Read a party in plain for a case; `grant` and `approval` are new ids."""

    journal: int
    target: UUID
    grant: UUID
    approval: UUID
    caller_id: str
    role: str
    purpose: str
    case: UUID
    reason: str = field(repr=False)
    key: str | None = None


async def find(
    connection: AsyncConnection, caller: Context, commands: Sequence[Unmask]
) -> list[Unmask | Refusal]:
    """Find the parties and cases in the caller's scope; a case must be about its party."""
    found: list[Unmask | Refusal] = []
    for command in commands:
        party = await party_reads.seen(connection, caller, command.journal, command.target)
        if party is None:
            found.append(PartyUnknown())
            continue
        related = await party_reads.is_of_case(
            connection, caller, command.journal, command.target, command.purpose, command.case
        )
        if related is None:
            found.append(CaseUnknown())
        else:
            found.append(command if related else CaseUnrelated())
    return found


async def load(_unit: Unit, _commands: Sequence[Unmask]) -> None:
    """Lock nothing: a grant is a new row."""


async def read(unit: Unit, commands: Sequence[Unmask]) -> None:
    """Count what each caller granted themselves of late."""
    since = unit.facts.moment.now - WINDOW
    counted = unit.facts.extra.setdefault(_ALONE, {})
    for caller in {command.caller_id for command in commands}:
        counted[caller] = await unit.connection.scalar(
            _COUNT, {"journal": unit.facts.journal, "caller": caller, "since": since}
        )


def decide(facts: Facts, command: Unmask) -> Decision:
    """Grant the reading, or let it wait for a second person."""
    moment = facts.moment
    alone = command.role == "regulator" and facts.extra[_ALONE][command.caller_id] < ALONE_MAX
    row = {
        "grant_id": command.grant,
        "party_id": command.target,
        "institution_id": None,
        "caller_id": command.caller_id,
        "role": command.role,
        "purpose": command.purpose,
        "case_ref": ids.public(party_reads.CASES[command.purpose][0], facts.journal, command.case),
        "reason": command.reason,
        "granted_at": moment.now,
        "expires_at": moment.now + GRANTED_FOR if alone else None,
        "seq": moment.next_seq,
    }
    written = Insert(UnmaskGrant, row)
    if alone:
        facts.extra[_ALONE][command.caller_id] += 1
        return Decision(
            answer=answer_of(facts.journal, Record(row)),
            transactions=(_fact(Record(row)),),
            changes=(written,),
        )
    payload = {
        "grant_id": ids.public("umk", facts.journal, command.grant),
        "party_id": ids.public("pty", facts.journal, command.target),
        "purpose": command.purpose,
        "case_id": row["case_ref"],
    }
    wanted = Wanted(command.approval, payload, None, command.key)
    asked = approvals.requested(facts, UNMASK_APPROVED, wanted)
    return Decision(
        answer=asked.answer, transactions=asked.transactions, changes=(written, *asked.changes)
    )


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the grants that wait."""
    await unit.lock(UnmaskGrant, {_grant(payload) for payload in payloads})


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Let the reading begin now."""
    row = facts.get(UnmaskGrant, _grant(payload))
    assert row is not None, "the grant was locked"
    values: dict[str, Any] = {
        "granted_at": facts.moment.now,
        "expires_at": facts.moment.now + GRANTED_FOR,
        "seq": facts.moment.next_seq,
    }
    granted = Record({**row, **values})
    return Decision(
        answer=answer_of(facts.journal, granted),
        transactions=(_fact(granted),),
        changes=(Update(UnmaskGrant, (row.grant_id,), values),),
    )


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a grant, and nothing of the party but its id."""
    expires = row.expires_at
    return {
        "id": ids.public("umk", journal, row.grant_id),
        "party_id": ids.public("pty", journal, row.party_id),
        "caller_id": row.caller_id,
        "role": row.role,
        "purpose": row.purpose,
        "case_id": row.case_ref,
        "granted_at": None if expires is None else row.granted_at.isoformat(),
        "expires_at": None if expires is None else expires.isoformat(),
    }


async def grants(
    connection: AsyncConnection, caller: Context, journals: Sequence[int], party: UUID | None
) -> list[Record]:
    """Return the latest grants in scope, newest first; of one party if given."""
    source = rows.table_of(UnmaskGrant)
    statement = source.select().where(source.c.journal_id.in_(journals))
    if party is not None:
        statement = statement.where(source.c.party_id == party)
    newest = statement.order_by(source.c.granted_at.desc(), source.c.grant_id).limit(500)
    found = await rows.fetch_opened(connection, UnmaskGrant, newest)
    own = caller.parties
    return [Record(row) for row in found if own is None or row["party_id"] in own]


def _grant(payload: Payload) -> UUID:
    return ids.parse("umk", str(payload["grant_id"]))[1]


def _fact(row: Record) -> Transaction:
    return Transaction(
        TransactionKind.PERSONAL_DATA_UNMASKED,
        references={"party": str(row.party_id), "grant": str(row.grant_id), "case": row.case_ref},
        reason=row.purpose,
    )


UNMASK_APPROVED: Final = approvals.approvable(
    Approvable(
        "unmask_party",
        frozenset({"regulator"}),
        load_approved,
        decide_approved,
        kind=ActKind.PERSONAL_DATA,
        title=("查看个人信息明文", "Read personal data in plain"),
        consequence=(
            "申请人可在十五分钟内查看该当事人的姓名、电话和账号,每次查看都有记录",
            "For a quarter of an hour the maker reads this person's name, phone and account",
        ),
    )
)
UNMASK: Final = UseCase[Unmask, Unmask]("unmask_party", find, load, decide, read)
