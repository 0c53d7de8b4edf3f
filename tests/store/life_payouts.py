"""Steps of a school's life that move money out, stop it, or undo what was wrong."""

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.money import Money
from ledger.rules.corrections import REVERSIBLE
from ledger.rules.payouts import OrderKind
from ledger.transactions import TransactionKind
from service.approvals.use_cases import APPROVE, Answer
from service.journal.reverse import REQUEST_REVERSAL, Reverse
from service.payouts.leases import FETCH_ORDERS, FetchOrders
from service.payouts.reports import REPORT_ORDERS, Report
from service.payouts.settle import CANCEL_ORDER, Cancel
from service.payouts.use_cases import REQUEST_PAYOUT, PayoutRequest
from service.store.transact import Mode
from service.supervision.use_cases import PLACE_RESTRAINT, REQUEST_LIFT, Lifting, Placing
from tests.fixtures.service import fresh_id
from tests.store.life_contracts import some
from tests.store.life_lessons import LessonsAreGiven
from tests.store.life_money import amounts

RESTRAINTS = {
    "ENROL_STOP": "INSTITUTION",
    "PAYOUT_STOP": "CUSTODY_ACCOUNT",
    "HOLD": "CUSTODY_ACCOUNT",
    "FENCE": "CUSTODY_ACCOUNT",
    "FREEZE": "INSTITUTION",
}
FETCHED_AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""When banks fetch and report: all at once, so that no lease lapses."""
people = st.sampled_from(["a", "b", "b"])


class MoneyLeaves(LessonsAreGiven):
    """Payment orders, restraints and reversals."""

    @rule(which=some, surplus=st.booleans(), amount=st.none() | st.none() | amounts)
    def a_payout_is_asked_for(self, which: int, *, surplus: bool, amount: Money | None) -> None:
        """Instruct EARNED or SURPLUS (E17, E12, after E29)."""
        command = PayoutRequest(
            self.driver.journal,
            fresh_id(),
            self.campus(which).place.custody,
            OrderKind.SURPLUS if surplus else OrderKind.EARNED,
            amount,
        )
        self.driver.ask(REQUEST_PAYOUT, [command], self.model.pay_out)

    @precondition(lambda self: self._earning())
    @rule(which=some, carried_out=st.booleans())
    def what_was_earned_is_paid(self, which: int, *, carried_out: bool) -> None:
        """Instruct all that was earned somewhere, and often carry it out."""
        earning = self._earning()
        number = earning[which % len(earning)]
        orders = len(self.state.orders)
        self.a_payout_is_asked_for(which=number, surplus=False, amount=None)
        if carried_out and len(self.state.orders) > orders:
            self.a_bank_fetches_its_orders(which=number, limit=100)
            self.a_bank_carries_an_order_out(which=0, returned=False, wrong=1)

    @precondition(lambda self: self.state.orders)
    @rule(which=some, limit=st.sampled_from([1, 100]))
    def a_bank_fetches_its_orders(self, which: int, limit: int) -> None:
        """Hand over what is NEW."""
        bank = self.campus(which).bank
        command = FetchOrders(self.driver.journal, bank, limit, fresh_id(), FETCHED_AT)
        self.driver.ask(FETCH_ORDERS, [command], self.model.fetch, caller=self.as_bank(bank))

    @precondition(lambda self: self.state.orders)
    @rule(which=some, status=st.sampled_from(["ACCEPTED", "UNKNOWN", "REJECTED"]))
    def a_bank_reports_on_an_order(self, which: int, status: str) -> None:
        """Say what became of an order before any entry (E19, E22)."""
        order = self._order(which, "SENT", "ACCEPTED")
        own = self.model.banks[self.state.orders[order]["place"].custody]
        bank = own if which % 5 else "CCB"
        command = Report(self.driver.journal, order, status, "AC04", FETCHED_AT)
        self.driver.ask(
            REPORT_ORDERS, [command], partial(self.model.report, bank), caller=self.as_bank(bank)
        )

    @precondition(lambda self: self.state.orders)
    @rule(which=some, returned=st.booleans(), wrong=st.integers(0, 7))
    def a_bank_carries_an_order_out(self, which: int, *, returned: bool, wrong: int) -> None:
        """Report the debit of an order, or its money come back (E18, E10, E20)."""
        order = self._order(
            which, *(("EXECUTED",) if returned else ("SENT", "ACCEPTED", "UNKNOWN"))
        )
        row = self.state.orders[order]
        (campus,) = (c for c in self.driver.campuses if c.place == row["place"])
        fact = self._fact(
            campus,
            row["amount"] + Money.from_fen(0 if wrong else 1),
            kind="RETURN" if returned else "ORDER",
            direction="CRDT" if returned else "DBIT",
            order=order,
        )
        self._receive([fact], Mode.SINGLE)

    @precondition(lambda self: self.state.orders)
    @rule(which=some, operator=st.booleans())
    def an_order_is_taken_back(self, which: int, *, operator: bool) -> None:
        """Cancel before it is fetched (E19)."""
        order = self._order(which, "NEW")
        command = Cancel(self.driver.journal, order, by_operator=operator, reason="CHANGED")
        self.driver.ask(CANCEL_ORDER, [command], self.model.cancel_order)

    @rule(which=some, kind=st.sampled_from(sorted(RESTRAINTS)), amount=amounts)
    def money_is_stopped(self, which: int, kind: str, amount: Money) -> None:
        """Put a restraint in force, few at a time so that life goes on."""
        if sum(row["stands"] for row in self.state.restraints.values()) > 1:
            self.a_restraint_is_lifted(which=which, checker="b")
            return
        place = self.campus(which).place
        target_type = RESTRAINTS[kind]
        command = Placing(
            self.driver.journal,
            fresh_id(),
            target_type,
            place.institution if target_type == "INSTITUTION" else place.custody,
            kind,
            "RISK",
            amount if kind == "HOLD" else None,
        )
        self.driver.ask(PLACE_RESTRAINT, [command], self.model.restrain)

    @precondition(lambda self: self.state.restraints)
    @rule(which=some, checker=people)
    def a_restraint_is_lifted(self, which: int, checker: str) -> None:
        """Ask for it, and often have it approved at once."""
        restraint = self.one_of(self.state.restraints, which)
        command = Lifting(self.driver.journal, fresh_id(), restraint, "CLEARED", None)
        answers = self.driver.ask(
            REQUEST_LIFT, [command], partial(self.model.ask_to_lift, "a"), actor="a"
        )
        if answers[0] is not None:
            self._approve(len(self.state.approvals) - 1, checker)

    @precondition(lambda self: self.state.log)
    @rule(which=some, likely=st.booleans(), checker=people)
    def a_transaction_is_reversed(self, which: int, *, likely: bool, checker: str) -> None:
        """Ask for an exact mirror (E30), and often have it approved at once."""
        held = TransactionKind.RECEIPT_HELD
        seqs = [
            seq
            for seq, posted in enumerate(self.state.log, start=1)
            if not likely
            or (posted.transaction.kind in REVERSIBLE - {held} and seq not in self.state.reversed)
        ] or [1]
        seq = seqs[-1 - which % len(seqs)]
        command = Reverse(self.driver.journal, fresh_id(), seq, "WRONG_ACCOUNT", None)
        answers = self.driver.ask(
            REQUEST_REVERSAL, [command], partial(self.model.ask_to_reverse, "a"), actor="a"
        )
        if answers[0] is not None and which % 4:
            self._approve(len(self.state.approvals) - 1, checker)

    @precondition(lambda self: self.state.approvals)
    @rule(which=some, checker=people)
    def a_second_person_approves(self, which: int, checker: str) -> None:
        """Approve something that waited, perhaps too long."""
        self._approve(which, checker)

    def _order(self, which: int, *states: str) -> UUID:
        """Choose an order in one of the states, or any; one in six anyhow."""
        there = [o for o, row in self.state.orders.items() if row["state"] in states]
        if not there or which % 6 == 0:
            return self.one_of(self.state.orders, which)
        return there[which % len(there)]

    def _earning(self) -> list[int]:
        places = [campus.place for campus in self.driver.campuses]
        return [n for n, place in enumerate(places) if self.model.balance(place.payable)]

    def _approve(self, which: int, checker: str) -> None:
        approval = list(self.state.approvals)[which % len(self.state.approvals)]
        shown = self.driver.shown(approval)
        command = Answer(self.driver.journal, approval, "regulator", "", shown)
        self.driver.ask(
            APPROVE,
            [command],
            lambda answer: self.model.approve(checker, answer.approval),
            actor=checker,
        )
