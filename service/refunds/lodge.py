"""Lodging (公证提存, E52): what nobody has claimed for long is left with a notary, with proof.

A regulator asks and a second one approves; the bank's debit of the LODGING order completes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters
from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.policy import Category
from ledger.refusals import AccountFenced, PayoutNotCovered, RefundUnknown, Refusal, WrongState
from service.refunds import instruct
from service.refunds.instruct import Instruct
from service.store import approvals, ids, reference, refund_orders, refund_reads, registry
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Decision, Facts, Record
from service.store.parties import NewParty, party_added
from service.store.refund_orders import LODGING
from service.store.standing import restrained
from service.store.tables import CustodyAccount, Refund
from service.store.transact import UseCase
from service.store.unit import Unit

_UNCLAIMED_DAYS: Final = "refund_unclaimed_days"


@dataclass(frozen=True, slots=True)
class Lodge:
    """Leave an unclaimed refund with a notary, by an order of this id."""

    journal: int
    target: UUID
    approval: UUID
    order: UUID
    notary: NewParty = field(repr=False)
    document_hash: str
    key: str | None


async def find_refunds(
    connection: AsyncConnection, caller: Context, commands: Sequence[Lodge]
) -> list[Lodge | Refusal]:
    """Find the refunds in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Refund, RefundUnknown)


async def load_refunds(unit: Unit, commands: Sequence[Lodge]) -> None:
    """Lock the refunds."""
    await unit.lock(Refund, {command.target for command in commands})


async def read_refunds(unit: Unit, _commands: Sequence[Lodge]) -> None:
    """Read for how long nobody must have claimed them."""
    await _read_rules(unit)


def decide_request(facts: Facts, command: Lodge) -> Decision:
    """Write the notary down and let the lodging wait for a second person. Raises `WrongState`."""
    row = _unclaimed(facts, command.target)
    payload: dict[str, Any] = {
        "refund_id": ids.public("rfd", facts.journal, row.refund_id),
        "order_id": ids.public("ord", facts.journal, command.order),
        "payee_party_id": ids.public("pty", facts.journal, command.notary.party),
        "document_hash": command.document_hash,
    }
    wanted = Wanted(command.approval, payload, row.institution_id, command.key)
    decision = approvals.requested(facts, LODGE, wanted)
    written = party_added(command.notary, institution=None, at=facts.moment.now)
    return replace(decision, changes=(written, *decision.changes))


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock what an order for the refunds needs."""
    await instruct.load_refunds(unit, _orders(unit.facts, payloads))


async def read_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what backs the refunds, and the rules."""
    await _read_rules(unit)
    await instruct.read_refunds(unit, _orders(unit.facts, payloads))


def decide_lodge(facts: Facts, payload: Payload) -> Decision:
    """Make the order to the notary for all that came back, or else for all that is payable.

    Raises `WrongState`, `AccountFenced`, `PayoutNotCovered` (money behind it is missing).
    """
    row = _unclaimed(facts, ids.parse("rfd", payload["refund_id"])[1])
    if restrained(facts, row.custody_account_id, "FENCE"):
        raise AccountFenced
    again, part, amount = instruct.payable_now(facts, row)
    if amount.fen < part:
        raise PayoutNotCovered(room=str(amount), amount=str(Money.from_fen(part)))
    account = facts.get(CustodyAccount, row.custody_account_id)
    assert account is not None, "the custody account was locked"
    step = refund_orders.refund_order(
        facts,
        row,
        account,
        order=ids.parse("ord", payload["order_id"])[1],
        amount=amount,
        kind=LODGING,
        payee=ids.parse("pty", payload["payee_party_id"])[1],
        reissued=again,
    )
    posted = tuple(
        replace(t, references={**t.references, "document": payload["document_hash"]})
        for t in step.transactions
    )
    values: dict[str, Any] = {}
    for change in step.changes:
        if change.table is Refund:
            values |= change.values
    return Decision(
        answer=refund_reads.answer_of(facts.journal, Record({**row, **values})),
        transactions=posted,
        changes=step.changes,
    )


async def _read_rules(unit: Unit) -> None:
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    unit.facts.extra["policy_version"] = pack.label
    unit.facts.extra[_UNCLAIMED_DAYS] = pack.value(
        parameters.REFUND_UNCLAIMED_DAYS, on=unit.facts.moment.today, category=Category.OTHER
    )


def _unclaimed(facts: Facts, refund: UUID) -> Record:
    row = facts.get(Refund, refund)
    assert row is not None, "the refund was locked"
    since = refund_reads.unclaimed_since(facts.moment.today, facts.extra[_UNCLAIMED_DAYS])
    if not refund_reads.is_unclaimed(row, since):
        raise WrongState(object="refund", state=refund_reads.state_of(row).value)
    return row


def _orders(facts: Facts, payloads: Sequence[Payload]) -> list[Instruct]:
    return [
        Instruct(
            facts.journal,
            ids.parse("rfd", payload["refund_id"])[1],
            ids.parse("ord", payload["order_id"])[1],
        )
        for payload in payloads
    ]


LODGE: Final = approvals.approvable(
    Approvable(
        "lodge_refund",
        frozenset({"regulator"}),
        load_approved,
        decide_lodge,
        read_approved,
        kind=ActKind.LODGING,
        title=("无人认领退费公证提存", "Leave an unclaimed refund with a notary"),
    )
)
REQUEST_LODGING: Final = UseCase[Lodge, Lodge](
    "request_lodging", find_refunds, load_refunds, decide_request, read_refunds
)
