"""Any history of schools, played to the real store and to the pure Book side by side.

After every step verdicts, refusal codes, transactions and balances agree; at random the balances
and roll-ups of an earlier position; at the end the journal rebuilt from its sealed transactions.
ESCROW_MODEL_STEPS says for how many steps, 2,000 unless it does.
"""

import asyncio
import os
import sys
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from ledger.money import Money
from service.bank_entries.receive import RECEIVE
from service.store import postgres
from service.store.positions import Asked
from service.verify.report import Status
from service.verify.run import verify
from tests.fixtures import databases
from tests.store.life_money import amounts, some
from tests.store.life_payouts import MoneyLeaves

STEPS = int(os.environ.get("ESCROW_MODEL_STEPS", "2000"))
STEPS_A_HISTORY = 50
HISTORIES_A_DATABASE = 100
"""A journal has partitions of its own, and a database a limit to how many it carries well."""


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
            self.a_class_is_held(which=number, lessons=number + 1, confirmed=number != 1)
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

    def teardown(self) -> None:
        """Compare everything once more, and rebuild the journal."""
        try:
            self.driver.compare_whole()
        finally:
            self.driver.close()


@pytest.mark.model
@pytest.mark.timeout(0)
def test_the_store_and_the_book_agree_on_any_history(
    postgres_server: postgres.Server, template_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    histories, started = -(-STEPS // STEPS_A_HISTORY), time.monotonic()

    while histories > 0:
        lived = min(histories, HISTORIES_A_DATABASE)
        histories -= lived
        database = asyncio.run(databases.clone(postgres_server, template_database))
        _live(database, lived)
        report = asyncio.run(verify(database.url("escrow_audit")))
        asyncio.run(databases.drop(database))

        assert report.status is Status.CLEAN, report.findings

        done = STEPS - max(histories, 0) * STEPS_A_HISTORY
        rate = done / (time.monotonic() - started)
        with capsys.disabled():
            sys.stderr.write(f"\n{done} steps, {rate:.0f} a second\n")


def _live(database: databases.Database, histories: int) -> None:
    SchoolLife.url = database.url("escrow_app")
    run_state_machine_as_test(
        SchoolLife,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS_A_HISTORY,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
