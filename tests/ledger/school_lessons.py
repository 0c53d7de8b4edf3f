"""What a school year teaches: lessons recorded, confirmed, disputed, ruled on, voided, reversed."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.entitlement import lowest_free_slot
from ledger.rules import lessons
from ledger.rules.debts import owed
from tests.ledger.histories import Enrolment, Lesson, LessonState
from tests.ledger.school_receipts import SchoolReceipts


class SchoolLessons(SchoolReceipts):
    """Any order of lesson facts on top of enrolments and receipts."""

    def teachable(self) -> list[Enrolment]:
        """Return the enrolments that are paid and have a slot left."""
        return [e for e in self.open() if e.is_paid and len(e.lessons) < e.contract.slots]

    def having(self, state: LessonState) -> list[tuple[Enrolment, Lesson]]:
        """Return every lesson in a state, with its enrolment."""
        return [
            (enrolment, lesson)
            for enrolment in self.history.enrolments.values()
            for lesson in enrolment.lessons.values()
            if lesson.state is state
        ]

    @precondition(lambda self: self.teachable())
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        self.give(data.draw(st.sampled_from(self.teachable())))

    @precondition(lambda self: self.teachable())
    @rule(data=st.data())
    def record_and_confirm(self, data: st.DataObject) -> None:
        enrolment = data.draw(st.sampled_from(self.teachable()))
        self.release(enrolment, self.give(enrolment))

    @precondition(lambda self: self.having(LessonState.RECORDED))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        self.release(*data.draw(st.sampled_from(self.having(LessonState.RECORDED))))

    def give(self, enrolment: Enrolment) -> Lesson:
        """Record a lesson in the lowest free slot."""
        slot = lowest_free_slot(enrolment.lessons, enrolment.contract.slots)
        assert slot is not None
        lesson = Lesson(self.history.new_id(), slot)
        assert self.history.post(
            lessons.lesson_recorded(enrolment.contract, lesson=lesson.id, slot=slot)
        )
        enrolment.lessons[slot] = lesson
        return lesson

    def release(self, enrolment: Enrolment, lesson: Lesson) -> None:
        """Confirm a recorded lesson, or reject the dispute of a disputed one."""
        contract, unfunded = enrolment.contract, self.history.unfunded(enrolment.contract)
        released = (
            lessons.lesson_confirmed
            if lesson.state is LessonState.RECORDED
            else lessons.dispute_rejected
        )
        lesson.confirmed_at = len(self.history.log)
        assert self.history.post(
            released(contract, lesson=lesson.id, slot=lesson.slot, unfunded=unfunded)
        )
        lesson.state = LessonState.CONFIRMED
        earned = self.history.log[lesson.confirmed_at].effects().get(contract.payable, 0)
        assert not (earned and owed(self.history.unfunded(contract)))

    @precondition(lambda self: self.having(LessonState.RECORDED))
    @rule(data=st.data())
    def dispute(self, data: st.DataObject) -> None:
        enrolment, lesson = data.draw(st.sampled_from(self.having(LessonState.RECORDED)))
        assert self.history.post(
            lessons.lesson_disputed(enrolment.contract, lesson=lesson.id, slot=lesson.slot)
        )
        lesson.state = LessonState.DISPUTED

    @precondition(lambda self: self.having(LessonState.DISPUTED))
    @rule(data=st.data())
    def uphold(self, data: st.DataObject) -> None:
        enrolment, lesson = data.draw(st.sampled_from(self.having(LessonState.DISPUTED)))
        assert self.history.post(
            lessons.dispute_upheld(enrolment.contract, lesson=lesson.id, slot=lesson.slot)
        )
        del enrolment.lessons[lesson.slot]

    @precondition(lambda self: self.having(LessonState.DISPUTED))
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        self.release(*data.draw(st.sampled_from(self.having(LessonState.DISPUTED))))

    @precondition(lambda self: self.having(LessonState.RECORDED))
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        enrolment, lesson = data.draw(st.sampled_from(self.having(LessonState.RECORDED)))
        assert self.history.post(
            lessons.lesson_voided(enrolment.contract, lesson=lesson.id, slot=lesson.slot)
        )
        del enrolment.lessons[lesson.slot]

    @precondition(lambda self: self.having(LessonState.CONFIRMED))
    @rule(data=st.data())
    def reverse_lesson(self, data: st.DataObject) -> None:
        enrolment, lesson = data.draw(st.sampled_from(self.having(LessonState.CONFIRMED)))
        contract = enrolment.contract
        assert self.history.post(
            lessons.lesson_reversed(
                contract,
                confirming=self.history.log[lesson.confirmed_at],
                reverses=str(lesson.confirmed_at),
                payable=self.book.balance(contract.payable),
            )
        )
        del enrolment.lessons[lesson.slot]
