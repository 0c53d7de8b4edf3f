"""A claim becomes a dividend and a residual, and what is still owed stands against what is due."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import distribution
from ledger.accounts import AccountKind, Reason
from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import wind_downs
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind, money_transfers
from tests.ledger.drawn_registers import inputs
from tests.ledger.rules.facts import (
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
    debts,
    effects,
)

ENTITLEMENT, REFUND, OTHER_REFUND = (UUID(int=number) for number in range(201, 204))
RESIDUAL = PLACE.residual_claim(ENTITLEMENT)
GAPS = (
    AccountKind.CHANNEL_CLEARING,
    AccountKind.CASH_UNDEPOSITED,
    AccountKind.DUE_FROM_INSTITUTION,
    AccountKind.DUE_FROM_BANK,
    AccountKind.HELD_BY_INSTITUTION,
    AccountKind.BANK_TRANSFER_IN_TRANSIT,
)


@given(contracts(), balances, balances, st.data())
def test_distribution_posted_turns_the_whole_claim_into_refunds_and_a_residual(
    contract: Contract, prepaid: Money, interest: Money, data: st.DataObject
) -> None:
    claim = prepaid + interest
    first = Money.from_fen(data.draw(st.integers(0, claim.fen)))
    second = Money.from_fen(data.draw(st.integers(0, (claim - first).fen)))
    paid, gift = data.draw(st.integers(0, 60)), data.draw(st.integers(0, 5))

    posted = wind_downs.distribution_posted(
        contract,
        entitlement=ENTITLEMENT,
        prepaid=prepaid,
        interest=interest,
        dividends={REFUND: first, OTHER_REFUND: second},
        units={Reason.PAID: paid, Reason.GIFT: gift},
    )

    assert effects(posted) == changes(
        (contract.prepaid, -prepaid),
        (contract.interest, -interest),
        (PLACE.refund_payable(REFUND), first),
        (PLACE.refund_payable(OTHER_REFUND), second),
        (RESIDUAL, claim - first - second),
        (contract.units_granted(Reason.PAID), -paid),
        (contract.units_contracted(Reason.PAID), -paid),
        (contract.units_granted(Reason.GIFT), -gift),
        (contract.units_contracted(Reason.GIFT), -gift),
    )


def test_distribution_posted_never_gives_more_than_is_claimed() -> None:
    contract = Contract(ENTRY, SCHOOL, PLACE.custody, Money.of("1.00"), 1)

    with pytest.raises(AssertionError, match="more than is claimed"):
        wind_downs.distribution_posted(
            contract,
            entitlement=ENTITLEMENT,
            prepaid=Money.of("1.00"),
            interest=ZERO,
            dividends={REFUND: Money.of("1.01")},
            units={},
        )


@given(amounts, debts())
def test_recovery_received_closes_what_is_due_and_the_rest_is_own_funds(
    amount: Money, found: list[Debt]
) -> None:
    received = wind_downs.recovery_received(PLACE, bank_entry=ENTRY, amount=amount, debts=found)

    parts, rest = make_good(found, amount)
    assert effects(received) == changes(
        (PLACE.bank, amount),
        *((account, -part) for account, part in parts),
        (PLACE.own_funds, rest),
    )


@given(amounts, balances)
def test_recovery_distributed_pays_down_the_residual_claim(first: Money, second: Money) -> None:
    paid = wind_downs.recovery_distributed(
        PLACE,
        enrolment=ENROLMENT,
        entitlement=ENTITLEMENT,
        dividends={REFUND: first, OTHER_REFUND: second},
    )

    assert effects(paid) == changes(
        (RESIDUAL, ZERO - first - second),
        (PLACE.refund_payable(REFUND), first),
        (PLACE.refund_payable(OTHER_REFUND), second),
    )


@given(debts(minimum=1), st.data())
def test_residual_written_off_closes_as_much_of_what_is_due(
    found: list[Debt], data: st.DataObject
) -> None:
    amount = Money.from_fen(data.draw(st.integers(0, owed(found).fen)))

    written_off = wind_downs.residual_written_off(
        PLACE, enrolment=ENROLMENT, entitlement=ENTITLEMENT, amount=amount, debts=found
    )

    parts, rest = make_good(found, amount)
    assert not rest
    assert effects(written_off) == changes(
        (RESIDUAL, -amount), *((account, -part) for account, part in parts)
    )


def test_residual_written_off_never_exceeds_what_is_due() -> None:
    due = Debt(PLACE.due(Reason.COURT_DEDUCTION), Money.of("1.00"))

    with pytest.raises(AssertionError, match="stands against"):
        wind_downs.residual_written_off(
            PLACE,
            enrolment=ENROLMENT,
            entitlement=ENTITLEMENT,
            amount=Money.of("1.01"),
            debts=[due],
        )


@given(amounts)
def test_pool_moved_out_is_on_its_way(amount: Money) -> None:
    moved = wind_downs.pool_moved_out(PLACE, order=ORDER, bank_entry=ENTRY, amount=amount)

    assert effects(moved) == changes(
        (PLACE.transfer_in_transit(ORDER), amount), (PLACE.bank, -amount)
    )


@given(amounts, balances, debts(place=OTHER_PLACE))
def test_pool_moved_in_closes_gaps_there_and_is_due_where_it_came_from(
    amount: Money, own_funds: Money, found: list[Debt]
) -> None:
    moved = wind_downs.pool_moved_in(
        PLACE,
        OTHER_PLACE,
        order=ORDER,
        bank_entry=ENTRY,
        amount=amount,
        own_funds=own_funds,
        debts=found,
    )

    parts, rest = make_good(found, amount)
    from_own = min(amount, own_funds)
    assert effects(moved) == changes(
        (OTHER_PLACE.bank, amount),
        *((account, -part) for account, part in parts),
        (OTHER_PLACE.own_funds, rest),
        (PLACE.transfer_in_transit(ORDER), -amount),
        (PLACE.own_funds, -from_own),
        (PLACE.due(Reason.CALLED), amount - from_own),
    )


@given(inputs(), st.lists(amounts, max_size=2))
def test_when_all_dividends_are_paid_the_residual_claims_equal_what_is_due_in_every_account(
    drawn: dict[str, Any], recoveries: list[Money]
) -> None:
    book, claims = _collapsed(drawn)

    _distribute(book, drawn, claims)
    for number, recovery in enumerate(recoveries, start=2):
        fen = min(recovery.fen, book.total([AccountKind.RESIDUAL_CLAIM]))
        if fen:
            _recover(book, drawn, Money.from_fen(fen))
            _distribute(book, _later(book, drawn, number), claims)

    assert book.total([AccountKind.REFUND_PAYABLE]) == 0
    for place in _places(drawn):
        at_place = [a for a in book.accounts() if a.custody == place.custody]
        residual = sum(
            book.quantity(a) for a in at_place if a.kind is AccountKind.RESIDUAL_CLAIM
        ) + book.quantity(place.own_funds)
        gaps = sum(book.quantity(a) for a in at_place if a.kind in GAPS)
        assert residual - gaps == book.quantity(place.bank)
        assert residual == gaps or book.total([AccountKind.RESIDUAL_CLAIM]) == 0


def _collapsed(drawn: dict[str, Any]) -> tuple[Book, dict[int, Contract]]:
    """Open the books of the drawn register: claims, cash, and the gap between them as due."""
    opened: dict[Any, int] = {}
    claims = {}
    for place, fund in zip(_places(drawn), drawn["accounts"], strict=True):
        own = [e for e in drawn["entitlements"] if e["account"] == fund["number"]]
        for entitlement in own:
            number = entitlement["number"]
            contract = Contract(UUID(int=300 + number), SCHOOL, place.custody, ZERO, 1)
            claims[number] = contract
            opened[contract.prepaid] = entitlement["claim"]
        cash = fund["pool"] + fund["later"]
        gap = sum(entitlement["claim"] for entitlement in own) - cash
        opened[place.bank] = cash
        opened[place.due(Reason.COURT_DEDUCTION)] = max(gap, 0)
        opened[place.own_funds] = max(-gap, 0)
    return Book(opened), claims


def _distribute(book: Book, drawn: dict[str, Any], claims: dict[int, Contract]) -> None:
    """Plan, move cash between accounts, post every entitlement and pay every refund."""
    plan = distribution.planned(drawn)
    places = {place.custody.int - 500: place for place in _places(drawn)}
    for source, target, fen in plan.moves:
        _move(book, places[source], places[target], Money.from_fen(fen))
    for number, one, two in plan.shares:
        contract, dividend = claims[number], Money.from_fen(one + two)
        place = Place(institution=SCHOOL, custody=contract.custody)
        entitlement, refund = UUID(int=400 + number), UUID(int=1000 * drawn["round"] + number)
        if drawn["round"] == 1:
            posted = wind_downs.distribution_posted(
                contract,
                entitlement=entitlement,
                prepaid=book.balance(contract.prepaid),
                interest=ZERO,
                dividends={refund: dividend},
                units={},
            )
        else:
            posted = wind_downs.recovery_distributed(
                place,
                enrolment=contract.enrolment,
                entitlement=entitlement,
                dividends={refund: dividend},
            )
        book.post(posted)
        payable = place.refund_payable(refund)
        book.open({payable: 0})
        _pay(book, place, refund)


def _pay(book: Book, place: Place, refund: UUID) -> None:
    payable = place.refund_payable(refund)
    if book.quantity(payable):
        move = money_transfers((payable, place.bank, book.balance(payable)))
        book.post(Transaction(TransactionKind.REFUND_EXECUTED, move))


def _move(book: Book, source: Place, target: Place, amount: Money) -> None:
    book.post(wind_downs.pool_moved_out(source, order=ORDER, bank_entry=ENTRY, amount=amount))
    book.post(
        wind_downs.pool_moved_in(
            source,
            target,
            order=ORDER,
            bank_entry=ENTRY,
            amount=amount,
            own_funds=book.balance(source.own_funds),
            debts=_due(book, target),
        )
    )


def _recover(book: Book, drawn: dict[str, Any], amount: Money) -> None:
    place = _places(drawn)[0]
    book.post(
        wind_downs.recovery_received(
            place, bank_entry=ENTRY, amount=amount, debts=_due(book, place)
        )
    )


def _later(book: Book, drawn: dict[str, Any], number: int) -> dict[str, Any]:
    """Write the inputs of a later round from the books: cash held, over residual claims."""
    return {
        **drawn,
        "round": number,
        "accounts": [
            {"number": place.custody.int - 500, "pool": 0, "later": book.quantity(place.bank)}
            for place in _places(drawn)
        ],
        "entitlements": [
            {
                **entitlement,
                "claim": sum(
                    book.quantity(account)
                    for account in book.accounts()
                    if account.kind is AccountKind.RESIDUAL_CLAIM
                    and account.owner.int == 400 + entitlement["number"]
                ),
                "unfunded": 0,
            }
            for entitlement in drawn["entitlements"]
        ],
    }


def _due(book: Book, place: Place) -> list[Debt]:
    return [
        Debt(account, book.balance(account))
        for account in book.accounts()
        if account.kind is AccountKind.DUE_FROM_INSTITUTION and account.custody == place.custody
    ]


def _places(drawn: dict[str, Any]) -> list[Place]:
    return [
        Place(institution=SCHOOL, custody=UUID(int=500 + fund["number"]))
        for fund in drawn["accounts"]
    ]


def test_a_pool_is_not_moved_to_another_institution() -> None:
    another = Place(institution=UUID(int=99), custody=OTHER_PLACE.custody)

    with pytest.raises(AssertionError, match="one institution"):
        wind_downs.pool_moved_in(
            PLACE,
            another,
            order=ORDER,
            bank_entry=ENTRY,
            amount=Money.of("1.00"),
            own_funds=ZERO,
            debts=(),
        )
