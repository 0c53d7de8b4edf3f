"""Drawing a deposit to cover a gap in custody (E37), by two regulators.

A draw is a transfer order at the deposit account's bank. The gap closes only when the money is in
custody; until then it is on its way, and neither counts as deposit nor is drawn again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.refusals import AmountZero, CustodyAccountInvalid, DepositExceeded
from ledger.rules import deposits as rules
from service.deposits.found import (
    deposit_account,
    find_institutions,
    institution_of,
    lock_institutions,
    money_of,
    uuid_of,
)
from service.store import approvals, ids, orders
from service.store.approvals import Approvable, Payload, Wanted
from service.store.contracts import place_of
from service.store.deposits import account_deposit, deposit_accounts, gap_of, read_deposits
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import CustodyAccount, PaymentOrder
from service.store.transact import UseCase
from service.store.transfers import DEPOSIT_DRAW, transfer_order
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Drawing:
    """Ask for a draw to `custody`: `amount`, or all that is missing there and can be drawn."""

    journal: int
    target: UUID
    approval: UUID
    order: UUID
    custody: UUID
    amount: Money | None
    account: UUID | None
    key: str | None


@dataclass(frozen=True, slots=True)
class _Draw:
    source: Record
    gap: Record
    amount: Money


async def load_asked(unit: Unit, asked: Sequence[Drawing]) -> None:
    """Lock the institutions and their accounts."""
    await lock_institutions(unit, {item.target for item in asked})


async def read_asked(unit: Unit, asked: Sequence[Drawing]) -> None:
    """Read the deposits and what restrains them."""
    await _read(unit, {item.target for item in asked})


def decide_request(facts: Facts, asked: Drawing) -> Decision:
    """Let a draw wait for its second person, judged as it would be now."""
    draw = _drawable(facts, asked.target, asked.account, asked.custody, asked.amount)
    payload = {
        "institution_id": ids.public("ins", facts.journal, asked.target),
        "deposit_account_id": ids.public("cus", facts.journal, draw.source.custody_account_id),
        "custody_account_id": ids.public("cus", facts.journal, draw.gap.custody_account_id),
        "order_id": ids.public("ord", facts.journal, asked.order),
        "amount": str(draw.amount),
    }
    wanted = Wanted(asked.approval, payload, asked.target, asked.key)
    return approvals.requested(facts, DRAW, wanted)


async def load_draw(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the institutions and their accounts."""
    await lock_institutions(unit, {uuid_of("ins", p, "institution_id") for p in payloads})


async def read_draw(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read the deposits and what restrains them."""
    await _read(unit, {uuid_of("ins", p, "institution_id") for p in payloads})


def decide_draw(facts: Facts, payload: Payload) -> Decision:
    """Make a TRANSFER order NEW from the deposit account to the gap (E37).

    Refused in order: `CustodyAccountInvalid`, `WrongState`, `AccountFenced`, `AmountZero`, and
    `DepositExceeded` beyond what is missing there or what can be drawn.
    """
    draw = _drawable(
        facts,
        uuid_of("ins", payload, "institution_id"),
        uuid_of("cus", payload, "deposit_account_id"),
        uuid_of("cus", payload, "custody_account_id"),
        money_of(payload),
    )
    step = transfer_order(
        facts,
        order=uuid_of("ord", payload, "order_id"),
        source=draw.source,
        target=place_of(draw.gap),
        purpose=DEPOSIT_DRAW,
        amount=draw.amount,
    )
    (made,) = (
        change.values
        for change in step.changes
        if isinstance(change, Insert) and change.table is PaymentOrder
    )
    place = place_of(draw.source)
    return Decision(
        answer=orders.answer_of(facts.journal, Record(made)),
        transactions=step.transactions,
        changes=step.changes,
        shows={"deposit_held": place.deposit_held, "deposit_bank": place.deposit_bank},
    )


DRAW: Final = approvals.approvable(
    Approvable(
        "draw_deposit",
        frozenset({"regulator"}),
        load_draw,
        decide_draw,
        read_draw,
        kind=ActKind.DEPOSIT,
        title=("动用风险保证金", "Draw the risk deposit"),
    )
)
REQUEST_DRAW: Final[UseCase[Drawing, Drawing]] = UseCase(
    "request_deposit_draw", find_institutions, load_asked, decide_request, read_asked
)


def _drawable(
    facts: Facts, institution: UUID, named: UUID | None, custody: UUID, amount: Money | None
) -> _Draw:
    institution_of(facts, institution)
    source = deposit_account(facts, institution, named)
    gap = facts.get(CustodyAccount, custody)
    if gap is None or gap.institution_id != institution or gap.purpose != "CUSTODY":
        raise CustodyAccountInvalid(purpose="CUSTODY")
    missing, deposit = gap_of(facts, custody), account_deposit(facts, source)
    wanted = min(missing, deposit.drawable) if amount is None else amount
    if not wanted:
        raise AmountZero(missing=str(missing), available=str(deposit.drawable))
    if wanted > missing:
        raise DepositExceeded(missing=str(missing), amount=str(wanted))
    rules.check_draw(deposit, wanted)
    return _Draw(source, gap, wanted)


async def _read(unit: Unit, institutions: set[UUID]) -> None:
    await read_deposits(unit, institutions)
    kept = [row for one in institutions for row in deposit_accounts(unit.facts, one)]
    await unit.restraints({*institutions, *(row.custody_account_id for row in kept)})
    places = [place_of(row) for row in kept]
    await unit.balances(
        account for place in places for account in (place.deposit_held, place.deposit_bank)
    )
