"""Use cases of jurisdictions: add one with its journal, select its banks, read its rules.

A jurisdiction with a journal of its own, or inside one, is added by a unit of work of that journal,
whose first transaction says so. One above all journals (a province, the nation) is reference data
alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import rule_packs
from ledger.calendars import shanghai_date
from ledger.policy import RulePack
from ledger.refusals import (
    BankNotSelected,
    BankUnknown,
    JurisdictionUnknown,
    PolicyMissing,
    Refusal,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import custodians, reference, rows, rule_pack_rows
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record, Update, Verdict
from service.store.reference import NewJurisdiction
from service.store.tables import JurisdictionBank
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class AddJurisdiction:
    """A node to add below `scope`, the path of whoever adds it."""

    new: NewJurisdiction
    scope: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SelectBank:
    """Bring a bank's selection (遴选) in a jurisdiction into a state."""

    code: str
    bank: str
    state: str


async def require_in_scope(connection: AsyncConnection, command: AddJurisdiction) -> bool:
    """Refuse a node that cannot be, or is not below the caller's; tell whether it stands."""
    row = await reference.checked(connection, command.new, on=shanghai_date(command.at))
    if not reference.is_within(row["path"], command.scope):
        raise JurisdictionUnknown(code=command.new.code)
    return await reference.jurisdiction(connection, command.new.code) is not None


async def journal_for(connection: AsyncConnection, new: NewJurisdiction) -> int | None:
    """Return the journal a new node will be in: its own, the nearest above, or none."""
    if new.journal is not None:
        return new.journal
    parent = None if new.parent is None else await reference.jurisdiction(connection, new.parent)
    path = reference.scope_path(new.parent or new.code) if parent is None else parent.path
    return await reference.journal_of(connection, path)


async def find_new(
    connection: AsyncConnection, _caller: Context, commands: Sequence[AddJurisdiction]
) -> list[AddJurisdiction | Refusal]:
    """Check what is asked for against what stands."""
    found: list[AddJurisdiction | Refusal] = []
    for command in commands:
        try:
            await require_in_scope(connection, command)
        except Refusal as refusal:
            found.append(refusal)
        else:
            found.append(command)
    return found


async def load_new(unit: Unit, commands: Sequence[AddJurisdiction]) -> None:
    """Add the node and open its journal: the head that is locked next has to exist."""
    (command,) = commands
    await reference.lock_reference(unit.connection)
    stood = await require_in_scope(unit.connection, command)
    row = await reference.add_jurisdiction(unit.connection, command.new, at=command.at)
    chosen = await custodians.selections(unit.connection, [row.code])
    unit.facts.extra |= {"stood": stood, "answer": answer_of(row, chosen)}


def decide_new(facts: Facts, command: AddJurisdiction) -> Decision:
    """Say in the journal that the jurisdiction was added."""
    if facts.extra["stood"]:
        return Decision(answer=facts.extra["answer"], duplicate=True)
    added = Transaction(
        TransactionKind.JURISDICTION_ADDED,
        references={"jurisdiction": command.new.code, "rule_pack": command.new.rule_pack},
    )
    return Decision(answer=facts.extra["answer"], transactions=(added,))


async def add_above_journals(connection: AsyncConnection, command: AddJurisdiction) -> Verdict:
    """Add a node that no journal holds; raises what `reference.add_jurisdiction` refuses."""
    stood = await require_in_scope(connection, command)
    row = await reference.add_jurisdiction(connection, command.new, at=command.at)
    chosen = await custodians.selections(connection, [row.code])
    return Verdict(answer=answer_of(row, chosen), duplicate=stood)


async def find_selecting(
    connection: AsyncConnection, caller: Context, commands: Sequence[SelectBank]
) -> list[SelectBank | Refusal]:
    """Find the jurisdiction and the bank."""
    found: list[SelectBank | Refusal] = []
    for command in commands:
        node = await reference.jurisdiction(connection, command.code)
        journal = None if node is None else await reference.journal_of(connection, node.path)
        if (
            node is None
            or journal not in caller.journals
            or not reference.in_areas(node.path, caller.areas)
        ):
            found.append(JurisdictionUnknown(code=command.code))
        elif await custodians.bank_by_code(connection, command.bank) is None:
            found.append(BankUnknown(bank=command.bank))
        else:
            found.append(command)
    return found


