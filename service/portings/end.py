"""Use case of ending a porting before any money moved: the parent withdraws, the receiver declines.

A placement is given up only until the plan is posted; its place is free again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import PortingUnknown, Refusal, VerbForbidden, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.portings.answers import answer_of
from service.store import rows
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.porting_orders import PLACEMENT, porting_moved
from service.store.tables import Entitlement, PlacementOffer, Porting
from service.store.transact import UseCase
from service.store.unit import Unit

PAID_OUT: Final = frozenset({"POSTED", "SETTLED"})
"""States of an entitlement whose dividend has been posted."""


@dataclass(frozen=True, slots=True)
class EndPorting:
    """End a porting that is only CHOSEN; `reason` is a code."""

    journal: int
    porting: UUID
    reason: str


async def find_ending(
    connection: AsyncConnection, caller: Context, commands: Sequence[EndPorting]
) -> list[EndPorting | Refusal]:
    """Find the portings: a parent's own, or those that come to the calling institution."""
    wanted = {command.porting for command in commands}
    statement = rows.keyed(Porting, commands[0].journal, wanted, "porting_id")
    seen = {row["porting_id"]: row for row in await rows.fetch(connection, statement)}
    found: list[EndPorting | Refusal] = []
    for command in commands:
        row = seen.get(command.porting)
        if row is None:
            found.append(PortingUnknown())
        elif caller.institution not in (None, row["to_institution_id"]):
            found.append(VerbForbidden(side="LEFT"))
        else:
            found.append(command)
    return found


async def load_ending(unit: Unit, commands: Sequence[EndPorting]) -> None:
    """Lock the portings and the offers whose places they took; read their entitlements."""
    locked = await unit.lock(Porting, {command.porting for command in commands})
    await unit.lock(PlacementOffer, {row.offer_id for row in locked} - {None})
    entitlements = {row.entitlement_id for row in locked} - {None}
    journal = unit.facts.journal
    await unit.read(Entitlement, rows.keyed(Entitlement, journal, entitlements, "entitlement_id"))


def decide_end(facts: Facts, command: EndPorting) -> Decision:
    """Withdraw a porting that is CHOSEN and whose dividend is not posted. Raises `WrongState`."""
    porting = facts.get(Porting, command.porting)
    assert porting is not None, "the porting was found and locked"
    if porting.state != "CHOSEN":
        raise WrongState(object="porting", state=porting.state)
    entitlement = facts.get(Entitlement, porting.entitlement_id)
    if entitlement is not None and entitlement.state in PAID_OUT:
        raise WrongState(object="entitlement", state=entitlement.state)
    return Decision(
        answer=answer_of(facts.journal, Record({**porting, "state": "WITHDRAWN"})),
        transactions=(withdrawn(porting, command.reason),),
        changes=(porting_moved(porting, "WITHDRAWN"), *place_freed(facts, porting)),
    )


def withdrawn(porting: Record, reason: str) -> Transaction:
    """Say that a porting ended before any money moved."""
    return Transaction(
        TransactionKind.PORTING_WITHDRAWN,
        references={
            "institution": str(porting.institution_id),
            "custody": str(porting.custody_account_id),
            "enrolment": str(porting.enrolment_id),
            "porting": str(porting.porting_id),
        },
        reason=reason,
    )


def place_freed(facts: Facts, porting: Record) -> tuple[Change, ...]:
    """Give the place of a placement back to its offer."""
    if porting.kind != PLACEMENT:
        return ()
    offer = facts.get(PlacementOffer, porting.offer_id)
    assert offer is not None, "the offer was locked after its porting"
    taken = {"places_taken": offer.places_taken - 1}
    return (Update(PlacementOffer, (offer.offer_id,), taken),)


END: Final = UseCase[EndPorting, EndPorting]("end_porting", find_ending, load_ending, decide_end)
