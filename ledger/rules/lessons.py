"""Lessons: recorded, confirmed, disputed, ruled on, voided, reversed.

A lesson takes a numbered slot of its contract, worth R(k) − R(k−1) for ever. Confirming it is the
one way in which a student's money becomes the institution's (I-16), and where the contract is
unfunded (legacy, diversion) the value first closes what the institution owes on this contract.
A slot worth nothing moves lesson units alone (E54).
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from ledger.accounts import Account, Reason, Unit
from ledger.entitlement import Contract
from ledger.forms import Form
from ledger.money import ZERO, Money
from ledger.rules.debts import Debt, make_good
from ledger.rules.places import place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers

_CONFIRMING: Final = (
    TransactionKind.LESSON_CONFIRMED,
    TransactionKind.DISPUTE_REJECTED,
    TransactionKind.HELD_LESSON_CONFIRMED,
)


def lesson_recorded(contract: Contract, *, lesson: UUID, slot: int) -> Transaction:
    """Set a recorded lesson's value aside until it is confirmed (E13): L1 | L2."""
    moved = (contract.prepaid, contract.pending)
    return _moved(TransactionKind.LESSON_RECORDED, contract, moved, lesson=lesson, slot=slot)


def lesson_confirmed(
    contract: Contract, *, lesson: UUID, slot: int, unfunded: Sequence[Debt]
) -> Transaction:
    """Release a confirmed lesson (E14, E03, E54): L2 | A5 of this enrolment first, the rest L4.

    `unfunded` holds the balances of the enrolment's A5[LEGACY] and A5[DIVERSION]; the unit moves
    from U1 to U2.
    """
    return _released(
        TransactionKind.LESSON_CONFIRMED,
        contract,
        source=contract.pending,
        lesson=lesson,
        slot=slot,
        unfunded=unfunded,
    )


def confirmed_form(contract: Contract, *, slot: int) -> Form:
    """Return what `lesson_confirmed` posts of a paid lesson of any contract in the same books.

    L2 v | L4 v and a unit from U1 to U2, of a contract on which nothing is owed. `slot` is a paid
    one of this contract that is worth something.
    """
    own, value = contract.enrolment, contract.slot_value(slot)
    assert contract.slot_reason(slot) is Reason.PAID, "a form is of a paid lesson"
    assert value > ZERO, "a form is of a lesson that is worth something"
    sample = lesson_confirmed(contract, lesson=own, slot=slot, unfunded=())
    return Form.of(sample, owner=own, blanks=("enrolment", "lesson", "slot"))


def lesson_disputed(contract: Contract, *, lesson: UUID, slot: int) -> Transaction:
    """Block a recorded lesson that the parent disputes (E15): L2 | L3."""
    moved = (contract.pending, contract.disputed)
    return _moved(TransactionKind.LESSON_DISPUTED, contract, moved, lesson=lesson, slot=slot)


def dispute_upheld(contract: Contract, *, lesson: UUID, slot: int) -> Transaction:
    """Give a disputed lesson back to the student (E15): L3 | L1; its slot is free again."""
    moved = (contract.disputed, contract.prepaid)
    return _moved(TransactionKind.DISPUTE_UPHELD, contract, moved, lesson=lesson, slot=slot)


def dispute_rejected(
    contract: Contract, *, lesson: UUID, slot: int, unfunded: Sequence[Debt]
) -> Transaction:
    """Release a disputed lesson by ruling (E15): L3 | A5 of this enrolment first, the rest L4."""
    return _released(
        TransactionKind.DISPUTE_REJECTED,
        contract,
        source=contract.disputed,
        lesson=lesson,
        slot=slot,
        unfunded=unfunded,
    )


def lesson_voided(contract: Contract, *, lesson: UUID, slot: int) -> Transaction:
    """Take back a recorded lesson before it is confirmed (E16): L2 | L1; its slot is free again."""
    moved = (contract.pending, contract.prepaid)
    return _moved(TransactionKind.LESSON_VOIDED, contract, moved, lesson=lesson, slot=slot)


def lesson_reversed(
    contract: Contract, *, confirming: Transaction, reverses: str, payable: Money
) -> Transaction:
    """Undo a confirmed lesson (E28, E29), mirroring the transaction that confirmed it line by line.

    What closed A5[LEGACY], A5[DIVERSION] or A7 opens it again; what went to L4 is taken from L4 up
    to its balance `payable`, and the part already paid out is A5[CLAWBACK]. All of it goes to L1,
    the unit back to U1. `reverses` names the confirming transaction; one is reversed once (I-07).
    """
    assert confirming.kind in _CONFIRMING, "only a confirmation is reversed like this"
    transfers: list[Transfer] = []
    for transfer in confirming.transfers:
        transfers.extend(_undone(contract, transfer, payable))
    return Transaction(
        TransactionKind.LESSON_REVERSED,
        tuple(transfers),
        {**confirming.references, "reverses": reverses},
    )


def _moved(
    kind: TransactionKind,
    contract: Contract,
    moved: tuple[Account, Account],
    *,
    lesson: UUID,
    slot: int,
) -> Transaction:
    move = (*moved, contract.slot_value(slot))
    return Transaction(kind, money_transfers(move), references(contract, lesson=lesson, slot=slot))


def _released(  # noqa: PLR0913 - shared by confirmation and ruling
    kind: TransactionKind,
    contract: Contract,
    *,
    source: Account,
    lesson: UUID,
    slot: int,
    unfunded: Sequence[Debt],
) -> Transaction:
    for debt in unfunded:
        own = {contract.legacy, contract.diversion}
        assert debt.account in own, "only what is owed on this contract"
    closed, earned = make_good(unfunded, contract.slot_value(slot))
    money = money_transfers(
        *((source, debt, part) for debt, part in closed), (source, contract.payable, earned)
    )
    reason = contract.slot_reason(slot)
    unit = Transfer(contract.units_granted(reason), contract.units_consumed(reason), 1)
    return Transaction(kind, (*money, unit), references(contract, lesson=lesson, slot=slot))


def _undone(contract: Contract, transfer: Transfer, payable: Money) -> tuple[Transfer, ...]:
    if transfer.debit.unit is Unit.LESSON:
        return (transfer.mirrored(),)
    value = Money.from_fen(transfer.quantity)
    if transfer.credit != contract.payable:
        return money_transfers((transfer.credit, contract.prepaid, value))
    held = min(value, payable)
    clawback = place_of(contract).due(Reason.CLAWBACK)
    return money_transfers(
        (contract.payable, contract.prepaid, held), (clawback, contract.prepaid, value - held)
    )