async def load_selecting(unit: Unit, commands: Sequence[SelectBank]) -> None:
    """Lock the selections of these jurisdictions."""
    await reference.lock_reference(unit.connection)
    source = rows.table_of(JurisdictionBank)
    statement = select(source).where(
        source.c.jurisdiction_code.in_([command.code for command in commands])
    )
    await unit.read(JurisdictionBank, statement)


def decide_selecting(facts: Facts, command: SelectBank) -> Decision:
    """Select, suspend, resume or remove a bank; a removed one is selected anew."""
    key = (command.code, command.bank)
    standing = facts.get(JurisdictionBank, *key)
    today = facts.moment.today
    until = None if command.state == "ACTIVE" else today
    if standing is None:
        if command.state != "ACTIVE":
            raise BankNotSelected(bank=command.bank)
        row = {
            "jurisdiction_code": command.code,
            "bank_code": command.bank,
            "selected_on": today,
            "until": until,
            "state": command.state,
        }
        return _selected(Record(row), Insert(JurisdictionBank, row))
    if standing.state == command.state:
        return Decision(answer=selection_of(standing), duplicate=True)
    if (standing.state, command.state) == ("REMOVED", "SUSPENDED"):
        raise WrongState(state=standing.state)
    values: dict[str, Any] = {"state": command.state, "until": until}
    if standing.state == "REMOVED":
        values["selected_on"] = today
    return _selected(Record({**standing, **values}), Update(JurisdictionBank, key, values))


def _selected(row: Record, change: Insert | Update) -> Decision:
    said = Transaction(
        TransactionKind.BANK_SELECTION_CHANGED,
        references={"jurisdiction": row.jurisdiction_code, "bank": row.bank_code},
        reason=row.state,
    )
    return Decision(answer=selection_of(row), transactions=(said,), changes=(change,))


def rules_in_force(pack: RulePack, on: date) -> list[dict[str, Any]]:
    """Return the values of a pack in force at a date: the latest of each parameter and scope."""
    document = json.loads(rule_packs.render(pack))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for value, written in sorted(
        zip(pack.values, document["values"], strict=True), key=lambda pair: pair[0].effective_from
    ):
        ended = value.effective_to is not None and value.effective_to < on
        if value.effective_from <= on and not ended:
            found[value.parameter.name, value.scope or ""] = written
    return [found[key] for key in sorted(found)]


async def pack_of(connection: AsyncConnection, node: Record) -> RulePack:
    """Return the rules of a jurisdiction today; raises `PolicyMissing`."""
    pack = await rule_pack_rows.rules_of_node(connection, node.code)
    if pack is None:
        raise PolicyMissing(pack=node.rule_pack)
    return pack


def answer_of(row: Mapping[str, Any], chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tell what a jurisdiction is and which banks it selected."""
    return {
        "code": row["code"],
        "name": row["name"],
        "parent": row["parent_code"],
        "path": row["path"],
        "journal": row["journal_id"],
        "departments": list(reference.departments_of(row)),
        "rule_pack": row["rule_pack"],
        "banks": [
            selection_of(selection)
            for selection in chosen
            if selection["jurisdiction_code"] == row["code"]
        ],
    }


def selection_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell how a bank stands in a jurisdiction."""
    until = row["until"]
    return {
        "bank": row["bank_code"],
        "state": row["state"],
        "selected_on": row["selected_on"].isoformat(),
        "until": None if until is None else until.isoformat(),
    }


ADD: Final[UseCase[AddJurisdiction, AddJurisdiction]] = UseCase(
    "add_jurisdiction", find_new, load_new, decide_new
)
SELECT_BANK: Final[UseCase[SelectBank, SelectBank]] = UseCase(
    "select_bank", find_selecting, load_selecting, decide_selecting
)
