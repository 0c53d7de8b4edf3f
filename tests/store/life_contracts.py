"""Steps of a school's life that make contracts: signed, taken on, lapsed, and time that passes."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ledger.money import Money
from service.enrolments.carried import TAKE_ON, CarriedContract
from service.enrolments.lapse import LAPSE, LapseEnrolment
from service.enrolments.open import OPEN_ENROLMENT, OpenEnrolment
from service.enrolments.people import People, Person
from service.store import ids
from service.store.context import Context
from service.store.parties import NewParty, PartyKind
from service.store.transact import Mode
from tests.fixtures.service import fresh_id
from tests.store.model_payouts import School
from tests.store.model_state import Rows, State
from tests.store.school_driver import Campus, Driver
from tests.store.school_ground import Ground

some = st.integers(0, 10_000)
"""Which of the things there are, counted round."""

lessons = st.integers(1, 8)
prices = st.one_of(st.integers(0, 12), st.integers(1, 500_001)).map(Money.from_fen)
classes = st.lists(prices, min_size=2, max_size=12)
"""The prices of contracts that are signed in one request."""
modes = st.sampled_from([Mode.INDEPENDENT, Mode.INDEPENDENT, Mode.ALL_OR_NOTHING])


class ContractsAreSigned(RuleBasedStateMachine):
    """Contracts from signature to their last day to be paid."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        """Open a new journal."""
        super().__init__()
        self.driver = Driver(self.ground)
        self.numbers = count()
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

    @rule(which=some, price=prices, paid=st.integers(1, 4), gift=st.integers(0, 1))
    def a_contract_is_signed(self, which: int, price: Money, paid: int, gift: int) -> None:
        """Open an enrolment (U0 | U1)."""
        self._sign(which, [price], paid, gift, Mode.SINGLE)

    @rule(which=some, several=classes, paid=lessons, mode=modes)
    def a_class_enrols(self, which: int, several: list[Money], paid: int, mode: Mode) -> None:
        """Open enrolments in one request."""
        self._sign(which, several, paid, 1, mode)

    @precondition(lambda self: self.contracts)
    @rule(which=some)
    def a_contract_is_signed_again(self, which: int) -> None:
        """Ask once more, under another key."""
        campus, command = self.contracts[which % len(self.contracts)]
        self._open(campus, [command], Mode.SINGLE)

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

    def _sign(
        self, which: int, prices: Sequence[Money], paid: int, gift: int, mode: Mode
    ) -> list[UUID]:
        """Open enrolments of one class; return those that were opened."""
        campus, today = self.campus(which), self.model.today
        commands = [
            OpenEnrolment(
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
            for price in prices
        ]
        known = set(self.state.enrolments)
        self._open(campus, commands, mode)
        self.contracts += [(campus, command) for command in commands]
        return [enrolment for enrolment in self.state.enrolments if enrolment not in known]

    def _open(self, campus: Campus, commands: Sequence[OpenEnrolment], mode: Mode) -> None:
        answers = self.driver.ask(
            OPEN_ENROLMENT,
            commands,
            partial(self.model.open, campus.place),
            caller=self.as_institution(campus.place.institution),
            mode=mode,
        )
        for command, answer in zip(commands, answers, strict=True):
            self._note_code(command.enrolment, answer)

    def _note_code(self, enrolment: UUID, answer: dict[str, Any] | None) -> None:
        if answer is not None:
            self.state.enrolments[enrolment]["payment_code"] = answer["payment_code"]


def new_people() -> People:
    """Make a guardian and a student nobody has met."""
    return People(*(_person(kind) for kind in (PartyKind.GUARDIAN, PartyKind.STUDENT)))


def _person(kind: PartyKind) -> Person:
    party = fresh_id()
    return Person(party, kind, NewParty(party, kind, name=ids.public("pty", 1, party)))
