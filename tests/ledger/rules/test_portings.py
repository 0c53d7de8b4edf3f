"""A student's money goes on elsewhere whole, or comes back whole."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import portings, transfers
from ledger.rules.debts import Debt
from ledger.rules.places import Place, place_of
from ledger.transactions import Transaction
from tests.ledger.rules.facts import (
    CUSTODY,
    ENROLMENT,
    ENTRY,
    ORDER,
    OTHER_PLACE,
    PLACE,
    SCHOOL,
    amounts,
    balances,
    changes,
    contracts,
    effects,
)

PORTING, REFUND, RECEIVING, RECEIVER, THERE = (UUID(int=number) for number in range(20, 25))
ON_ITS_WAY = PLACE.transfer_in_transit(ORDER)
ASIDE = PLACE.porting_in_transit(PORTING)

unit_counts = st.fixed_dictionaries(
    {Reason.PAID: st.integers(0, 60), Reason.GIFT: st.integers(0, 5)}
)
dividends = st.dictionaries(st.uuids(), amounts, min_size=1, max_size=4)


@st.composite
def received(draw: st.DrawFn) -> Contract:
    """Draw the enrolment at the receiving institution."""
    worth = Money.from_fen(draw(st.integers(0, 10**9)))
    return Contract(RECEIVING, RECEIVER, THERE, worth, draw(st.integers(1, 60)))


def units_of(
    contract: Contract, units: dict[Reason, int], sign: int
) -> list[tuple[Account, Money | int]]:
    return [
        (account, sign * lessons)
        for reason, lessons in units.items()
        for account in (contract.units_contracted(reason), contract.units_granted(reason))
    ]


@given(contracts(), balances, balances, balances)
def test_only_what_has_money_behind_it_is_ported(
    contract: Contract, prepaid: Money, legacy: Money, diversion: Money
) -> None:
    owed = [Debt(contract.legacy, legacy), Debt(contract.diversion, diversion)]

    funded = portings.funded_part(contract, prepaid=prepaid, unfunded=owed)

    assert funded == max(prepaid - legacy - diversion, ZERO)
    assert ZERO <= funded <= prepaid


def test_what_is_owed_on_another_contract_unfunds_nothing() -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("1.00"), 1)
    other = Contract(RECEIVING, SCHOOL, CUSTODY, Money.of("1.00"), 1)

    unfunded = [Debt(contract.legacy, ZERO), Debt(other.legacy, Money.of("1.00"))]

    with pytest.raises(AssertionError, match="on this contract"):
        portings.funded_part(contract, prepaid=Money.of("1.00"), unfunded=unfunded)


@given(contracts(), amounts, unit_counts)
def test_porting_instructed_sets_the_money_aside_and_takes_the_lessons_back(
    contract: Contract, amount: Money, units: dict[Reason, int]
) -> None:
    instructed = portings.porting_instructed(contract, porting=PORTING, amount=amount, units=units)

    assert effects(instructed) == changes(
        (contract.prepaid, -amount), (ASIDE, amount), *units_of(contract, units, -1)
    )


@given(contracts(), amounts, unit_counts)
def test_porting_undone_leaves_the_student_as_before(
    contract: Contract, amount: Money, units: dict[Reason, int]
) -> None:
    before = {contract.prepaid: amount.fen}
    for reason, lessons in units.items():
        before[contract.units_contracted(reason)] = lessons
        before[contract.units_granted(reason)] = lessons
    book = Book(before)

    book.post(
        portings.porting_instructed(contract, porting=PORTING, amount=amount, units=units),
        portings.porting_undone(contract, porting=PORTING, amount=amount, units=units),
    )

    assert {account: book.quantity(account) for account in before} == before
    assert book.quantity(ASIDE) == 0


@given(dividends)
def test_placement_instructed_carries_the_dividend_of_each_refund(
    carried: dict[UUID, Money],
) -> None:
    instructed = portings.placement_instructed(PLACE, porting=PORTING, dividends=carried)

    assert effects(instructed) == changes(
        (ASIDE, total([*carried.values()])),
        *((PLACE.refund_payable(refund), -part) for refund, part in carried.items()),
    )


@given(dividends)
def test_placement_undone_makes_the_dividend_payable_again(carried: dict[UUID, Money]) -> None:
    undone = portings.placement_undone(PLACE, porting=PORTING, dividends=carried)

    assert effects(undone) == changes(
        (ASIDE, -total([*carried.values()])),
        *((PLACE.refund_payable(refund), part) for refund, part in carried.items()),
    )


@given(amounts)
def test_porting_sent_is_on_its_way(amount: Money) -> None:
    sent = portings.porting_sent(
        PLACE, porting=PORTING, order=ORDER, bank_entry=ENTRY, amount=amount
    )

    assert effects(sent) == changes((ON_ITS_WAY, amount), (PLACE.bank, -amount))


def arrived(receiving: Contract, amount: Money, source: Place | None) -> Transaction:
    return portings.porting_arrived(
        receiving,
        porting=PORTING,
        order=ORDER,
        bank_entry=ENTRY,
        refund=REFUND,
        amount=amount,
        source=source,
    )


@given(received(), amounts)
def test_porting_arrived_gives_the_lessons_their_worth_and_the_student_the_rest(
    receiving: Contract, amount: Money
) -> None:
    there = place_of(receiving)

    found = effects(arrived(receiving, amount, PLACE))

    taken = min(amount, receiving.price)
    assert found == changes(
        (there.bank, amount),
        (receiving.prepaid, taken),
        (there.refund_payable(REFUND), amount - taken),
        (ASIDE, -amount),
        (ON_ITS_WAY, -amount),
        (receiving.units_contracted(Reason.PAID), receiving.lessons_paid),
        (receiving.units_granted(Reason.PAID), receiving.lessons_paid),
    )


@given(received(), amounts)
def test_arrival_and_settlement_in_two_journals_do_what_one_does_in_one(
    receiving: Contract, amount: Money
) -> None:
    together = effects(arrived(receiving, amount, PLACE))

    there = effects(arrived(receiving, amount, None))
    here = effects(portings.porting_settled(PLACE, porting=PORTING, order=ORDER, amount=amount))

    assert there | here == together
    assert {account.institution for account in here} == {SCHOOL}
    assert {account.institution for account in there} == {RECEIVER}


@given(contracts(), received(), amounts)
def test_a_whole_porting_leaves_nothing_on_its_way_and_loses_no_fen(
    contract: Contract, receiving: Contract, amount: Money
) -> None:
    there = place_of(receiving)
    book = Book({PLACE.bank: amount.fen, contract.prepaid: amount.fen})

    book.post(
        portings.porting_instructed(contract, porting=PORTING, amount=amount, units={}),
        portings.porting_sent(PLACE, porting=PORTING, order=ORDER, bank_entry=ENTRY, amount=amount),
        arrived(receiving, amount, PLACE),
    )

    assert {book.quantity(a) for a in (PLACE.bank, contract.prepaid, ASIDE, ON_ITS_WAY)} == {0}
    owned = book.balance(receiving.prepaid) + book.balance(there.refund_payable(REFUND))
    assert book.balance(there.bank) == owned == amount


@given(contracts(), balances, balances)
def test_what_did_not_go_along_is_owed_to_the_student(
    contract: Contract, prepaid: Money, interest: Money
) -> None:
    owed = portings.left_behind_owed(
        contract, porting=PORTING, refund=REFUND, prepaid=prepaid, interest=interest
    )

    assert effects(owed) == changes(
        (contract.prepaid, -prepaid),
        (contract.interest, -interest),
        (PLACE.refund_payable(REFUND), prepaid + interest),
    )


@given(amounts)
def test_transfer_failed_brings_the_money_back_to_its_account(amount: Money) -> None:
    failed = transfers.transfer_failed(PLACE, order=ORDER, bank_entry=ENTRY, amount=amount)

    assert effects(failed) == changes((PLACE.bank, amount), (ON_ITS_WAY, -amount))


def test_a_transfer_moves_no_money_before_the_banks_debit() -> None:
    instructed = transfers.transfer_instructed(PLACE, OTHER_PLACE, order=ORDER, purpose="OWN_FUNDS")
    withdrawn = transfers.transfer_withdrawn(PLACE, order=ORDER)

    assert effects(instructed) == effects(withdrawn) == {}
    assert instructed.references["target_custody"] == str(OTHER_PLACE.custody)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Place(institution=RECEIVER, custody=THERE), "stays with one institution"),
        (PLACE, "goes to another custody account"),
    ],
)
def test_a_transfer_goes_to_another_account_of_the_same_institution(
    target: Place, why: str
) -> None:
    with pytest.raises(AssertionError, match=why):
        transfers.transfer_instructed(PLACE, target, order=ORDER, purpose="POOL")


def test_a_placement_without_dividends_is_not_undone() -> None:
    with pytest.raises(AssertionError, match="carries something"):
        portings.placement_undone(PLACE, porting=PORTING, dividends={})
