"""A chargeback is borne by what the student has left, then by what was earned, then made good."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import chargebacks
from ledger.rules.chargebacks import Debit, Standing
from tests.ledger.rules.facts import ENTRY, PLACE, amounts, balances, changes, contracts, effects

REFUNDS = (UUID(int=71), UUID(int=72))
standings = st.builds(
    Standing,
    prepaid=balances,
    refunds=st.lists(balances, max_size=2).map(
        lambda held: tuple(zip(REFUNDS[: len(held)], held, strict=True))
    ),
    payable=balances,
    confirmed=balances,
)
channels = st.sampled_from([None, Reason.WECHAT])


@given(contracts(), amounts, standings, channels)
def test_a_chargeback_takes_each_account_in_turn_and_the_rest_is_due(
    contract: Contract, amount: Money, standing: Standing, channel: Reason | None
) -> None:
    posted = chargebacks.chargeback_debited(
        contract, amount=amount, standing=standing, debit=Debit(entry=ENTRY, channel=channel)
    )

    source = PLACE.bank if channel is None else PLACE.channel_clearing(channel)
    refunds = [(PLACE.refund_payable(refund), held) for refund, held in standing.refunds]
    earned = (contract.payable, min(standing.payable, standing.confirmed))
    expected, rest = [(source, -amount)], amount
    for account, held in [(contract.prepaid, standing.prepaid), *refunds, earned]:
        expected.append((account, -min(rest, held)))
        rest -= min(rest, held)
    assert effects(posted) == changes(*expected, (PLACE.due(Reason.CHARGEBACK), rest))


@given(contracts(), amounts, st.integers(0, 60), st.integers(0, 5))
def test_lessons_that_nothing_pays_for_are_granted_no_more(
    contract: Contract, amount: Money, paid: int, gift: int
) -> None:
    debit = Debit(entry=ENTRY, units_left={Reason.PAID: paid, Reason.GIFT: gift})

    posted = chargebacks.chargeback_debited(
        contract, amount=amount, standing=Standing(prepaid=amount), debit=debit
    )

    assert effects(posted) == changes(
        (PLACE.bank, -amount),
        (contract.prepaid, -amount),
        (contract.units_granted(Reason.PAID), -paid),
        (contract.units_contracted(Reason.PAID), -paid),
        (contract.units_granted(Reason.GIFT), -gift),
        (contract.units_contracted(Reason.GIFT), -gift),
    )


@given(amounts, balances, st.lists(balances, max_size=6))
def test_no_more_lessons_are_voided_than_the_chargeback_needs(
    amount: Money, prepaid: Money, values: list[Money]
) -> None:
    waiting = [(UUID(int=number), value) for number, value in enumerate(values)]

    voided = chargebacks.lessons_to_void(amount, prepaid=prepaid, waiting=waiting)

    freed = total(values[: len(voided)])
    assert list(voided) == [lesson for lesson, _ in waiting[: len(voided)]]
    assert prepaid + freed >= amount or len(voided) == len(waiting)
    if voided:
        assert prepaid + total(values[: len(voided) - 1]) < amount
    assert freed >= ZERO


def test_voiding_ends_with_the_lesson_that_suffices() -> None:
    ten = Money.of("10.00")
    waiting = [(UUID(int=number), ten) for number in range(4)]

    voided = chargebacks.lessons_to_void(Money.of("25.00"), prepaid=ten, waiting=waiting)

    assert voided == (UUID(int=0), UUID(int=1))
