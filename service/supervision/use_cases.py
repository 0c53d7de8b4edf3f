"""Use cases of restraints: place one at once; lift one with a second person's approval.

A FREEZE moves an institution to FROZEN, takes back its orders that no bank has fetched and begins
its wind-down: one act of one person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.refusals import (
    CustodyAccountUnknown,
    EnrolmentUnknown,
    InstitutionUnknown,
    Refusal,
    RestraintUnknown,
    WrongState,
)
from ledger.rules.custody import own_funds_applied
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind
from service.store import (
    approvals,
    ids,
    order_locks,
    orders,
    restraint_reads,
    wind_down_start,
)
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import debts_of, place_of, read_debts
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.order_steps import OrderState
from service.store.tables import (
    CustodyAccount,
    Enrolment,
    Institution,
    PaymentOrder,
    Restraint,
)
from service.store.transact import UseCase
from service.store.unit import Unit

TARGETS: Final[Mapping[str, frozenset[str]]] = {
    "ENROL_STOP": frozenset({"INSTITUTION"}),
    "PAYOUT_STOP": frozenset({"INSTITUTION", "CUSTODY_ACCOUNT"}),
    "FREEZE": frozenset({"INSTITUTION", "ENROLMENT"}),
    "HOLD": frozenset({"CUSTODY_ACCOUNT"}),
    "FENCE": frozenset({"CUSTODY_ACCOUNT"}),
}
"""What each kind of restraint can be put on."""

PREFIXES: Final = {"INSTITUTION": "ins", "CUSTODY_ACCOUNT": "cus", "ENROLMENT": "enr"}
_UNKNOWN: Final[Mapping[str, type[Refusal]]] = {
    "INSTITUTION": InstitutionUnknown,
    "CUSTODY_ACCOUNT": CustodyAccountUnknown,
    "ENROLMENT": EnrolmentUnknown,
}
_UNFREEZABLE: Final = frozenset({"FROZEN", "WINDING_DOWN", "DEREGISTERED"})


@dataclass(frozen=True, slots=True)
class Placing:
    """A restraint to put on a target; `amount` is for a HOLD only, `cause` a code."""

    journal: int
    restraint: UUID
    target_type: str
    target: UUID
    kind: str
    cause: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class FoundTarget:
    """A restraint to place, and whose it is."""

    placing: Placing
    institution: UUID

    @property
    def freezes(self) -> bool:
        """Tell whether the institution itself is frozen by it."""
        return self.placing.kind == "FREEZE" and self.placing.target_type == "INSTITUTION"


@dataclass(frozen=True, slots=True)
class Lifting:
    """A restraint to lift, once another person agrees."""

    journal: int
    approval: UUID
    restraint: UUID
    reason: str
    key: str | None


async def find_targets(
    connection: AsyncConnection, caller: Context, placings: Sequence[Placing]
) -> list[FoundTarget | Refusal]:
    """Find the targets in the caller's scope, and the institution each belongs to."""
    found: dict[UUID, UUID] = {}
    for kind in PREFIXES:
        wanted = {p.target for p in placings if p.target_type == kind}
        found |= await restraint_reads.owners(connection, caller, placings[0].journal, kind, wanted)
    return [
        FoundTarget(p, found[p.target]) if p.target in found else _UNKNOWN[p.target_type]()
        for p in placings
    ]


async def load_targets(unit: Unit, found: Sequence[FoundTarget]) -> None:
    """Lock institutions (to be changed where frozen), targets, and orders a freeze takes back."""
    frozen = {item.institution for item in found if item.freezes}
    await unit.lock(Institution, frozen)
    await unit.lock(Institution, {item.institution for item in found} - frozen, share=True)
    await wind_down_start.lock_accounts(unit, frozen)
    for table, kind in ((CustodyAccount, "CUSTODY_ACCOUNT"), (Enrolment, "ENROLMENT")):
        wanted = {i.placing.target for i in found if i.placing.target_type == kind}
        await unit.lock(table, wanted, share=True)
    await order_locks.lock_new_of(unit, frozen)


