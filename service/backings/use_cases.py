"""Use cases of backings: somebody asks, a second person agrees, a bank moves the money (E43)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Reason
from ledger.four_eyes import ActKind
from ledger.refusals import CustodyAccountUnknown, EnrolmentUnknown, Refusal
from ledger.rules import backings as rules
from ledger.rules.backings import Backing
from service.backings.standing import Ends, lock_ends, read_ends, require_movable
from service.store import approvals, backing_moves, ids, registry
from service.store.approvals import Approvable, Payload, Wanted
from service.store.backing_moves import BACKING, INSTRUCTED, MOVED
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.order_steps import order_row
from service.store.tables import BackingMove, CustodyAccount, Enrolment, PaymentOrder
from service.store.transact import UseCase
from service.store.transfers import TRANSFER
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class AskMove:
    """Ask for an enrolment to move to custody account `to`; `move` and `order` are new ids.

    `source` names an account the enrolment left, where something has come in since; else None.
    """

    journal: int
    target: UUID
    to: UUID
    source: UUID | None
    approval: UUID
    move: UUID
    order: UUID
    key: str | None


@dataclass(frozen=True, slots=True)
class FoundMove:
    """A command with both ends."""

    command: AskMove
    ends: Ends


async def find_asked(
    connection: AsyncConnection, caller: Context, asked: Sequence[AskMove]
) -> list[FoundMove | Refusal]:
    """Find the enrolment and both custody accounts in the caller's scope."""
    journal = asked[0].journal
    enrolments = await registry.seen(
        connection, caller, Enrolment, journal, {item.target for item in asked}
    )
    wanted = {custody for item in asked for custody in (item.to, item.source) if custody}
    accounts = await registry.seen(connection, caller, CustodyAccount, journal, wanted)
    return [_found(item, enrolments, accounts) for item in asked]


async def load_asked(unit: Unit, found: Sequence[FoundMove]) -> None:
    """Lock both ends."""
    await lock_ends(unit, [item.ends for item in found])


async def read_asked(unit: Unit, found: Sequence[FoundMove]) -> None:
    """Read what moves and what keeps it."""
    await read_ends(unit, [item.ends for item in found])


def decide_request(facts: Facts, found: FoundMove) -> Decision:
    """Let the move wait for its second person, judged as it would be now."""
    command, ends = found.command, found.ends
    backing = require_movable(facts, ends)
    journal = facts.journal
    payload = {
        "enrolment_id": ids.public("enr", journal, ends.enrolment),
        "institution_id": ids.public("ins", journal, ends.institution),
        "custody_account_id": ids.public("cus", journal, ends.source),
        "target_custody_account_id": ids.public("cus", journal, ends.target),
        "move_id": ids.public("bkm", journal, command.move),
        "order_id": ids.public("ord", journal, command.order),
        "amount": str(backing.funded),
    }
    wanted = Wanted(command.approval, payload, ends.institution, command.key)
    return approvals.requested(facts, MOVE, wanted)


async def load_move(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock both ends."""
    await lock_ends(unit, [_ends(payload) for payload in payloads])


async def read_move(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what moves and what keeps it."""
    await read_ends(unit, [_ends(payload) for payload in payloads])


def decide_move(facts: Facts, payload: Payload) -> Decision:
    """Order the bank to move the money, or move at once an enrolment that none is behind (E43)."""
    ends = _ends(payload)
    backing = require_movable(facts, ends)
    move, order = _uuid("bkm", payload, "move_id"), _uuid("ord", payload, "order_id")
    moves_money = bool(backing.funded)
    row = _row(facts, ends, backing, move, order if moves_money else None)
    enrolment = facts.get(Enrolment, ends.enrolment)
    assert enrolment is not None, "the enrolment was locked"
    row["guardian_id"] = enrolment.guardian_id
    changes: tuple[Change, ...] = (Insert(BackingMove, row),)
    if moves_money:
        posted = rules.backing_move_instructed(backing, ends.target, order=order)
        changes = (Insert(PaymentOrder, _order(facts, ends, backing, order)), *changes)
    else:
        posted = rules.backing_moved_without_money(backing, ends.target)
        changes = (*changes, *backing_moves.standing_in(facts, row))
    return Decision(
        answer=backing_moves.answer_of(facts.journal, row),
        transactions=(posted,),
        changes=changes,
        shows={"prepaid": backing.contract.prepaid},
    )


MOVE: Final = approvals.approvable(
    Approvable(
        "move_backing",
        frozenset({"regulator"}),
        load_move,
        decide_move,
        read_move,
        kind=ActKind.BACKING,
        title=("学员资金转至另一托管银行", "Move an enrolment's money to another bank"),
    )
)
REQUEST_MOVE: Final[UseCase[AskMove, FoundMove]] = UseCase(
    "request_backing_move", find_asked, load_asked, decide_request, read_asked
)


def _found(
    item: AskMove, enrolments: dict[UUID, Record], accounts: dict[UUID, Record]
) -> FoundMove | Refusal:
    enrolment = enrolments.get(item.target)
    if enrolment is None:
        return EnrolmentUnknown()
    if item.to not in accounts or (item.source is not None and item.source not in accounts):
        return CustodyAccountUnknown()
    source = item.source or enrolment.custody_account_id
    return FoundMove(item, Ends(item.target, enrolment.institution_id, source, item.to))


def _row(facts: Facts, ends: Ends, backing: Backing, move: UUID, order: UUID | None) -> Record:
    moment, done = facts.moment, order is None
    return Record(
        move_id=move,
        institution_id=ends.institution,
        enrolment_id=ends.enrolment,
        source_custody_account_id=ends.source,
        target_custody_account_id=ends.target,
        order_id=order,
        prepaid_fen=backing.prepaid.fen,
        interest_fen=backing.interest.fen,
        legacy_fen=backing.legacy.fen,
        diversion_fen=backing.diversion.fen,
        granted_paid=backing.granted[Reason.PAID],
        granted_gift=backing.granted[Reason.GIFT],
        taken_paid=backing.taken[Reason.PAID],
        taken_gift=backing.taken[Reason.GIFT],
        state=MOVED if done else INSTRUCTED,
        asked_on=moment.today,
        ended_on=moment.today if done else None,
        seq=moment.next_seq,
    )


def _order(facts: Facts, ends: Ends, backing: Backing, order: UUID) -> dict[str, Any]:
    source = facts.get(CustodyAccount, ends.source)
    assert source is not None, "the custody account was locked"
    return order_row(
        facts,
        order=order,
        source=source,
        kind=TRANSFER,
        amount=backing.funded,
        target_custody_account_id=ends.target,
        purpose=BACKING,
    )


def _ends(payload: Payload) -> Ends:
    return Ends(
        _uuid("enr", payload, "enrolment_id"),
        _uuid("ins", payload, "institution_id"),
        _uuid("cus", payload, "custody_account_id"),
        _uuid("cus", payload, "target_custody_account_id"),
    )


def _uuid(prefix: str, payload: Payload, key: str) -> UUID:
    return ids.parse(prefix, str(payload[key]))[1]
