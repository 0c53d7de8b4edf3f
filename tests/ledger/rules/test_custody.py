"""Bank charges are due from somebody, and own funds cover gaps before anything else."""

from uuid import UUID

import pytest
from hypothesis import given

from ledger.accounts import Reason
from ledger.money import ZERO, Money
from ledger.rules import custody
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.places import Place
from tests.ledger.rules.facts import (
    BANK,
    ENTRY,
    ORDER,
    OTHER_PLACE,
    PLACE,
    amounts,
    balances,
    changes,
    debts,
    effects,
)

ON_ITS_WAY = PLACE.transfer_in_transit(ORDER)


@given(amounts)
def test_bank_charge_debited_is_due_from_the_institution(amount: Money) -> None:
    debited = custody.bank_charge_debited(PLACE, bank_entry=ENTRY, amount=amount)

    assert effects(debited) == changes(
        (PLACE.due(Reason.BANK_CHARGE), amount), (PLACE.bank, -amount)
    )


@given(amounts)
def test_bank_charge_debited_where_fees_are_forbidden_is_due_from_the_bank(amount: Money) -> None:
    debited = custody.bank_charge_debited(
        PLACE, bank_entry=ENTRY, amount=amount, disputed_with=BANK
    )

    assert effects(debited) == changes((PLACE.fee_disputed(BANK), amount), (PLACE.bank, -amount))


@given(amounts, balances, debts())
def test_bank_charge_reimbursed_closes_the_fee_first_and_the_rest_is_own_funds(
    amount: Money, disputed: Money, found: list[Debt]
) -> None:
    fee = Debt(PLACE.fee_disputed(BANK), disputed)

    reimbursed = custody.bank_charge_reimbursed(
        PLACE, bank_entry=ENTRY, amount=amount, debts=[*found, fee]
    )

    from_fee = min(amount, disputed)
    parts, rest = make_good(found, amount - from_fee)
    assert effects(reimbursed) == changes(
        (PLACE.bank, amount),
        (fee.account, -from_fee),
        *((account, -part) for account, part in parts),
        (PLACE.own_funds, rest),
    )


@given(amounts, debts(minimum=1))
def test_own_funds_applied_leaves_either_no_own_funds_or_no_gap(
    own_funds: Money, found: list[Debt]
) -> None:
    if not owed(found):
        with pytest.raises(AssertionError, match="both own funds and a gap"):
            custody.own_funds_applied(PLACE, own_funds=own_funds, debts=found)
        return

    applied = custody.own_funds_applied(PLACE, own_funds=own_funds, debts=found)

    parts, rest = make_good(found, own_funds)
    assert effects(applied) == changes(
        (PLACE.own_funds, rest - own_funds), *((account, -part) for account, part in parts)
    )
    assert not rest or own_funds - rest == owed(found)


@given(amounts)
def test_own_funds_sent_are_on_their_way(amount: Money) -> None:
    sent = custody.own_funds_sent(PLACE, order=ORDER, bank_entry=ENTRY, amount=amount)

    assert effects(sent) == changes((ON_ITS_WAY, amount), (PLACE.bank, -amount))


@given(amounts, balances, balances, debts(place=OTHER_PLACE))
def test_own_funds_arrived_cover_the_gap_there_out_of_the_institutions_money_here(
    amount: Money, own_funds: Money, payable: Money, found: list[Debt]
) -> None:
    arrived = custody.own_funds_arrived(
        PLACE,
        OTHER_PLACE,
        order=ORDER,
        bank_entry=ENTRY,
        amount=amount,
        own_funds=own_funds,
        payable=payable,
        debts=found,
    )

    parts, rest = make_good(found, amount)
    from_own = min(amount, own_funds)
    from_earned = min(amount - from_own, payable)
    assert effects(arrived) == changes(
        (OTHER_PLACE.bank, amount),
        *((account, -part) for account, part in parts),
        (OTHER_PLACE.own_funds, rest),
        (ON_ITS_WAY, -amount),
        (PLACE.own_funds, -from_own),
        (PLACE.payable, -from_earned),
        (PLACE.due(Reason.CLAWBACK), amount - from_own - from_earned),
    )


def test_one_institutions_money_never_covers_anothers_gap() -> None:
    stranger = Place(institution=UUID(int=99), custody=OTHER_PLACE.custody)

    with pytest.raises(AssertionError, match="its own gap only"):
        custody.own_funds_arrived(
            PLACE,
            stranger,
            order=ORDER,
            bank_entry=ENTRY,
            amount=Money.of("1.00"),
            own_funds=ZERO,
            payable=ZERO,
            debts=(),
        )


def test_own_funds_are_not_applied_where_nothing_is_owed() -> None:
    nothing = [Debt(PLACE.due(Reason.CLAWBACK), ZERO)]

    with pytest.raises(AssertionError, match="both own funds and a gap"):
        custody.own_funds_applied(PLACE, own_funds=Money.of("1.00"), debts=nothing)
