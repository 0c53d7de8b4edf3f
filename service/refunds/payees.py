"""Payees of refunds: a changed one with proof (E26, I-29), or a guardian's own where none is known.

Two persons decide, and nothing is paid before the cool-off of the change has passed. While a
refund's payer is known and takes the money nobody may change where it goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters
from ledger.four_eyes import ActKind
from ledger.policy import Category
from ledger.refusals import RefundUnknown, Refusal, WrongState
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals, guardian_links, ids, reference, refund_reads, registry
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.parties import NewParty, party_added
from service.store.refund_orders import PAYEE
from service.store.tables import Refund
from service.store.transact import UseCase
from service.store.unit import Unit

_COOL_OFF: Final = "payee_cool_off"


@dataclass(frozen=True, slots=True)
class ChangePayee:
    """Pay a refund to another account; `payee` is written down at once, used once approved.

    A guardian may name an account of their own where no payer is known; `parent` is the person
    who does, where it is known.
    """

    journal: int
    target: UUID
    approval: UUID
    payee: NewParty = field(repr=False)
    document_hash: str | None
    by_guardian: bool
    key: str | None
    parent: UUID | None = None


async def find_refunds(
    connection: AsyncConnection, caller: Context, commands: Sequence[ChangePayee]
) -> list[ChangePayee | Refusal]:
    """Find the refunds in the caller's scope; a guardian's own."""
    return await registry.find_seen(connection, caller, commands, Refund, RefundUnknown)


async def load_refunds(unit: Unit, commands: Sequence[ChangePayee]) -> None:
    """Lock the refunds, and read how long their guardians have been whom they are."""
    await unit.lock(Refund, {command.target for command in commands})
    await guardian_links.read_of_parents(
        unit, {command.parent for command in commands if command.parent is not None}
    )


def decide_request(facts: Facts, command: ChangePayee) -> Decision:
    """Write the payee down and let the change wait for its second person.

    Raises `WrongState`, and `PayeeCoolingOff` for a parent of less than 72 hours.
    """
    row = _waiting(facts, command.target, by_guardian=command.by_guardian)
    if command.parent is not None:
        guardian_links.require_settled(facts, command.parent, row.guardian_id)
    payload: dict[str, Any] = {
        "refund_id": ids.public("rfd", facts.journal, row.refund_id),
        "payee_party_id": ids.public("pty", facts.journal, command.payee.party),
        "document_hash": command.document_hash,
    }
    wanted = Wanted(command.approval, payload, row.institution_id, command.key)
    asked = REGISTER_PAYEE if command.by_guardian else CHANGE_PAYEE
    decision = approvals.requested(facts, asked, wanted)
    written = party_added(command.payee, institution=None, at=facts.moment.now)
    return replace(decision, changes=(written, *decision.changes))


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the refunds of approved changes."""
    await unit.lock(Refund, {_id("rfd", payload["refund_id"]) for payload in payloads})


async def read_approved(unit: Unit, _payloads: Sequence[Payload]) -> None:
    """Read how long a changed payee cools off."""
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    unit.facts.extra["policy_version"] = pack.label
    unit.facts.extra[_COOL_OFF] = pack.value(
        parameters.PAYEE_COOL_OFF_DAYS, on=unit.facts.moment.today, category=Category.OTHER
    )


def decide_change(facts: Facts, payload: Payload) -> Decision:
    """Pay the refund to the agreed account once the cool-off has passed."""
    return _changed(facts, payload, by_guardian=False)


def decide_registered(facts: Facts, payload: Payload) -> Decision:
    """Pay the guardian's account once the cool-off has passed."""
    return _changed(facts, payload, by_guardian=True)


def _changed(facts: Facts, payload: Payload, *, by_guardian: bool) -> Decision:
    row = _waiting(facts, _id("rfd", payload["refund_id"]), by_guardian=by_guardian)
    party, moment = _id("pty", payload["payee_party_id"]), facts.moment
    values = {
        "payee_party_id": party,
        "payee_hold_until": moment.today + timedelta(days=facts.extra[_COOL_OFF]),
        "waiting_for": None,
        "seq": moment.next_seq,
    }
    named = references(place_of(row), enrolment=row.enrolment_id, refund=row.refund_id, payee=party)
    if payload["document_hash"] is not None:
        named["document"] = payload["document_hash"]
    return Decision(
        answer=refund_reads.answer_of(moment.journal, Record({**row, **values})),
        transactions=(Transaction(TransactionKind.PAYEE_CHANGED, references=named),),
        changes=(Update(Refund, (row.refund_id,), values),),
    )


def _waiting(facts: Facts, refund: UUID, *, by_guardian: bool) -> Record:
    """Return a refund that waits for a payee; `WrongState` for any other."""
    row = facts.get(Refund, refund)
    assert row is not None, "the refund was locked"
    waits = row.waiting_for == PAYEE and (row.payable_fen or row.returned_fen)
    if not waits or (by_guardian and row.receipt_entry_id is not None):
        raise WrongState(object="refund", state=refund_reads.state_of(row).value)
    return row


def _id(prefix: str, public: str) -> UUID:
    return ids.parse(prefix, public)[1]


_PAID_THERE: Final = (
    "变更冷静期满后,退费付至该账户",
    "Once the change has cooled off, the refund is paid to this account",
)
CHANGE_PAYEE: Final = approvals.approvable(
    Approvable(
        "change_payee",
        frozenset({"regulator", "operator"}),
        load_approved,
        decide_change,
        read_approved,
        kind=ActKind.PAYEE_CHANGE,
        title=("变更退费收款人", "Change the payee of a refund"),
        consequence=_PAID_THERE,
    )
)
REGISTER_PAYEE: Final = approvals.approvable(
    Approvable(
        "register_payee",
        frozenset({"regulator"}),
        load_approved,
        decide_registered,
        read_approved,
        kind=ActKind.PAYEE_CHANGE,
        title=("登记家长收款账户", "Register a guardian's own account"),
        consequence=_PAID_THERE,
    )
)
REQUEST_PAYEE: Final = UseCase[ChangePayee, ChangePayee](
    "request_payee", find_refunds, load_refunds, decide_request
)
