"""Backings on their way (资金归属划转, E43): an enrolment's money goes to another bank.

A move is a transfer order between two custody accounts. What stood behind the enrolment when it was
instructed is on the move's row; until the money has arrived the enrolment stands where it stood and
rests. A move that fails leaves it there.
"""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Text, literal_column

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules import backings
from ledger.rules.backings import Backing
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store import ids, rows
from service.store.contracts import contract_of
from service.store.facts import Change, Facts, Record, Update
from service.store.order_steps import OrderState
from service.store.tables import BackingMove, Enrolment, PaymentOrder
from service.store.unit import Unit

BACKING: Final = "BACKING"
"""The purpose of a transfer order that moves an enrolment's money."""

INSTRUCTED: Final = "INSTRUCTED"
MOVED: Final = "MOVED"
FAILED: Final = "FAILED"
_LESSONS: Final = (Reason.PAID, Reason.GIFT)


async def lock_behind(unit: Unit, orders: Iterable[UUID]) -> None:
    """Lock the moves of these orders, and before them their enrolments; before the orders' lock."""
    wanted = set(orders)
    if wanted:
        source = rows.table_of(BackingMove)
        moves = rows.keyed(BackingMove, unit.facts.journal, wanted, "order_id")
        await _lock(unit, moves.with_only_columns(source.c.move_id, source.c.enrolment_id))


async def lock_new_of(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Lock what stands behind NEW orders of institutions that are locked themselves."""
    order, move = rows.table_of(PaymentOrder), rows.table_of(BackingMove)
    named = rows.keyed(BackingMove, unit.facts.journal, institutions, "institution_id")
    new = (move.c.journal_id == order.c.journal_id) & (move.c.order_id == order.c.order_id)
    await _lock(
        unit,
        named.join(order, new)
        .where(order.c.state == OrderState.NEW.value)
        .with_only_columns(move.c.move_id, move.c.enrolment_id),
    )


async def _lock(unit: Unit, moves: Select[Any]) -> None:
    found = await unit.query(moves)
    await unit.lock(Enrolment, {row["enrolment_id"] for row in found})
    await unit.lock(BackingMove, {row["move_id"] for row in found})


async def open_moves(unit: Unit, enrolments: Iterable[UUID]) -> list[Record]:
    """Read the moves of these enrolments that are on their way, for `is_moving`.

    Instructing one locks its enrolment first, so under a lock of the enrolment they stand until the
    commit.
    """
    wanted = set(enrolments)
    if not wanted:
        return []
    source = rows.table_of(BackingMove)
    statement = rows.keyed(BackingMove, unit.facts.journal, wanted, "enrolment_id")
    # Written out, so that the index of open moves serves it however it is planned.
    return await unit.read(
        BackingMove, statement.where(source.c.state == literal_column(f"'{INSTRUCTED}'", Text))
    )


def is_moving(facts: Facts, enrolment: UUID) -> bool:
    """Tell whether an enrolment's money is on its way to another bank."""
    return any(
        move.state == INSTRUCTED for move in facts.each_by(BackingMove, "enrolment_id", enrolment)
    )


def books_of(contract: Contract) -> list[Account]:
    """Return the accounts of an enrolment in one custody account that a move touches."""
    units = [
        account
        for reason in _LESSONS
        for account in (
            contract.units_contracted(reason),
            contract.units_granted(reason),
            contract.units_consumed(reason),
        )
    ]
    return [contract.prepaid, contract.interest, contract.legacy, contract.diversion, *units]


def move_of(facts: Facts, order: UUID) -> Record:
    """Return the move that an order carries; it was locked with the order."""
    move = facts.by(BackingMove, ("order_id",), order)
    assert move is not None, "the move was locked before its order"
    return move


def backing_of(facts: Facts, move: Record) -> Backing:
    """Return what stood behind the enrolment when the move was instructed."""
    contract = source_contract(facts, move)
    return Backing(
        contract=contract,
        prepaid=Money.from_fen(move.prepaid_fen),
        interest=Money.from_fen(move.interest_fen),
        legacy=Money.from_fen(move.legacy_fen),
        diversion=Money.from_fen(move.diversion_fen),
        granted={Reason.PAID: move.granted_paid, Reason.GIFT: move.granted_gift},
        taken={Reason.PAID: move.taken_paid, Reason.GIFT: move.taken_gift},
    )


def source_contract(facts: Facts, move: Record) -> Contract:
    """Return the contract as it stands where the move leaves from."""
    enrolment = facts.get(Enrolment, move.enrolment_id)
    assert enrolment is not None, "the enrolment was locked before its move"
    return backings.moved_to(contract_of(enrolment), move.source_custody_account_id)


def accounts_of(facts: Facts, order: UUID) -> list[Account]:
    """Return the enrolment's accounts on both sides that the arrival of a move touches."""
    move = move_of(facts, order)
    here = source_contract(facts, move)
    there = backings.moved_to(here, move.target_custody_account_id)
    return [*books_of(here), *books_of(there)]


def sent(facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Transaction:
    """Book the debit at the bank the enrolment stands in: A8 | A1."""
    contract = source_contract(facts, move_of(facts, order.order_id))
    return backings.backing_sent(
        contract, order=order.order_id, bank_entry=bank_entry, amount=amount
    )


def arrived(facts: Facts, target: Place, order: UUID, bank_entry: UUID) -> Transaction:
    """Book the credit at the other bank, where the enrolment goes on."""
    backing = backing_of(facts, move_of(facts, order))
    return backings.backing_arrived(backing, target.custody, order=order, bank_entry=bank_entry)


def ended(facts: Facts, order: UUID, state: str) -> tuple[Change, ...]:
    """End a move: MOVED, the enrolment stands in the other account; FAILED, it never left."""
    move = move_of(facts, order)
    values = {"state": state, "ended_on": facts.moment.today}
    changes: tuple[Change, ...] = (Update(BackingMove, (move.move_id,), values),)
    return (*changes, *standing_in(facts, move)) if state == MOVED else changes


def standing_in(facts: Facts, move: Record) -> tuple[Change, ...]:
    """Let the enrolment stand where its money went, unless it stands there already."""
    enrolment = facts.get(Enrolment, move.enrolment_id)
    assert enrolment is not None, "the enrolment was locked before its move"
    target = move.target_custody_account_id
    if enrolment.custody_account_id == target:
        return ()
    return (Update(Enrolment, (move.enrolment_id,), {"custody_account_id": target}),)


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a move."""

    def public(prefix: str, value: UUID | None) -> str | None:
        return None if value is None else ids.public(prefix, journal, value)

    amounts = ("prepaid", "interest", "legacy", "diversion")
    return {
        "id": public("bkm", row.move_id),
        "institution_id": public("ins", row.institution_id),
        "enrolment_id": public("enr", row.enrolment_id),
        "source_custody_account_id": public("cus", row.source_custody_account_id),
        "target_custody_account_id": public("cus", row.target_custody_account_id),
        "order_id": public("ord", row.order_id),
        **{name: str(Money.from_fen(row[f"{name}_fen"])) for name in amounts},
        "state": row.state,
        "asked_on": row.asked_on.isoformat(),
        "ended_on": None if row.ended_on is None else row.ended_on.isoformat(),
    }
