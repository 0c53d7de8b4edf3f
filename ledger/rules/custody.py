"""The custody account itself: bank charges, and own funds that cover gaps here or elsewhere."""

from collections.abc import Sequence
from uuid import UUID

from ledger.accounts import Reason
from ledger.money import Money
from ledger.rules.debts import Debt, make_good
from ledger.rules.places import Place, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


def bank_charge_debited(
    place: Place, *, bank_entry: UUID, amount: Money, disputed_with: UUID | None = None
) -> Transaction:
    """Book a fee the bank took (E32): A5[BANK_CHARGE] f | A1 f.

    `disputed_with` names the bank where such fees are forbidden: A6[FEE_DISPUTED] f | A1 f.
    """
    due = (
        place.due(Reason.BANK_CHARGE)
        if disputed_with is None
        else place.fee_disputed(disputed_with)
    )
    return Transaction(
        TransactionKind.BANK_CHARGE_DEBITED,
        money_transfers((due, place.bank, amount)),
        references(place, bank_entry=bank_entry),
    )


def bank_charge_reimbursed(
    place: Place, *, bank_entry: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Book a fee given back (E33): A1 f | A6[FEE_DISPUTED], then A5 in order, the rest L16.

    A fee that the institution had made good meanwhile becomes its own money.
    """
    closed, rest = make_good(debts, amount)
    return Transaction(
        TransactionKind.BANK_CHARGE_REIMBURSED,
        money_transfers(
            *((place.bank, debt, part) for debt, part in closed),
            (place.bank, place.own_funds, rest),
        ),
        references(place, bank_entry=bank_entry),
    )


def own_funds_applied(place: Place, *, own_funds: Money, debts: Sequence[Debt]) -> Transaction:
    """Cover a gap with own funds at once (E57): L16 x | A5 x, in order.

    Posted whenever both are above zero in one custody account, in the same batch.
    """
    closed, _ = make_good(debts, own_funds)
    assert closed, "own funds are applied when there are both own funds and a gap"
    return Transaction(
        TransactionKind.OWN_FUNDS_APPLIED,
        money_transfers(*((place.own_funds, debt, part) for debt, part in closed)),
        references(place),
    )


def own_funds_sent(source: Place, *, order: UUID, bank_entry: UUID, amount: Money) -> Transaction:
    """Book own money leaving for another custody account of the same institution (E60).

    A8 x | A1 x at the source.
    """
    return Transaction(
        TransactionKind.OWN_FUNDS_SENT,
        money_transfers((source.transfer_in_transit(order), source.bank, amount)),
        references(source, order=order, bank_entry=bank_entry),
    )


def own_funds_arrived(  # noqa: PLR0913 - two places, each with its balances
    source: Place,
    gap: Place,
    *,
    order: UUID,
    bank_entry: UUID,
    amount: Money,
    own_funds: Money,
    payable: Money,
    debts: Sequence[Debt],
) -> Transaction:
    """Book own money arriving where it covers a gap (E60).

    At the gap A1 x | A5 in order, the rest L16; at the source L16 first, then L4 | A8 x. `debts`
    are those of the gap, `own_funds` and `payable` the source's balances. Where they no longer
    reach, the institution owes the source the difference, A5[CLAWBACK]: arrival is a bank fact.
    """
    assert source.institution == gap.institution, "one institution's money covers its own gap only"
    closed, rest = make_good(debts, amount)
    from_own = min(amount, own_funds)
    from_earned = min(amount - from_own, payable)
    in_transit = source.transfer_in_transit(order)
    return Transaction(
        TransactionKind.OWN_FUNDS_ARRIVED,
        money_transfers(
            *((gap.bank, debt, part) for debt, part in closed),
            (gap.bank, gap.own_funds, rest),
            (source.own_funds, in_transit, from_own),
            (source.payable, in_transit, from_earned),
            (source.due(Reason.CLAWBACK), in_transit, amount - from_own - from_earned),
        ),
        references(gap, order=order, bank_entry=bank_entry, source_custody=source.custody),
    )