async def read_targets(unit: Unit, found: Sequence[FoundTarget]) -> None:
    """Read what a freeze's cancelled orders give back, and what the banks will be asked about."""
    await wind_down_start.read_start(unit, {item.institution for item in found if item.freezes})
    known = list(unit.facts.all(PaymentOrder))
    await read_debts(unit, {order.custody_account_id for order in known})
    await unit.balances(
        account for order in known for account in orders.accounts_of(unit.facts, order)
    )


def decide_place(facts: Facts, found: FoundTarget) -> Decision:
    """Put the restraint in force from this position on. Raises `WrongState` for a second freeze."""
    placing, moment = found.placing, facts.moment
    row = {
        "restraint_id": placing.restraint,
        "institution_id": found.institution,
        "target_type": placing.target_type,
        "target_id": placing.target,
        "kind": placing.kind,
        "amount_fen": None if placing.amount is None else placing.amount.fen,
        "cause": placing.cause,
        "placed_by": moment.actor,
        "placed_at": moment.now,
        "from_seq": moment.next_seq,
        "to_seq": None,
        "lifted_by": None,
    }
    posted, changes = _freeze(facts, found)
    return Decision(
        answer=restraint_reads.answer_of(moment.journal, Record(row)),
        transactions=(
            *posted,
            _noted(TransactionKind.RESTRAINT_PLACED, Record(row), placing.cause),
        ),
        changes=(Insert(Restraint, row), *changes),
    )


async def find_restraints(
    connection: AsyncConnection, caller: Context, liftings: Sequence[Lifting]
) -> list[tuple[Lifting, Record] | Refusal]:
    """Find the restraints in the caller's scope."""
    seen = await restraint_reads.restraints(
        connection, caller, liftings[0].journal, [lifting.restraint for lifting in liftings]
    )
    return [
        (lifting, seen[lifting.restraint]) if lifting.restraint in seen else RestraintUnknown()
        for lifting in liftings
    ]


async def load_restraints(unit: Unit, found: Sequence[tuple[Lifting, Record]]) -> None:
    """Lock the restraints."""
    await unit.lock(Restraint, {lifting.restraint for lifting, _ in found})


def decide_request(facts: Facts, found: tuple[Lifting, Record]) -> Decision:
    """Ask for a restraint to be lifted. Raises `WrongState` when it no longer stands."""
    lifting, _ = found
    row = _in_force(facts, lifting.restraint)
    payload = {
        "restraint_id": ids.public("rst", facts.journal, row.restraint_id),
        "institution_id": ids.public("ins", facts.journal, row.institution_id),
        "kind": row.kind,
        "target_type": row.target_type,
        "reason": lifting.reason,
    }
    wanted = Wanted(lifting.approval, payload, row.institution_id, lifting.key)
    return approvals.requested(facts, LIFT, wanted)


