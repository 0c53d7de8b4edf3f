"""Money in suspense sent back by a person (E10): alone up to a limit, above it with a second one.

The sweeps that return what a rule says goes back need nobody; they run the same decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.parameters import Category
from ledger.refusals import Refusal
from service.receipts import use_cases
from service.receipts.use_cases import SendBack
from service.store import approval_acts, approvals, ids
from service.store.approval_acts import Deed
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.tables import BankEntry, BankNarrative
from service.store.transact import UseCase
from service.store.unit import Unit

_PAYEES: Final = "return_payee_keys"


@dataclass(frozen=True, slots=True)
class Asked:
    """A person's wish to send a receipt back; `approval` is for a second person."""

    sent: SendBack
    approval: UUID
    key: str | None

    @property
    def journal(self) -> int:
        """The journal of the receipt."""
        return self.sent.journal


async def find_asked(
    connection: AsyncConnection, caller: Context, asked: Sequence[Asked]
) -> list[Asked | Refusal]:
    """Find the receipts in the caller's scope."""
    found = await use_cases.find_return(connection, caller, [item.sent for item in asked])
    return [
        seen if isinstance(seen, Refusal) else item for item, seen in zip(asked, found, strict=True)
    ]


async def load_asked(unit: Unit, asked: Sequence[Asked]) -> None:
    """Lock what the returns need."""
    await use_cases.load_return(unit, [item.sent for item in asked])


async def read_asked(unit: Unit, asked: Sequence[Asked]) -> None:
    """Read what the returns need, and the limits of one person."""
    await use_cases.read_return(unit, [item.sent for item in asked])
    payees = {
        told.bank_entry_id: approval_acts.payee_of_account(unit.connection, told.payer_account)
        for told in unit.facts.all(BankNarrative)
        if told.payer_account is not None
    }
    unit.facts.extra[_PAYEES] = payees
    await approval_acts.read_limits(
        unit,
        ActKind.SUSPENSE_RETURN,
        institutions={row.institution_id for row in unit.facts.all(BankEntry)},
        payees=payees.values(),
    )


def decide_asked(facts: Facts, asked: Asked) -> Decision:
    """Send it back at once up to the limits of one person; above one, wait for a second."""
    decision = use_cases.decide_return(facts, asked.sent)
    entry = facts.get(BankEntry, asked.sent.bank_entry)
    assert entry is not None, "the receipt was locked"
    amount = Money.from_fen(entry.suspense_fen)
    payee = facts.extra[_PAYEES].get(asked.sent.bank_entry)
    deed = Deed(ActKind.SUSPENSE_RETURN, amount, entry.institution_id, Category.OTHER, payee)
    crossing = approval_acts.crossing_of(facts, deed)
    if crossing is None:
        alone = approval_acts.decided_alone(facts, deed)
        return replace(decision, changes=(*decision.changes, alone))
    sent, journal = asked.sent, facts.journal
    payload: dict[str, Any] = {
        "receipt_id": ids.public("bke", journal, sent.bank_entry),
        "order_id": ids.public("ord", journal, sent.order),
        "payee_party_id": ids.public("pty", journal, sent.party),
        "amount": str(amount),
    }
    wanted = Wanted(asked.approval, payload, entry.institution_id, asked.key, crossing)
    return approvals.requested(facts, RETURN_APPROVED, wanted)


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock what the approved returns need."""
    await use_cases.load_return(unit, [_sent(payload) for payload in payloads])


async def read_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what the approved returns need."""
    await use_cases.read_return(unit, [_sent(payload) for payload in payloads])


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Send it back as two people agreed, on the facts as they are now."""
    return use_cases.decide_return(facts, _sent(payload))


def _sent(payload: Payload) -> SendBack:
    journal, entry = ids.parse("bke", str(payload["receipt_id"]))
    order = ids.parse("ord", str(payload["order_id"]))[1]
    return SendBack(journal, entry, order, ids.parse("pty", str(payload["payee_party_id"]))[1])


RETURN_APPROVED: Final = approvals.approvable(
    Approvable(
        "return_receipt",
        frozenset({"operator", "regulator"}),
        load_approved,
        decide_approved,
        read_approved,
        kind=ActKind.SUSPENSE_RETURN,
        title=("待核款退回付款人", "Send money in suspense back to its payer"),
    )
)
SEND_BACK: Final[UseCase[Asked, Asked]] = UseCase(
    "send_back", find_asked, load_asked, decide_asked, read_asked
)
