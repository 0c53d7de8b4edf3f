"""Any history of schools, played to the real store and to the pure Book side by side.

After every step verdicts, refusal codes, transactions and balances agree; at drawn moments the
balances and roll-ups of any position, and the whole journal rebuilt from its sealed transactions,
as at the end.
"""

import sys
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from ledger.money import Money
from service.bank_entries.receive import RECEIVE
from service.store.positions import Asked
from tests.store.life_contracts import some
from tests.store.life_money import amounts
from tests.store.life_payouts import MoneyLeaves


class SchoolLife(MoneyLeaves):
    """A life of two schools at two banks, looked at from every side."""

    @initialize(
        prices=st.lists(st.integers(3, 500_000).map(Money.from_fen), min_size=3, max_size=3),
        lessons=st.lists(st.integers(1, 4), min_size=3, max_size=3),
        days=st.integers(0, 3),
    )
    def schools_have_begun(self, prices: list[Money], lessons: list[int], days: int) -> None:
        """Begin with a paid contract and a class at each custody account, and an old contract."""
        for number, (price, paid) in enumerate(zip(prices, lessons, strict=True)):
            self.a_contract_is_signed_and_paid(which=number, price=price, paid=paid)
            self.a_class_is_held(which=[number], lessons=number + 1, confirmed=number != 1)
        self.an_old_contract_is_taken_on(
            which=0, value=prices[0], paid=2, gift=True, legacy=True, days=days
        )
        self.money_comes(which=1, kind="TOP_UP", amount=prices[1])
        self.money_comes(which=2, kind="PAYMENT", amount=prices[2])
        self.a_payout_is_asked_for(which=0, surplus=False, amount=None)
        self.a_payout_is_asked_for(which=1, surplus=True, amount=None)

    @precondition(lambda self: self.driver.last)
    @rule()
    def the_last_request_is_sent_again(self) -> None:
        """The same key has one effect and one answer (I-08)."""
        assert self.driver.last is not None, "there was a request"
        self.driver.last()

    @rule(which=some, amount=amounts)
    def something_is_only_tried(self, which: int, amount: Money) -> None:
        """A dry run is answered as it would be, and leaves nothing behind."""
        campus = self.campus(which)
        fact = self._fact(campus, amount, kind="TOP_UP")
        self.driver.ask(
            RECEIVE,
            [fact],
            lambda each: self.model.receive(campus.bank, each),
            caller=self.as_bank(campus.bank),
            dry_run=True,
        )

    @precondition(lambda self: self.model.prefixes)
    @rule(which=some, by=st.sampled_from(["position", "date", "instant"]))
    def the_past_is_asked_for(self, which: int, by: str) -> None:
        """A balance at a position, a date or an instant is what it was then (I-43)."""
        index = which % len(self.model.prefixes)
        prefix = self.model.prefixes[index]
        asked = Asked(position=f"{self.driver.journal}:{prefix.seq}")
        if by == "instant":
            asked = Asked(known_at=self.driver.recorded_at[prefix.seq])
        if by == "date":
            asked = Asked(as_of=prefix.today)
            index = max(i for i, p in enumerate(self.model.prefixes) if p.today <= prefix.today)
        self.driver.compare_prefix(asked, index)

    @precondition(lambda self: self.state.log)
    @rule(drawn=st.integers(0, 3))
    def everything_is_looked_at(self, drawn: int) -> None:
        """Rebuild the journal, and compare every balance and roll-up."""
        if drawn == 0:
            self.driver.compare_whole()

    def check_invariants(self, *given: Any, **named: Any) -> None:
        """Count the step that was just done."""
        super().check_invariants(*given, **named)
        self.ground.steps += 1

    def teardown(self) -> None:
        """Compare everything once more, unless something was found to differ."""
        self.ground.histories += 1
        if sys.exc_info()[0] is None:
            self.driver.compare_whole()
