"""Chargebacks (拒付): a payer's bank takes a payment back through the card scheme or the channel.

It is a bank fact and never refused. What the student has left bears it first, then what the
institution earned from this very enrolment, and what was paid out already it must make good (E31).
Lessons that wait for confirmation are voided and refunds not sent are cancelled before, so that
their money stands in L1 and L6 when the chargeback is booked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules.places import place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What bears a chargeback: L1, the refunds not sent (L6), and what was earned.

    `confirmed` is what the enrolment's confirmed lessons brought to L4 and no chargeback has taken
    since; `payable` the balance of L4.
    """

    prepaid: Money
    refunds: Sequence[tuple[UUID, Money]] = ()
    payable: Money = ZERO
    confirmed: Money = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """Where the money left from: the bank (A1), or a channel that has not settled (A3).

    `units_left` are lessons granted that go back to U0 because nothing pays for them any more;
    empty while any money is left for them.
    """

    entry: UUID
    channel: Reason | None = None
    units_left: Mapping[Reason, int] = field(default_factory=dict)


def lessons_to_void(
    amount: Money, *, prepaid: Money, waiting: Sequence[tuple[UUID, Money]]
) -> tuple[UUID, ...]:
    """Name the lessons to void, in the given order, until L1 bears the chargeback or none is left.

    `waiting` are the lessons recorded or in dispute with their values.
    """
    voided: list[UUID] = []
    for lesson, value in waiting:
        if prepaid >= amount:
            break
        voided.append(lesson)
        prepaid += value
    return tuple(voided)


def chargeback_debited(
    contract: Contract, *, amount: Money, standing: Standing, debit: Debit
) -> Transaction:
    """Book a chargeback (E31): L1, L6, L4 up to what was confirmed, A5[CHARGEBACK] | A1, or A3."""
    place = place_of(contract)
    source = place.custody_bank if debit.channel is None else place.channel_clearing(debit.channel)
    bearing: list[tuple[Account, Money]] = [
        (contract.prepaid, standing.prepaid),
        *((place.refund_payable(refund), held) for refund, held in standing.refunds),
        (contract.payable, min(standing.payable, standing.confirmed)),
    ]
    moves: list[tuple[Account, Account, Money]] = []
    rest = amount
    for account, held in bearing:
        part = min(rest, held)
        moves.append((account, source, part))
        rest -= part
    moves.append((place.due(Reason.CHARGEBACK), source, rest))
    units = tuple(
        Transfer(contract.units_granted(reason), contract.units_contracted(reason), lessons)
        for reason, lessons in debit.units_left.items()
        if lessons
    )
    return Transaction(
        TransactionKind.CHARGEBACK_DEBITED,
        money_transfers(*moves) + units,
        references(contract, bank_entry=debit.entry),
    )