async def load_lift(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the institutions, to be changed where a freeze is lifted, then the restraints."""
    institutions = {_id("ins", payload["institution_id"]) for payload in payloads}
    await unit.lock(Institution, institutions)
    await wind_down_start.lock_open(unit, institutions)
    await unit.lock(Restraint, {_id("rst", payload["restraint_id"]) for payload in payloads})


async def read_lift(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what else restrains the institutions."""
    await unit.restraints({_id("ins", payload["institution_id"]) for payload in payloads})


def decide_lift(facts: Facts, payload: Payload) -> Decision:
    """End a restraint at this position; the last freeze lifted makes the institution LICENSED.

    Raises `WrongState` when the restraint no longer stands or the institution is being wound down.
    """
    row, moment = _in_force(facts, _id("rst", payload["restraint_id"])), facts.moment
    posted, changes = _thawed(facts, row)
    values = {"to_seq": moment.next_seq + len(posted), "lifted_by": moment.actor}
    return Decision(
        answer=restraint_reads.answer_of(moment.journal, Record({**row, **values})),
        transactions=(*posted, _noted(TransactionKind.RESTRAINT_LIFTED, row, payload["reason"])),
        changes=(Update(Restraint, (row.restraint_id,), values), *changes),
    )


LIFT: Final = approvals.approvable(
    Approvable(
        "lift_restraint",
        frozenset({"regulator"}),
        load_lift,
        decide_lift,
        read_lift,
        kind=ActKind.LIFTING,
        title=("解除限制措施", "Lift a restraint"),
    )
)
PLACE_RESTRAINT = UseCase("place_restraint", find_targets, load_targets, decide_place, read_targets)
REQUEST_LIFT = UseCase("request_lift", find_restraints, load_restraints, decide_request)


def _noted(kind: TransactionKind, row: Record, reason: str) -> Transaction:
    references: dict[str, str] = {
        "institution": str(row.institution_id),
        "restraint": str(row.restraint_id),
        "kind": row.kind,
        "target": str(row.target_id),
    }
    if row.amount_fen is not None:
        references["amount_fen"] = str(row.amount_fen)
    return Transaction(kind, references=references, reason=reason)


def _freeze(facts: Facts, found: FoundTarget) -> tuple[tuple[Transaction, ...], tuple[Change, ...]]:
    """Move the institution to FROZEN, take back its NEW orders (E19) and begin the wind-down.

    What is on its way to a payer out of suspense goes on.
    """
    if not found.freezes:
        return (), ()
    institution = _institution(facts, found.institution)
    if institution.state in _UNFREEZABLE:
        raise WrongState(object="institution", state=institution.state)
    taken = [
        order
        for order in facts.all(PaymentOrder)
        if order.institution_id == found.institution and order.state == OrderState.NEW
    ]
    steps = [
        orders.order_undone(facts, order, OrderState.CANCELLED, reason="FREEZE") for order in taken
    ]
    undone = (*(t for step in steps for t in step.transactions), *_covered(facts, taken))
    begun, changes = wind_down_start.started(
        facts,
        base=found.placing.restraint,
        institution=found.institution,
        cause=found.placing.cause,
        at=len(undone),
    )
    return (
        (*undone, *begun),
        (_moved(institution, "FROZEN"), *(c for step in steps for c in step.changes), *changes),
    )


def _covered(facts: Facts, taken: Sequence[Record]) -> list[Transaction]:
    """Own funds that come back with the orders close what is owed at once (E57)."""
    back: dict[Place, int] = {}
    for order in taken:
        if order.kind == OrderKind.SURPLUS:
            back[place_of(order)] = back.get(place_of(order), 0) + order.amount_fen
    return [
        own_funds_applied(
            place,
            own_funds=facts.book.balance(place.own_funds) + Money.from_fen(fen),
            debts=debts_of(facts, place.custody),
        )
        for place, fen in back.items()
        if debts_of(facts, place.custody)
    ]


def _thawed(facts: Facts, row: Record) -> wind_down_start.Begun:
    """FROZEN → LICENSED, which two people decide, when no other freeze stands; the case ends."""
    if row.kind != "FREEZE" or row.target_type != "INSTITUTION":
        return (), ()
    institution = _institution(facts, row.institution_id)
    if institution.state != "FROZEN":
        raise WrongState(object="institution", state=institution.state)
    others = [
        other
        for other in facts.all(Restraint)
        if other.target_id == row.target_id
        and other.kind == "FREEZE"
        and other.to_seq is None
        and other.restraint_id != row.restraint_id
    ]
    if others:
        return (), ()
    posted, changes = wind_down_start.lifted(facts, institution.institution_id)
    return posted, (_moved(institution, "LICENSED"), *changes)


def _moved(institution: Record, state: str) -> Update:
    values: dict[str, Any] = {"state": state, "version": institution.version + 1}
    return Update(Institution, (institution.institution_id,), values)


def _institution(facts: Facts, institution: UUID) -> Record:
    row = facts.get(Institution, institution)
    assert row is not None, "the institution was locked"
    return row


def _in_force(facts: Facts, restraint: UUID) -> Record:
    row = facts.get(Restraint, restraint)
    assert row is not None, "the restraint was locked"
    if row.to_seq is not None:
        raise WrongState(object="restraint", state="LIFTED")
    return row


def _id(prefix: str, public: str) -> UUID:
    return ids.parse(prefix, public)[1]
