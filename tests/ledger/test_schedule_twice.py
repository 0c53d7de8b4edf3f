"""Two implementations of the lesson price schedule agree, slot by slot."""

import os
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.entitlement import Contract
from ledger.money import Money
from tests.ledger import second_schedule

EXAMPLES = int(os.environ.get("ESCROW_ARITHMETIC_CASES", "200"))
"""How many contracts both implementations part; `poe arithmetic` asks for a million."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.integers(0, 99) | st.integers(0, 10**7),
    st.integers(1, 60),
    st.integers(0, 6),
    st.booleans(),
)
def test_two_implementations_part_every_price_over_its_lessons_alike(
    price: int, paid: int, gift: int, gift_in_schedule: bool
) -> None:
    contract = Contract(
        UUID(int=1),
        UUID(int=2),
        UUID(int=3),
        Money.from_fen(price),
        paid,
        gift,
        gift_in_schedule,
    )

    first = [contract.slot_value(slot).fen for slot in range(1, contract.slots + 1)]

    priced = contract.slots_priced
    assert first == second_schedule.values(price, priced, contract.slots - priced)
    assert sum(first) == price


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 10**7), st.integers(1, 60), st.data())
def test_two_implementations_release_the_same_after_any_lesson(
    price: int, lessons: int, data: st.DataObject
) -> None:
    taken = data.draw(st.integers(0, lessons))
    contract = Contract(UUID(int=1), UUID(int=2), UUID(int=3), Money.from_fen(price), lessons)

    released = contract.released_after(taken).fen

    assert released == second_schedule.released(price, lessons, taken)
