"""Coverage: what an account must hold, what it holds, and what may leave it (I-19, I-20, I-22)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import (
    ASSETS,
    CHART,
    LIABILITIES,
    STUDENT_OWNED,
    Account,
    AccountKind,
    Reason,
)
from ledger.book import Book
from ledger.coverage import (
    Grade,
    InTime,
    Position,
    State,
    coverage,
    hard_shortfall,
    identity_gap,
    payout_room,
    requirement,
    resource,
    shortfall,
    summed,
)
from ledger.money import ZERO, Money
from ledger.transactions import Transaction
from tests.ledger.positions import (
    BY_CODE,
    CUSTODY,
    ELSEWHERE,
    OWNER,
    amounts,
    fen,
    histories,
    in_times,
    play,
    position,
    positions,
)

# --- worked case 8.4: legacy onboarding ---------------------------------------------------------


def test_a_legacy_contract_without_money_is_a_shortfall_from_the_first_day() -> None:
    onboarded = position(A1="9000.00", A5="12000.00", L1="21000.00", legacy="12000.00")

    figures = coverage(onboarded, known=True)

    assert str(figures.requirement) == "21000.00"
    assert str(figures.resource) == "9000.00"
    assert str(figures.shortfall) == "12000.00"
    assert str(figures.hard_shortfall) == "12000.00"
    assert str(figures.ratio) == "42.85"
    assert (figures.state, figures.grade) == (State.SHORT, Grade.C)
    assert identity_gap(onboarded) == ZERO


def test_an_approved_plan_makes_the_legacy_shortfall_soft_but_pays_nothing_out() -> None:
    onboarded = position(A1="9000.00", A5="12000.00", L1="21000.00", legacy="12000.00")
    planned = InTime(legacy_fen=fen("12000.00"))

    assert shortfall(onboarded) == Money.of("12000.00")
    assert hard_shortfall(onboarded, planned) == ZERO
    assert payout_room(onboarded, in_time=planned) == ZERO


def test_an_unfunded_lesson_lowers_the_shortfall_and_earns_nothing() -> None:
    confirmed = position(A1="9000.00", A5="11900.00", L1="20900.00", legacy="11900.00")

    assert str(shortfall(confirmed)) == "11900.00"
    assert payout_room(confirmed) == ZERO


def test_top_ups_close_the_gap_to_the_fen() -> None:
    filled = position(A1="20900.00", A5="0.00", L1="20900.00")

    figures = coverage(filled, known=True)

    assert figures.shortfall == ZERO
    assert str(figures.ratio) == "100.00"
    assert (figures.state, figures.grade) == (State.COVERED, Grade.A)


# --- worked case 8.5: payout, fee, return -------------------------------------------------------


def test_a_bank_fee_of_five_yuan_is_a_shortfall_of_five_yuan() -> None:
    charged = position(A1="3224.17", A5="5.00", L1="3229.17")

    assert str(shortfall(charged)) == "5.00"
    assert str(hard_shortfall(charged, InTime(legacy_fen=fen("5.00")))) == "5.00"
    assert str(coverage(charged, known=True).ratio) == "99.84"
    assert identity_gap(charged) == ZERO


def test_a_returned_payout_leaves_the_fee_missing() -> None:
    returned = position(A1="4994.99", A5="5.00", L1="3229.17", L4="1770.82")

    assert str(shortfall(returned)) == "5.00"
    assert str(payout_room(returned)) == "1765.82"


def test_a_payout_reversed_by_the_bank_leaves_nothing_missing() -> None:
    undone = position(A1="4999.99", L1="3229.17", L4="1770.82")

    assert shortfall(undone) == ZERO
    assert str(payout_room(undone)) == "1770.82"


# --- worked case 8.9: one institution, two banks ------------------------------------------------


def test_each_account_pays_what_was_earned_in_it() -> None:
    icbc = position(A1="7999.99", L1="6229.17", L4="1770.82")
    cqrcb = position(A1="4500.00", L1="3900.00", L4="600.00")

    assert str(payout_room(icbc)) == "1770.82"
    assert str(payout_room(cqrcb)) == "600.00"


def test_one_account_does_not_pay_for_another() -> None:
    icbc = position(A1="7999.99", L1="6229.17", L4="1770.82")

    assert payout_room(icbc) < Money.of("2370.82")


def test_a_surplus_in_one_bank_hides_no_shortfall_in_another() -> None:
    icbc = position(A1="5629.17", A6="600.00", L1="6229.17")
    cqrcb = position(A1="4500.00", L1="3900.00", L16="600.00")

    together = summed([coverage(icbc, known=True), coverage(cqrcb, known=True)])

    assert together.resource == together.requirement == Money.of("10129.17")
    assert str(together.shortfall) == "600.00"
    assert str(together.ratio) == "94.07"
    assert (together.state, together.grade) == (State.SHORT, Grade.C)


# --- what counts --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LIABILITIES)
def test_every_liability_but_deposit_and_own_funds_must_be_held(kind: AccountKind) -> None:
    owed = Position({kind: 100})

    expected = 0 if CHART[kind].code in {"L12", "L16"} else 100
    assert requirement(owed).fen == expected
    assert shortfall(owed).fen == expected


@pytest.mark.parametrize("kind", ASSETS)
def test_only_money_at_the_bank_is_held(kind: AccountKind) -> None:
    assert resource(Position({kind: 100})).fen == (100 if CHART[kind].code == "A1" else 0)


@pytest.mark.parametrize(
    ("code", "in_time"),
    [
        ("A3", InTime(channel_fen=30)),
        ("A4", InTime(cash_fen=30)),
        ("A8", InTime(transfer_fen=30)),
        ("A5", InTime(legacy_fen=30)),
    ],
)
def test_what_is_in_time_is_missing_but_not_hard(code: str, in_time: InTime) -> None:
    on_its_way = Position({BY_CODE[code]: 100, AccountKind.STUDENT_PREPAID: 100}, legacy_fen=100)

    assert shortfall(on_its_way).fen == 100
    assert hard_shortfall(on_its_way, in_time).fen == 70


@pytest.mark.parametrize(
    "in_time",
    [
        InTime(channel_fen=30),
        InTime(cash_fen=30),
        InTime(transfer_fen=30),
        InTime(legacy_fen=30),
    ],
)
def test_what_is_said_to_be_in_time_but_is_not_in_the_books_excuses_nothing(
    in_time: InTime,
) -> None:
    empty = position(L1="1.00")

    assert str(hard_shortfall(empty, in_time)) == "1.00"


def test_money_in_transit_excuses_no_claim_but_a_students() -> None:
    taught_already = position(A3="100.00", L4="100.00")

    room = payout_room(taught_already, in_time=InTime(channel_fen=fen("100.00")))

    assert room == ZERO


def test_money_in_transit_excuses_the_claims_it_belongs_to() -> None:
    captured = position(A1="50.00", A3="100.00", L1="100.00", L4="50.00")

    assert payout_room(captured) == ZERO
    assert str(payout_room(captured, in_time=InTime(channel_fen=fen("100.00")))) == "50.00"


@pytest.mark.parametrize(
    "code", ["L5", "L10", "L14", *(CHART[kind].code for kind in STUDENT_OWNED)]
)
def test_what_is_not_the_institutions_or_is_leaving_already_stays(code: str) -> None:
    held = position(**{"A1": "100.00", code: "40.00", "L16": "60.00"})

    assert str(payout_room(held)) == "60.00"
    assert str(payout_room(held, holds_fen=fen("10.01"))) == "49.99"


@given(positions, in_times)
def test_a_hard_shortfall_is_never_below_zero_nor_above_the_shortfall(
    subject: Position, in_time: InTime
) -> None:
    hard = hard_shortfall(subject, in_time)

    assert ZERO <= hard <= shortfall(subject)
    assert hard_shortfall(subject) == shortfall(subject)


@given(positions, in_times, amounts)
def test_a_payout_of_the_whole_room_leaves_the_students_their_money(
    subject: Position, in_time: InTime, holds: int
) -> None:
    room = payout_room(subject, holds_fen=holds, in_time=in_time).fen

    left = subject.fen(AccountKind.CUSTODY_BANK) - subject.fen(AccountKind.PAYOUT_IN_TRANSIT)
    floor = subject.fen(*STUDENT_OWNED) - in_time.fen(subject)
    assert room >= 0
    assert room == 0 or left - holds - room >= max(0, floor)


@given(positions, in_times, amounts)
def test_once_the_whole_room_is_instructed_there_is_none_left(
    subject: Position, in_time: InTime, holds: int
) -> None:
    room = payout_room(subject, holds_fen=holds, in_time=in_time).fen
    leaving = subject.fen(AccountKind.PAYOUT_IN_TRANSIT) + room

    instructed = replace(
        subject, balances={**subject.balances, AccountKind.PAYOUT_IN_TRANSIT: leaving}
    )

    assert payout_room(instructed, holds_fen=holds, in_time=in_time) == ZERO


@given(histories)
def test_after_any_history_the_identity_holds_in_every_account(
    history: list[Transaction | None],
) -> None:
    book = play(history)

    for custody in (CUSTODY, ELSEWHERE):
        assert identity_gap(Position.of_book(book, custody)) == ZERO


@given(positions, st.sampled_from([*ASSETS, *LIABILITIES]), st.integers(1, 1000))
def test_a_balance_changed_on_one_side_only_breaks_the_identity(
    subject: Position, kind: AccountKind, change: int
) -> None:
    before = identity_gap(subject)

    changed = replace(subject, balances={**subject.balances, kind: subject.fen(kind) + change})

    assert abs(identity_gap(changed).fen - before.fen) == change


@given(histories)
def test_a_position_is_what_the_book_holds_for_that_account(
    history: list[Transaction | None],
) -> None:
    book = play(history)

    both = [Position.of_book(book, custody) for custody in (CUSTODY, ELSEWHERE)]

    for kind in (*ASSETS, *LIABILITIES):
        assert sum(part.fen(kind) for part in both) == book.total([kind])
    legacy = book.total([AccountKind.DUE_FROM_INSTITUTION], Reason.LEGACY)
    assert sum(part.legacy_fen for part in both) == legacy


def test_lessons_are_no_part_of_a_position() -> None:
    granted = Account(AccountKind.LESSON_UNITS_GRANTED, OWNER, CUSTODY, Reason.PAID)

    assert Position.of_book(Book({granted: 48}), CUSTODY) == Position({})
