"""Links by the phone on the contract: whoever proves it is the guardian it names (自动关联).

At each login the contracts of all journals are looked through by the keyed index of the phone; what
is new is linked in a unit of work of its own journal. Who ended a link is not linked again by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Busy, OutcomeUnknown
from ledger.transactions import Transaction, TransactionKind
from service.store import guardian_links as links
from service.store import ids, notices, reference, rows
from service.store.audit import Attempt
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.parties import PartyKind
from service.store.tables import GuardianLink, Party
from service.store.transact import Request, Store, UseCase
from service.store.unit import Unit

log = structlog.get_logger("service.guardians")


@dataclass(frozen=True, slots=True)
class LinkByPhone:
    """A parent proved a phone; `base` is an id that the new links are named after.

    `new_device`: on a device that nobody had logged in on, so that payees rest for 72 hours.
    `was_silent`: the number may be somebody else's by now, so that what it was not the proof of
    has to be proved again.
    """

    journal: int
    parent: UUID
    base: UUID
    phone_index: bytes = field(repr=False)
    new_device: bool
    was_silent: bool = False


async def link_everywhere(  # noqa: PLR0913 - who proved what, where
    store: Store,
    *,
    parent: UUID,
    phone_index: bytes,
    base: UUID,
    actor: str,
    attempt: Attempt,
    new_device: bool = False,
    was_silent: bool = False,
) -> None:
    """Link a parent in every journal in which something is new.

    A journal that is busy keeps nobody out: what is missing is linked at the next login.
    """
    async with store.engine.connect() as connection:
        journals = await reference.journals_in(connection, "")
    async with store.reading(Context(journals)) as connection:
        changed = await links.journals_with_news(
            connection, journals, parent=parent, phone_index=phone_index, new_device=new_device
        )
    for journal in changed:
        command = LinkByPhone(journal, parent, base, phone_index, new_device, was_silent)
        caller = Context((journal,), parties=(), parent=parent)
        asked = Request(LINK_BY_PHONE, [command], caller, actor, journal, attempt=attempt)
        try:
            (await store.transact(asked)).single()
        except (Busy, OutcomeUnknown) as refusal:
            log.warning("guardians.link_deferred", journal=journal, problem=refusal.code)


async def _find(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[LinkByPhone]
) -> Sequence[LinkByPhone]:
    return commands


async def _load(_unit: Unit, _found: Sequence[LinkByPhone]) -> None:
    """Lock nothing: links are read and written under the journal's head."""


async def _read(unit: Unit, found: Sequence[LinkByPhone]) -> None:
    (command,) = found
    source = rows.table_of(Party)
    await unit.read(
        Party,
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.phone_index == command.phone_index,
            source.c.kind == PartyKind.GUARDIAN.value,
            source.c.institution_id.is_not(None),
            source.c.restricted_at.is_(None),
        )
        .order_by(source.c.party_id)
        .limit(links.FOUND_MAX),
    )
    held = await links.read_of_parents(unit, {command.parent})
    if command.was_silent:
        await links.read_of_parties(unit, {row.party_id for row in held})
    unit.facts.extra["reachable"] = frozenset()  # They are told in the app: the phone is theirs.


def _decide(facts: Facts, command: LinkByPhone) -> Decision:
    transactions: list[Transaction] = []
    changes: list[Change] = []
    held = [row for row in facts.all(GuardianLink) if row.parent_id == command.parent]
    for row in held:
        if row.state == links.INVITED:
            changes.append(Update(GuardianLink, (row.link_id,), links.activated(facts)))
            transactions.append(links.fact(TransactionKind.GUARDIAN_LINKED, row, links.BY_GRANT))
    for party in facts.all(Party):
        made = _linked(facts, command, party, held)
        if made is not None:
            change, row = made
            changes.append(change)
            transactions.append(links.fact(TransactionKind.GUARDIAN_LINKED, row, links.BY_PHONE))
    for row in held if command.new_device else ():
        if row.state != links.ACTIVE:
            continue
        if command.was_silent and row.proof != links.BY_PHONE:
            ended, noted = links.ended_with_grants(facts, row, "SILENT")
            changes += ended
            transactions += noted
            continue
        changes += _rested(facts, command, row)
        kind = TransactionKind.GUARDIAN_DEVICE_CHANGED
        transactions.append(links.fact(kind, row, "PAYEE_RESTS"))
    return Decision(
        answer={"changed": len(transactions)},
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


def _linked(
    facts: Facts, command: LinkByPhone, party: Record, held: Sequence[Record]
) -> tuple[Change, Record] | None:
    """Link a guardian that the parent has no link to, or end the waiting of one."""
    before = [row for row in held if row.party_id == party.party_id]
    waiting = next((row for row in before if row.state == links.WAITING), None)
    if waiting is not None:
        return Update(GuardianLink, (waiting.link_id,), links.activated(facts)), waiting
    if before:
        return None
    row = links.added(
        facts,
        {
            "link_id": ids.derived(command.base, party.party_id),
            "parent_id": command.parent,
            "party_id": party.party_id,
            "institution_id": party.institution_id,
            "proof": links.BY_PHONE,
            "state": links.ACTIVE,
        },
    )
    return links.insert_of(row), row


def _rested(facts: Facts, command: LinkByPhone, row: Record) -> list[Change]:
    """Let changes of payees rest, and tell every device that another was logged in on."""
    values = {"payee_from": facts.moment.now + links.COOL_OFF, "seq": facts.moment.next_seq}
    told = notices.guardian_told(
        facts,
        base=command.base,
        kind="GUARDIAN_DEVICE_NEW",
        subject=row.link_id,
        institution=row.institution_id,
        guardian=row.party_id,
    )
    return [Update(GuardianLink, (row.link_id,), values), told]


LINK_BY_PHONE: Final = UseCase[LinkByPhone, LinkByPhone](
    "link_by_phone", _find, _load, _decide, _read
)
