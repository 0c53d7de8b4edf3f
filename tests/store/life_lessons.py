"""Steps of a school's life that earn money: lessons planned, held, confirmed, contested."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.money import Money
from service.lessons import use_cases
from service.lessons.use_cases import LessonKey
from service.store.transact import Mode
from tests.fixtures.service import fresh_id
from tests.store.life_contracts import modes, prices, some
from tests.store.life_money import MoneyComes, several

EVIDENCE = hashlib.sha256(b"attendance").hexdigest()


class LessonsAreGiven(MoneyComes):
    """Lessons from plan to confirmation, and the ways back."""

    @precondition(lambda self: self.state.enrolments)
    @rule(which=several, lessons=st.integers(1, 3), mode=modes, ahead=st.integers(0, 9))
    def lessons_are_planned(self, which: list[int], lessons: int, mode: Mode, ahead: int) -> None:
        """Plan lessons of some enrolments; one in ten for tomorrow."""
        enrolments = [self.one_of(self.state.enrolments, number) for number in which]
        self._plan(enrolments, lessons, mode, tomorrow=ahead == 0)

    @precondition(lambda self: self.state.lessons)
    @rule(which=several, mode=modes, present=st.integers(0, 9))
    def lessons_are_held(self, which: list[int], mode: Mode, present: int) -> None:
        """Record lessons (E13); one in ten without the student."""
        self._record(
            [self._in_state(number, "SCHEDULED") for number in which],
            mode,
            "PRESENT" if present else "ABSENT",
        )

    @precondition(lambda self: self._paid())
    @rule(which=several, lessons=st.integers(1, 4), confirmed=st.booleans())
    def a_class_is_held(self, which: list[int], lessons: int, *, confirmed: bool) -> None:
        """Plan and record lessons of paid enrolments, and often confirm them."""
        paid = self._paid()
        known = set(self.state.lessons)
        students = [paid[number % len(paid)] for number in which]
        self._plan(students, lessons, Mode.INDEPENDENT, tomorrow=False)
        self._hold([lesson for lesson in self.state.lessons if lesson not in known], confirmed)

    @rule(
        which=some,
        several=st.lists(prices, min_size=4, max_size=12),
        paid=st.integers(1, 4),
        confirmed=st.booleans(),
    )
    def a_term_is_taught(
        self, which: int, several: list[Money], paid: int, *, confirmed: bool
    ) -> None:
        """Enrol a class, have it paid, and hold what was paid for; often it is all confirmed."""
        known = set(self.state.lessons)
        students = self._sign(which, several, paid, 0, Mode.INDEPENDENT)
        if students:
            self._pay_at_once(students)
            self._plan(students, paid, Mode.INDEPENDENT, tomorrow=False)
            self._hold([each for each in self.state.lessons if each not in known], confirmed)

    @precondition(lambda self: self.state.lessons)
    @rule(which=several, mode=modes)
    def parents_confirm(self, which: list[int], mode: Mode) -> None:
        """Release lessons (E14, E03)."""
        self._confirm([self._in_state(number, "RECORDED") for number in which], mode)

    @precondition(lambda self: self.state.lessons)
    @rule(which=some, state=st.sampled_from(["RECORDED", "DISPUTED"]))
    def a_parent_disputes(self, which: int, state: str) -> None:
        """Contest a lesson (E15)."""
        self._alone(
            use_cases.DISPUTE,
            use_cases.DisputeLesson(self._key(self._in_state(which, state)), "NOT_HELD"),
            self.model.dispute,
        )

    @precondition(lambda self: self.state.lessons)
    @rule(which=some, ruling=st.sampled_from(["UPHELD", "REJECTED"]))
    def a_dispute_is_ruled_on(self, which: int, ruling: str) -> None:
        """Give a disputed lesson back, or release it (E15)."""
        self._alone(
            use_cases.RULE,
            use_cases.RuleOnDispute(self._key(self._in_state(which, "DISPUTED")), ruling),
            self.model.rule,
        )

    @precondition(lambda self: self.state.lessons)
    @rule(which=some)
    def a_recorded_lesson_is_taken_back(self, which: int) -> None:
        """Void (E16)."""
        key = self._key(self._in_state(which, "RECORDED"))
        self._alone(use_cases.VOID, use_cases.VoidLesson(key), self.model.void)

    @precondition(lambda self: self.state.lessons)
    @rule(which=some)
    def a_planned_lesson_is_called_off(self, which: int) -> None:
        """Cancel."""
        key = self._key(self._in_state(which, "SCHEDULED"))
        self._alone(use_cases.CANCEL, use_cases.CancelLesson(key), self.model.cancel)

    @precondition(lambda self: self.state.lessons)
    @rule(which=some)
    def a_confirmed_lesson_is_reversed(self, which: int) -> None:
        """Undo a confirmation, line by line (E28, E29)."""
        key = self._key(self._in_state(which, "CONFIRMED"))
        command = use_cases.ReverseLesson(key, "CONFIRMED_IN_ERROR")
        self._alone(use_cases.REVERSE, command, self.model.reverse)

    def _paid(self) -> list[UUID]:
        return self._where(self.state.enrolments, state="ACTIVE")

    def _in_state(self, which: int, state: str) -> UUID:
        """Choose a lesson in a state, or any when none is; one in six anyhow."""
        there = self._where(self.state.lessons, state=state)
        if not there or which % 6 == 0:
            return self.one_of(self.state.lessons, which)
        return there[which % len(there)]

    def _key(self, lesson: UUID) -> LessonKey:
        return LessonKey(self.driver.journal, lesson)

    def _alone(self, use_case: Any, command: Any, decide: Any) -> None:
        self.driver.ask(use_case, [command], decide)

    def _plan(
        self, enrolments: Sequence[UUID], lessons: int, mode: Mode, *, tomorrow: bool
    ) -> None:
        starts_at = self.driver.now - timedelta(hours=-24 if tomorrow else 2)
        commands = [
            use_cases.ScheduleLesson(
                journal=self.driver.journal,
                lesson=fresh_id(),
                enrolment=enrolment,
                reference=f"L-{next(self.numbers)}",
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=1),
                online=False,
                teacher_reference=None,
            )
            for enrolment in enrolments
            for _ in range(lessons)
        ]
        self.driver.ask(use_cases.SCHEDULE, commands, self.model.schedule, mode=mode)

    def _hold(self, planned: list[UUID], confirmed: bool) -> None:
        if planned:
            self._record(planned, Mode.INDEPENDENT, "PRESENT")
            if confirmed:
                self._confirm(planned, Mode.ALL_OR_NOTHING)

    def _record(self, wanted: list[UUID], mode: Mode, attendance: str) -> None:
        commands = [
            use_cases.RecordLesson(self._key(lesson), attendance, EVIDENCE, fresh_id())
            for lesson in wanted
        ]
        decide = partial(self.model.record, self.driver.now)
        self.driver.ask(use_cases.RECORD, commands, decide, mode=mode)

    def _confirm(self, wanted: list[UUID], mode: Mode) -> None:
        commands = [use_cases.ConfirmLesson(self._key(lesson)) for lesson in wanted]
        self.driver.ask(use_cases.CONFIRM, commands, self.model.confirm, mode=mode)
