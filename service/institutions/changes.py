"""Changes of an institution's place: moving it with its history and its balances."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import JurisdictionUnknown, Refusal, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.institutions.commands import Move
from service.institutions.states import (
    find_institutions,
    institution_row,
    load_institutions,
)
from service.institutions.use_cases import answer_of, jurisdiction_in_scope, require_competent
from service.store import registry, rows
from service.store.context import Context
from service.store.facts import AreaMove, Change, Decision, Facts, Insert, Record, Update
from service.store.tables import Institution, InstitutionArea
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Moving:
    """A move with the path and department it leads to."""

    command: Move
    area: str
    department: str

    @property
    def target(self) -> UUID:
        """The institution that moves."""
        return self.command.target


async def find_moving(
    connection: AsyncConnection, caller: Context, commands: Sequence[Move]
) -> list[Moving | Refusal]:
    """Find the institutions, and the jurisdictions they go to."""
    journal = commands[0].journal
    wanted = {command.target for command in commands}
    known = await registry.seen(connection, caller, Institution, journal, wanted)
    seen = await find_institutions(connection, caller, commands)
    found: list[Moving | Refusal] = []
    for item in seen:
        if isinstance(item, Refusal):
            found.append(item)
            continue
        department = item.department or known[item.target].department
        try:
            found.append(await _destination(connection, caller, item, department))
        except Refusal as refusal:
            found.append(refusal)
    return found


async def _destination(
    connection: AsyncConnection, caller: Context, command: Move, department: str
) -> Moving:
    node, journal = await jurisdiction_in_scope(connection, caller, command.jurisdiction_code)
    if journal != command.journal:
        raise JurisdictionUnknown(code=command.jurisdiction_code)
    require_competent(node, department, caller)
    return Moving(command, node.path, department)


async def load_moving(unit: Unit, found: Sequence[Moving]) -> None:
    """Lock the institutions and read where each stands now."""
    await load_institutions(unit, found)
    source = rows.table_of(InstitutionArea)
    statement = select(source).where(
        source.c.journal_id == unit.facts.journal,
        source.c.institution_id.in_([item.target for item in found]),
        source.c.valid_to.is_(None),
    )
    await unit.read(InstitutionArea, statement)


def decide_move(facts: Facts, found: Moving) -> Decision:
    """Move an institution with its history, and its balances from one roll-up area to the other.

    Two moves on one day leave one line of history; the journal has both.
    """
    command = found.command
    row = institution_row(facts, command.target)
    registry.require_version(row, command.version)
    if row.state == "DEREGISTERED":
        raise WrongState(state=row.state)
    place = {
        "jurisdiction_code": command.jurisdiction_code,
        "area": found.area,
        "department": found.department,
    }
    if all(row[name] == value for name, value in place.items()):
        return Decision(answer=answer_of(facts.journal, row), duplicate=True)
    values = {**place, "version": row.version + 1, "seq": facts.moment.next_seq}
    before = f"{row.area}/{row.department}"
    after = f"{found.area}/{found.department}"
    moved = Transaction(
        TransactionKind.INSTITUTION_MOVED,
        references={"institution": str(row.institution_id), "before": before, "after": after},
    )
    return Decision(
        answer=answer_of(facts.journal, Record({**row, **values})),
        transactions=(moved,),
        changes=(
            Update(Institution, (row.institution_id,), values),
            *_history(facts, row.institution_id, place),
        ),
        moves=(AreaMove(row.institution_id, before, after),),
    )


def _history(facts: Facts, institution: UUID, place: dict[str, Any]) -> tuple[Change, ...]:
    today = facts.moment.today
    standing = facts.by(InstitutionArea, ("institution_id", "valid_to"), institution, None)
    assert standing is not None, "an institution stands somewhere from its registration on"
    if standing.valid_from == today:
        return (Update(InstitutionArea, (institution, today), place),)
    return (
        Update(
            InstitutionArea,
            (institution, standing.valid_from),
            {"valid_to": today - timedelta(days=1)},
        ),
        Insert(
            InstitutionArea,
            {"institution_id": institution, "valid_from": today, "valid_to": None, **place},
        ),
    )


MOVE = UseCase("move_institution", find_moving, load_moving, decide_move)
