"""Whatever a bank says of an order, in whatever order and at whatever hour (I-38)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.refusals import WrongState
from service.payouts.reports import Report, decide_report
from service.store.contracts import place_of
from service.store.facts import Facts, Moment, Record
from service.store.order_steps import OrderState
from service.store.tables import PaymentOrder
from tests.fixtures.service import fresh_id

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
STEPS = {
    ("SENT", "ACCEPTED"),
    ("SENT", "UNKNOWN"),
    ("SENT", "REJECTED"),
    ("ACCEPTED", "REJECTED"),
    ("UNKNOWN", "REJECTED"),
}
words = st.sampled_from(["ACCEPTED", "PENDING", "REJECTED", "UNKNOWN", "NOT_FOUND"])
messages = st.lists(
    st.tuples(words, st.integers(0, 400), st.none() | st.sampled_from(["M-1", "M-2"])), max_size=8
)


def sent_order() -> tuple[Facts, Record]:
    """An order that its bank has, and the accounts it would go back to."""
    facts = Facts(1)
    facts.moment = Moment(1, NOON, NOON.date(), 1, "bank")
    order = Record(
        order_id=fresh_id(),
        institution_id=fresh_id(),
        custody_account_id=fresh_id(),
        bank_code="ICBC",
        kind="EARNED",
        amount_fen=100,
        bank_entry_id=None,
        refund_id=None,
        porting_id=None,
        target_custody_account_id=None,
        purpose=None,
        state="SENT",
        reason=None,
        requested_on=NOON.date(),
        executed_entry_id=None,
        returned_entry_id=None,
        arrived_entry_id=None,
    )
    facts.take(PaymentOrder, [order])
    place = place_of(order)
    facts.book.open({place.own_funds: 0, place.payable: 0})
    facts.debts[place.custody] = []
    return facts, order


@given(said=messages)
@settings(max_examples=150, deadline=None)
def test_a_banks_words_only_ever_take_the_documented_steps(
    said: list[tuple[str, int, str | None]],
) -> None:
    facts, order = sent_order()
    state, at, counted = "SENT", NOON, list[datetime]()

    for status, seconds, message in said:
        at += timedelta(seconds=seconds)
        report = Report(1, order.order_id, status, None, at, message_id=message)
        try:
            decided = decide_report(facts, report)
        except WrongState:
            continue
        facts.apply(decided.changes)
        facts.advance(len(decided.transactions))
        row = facts.get(PaymentOrder, order.order_id)
        assert row is not None
        assert row.state == state or (state, row.state) in STEPS
        assert len(decided.transactions) == (0 if decided.duplicate else 1)
        if not decided.duplicate:
            counted = [*counted, at] if status == "NOT_FOUND" else []
        if row.state != state and status == "NOT_FOUND" and row.state == OrderState.REJECTED:
            assert counted[-1] - counted[0] >= timedelta(minutes=5)
        state = row.state
