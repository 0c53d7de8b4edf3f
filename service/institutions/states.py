"""An institution's states: licensed, suspended, resumed, leaving, gone (decisions.md, states).

FROZEN and WINDING_DOWN are reached by a freeze, not from here; out of a wind-down an institution
goes when its case is closed.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.parameters import NEW_LICENCES, Category
from ledger.policy import RulePack
from ledger.refusals import (
    CategoryClosed,
    DateInFuture,
    InstitutionUnknown,
    LiabilityOutstanding,
    Refusal,
    WrongState,
)
from service.institutions.commands import ChangeState, License
from service.institutions.use_cases import answer_of, changed
from service.store import reference, registry, wind_down_start
from service.store.context import Context
from service.store.facts import Decision, Facts, Record, Update
from service.store.registry import P
from service.store.tables import Institution, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit

STEPS: Final = frozenset(
    {
        ("LICENSED", "ENROLMENT_SUSPENDED"),
        ("ENROLMENT_SUSPENDED", "LICENSED"),
        ("ENROLMENT_SUSPENDED", "SUSPENDED"),
        ("SUSPENDED", "ENROLMENT_SUSPENDED"),
        ("LICENSED", "EXITING"),
        ("EXITING", "EXITED"),
        ("EXITED", "DEREGISTERED"),
        ("WINDING_DOWN", "DEREGISTERED"),
    }
)
"""From which state to which an institution can be brought by command."""

GONE: Final = frozenset({"EXITED", "DEREGISTERED"})
"""States that nobody reaches while money is owed (I-34)."""

RENEWABLE: Final = frozenset({"LICENSED", "ENROLMENT_SUSPENDED", "SUSPENDED"})


async def find_institutions(
    connection: AsyncConnection, caller: Context, commands: Sequence[P]
) -> list[P | Refusal]:
    """Find the institutions in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Institution, InstitutionUnknown)


async def load_institutions(unit: Unit, commands: Sequence[Any]) -> None:
    """Lock the institutions."""
    await unit.lock(Institution, (command.target for command in commands))


async def load_states(unit: Unit, commands: Sequence[ChangeState]) -> None:
    """Lock the institutions, and the open cases of those that leave."""
    await load_institutions(unit, commands)
    leaving = [command.target for command in commands if command.state in GONE]
    await wind_down_start.lock_open(unit, leaving)


async def read_owed(unit: Unit, commands: Sequence[ChangeState]) -> None:
    """Read what leaving institutions still owe, under the head."""
    leaving = [command.target for command in commands if command.state in GONE]
    unit.facts.extra["owed"] = await registry.owed(unit, leaving)


async def read_pack(unit: Unit, _commands: Sequence[Any]) -> None:
    """Read the rule pack of the journal."""
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    unit.facts.extra["pack"] = pack
    unit.facts.extra["policy_version"] = pack.label


def decide_state(facts: Facts, command: ChangeState) -> Decision:
    """Take one step, and the last ones only when nothing is owed to students or payers.

    Raises `WrongState` (also while a case is open) and `LiabilityOutstanding`.
    """
    row = institution_row(facts, command.target)
    registry.require_version(row, command.version)
    if (row.state, command.state) not in STEPS:
        raise WrongState(state=row.state)
    if facts.by(WindDown, ("institution_id",), command.target) is not None:
        raise WrongState(object="wind_down", state=row.state)
    owed: dict[UUID, int] = facts.extra["owed"]
    if command.state in GONE and owed.get(command.target, 0) > 0:
        raise LiabilityOutstanding(owed=str(Money.from_fen(owed[command.target])))
    return decided(facts, row, {"state": command.state}, command.reason)


def decide_licence(facts: Facts, command: License) -> Decision:
    """License a registered institution, or renew; a closed category gets no new licence (S34).

    Whether the category was open is judged at the day the licence was granted, so that licences
    from before the rule stand.
    """
    row = institution_row(facts, command.target)
    registry.require_version(row, command.version)
    if row.state != "REGISTERED" and row.state not in RENEWABLE:
        raise WrongState(state=row.state)
    on = command.licensed_on
    if on > facts.moment.today:
        raise DateInFuture(licensed_on=on.isoformat())
    pack: RulePack = facts.extra["pack"]
    values = {"school_licence": command.school_licence, "licence_valid_until": command.valid_until}
    if row.state != "REGISTERED":
        return decided(facts, row, values, "LICENCE_RENEWED")
    category = Category(row.category)
    if not pack.value(NEW_LICENCES, on=on, category=category):
        raise CategoryClosed(category=row.category, licensed_on=on.isoformat())
    return decided(facts, row, {**values, "state": "LICENSED"}, "LICENSED", licensed_on=str(on))


def decided(
    facts: Facts, row: Record, values: dict[str, Any], reason: str, **references: str
) -> Decision:
    """Change a row to its next version and say so in the journal."""
    values = {**values, "version": row.version + 1, "seq": facts.moment.next_seq}
    after = Record({**row, **values})
    if row.state != after.state:
        references |= {"before": row.state, "after": after.state}
    return Decision(
        answer=answer_of(facts.journal, after),
        transactions=(changed(row.institution_id, reason, **references),),
        changes=(Update(Institution, (row.institution_id,), values),),
    )


def institution_row(facts: Facts, institution: UUID) -> Record:
    """Return an institution that was found and locked."""
    row = facts.get(Institution, institution)
    assert row is not None, "the institution was found and locked"
    return row


CHANGE_STATE: Final[UseCase[ChangeState, ChangeState]] = UseCase(
    "change_institution_state", find_institutions, load_states, decide_state, read_owed
)
LICENSE: Final[UseCase[License, License]] = UseCase(
    "license_institution", find_institutions, load_institutions, decide_licence, read_pack
)
