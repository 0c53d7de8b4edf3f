"""Giving back what a deposit has beyond its requirement (E38), by two people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.refusals import (
    AmountZero,
    HoldExceeded,
    InstitutionFrozen,
    PayoutNotCovered,
    PayoutStopped,
    SettlementAccountMissing,
)
from ledger.rules import deposits as rules
from ledger.rules.payouts import OrderKind
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
from service.store.deposits import (
    account_deposit,
    deposit_accounts,
    deposit_of,
    owed_by,
    read_deposits,
)
from service.store.facts import Decision, Facts, Insert, Record
from service.store.order_steps import order_row
from service.store.standing import FROZEN, restrained
from service.store.tables import PaymentOrder, Restraint
from service.store.transact import UseCase
from service.store.unit import Unit

PURPOSE: Final = "DEPOSIT"
"""What an order out of a deposit account is marked with; its debit is one of A2."""


@dataclass(frozen=True, slots=True)
class Releasing:
    """Ask for part of the surplus, out of `account` or the deposit account that holds most."""

    journal: int
    target: UUID
    approval: UUID
    order: UUID
    amount: Money
    account: UUID | None
    key: str | None


async def load_asked(unit: Unit, asked: Sequence[Releasing]) -> None:
    """Lock the institutions and their accounts."""
    await lock_institutions(unit, {item.target for item in asked})


async def read_asked(unit: Unit, asked: Sequence[Releasing]) -> None:
    """Read what the deposits and their restraints are."""
    await _read(unit, {item.target for item in asked}, ())


def decide_request(facts: Facts, asked: Releasing) -> Decision:
    """Let a release wait for its second person, judged as it would be now."""
    account = _releasable(facts, asked.target, asked.account, asked.amount)
    payload = {
        "institution_id": ids.public("ins", facts.journal, asked.target),
        "deposit_account_id": ids.public("cus", facts.journal, account.custody_account_id),
        "order_id": ids.public("ord", facts.journal, asked.order),
        "amount": str(asked.amount),
    }
    wanted = Wanted(asked.approval, payload, asked.target, asked.key)
    return approvals.requested(facts, RELEASE, wanted)


async def load_release(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the institutions and their accounts."""
    await lock_institutions(unit, {uuid_of("ins", p, "institution_id") for p in payloads})


async def read_release(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read the deposits, restraints and balances of the orders there will be."""
    await _read(
        unit,
        {uuid_of("ins", p, "institution_id") for p in payloads},
        [
            (uuid_of("cus", p, "deposit_account_id"), uuid_of("ord", p, "order_id"))
            for p in payloads
        ],
    )


def decide_release(facts: Facts, payload: Payload) -> Decision:
    """Make a DEPOSIT order NEW and move its money to L5 (E38).

    Refused in order: `CustodyAccountInvalid`, `WrongState`, `PayoutStopped`, `InstitutionFrozen`,
    `AccountFenced`, `AmountZero`, `PayoutNotCovered` while anything is due from the institution,
    `DepositExceeded` beyond the surplus, `HoldExceeded`, `SettlementAccountMissing`.
    """
    institution = uuid_of("ins", payload, "institution_id")
    amount, order = money_of(payload), uuid_of("ord", payload, "order_id")
    account = _releasable(facts, institution, uuid_of("cus", payload, "deposit_account_id"), amount)
    place = place_of(account)
    row = order_row(
        facts,
        order=order,
        source=account,
        kind=OrderKind.DEPOSIT.value,
        amount=amount,
        payee_party_id=institution_of(facts, institution).settlement_party_id,
        purpose=PURPOSE,
    )
    return Decision(
        answer=orders.answer_of(facts.journal, Record(row)),
        transactions=(rules.deposit_release_instructed(place, order=order, amount=amount),),
        changes=(Insert(PaymentOrder, row),),
        shows={"deposit_held": place.deposit_held, "deposit_bank": place.deposit_bank},
    )


RELEASE: Final = approvals.approvable(
    Approvable(
        "release_deposit",
        frozenset({"regulator"}),
        load_release,
        decide_release,
        read_release,
        kind=ActKind.DEPOSIT,
        title=("退还风险保证金", "Give back part of the risk deposit"),
    )
)
REQUEST_RELEASE: Final[UseCase[Releasing, Releasing]] = UseCase(
    "request_deposit_release", find_institutions, load_asked, decide_request, read_asked
)


def _releasable(facts: Facts, institution: UUID, named: UUID | None, amount: Money) -> Record:
    row = institution_of(facts, institution)
    if restrained(facts, institution, "PAYOUT_STOP"):
        raise PayoutStopped
    if row.state in FROZEN or restrained(facts, institution, "FREEZE"):
        raise InstitutionFrozen
    account = deposit_account(facts, institution, named)
    if restrained(facts, account.custody_account_id, "PAYOUT_STOP"):
        raise PayoutStopped
    if not amount:
        raise AmountZero
    owed = owed_by(facts, institution)
    if owed:
        raise PayoutNotCovered(owed=str(owed), amount=str(amount))
    rules.check_release(deposit_of(facts, institution), amount)
    rules.check_draw(account_deposit(facts, account), amount)
    _require_not_held(facts, account, amount)
    if row.settlement_party_id is None:
        raise SettlementAccountMissing
    return account


def _require_not_held(facts: Facts, account: Record, amount: Money) -> None:
    held = sum(
        row.amount_fen or 0
        for row in facts.all(Restraint)
        if row.kind == "HOLD" and row.to_seq is None and row.target_id == account.custody_account_id
    )
    available = account_deposit(facts, account).drawable - Money.from_fen(held)
    if held and amount > available:
        raise HoldExceeded(held=str(Money.from_fen(held)), amount=str(amount))


async def _read(unit: Unit, institutions: set[UUID], ordered: Sequence[tuple[UUID, UUID]]) -> None:
    await read_deposits(unit, institutions)
    kept = [row for one in institutions for row in deposit_accounts(unit.facts, one)]
    await unit.restraints({*institutions, *(row.custody_account_id for row in kept)})
    places = {row.custody_account_id: place_of(row) for row in kept}
    wanted: list[Any] = [
        account for place in places.values() for account in (place.deposit_held, place.deposit_bank)
    ]
    wanted += [
        places[custody].payout_in_transit(order) for custody, order in ordered if custody in places
    ]
    await unit.balances(wanted)
