"""Steps of a school's life that bring money: what banks report, and what becomes of suspense."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.money import Money
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import RECEIVE
from service.receipts.use_cases import MATCH, RETURN, Match, SendBack
from service.store.transact import Mode
from tests.fixtures.service import fresh_id
from tests.store.life_contracts import ContractsAreSigned, classes, lessons, modes, prices, some
from tests.store.school_driver import Campus

amounts = st.one_of(st.integers(1, 9), st.integers(1, 500_100)).map(Money.from_fen)
fees = st.one_of(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500_000)).map(
    Money.from_fen
)
several = st.lists(some, min_size=1, max_size=12)
kinds = st.sampled_from(["TOP_UP", "TOP_UP", "CHARGE_REIMBURSED", "PAYMENT"])


class MoneyComes(ContractsAreSigned):
    """What banks report of contracts, and of nobody knows what."""

    def __init__(self) -> None:
        """Begin before any report."""
        super().__init__()
        self.facts: list[tuple[str, EntryFact]] = []

    @rule(which=some, price=prices.filter(bool), paid=st.integers(1, 4))
    def a_contract_is_signed_and_paid(self, which: int, price: Money, paid: int) -> None:
        """Open an enrolment and pay it at once, where it can be."""
        self._pay_at_once(self._sign(which, [price], paid, 0, Mode.SINGLE))

    @rule(which=some, several=classes, paid=lessons)
    def a_class_enrols_and_pays(self, which: int, several: list[Money], paid: int) -> None:
        """Open enrolments in one request, and pay in another what can be."""
        self._pay_at_once(self._sign(which, several, paid, 0, Mode.INDEPENDENT))

    @precondition(lambda self: self.state.enrolments)
    @rule(which=several, amount=amounts, mode=modes)
    def parents_pay(self, which: list[int], amount: Money, mode: Mode) -> None:
        """Pay what is due to some enrolments, more, or another amount (E04, E08, E11)."""
        facts = []
        for number in which:
            enrolment = self.one_of(self.state.enrolments, number)
            row = self.state.enrolments[enrolment]
            due = row["contract"].price - self.model.received(row)
            paid = (due, due, due + Money.from_fen(7), amount)[number % 4] or amount
            facts.append(self._payment(enrolment, paid))
        self._receive(facts, mode if len(facts) > 1 else Mode.SINGLE)

    @rule(which=some, kind=kinds, amount=amounts)
    def money_comes(self, which: int, kind: str, amount: Money) -> None:
        """Report money without a code: to suspense, or the institution's own (E02, E08, E33)."""
        fact = self._fact(self.campus(which), amount, kind=kind)
        self._receive([fact], Mode.SINGLE)

    @rule(
        which=some, lines=st.lists(st.tuples(kinds, amounts), min_size=2, max_size=12), mode=modes
    )
    def a_bank_reports_its_day(
        self, which: int, lines: list[tuple[str, Money]], mode: Mode
    ) -> None:
        """Report what came without codes, in one request."""
        campus = self.campus(which)
        self._receive([self._fact(campus, amount, kind=kind) for kind, amount in lines], mode)

    @rule(which=some, kind=st.sampled_from(["CHARGE", "CHARGE", "OTHER"]), amount=fees)
    def the_bank_takes_money(self, which: int, kind: str, amount: Money) -> None:
        """Report a fee (E32), or what nobody can explain."""
        fact = self._fact(self.campus(which), amount, kind=kind, direction="DBIT")
        self._receive([fact], Mode.SINGLE)

    @precondition(lambda self: self.facts)
    @rule(which=some, wrong=st.sampled_from([None, None, "amount", "book_on", "account", "bank"]))
    def the_bank_repeats_itself(self, which: int, wrong: str | None) -> None:
        """Report a line again: the same, contradicting itself, dated ahead, or of another bank."""
        bank, fact = self.facts[which % len(self.facts)]
        changes: dict[str, dict[str, Any]] = {
            "amount": {"amount": fact.amount + Money.of("0.01")},
            "book_on": {"book_on": self.model.today + timedelta(days=1)},
            "account": {"payer_account": "6222029999999999999"},
        }
        again = partial(_copy_of, fact)(bank_entry=fresh_id(), **changes.get(wrong or "", {}))
        self._receive([again], Mode.SINGLE, bank="CCB" if wrong == "bank" else bank)

    # --- suspense -------------------------------------------------------------------------------

    @precondition(lambda self: self.state.entries and self.state.enrolments)
    @rule(which=some, of=some, held=st.booleans())
    def money_in_suspense_is_matched(self, which: int, of: int, *, held: bool) -> None:
        """Match by hand (E09), above a limit by two people; most often where it may be."""
        entry = self._entry(which, held=held)
        fitting = [
            enrolment
            for enrolment in self._where(self.state.enrolments, state="AWAITING_PAYMENT")
            if self.state.enrolments[enrolment]["contract"].custody
            == self.state.entries[entry]["custody_account"]
        ]
        enrolment = fitting[of % len(fitting)] if fitting and of % 4 else None
        command = Match(
            self.driver.journal,
            entry,
            enrolment or self.one_of(self.state.enrolments, of),
            approval=fresh_id(),
        )
        self.driver.ask(MATCH, [command], partial(self.model.match, "a"), actor="a")

    @precondition(lambda self: self.state.entries)
    @rule(which=some, held=st.booleans())
    def money_in_suspense_goes_back(self, which: int, *, held: bool) -> None:
        """Instruct its return to the payer (E10)."""
        command = SendBack(
            self.driver.journal, self._entry(which, held=held), fresh_id(), fresh_id()
        )
        self.driver.ask(RETURN, [command], self.model.send_back)

    def _entry(self, which: int, *, held: bool) -> UUID:
        waiting = self.model.held() if held else []
        return waiting[which % len(waiting)] if waiting else self.one_of(self.state.entries, which)

    def _pay_at_once(self, enrolments: Sequence[UUID]) -> None:
        if enrolments:
            rows = self.state.enrolments
            facts = [self._payment(each, rows[each]["contract"].price) for each in enrolments]
            self._receive(facts, Mode.INDEPENDENT if len(facts) > 1 else Mode.SINGLE)

    def _payment(self, enrolment: UUID, amount: Money) -> EntryFact:
        row = self.state.enrolments[enrolment]
        (campus,) = (c for c in self.driver.campuses if c.place.custody == row["contract"].custody)
        return self._fact(campus, amount, payment_code=row["payment_code"])

    def _fact(self, campus: Campus, amount: Money, **values: Any) -> EntryFact:
        number, today = next(self.numbers), self.model.today
        row: dict[str, Any] = {
            "bank_entry": fresh_id(),
            "custody_account": campus.place.custody,
            "bank_ref": f"R-{number}",
            "direction": "CRDT",
            "kind": "PAYMENT",
            "amount": amount,
            "book_on": today,
            "value_on": today,
            "payment_code": None,
            "order": None,
            "payer_name": "李四",
            "payer_account": None if number % 5 == 0 else "6222020000000000001",
            "purpose": None,
        }
        return EntryFact(**(row | values))

    def _receive(self, facts: Sequence[EntryFact], mode: Mode, bank: str | None = None) -> None:
        """Report entries as their bank; a batch is of one bank, others' accounts are unknown."""
        banks = self.model.banks
        bank = bank or banks[facts[0].custody_account]
        self.driver.ask(
            RECEIVE,
            facts,
            partial(self.model.receive, bank),
            caller=self.as_bank(bank),
            actor=bank,
            mode=mode,
        )
        self.facts += [(bank, fact) for fact in facts]
        self.driver.retry_kept({fact.custody_account for fact in facts})


def _copy_of(fact: EntryFact, **changes: Any) -> EntryFact:
    return fact._replace(**changes)
