"""What becomes of a link: confirmed or declined, granted on to a second guardian, ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import GuardianLinkUnknown, Refusal, WrongState
from ledger.transactions import TransactionKind
from service.store import guardian_links as links
from service.store import notices, registry, rows
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.tables import GuardianLink
from service.store.transact import UseCase
from service.store.unit import Unit

GRANTS_MAX: Final = 3
"""Second guardians that one guardian's contracts may have at a time."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Confirm or decline a link that waits."""

    journal: int
    target: UUID
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """Let a second guardian in, `invited`; `link` is the new id, `parent` who grants."""

    journal: int
    target: UUID
    link: UUID
    parent: UUID
    invited: UUID


@dataclass(frozen=True, slots=True)
class End:
    """End a link, and what was granted by it; `parent` is who asks, None an operator."""

    journal: int
    target: UUID
    parent: UUID | None


C = TypeVar("C", Rule, Grant, End)


async def _find(
    connection: AsyncConnection, caller: Context, commands: Sequence[C]
) -> list[C | Refusal]:
    return await registry.find_seen(connection, caller, commands, GuardianLink, GuardianLinkUnknown)


async def _load(_unit: Unit, _found: Sequence[C]) -> None:
    """Lock nothing: links are read and written under the journal's head."""


async def _read(unit: Unit, found: Sequence[C]) -> None:
    wanted = rows.keyed(
        GuardianLink, unit.facts.journal, {command.target for command in found}, "link_id"
    )
    parties = {row.party_id for row in await unit.read(GuardianLink, wanted)}
    await links.read_of_parties(unit, parties)
    await notices.read_reachable(unit, parties)


def _decide_rule(facts: Facts, command: Rule) -> Decision:
    row = _row(facts, command.target)
    if row.state != links.WAITING:
        raise WrongState(object="guardian_link", state=row.state)
    values = links.activated(facts) if command.confirmed else links.ended(facts, links.DECLINED)
    confirmed = TransactionKind.GUARDIAN_LINKED
    kind = confirmed if command.confirmed else TransactionKind.GUARDIAN_LINK_ENDED
    changes: list[Change] = [Update(GuardianLink, (row.link_id,), values)]
    if command.confirmed:
        changes.append(_told(facts, row.link_id, "GUARDIAN_LINKED", row))
    return Decision(
        answer=links.answer_of(facts.journal, Record({**row, **values})),
        transactions=(links.fact(kind, row, values["state"]),),
        changes=tuple(changes),
    )


def _decide_grant(facts: Facts, command: Grant) -> Decision:
    row = _row(facts, command.target)
    if row.parent_id != command.parent:
        raise GuardianLinkUnknown
    if row.state != links.ACTIVE or row.proof == links.BY_GRANT:
        raise WrongState(object="guardian_link", state=row.state, proof=row.proof)
    standing = links.live_links(facts, row.party_id)
    before = next((link for link in standing if link.parent_id == command.invited), None)
    if before is not None:
        return Decision(answer=links.answer_of(facts.journal, before), duplicate=True)
    if sum(link.proof == links.BY_GRANT for link in standing) >= GRANTS_MAX:
        raise WrongState(object="guardian", state="GRANTED_ENOUGH")
    made = links.added(
        facts,
        {
            "link_id": command.link,
            "parent_id": command.invited,
            "party_id": row.party_id,
            "institution_id": row.institution_id,
            "proof": links.BY_GRANT,
            "granted_by": row.link_id,
            "state": links.INVITED,
        },
    )
    return Decision(
        answer=links.answer_of(facts.journal, made),
        transactions=(links.fact(TransactionKind.GUARDIAN_INVITED, made, links.BY_GRANT),),
        changes=(
            links.insert_of(made),
            _told(facts, command.link, "GUARDIAN_INVITED", made),
        ),
    )


def _decide_end(facts: Facts, command: End) -> Decision:
    row = _row(facts, command.target)
    if command.parent is not None and not _may_end(facts, row, command.parent):
        raise GuardianLinkUnknown
    if row.state not in links.LIVE:
        return Decision(answer=links.answer_of(facts.journal, row), duplicate=True)
    changes, noted = links.ended_with_grants(facts, row, links.REVOKED)
    left = Record({**row, **links.ended(facts, links.REVOKED)})
    return Decision(
        answer=links.answer_of(facts.journal, left), transactions=noted, changes=changes
    )


def _may_end(facts: Facts, row: Record, parent: UUID) -> bool:
    """One's own, what one granted, and what others ask of a guardian that is one's own."""
    own = next(
        (
            link
            for link in links.live_links(facts, row.party_id)
            if link.parent_id == parent and link.state == links.ACTIVE
        ),
        None,
    )
    if row.parent_id == parent:
        return True
    if own is None or own.proof == links.BY_GRANT:
        return False
    return bool(row.granted_by == own.link_id or row.state == links.WAITING)


def _row(facts: Facts, link: UUID) -> Record:
    row = facts.get(GuardianLink, link)
    assert row is not None, "the link was found"
    return row


def _told(facts: Facts, base: UUID, kind: str, row: Record) -> Change:
    return notices.guardian_told(
        facts,
        base=base,
        kind=kind,
        subject=row.link_id,
        institution=row.institution_id,
        guardian=row.party_id,
    )


RULE: Final = UseCase[Rule, Rule]("rule_on_guardian_link", _find, _load, _decide_rule, _read)
GRANT: Final = UseCase[Grant, Grant]("grant_guardian_link", _find, _load, _decide_grant, _read)
END: Final = UseCase[End, End]("end_guardian_link", _find, _load, _decide_end, _read)
