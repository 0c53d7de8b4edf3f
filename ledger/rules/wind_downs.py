"""Wind-downs (清算处置): dividends, residual claims, recoveries, and what is written off.

An entitlement's claim c becomes a dividend, payable as refunds (L6), and a residual claim (L13)
which later recoveries pay down. Cash that a plan takes from one custody account for dividends of
another is called from the institution there, so that the residual claims of every account equal
what is due in it (I-32).
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from ledger.accounts import Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.places import Place, place_of, references
from ledger.transactions import (
    Transaction,
    TransactionKind,
    Transfer,
    money_transfers,
    poured,
)


def distribution_posted(  # noqa: PLR0913 - a claim, its dividend, and the lessons it ends
    contract: Contract,
    *,
    entitlement: UUID,
    prepaid: Money,
    interest: Money,
    dividends: Mapping[UUID, Money],
    units: Mapping[Reason, int],
) -> Transaction:
    """Turn a claim into its dividend and a residual (E49): L1, L11 c | L6 d by refund, L13 c − d.

    `prepaid` and `interest` are the balances of L1 and L11, together c; `dividends` what each
    refund is credited, together d ≤ c. The lessons left (`units`, PAID and GIFT) end: U1 | U0.
    """
    place = place_of(contract)
    residual = prepaid + interest - total([*dividends.values()])
    assert residual >= ZERO, "nobody gets more than is claimed"
    claimed = ((contract.prepaid, prepaid), (contract.interest, interest))
    given = [(place.refund_payable(refund), part) for refund, part in dividends.items()]
    given.append((place.residual_claim(entitlement), residual))
    ended = [
        Transfer(contract.units_granted(reason), contract.units_contracted(reason), lessons)
        for reason, lessons in units.items()
        if lessons
    ]
    return Transaction(
        TransactionKind.DISTRIBUTION_POSTED,
        (*money_transfers(*poured(claimed, given)), *ended),
        references(contract, entitlement=entitlement),
    )


def recovery_received(
    place: Place, *, bank_entry: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Receive what was recovered for the pool (E50): A1 x | A5 in order, the rest L16."""
    closed, rest = make_good(debts, amount)
    return Transaction(
        TransactionKind.RECOVERY_RECEIVED,
        money_transfers(
            *((place.bank, debt, part) for debt, part in closed),
            (place.bank, place.own_funds, rest),
        ),
        references(place, bank_entry=bank_entry),
    )


def recovery_distributed(
    place: Place, *, enrolment: UUID, entitlement: UUID, dividends: Mapping[UUID, Money]
) -> Transaction:
    """Pay a later dividend on a residual claim (E50): L13 d | L6 d by refund (I-31)."""
    residual = place.residual_claim(entitlement)
    return Transaction(
        TransactionKind.RECOVERY_DISTRIBUTED,
        money_transfers(
            *((residual, place.refund_payable(refund), part) for refund, part in dividends.items())
        ),
        references(place, enrolment=enrolment, entitlement=entitlement),
    )


def residual_written_off(
    place: Place, *, enrolment: UUID, entitlement: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Write off at closure what nobody will pay (E50): L13 w | A5 w in order.

    `debts` are those still due in the same custody account; they reach, or the case is not closed.
    """
    assert amount <= owed(debts), "a residual claim stands against what the institution owes"
    closed, _ = make_good(debts, amount)
    residual = place.residual_claim(entitlement)
    return Transaction(
        TransactionKind.RESIDUAL_WRITTEN_OFF,
        money_transfers(*((residual, debt, part) for debt, part in closed)),
        references(place, enrolment=enrolment, entitlement=entitlement),
    )


def pool_moved_out(source: Place, *, order: UUID, bank_entry: UUID, amount: Money) -> Transaction:
    """Book cash of the pool leaving for another custody account: A8 m | A1 m at the source."""
    return Transaction(
        TransactionKind.POOL_MOVED_OUT,
        money_transfers((source.transfer_in_transit(order), source.bank, amount)),
        references(source, order=order, bank_entry=bank_entry),
    )


def pool_moved_in(  # noqa: PLR0913 - two places, each with its balances
    source: Place,
    target: Place,
    *,
    order: UUID,
    bank_entry: UUID,
    amount: Money,
    own_funds: Money,
    debts: Sequence[Debt],
) -> Transaction:
    """Book cash of the pool arriving where a plan pays its dividends.

    At the target A1 m | A5 in order, the rest L16; at the source L16 first, as far as its balance
    `own_funds` reaches, then A5[CALLED] | A8 m: what left there is now due there. `debts` are
    those of the target.
    """
    assert source.institution == target.institution, "a pool is one institution's"
    closed, rest = make_good(debts, amount)
    from_own = min(amount, own_funds)
    in_transit = source.transfer_in_transit(order)
    return Transaction(
        TransactionKind.POOL_MOVED_IN,
        money_transfers(
            *((target.bank, debt, part) for debt, part in closed),
            (target.bank, target.own_funds, rest),
            (source.own_funds, in_transit, from_own),
            (source.due(Reason.CALLED), in_transit, amount - from_own),
        ),
        references(target, order=order, bank_entry=bank_entry, source_custody=source.custody),
    )
