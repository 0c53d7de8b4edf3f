"""Breaks as people answer for them: given to somebody, and signed off with their cause (签核).

A sign-off says why bank and ledger differ and that this is accepted for now. It posts nothing and
hides nothing: the break stands until a reconciliation no longer finds it. One person signs off
breaks up to the limit for money in suspense, two above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.parameters import Category
from ledger.refusals import BreakUnknown, Refusal, WrongState
from ledger.transactions import TransactionKind
from service.store import approval_acts, approvals, ids, reconciliation_reads, reference
from service.store.approval_acts import Deed
from service.store.approvals import Approvable, Payload, Wanted
from service.store.break_changes import CLOSED, OPEN, SIGNED_OFF, noted
from service.store.context import Context
from service.store.facts import Decision, Facts, Record, Update
from service.store.reconciliation_reads import break_answer
from service.store.tables import Break
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a break to somebody, by the id they call with."""

    journal: int
    break_id: UUID
    assignee: str


@dataclass(frozen=True, slots=True)
class SignOff:
    """Sign a break off with its cause, a code; `approval` is for a second person."""

    journal: int
    break_id: UUID
    cause: str
    approval: UUID
    key: str | None


Command = Assign | SignOff


async def find_breaks(
    connection: AsyncConnection, caller: Context, commands: Sequence[Command]
) -> list[tuple[Command, Record] | Refusal]:
    """Find the breaks in the caller's scope."""
    seen = await reconciliation_reads.seen(
        connection, caller, Break, commands[0].journal, {each.break_id for each in commands}
    )
    return [
        (each, seen[each.break_id]) if each.break_id in seen else BreakUnknown()
        for each in commands
    ]


async def load_breaks(unit: Unit, found: Sequence[tuple[Command, Record]]) -> None:
    """Lock the breaks, and read the calendar by which they age."""
    await unit.lock(Break, {each.break_id for each, _ in found})
    unit.facts.extra["calendar"] = await reference.calendar(unit.connection)


async def read_limits(unit: Unit, found: Sequence[tuple[Command, Record]]) -> None:
    """Read the limits of one person."""
    await approval_acts.read_limits(
        unit, ActKind.BREAK_SIGN_OFF, institutions={row.institution_id for _, row in found}
    )


def decide_assign(facts: Facts, found: tuple[Command, Record]) -> Decision:
    """Give a break to somebody. Raises `WrongState` for one that is closed."""
    command, _ = found
    assert isinstance(command, Assign), "the use case takes no other"
    row = _standing(facts, command.break_id)
    values = {"assignee": command.assignee}
    return Decision(
        answer=_answer(facts, row, values),
        transactions=(noted(row, TransactionKind.BREAK_ASSIGNED, row.kind),),
        changes=(Update(Break, (row.break_id,), values),),
    )


def decide_sign_off(facts: Facts, found: tuple[Command, Record]) -> Decision:
    """Sign a break off, or above the limit of one person wait for a second.

    Raises `WrongState` for one that is signed off or closed.
    """
    command, _ = found
    assert isinstance(command, SignOff), "the use case takes no other"
    decision = _signed(facts, command.break_id, command.cause)
    row = _standing(facts, command.break_id)
    amount = Money.from_fen(abs(row.amount_fen))
    deed = Deed(ActKind.BREAK_SIGN_OFF, amount, row.institution_id, Category.OTHER)
    crossing = approval_acts.crossing_of(facts, deed)
    if crossing is None:
        alone = approval_acts.decided_alone(facts, deed)
        return replace(decision, changes=(*decision.changes, alone))
    payload = {
        "break_id": ids.public("brk", facts.journal, row.break_id),
        "custody_account_id": ids.public("cus", facts.journal, row.custody_account_id),
        "kind": row.kind,
        "amount": str(amount),
        "cause": command.cause,
    }
    wanted = Wanted(command.approval, payload, row.institution_id, command.key, crossing)
    return approvals.requested(facts, SIGN_OFF_APPROVED, wanted)


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the breaks that two people sign off."""
    await unit.lock(Break, {_break(payload) for payload in payloads})
    unit.facts.extra["calendar"] = await reference.calendar(unit.connection)


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Sign it off as two people agreed; raises `WrongState` when its amount is another by now."""
    row = _standing(facts, _break(payload))
    if str(Money.from_fen(abs(row.amount_fen))) != payload["amount"]:
        raise WrongState(object="break", state="CHANGED")
    return _signed(facts, row.break_id, str(payload["cause"]))


def _signed(facts: Facts, break_id: UUID, cause: str) -> Decision:
    row, moment = _standing(facts, break_id), facts.moment
    if row.state != OPEN:
        raise WrongState(object="break", state=row.state)
    values = {
        "state": SIGNED_OFF,
        "cause": cause,
        "signed_by": moment.actor,
        "signed_at": moment.now,
        "signed_seq": moment.next_seq,
    }
    return Decision(
        answer=_answer(facts, row, values),
        transactions=(noted(row, TransactionKind.BREAK_SIGNED_OFF, cause),),
        changes=(Update(Break, (row.break_id,), values),),
    )


def _standing(facts: Facts, break_id: UUID) -> Record:
    row = facts.get(Break, break_id)
    assert row is not None, "the break was locked"
    if row.state == CLOSED:
        raise WrongState(object="break", state=row.state)
    return row


def _answer(facts: Facts, row: Record, values: dict[str, Any]) -> dict[str, Any]:
    return break_answer(
        facts.journal,
        Record({**row, **values}),
        today=facts.moment.today,
        calendar=facts.extra["calendar"],
    )


def _break(payload: Payload) -> UUID:
    return ids.parse("brk", str(payload["break_id"]))[1]


SIGN_OFF_APPROVED: Final = approvals.approvable(
    Approvable(
        "sign_off_break",
        frozenset({"operator", "regulator"}),
        load_approved,
        decide_approved,
        kind=ActKind.BREAK_SIGN_OFF,
        title=("对账差异签核", "Sign a break off"),
        consequence=(
            "差异仍列示,直至对账不再发现",
            "The break stays in sight until a reconciliation no longer finds it",
        ),
    )
)
ASSIGN: Final[UseCase[Command, tuple[Command, Record]]] = UseCase(
    "assign_break", find_breaks, load_breaks, decide_assign
)
SIGN_OFF: Final[UseCase[Command, tuple[Command, Record]]] = UseCase(
    "sign_off", find_breaks, load_breaks, decide_sign_off, read_limits
)
