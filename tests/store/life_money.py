"""Steps of a school's life that bring money: contracts, bank entries, suspense, and time."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ledger.money import Money
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import RECEIVE
from service.enrolments.carried import TAKE_ON, CarriedContract
from service.enrolments.lapse import LAPSE, LapseEnrolment
from service.enrolments.open import OPEN_ENROLMENT, OpenEnrolment
from service.enrolments.people import People, Person
from service.receipts.use_cases import MATCH, RETURN, Match, SendBack
from service.store import ids
from service.store.context import Context
from service.store.parties import NewParty, PartyKind
from service.store.transact import Mode
from tests.fixtures.service import fresh_id
from tests.store.model_payouts import School
from tests.store.model_state import Rows, State
from tests.store.school_driver import Campus, Driver

some = st.integers(0, 10_000)
"""Which of the things there are, counted round."""

prices = st.one_of(st.integers(0, 12), st.integers(1, 500_001)).map(Money.from_fen)
amounts = st.one_of(st.integers(1, 9), st.integers(1, 500_100)).map(Money.from_fen)
fees = st.one_of(st.integers(1, 500), st.integers(1, 500), st.integers(1, 500_000)).map(
    Money.from_fen
)
modes = st.sampled_from([Mode.INDEPENDENT, Mode.INDEPENDENT, Mode.ALL_OR_NOTHING])
kinds = st.sampled_from(["TOP_UP", "TOP_UP", "CHARGE_REIMBURSED", "PAYMENT"])


class MoneyComes(RuleBasedStateMachine):
    """Contracts and what banks report of them."""

    url: ClassVar[str]

    def __init__(self) -> None:
        """Open a new journal."""
        super().__init__()
        self.driver = Driver(self.url)
        self.numbers = count()
        self.facts: list[tuple[str, EntryFact]] = []
        self.contracts: list[tuple[Campus, OpenEnrolment]] = []

    @property
    def model(self) -> School:
        """The model."""
        return self.driver.model

    @property
    def state(self) -> State:
        """What the model holds."""
        return self.model.state

    def campus(self, which: int) -> Campus:
        """Choose a custody account."""
        return self.driver.campuses[which % len(self.driver.campuses)]

    def as_bank(self, bank: str) -> Context:
        """See with a bank's eyes."""
        return Context((self.driver.journal,), bank=bank)

    def as_institution(self, institution: UUID) -> Context:
        """See with an institution's eyes."""
        return Context((self.driver.journal,), institution=institution)

    @staticmethod
    def one_of(rows: Rows, which: int) -> UUID:
        """Choose one of the things there are, the newer ones first."""
        return list(rows)[-1 - which % len(rows)]

    @staticmethod
    def _where(rows: Rows, **values: str) -> list[UUID]:
        """Choose those things whose columns have these values."""
        return [key for key, row in rows.items() if values.items() <= row.items()]

    # --- contracts ------------------------------------------------------------------------------

    @rule(which=some, price=prices, paid=st.integers(1, 4), gift=st.integers(0, 1))
    def a_contract_is_signed(self, which: int, price: Money, paid: int, gift: int) -> None:
        """Open an enrolment (U0 | U1)."""
        campus, today = self.campus(which), self.model.today
        command = OpenEnrolment(
            journal=self.driver.journal,
            enrolment=fresh_id(),
            course=campus.course,
            contract_number=f"K-{next(self.numbers)}",
            template_version="GF-2021-2604",
            people=new_people(),
            contract_on=today,
            charged_on=today,
            starts_on=today,
            ends_on=today + timedelta(days=30),
            price=price,
            lessons_paid=paid,
            lessons_gift=gift,
        )
        self._open(campus, command)
        self.contracts.append((campus, command))

    @precondition(lambda self: self.contracts)
    @rule(which=some)
    def a_contract_is_signed_again(self, which: int) -> None:
        """Ask once more, under another key."""
        self._open(*self.contracts[which % len(self.contracts)])

    @rule(which=some, price=prices.filter(bool), paid=st.integers(1, 4))
    def a_contract_is_signed_and_paid(self, which: int, price: Money, paid: int) -> None:
        """Open an enrolment and pay it at once, where it can be."""
        before = len(self.state.enrolments)
        self.a_contract_is_signed(which, price, paid, 0)
        if len(self.state.enrolments) > before:
            enrolment = self.one_of(self.state.enrolments, 0)
            self._receive([self._payment(enrolment, price)], Mode.SINGLE)

    @rule(
        which=some,
        value=prices,
        paid=st.integers(1, 3),
        gift=st.booleans(),
        legacy=st.booleans(),
        days=st.integers(0, 3),
    )
    def an_old_contract_is_taken_on(
        self, which: int, value: Money, paid: int, *, gift: bool, legacy: bool, days: int
    ) -> None:
        """Take on a contract with money missing (E01, E36)."""
        place, today = self.campus(which).place, self.model.today
        command = CarriedContract(
            journal=self.driver.journal,
            enrolment=fresh_id(),
            institution=place.institution,
            custody=place.custody,
            origin="LEGACY" if legacy else "DIVERSION",
            contract_number=f"K-{next(self.numbers)}",
            people=new_people(),
            category="art",
            subject="DANCE",
            value=value,
            lessons_paid=paid,
            lessons_gift=int(gift),
            gift_in_schedule=False,
            absence_counts=False,
            contract_on=today - timedelta(days=300 + days),
            starts_on=today - timedelta(days=300),
            ends_on=today,
        )
        answers = self.driver.ask(TAKE_ON, [command], self.model.carry)
        self._note_code(command.enrolment, answers[0])

    @precondition(lambda self: self.state.enrolments)
    @rule(which=some)
    def an_unpaid_contract_lapses(self, which: int) -> None:
        """End an enrolment whose last day to be paid has passed (L1 | L8)."""
        late = self._where(self.state.enrolments, state="AWAITING_PAYMENT")
        enrolment = late[which % len(late)] if late else self.one_of(self.state.enrolments, which)
        self.driver.ask(
            LAPSE, [LapseEnrolment(enrolment)], lambda command: self.model.lapse(command.enrolment)
        )

    @rule(days=st.sampled_from([1, 1, 2, 8]), lapsing=some)
    def days_pass(self, days: int, lapsing: int) -> None:
        """Move the business date, and let an unpaid contract lapse when there is one."""
        self.driver.to_noon_of(self.model.today + timedelta(days=days))
        if self._where(self.state.enrolments, state="AWAITING_PAYMENT"):
            self.an_unpaid_contract_lapses(which=lapsing)

    # --- bank entries ---------------------------------------------------------------------------

    @precondition(lambda self: self.state.enrolments)
    @rule(which=st.lists(some, min_size=1, max_size=4), amount=amounts, mode=modes)
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

    def _open(self, campus: Campus, command: OpenEnrolment) -> None:
        answers = self.driver.ask(
            OPEN_ENROLMENT,
            [command],
            partial(self.model.open, campus.place),
            caller=self.as_institution(campus.place.institution),
        )
        self._note_code(command.enrolment, answers[0])

    def _note_code(self, enrolment: UUID, answer: dict[str, Any] | None) -> None:
        if answer is not None:
            self.state.enrolments[enrolment]["payment_code"] = answer["payment_code"]

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


def new_people() -> People:
    """Make a guardian and a student nobody has met."""
    return People(*(_person(kind) for kind in (PartyKind.GUARDIAN, PartyKind.STUDENT)))


def _person(kind: PartyKind) -> Person:
    party = fresh_id()
    return Person(party, kind, NewParty(party, kind, name=ids.public("pty", 1, party)))


def _copy_of(fact: EntryFact, **changes: Any) -> EntryFact:
    return EntryFact(**({name: getattr(fact, name) for name in fact.__slots__} | changes))
