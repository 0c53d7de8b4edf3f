"""Contracts and lessons in the model: taken on, taught, disputed, taken back."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.entitlement import Contract
from ledger.money import ZERO
from ledger.rules import enrolments, lessons
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind
from service.enrolments.carried import CarriedContract
from service.enrolments.open import OpenEnrolment
from service.lessons.use_cases import (
    CancelLesson,
    ConfirmLesson,
    DisputeLesson,
    RecordLesson,
    ReverseLesson,
    RuleOnDispute,
    ScheduleLesson,
    VoidLesson,
)
from tests.store.model_receipts import CAP, Receipts
from tests.store.model_state import No, Row, Said, again

HOLDS_SLOT = {"RECORDED", "DISPUTED", "CONFIRMED"}
LESSONS_MAX = 60
LAPSES_AFTER = timedelta(days=7)


class Lessons(Receipts):
    """Enrolments with their numbered slots."""

    def open(self, place: Place, command: OpenEnrolment) -> Said:
        """Open an enrolment of a course backed by `place`; the command says price and lessons."""
        if command.enrolment in self.state.enrolments:
            return again()
        assert command.price is not None, "the driver states the price"
        assert command.lessons_paid is not None, "the driver states the lessons"
        gift = command.lessons_gift or 0
        self._require_moving(place.institution)
        if self.restrained(place.institution, "ENROL_STOP"):
            raise No("enrolment_stopped")
        for code, applies in (
            ("amount_zero", not command.price),
            ("amount_over_cap", command.price > CAP),
            ("lessons_over_cap", command.lessons_paid + gift > LESSONS_MAX),
        ):
            if applies:
                raise No(code)
        contract = Contract(
            command.enrolment,
            place.institution,
            place.custody,
            command.price,
            command.lessons_paid,
            gift,
            gift_in_schedule=True,
        )
        self._take_on(contract, command, "REGULAR")
        self.post(enrolments.enrolment_opened(contract))
        return Said(answer={"state": "AWAITING_PAYMENT", "received": "0.00"})

    def carry(self, command: CarriedContract) -> Said:
        """Take on a contract with money missing."""
        if command.enrolment in self.state.enrolments:
            return again()
        assert command.custody is not None, "the driver states the custody account"
        if command.origin == "LEGACY":
            self._require_moving(command.institution)
        if not command.value:
            raise No("amount_zero")
        place = self.places[command.custody]
        if place.institution != command.institution:
            raise No("custody_account_invalid")
        contract = Contract(
            command.enrolment,
            place.institution,
            place.custody,
            command.value,
            command.lessons_paid,
            command.lessons_gift,
            command.gift_in_schedule,
        )
        row = self._take_on(contract, command, command.origin)
        row |= {
            "state": "ACTIVE",
            "lapses_on": None,
            "brought": {contract.enrolment: contract.price.fen},
        }
        if command.origin == "LEGACY":
            self.post(enrolments.legacy_onboarded(contract))
        else:
            self.post(
                enrolments.enrolment_opened(contract),
                enrolments.diversion_discovered(
                    contract, amount=contract.price, received_before=ZERO
                ),
            )
        return Said(answer={"state": "ACTIVE", "received": str(contract.price)})

    def schedule(self, command: ScheduleLesson) -> Said:
        """Plan a lesson."""
        for row in self.state.lessons.values():
            if (row["enrolment"], row["reference"]) == (command.enrolment, command.reference):
                if row["starts_at"] == command.starts_at:
                    return again()
                raise No("already_exists")
        enrolment = self.state.enrolments[command.enrolment]
        if enrolment["state"] not in {"AWAITING_PAYMENT", "ACTIVE"}:
            raise No("wrong_state")
        self._require_moving(enrolment["contract"].institution)
        self.state.lessons[command.lesson] = {
            "enrolment": command.enrolment,
            "reference": command.reference,
            "starts_at": command.starts_at,
            "ends_at": command.ends_at,
            "state": "SCHEDULED",
            "slot": None,
        }
        self.post(Transaction(TransactionKind.LESSON_SCHEDULED))
        return Said(answer={"state": "SCHEDULED"})

    def record(self, now: datetime, command: RecordLesson) -> Said:
        """Record a lesson as held."""
        lesson, enrolment, contract = self._lesson(command)
        if lesson["state"] in HOLDS_SLOT:
            if lesson["evidence"] == (command.attendance, command.evidence_hash):
                return again()
            raise No("lesson_already_recorded")
        self._require(lesson, "SCHEDULED")
        if enrolment["state"] == "AWAITING_PAYMENT":
            raise No("enrolment_not_paid")
        self._require(enrolment, "ACTIVE")
        free = set(range(1, contract.slots + 1)) - self._slots(contract.enrolment)
        if not free:
            raise No("no_slot_left")
        self._require_moving(contract.institution)
        if command.attendance != "PRESENT":
            raise No("absence_not_charged")
        if lesson["ends_at"] > now:
            raise No("date_in_future")
        slot, evidence = min(free), (command.attendance, command.evidence_hash)
        lesson |= {"state": "RECORDED", "slot": slot, "evidence": evidence}
        self.post(lessons.lesson_recorded(contract, lesson=self._id(command), slot=slot))
        return self._told(lesson, contract)

    def confirm(self, command: ConfirmLesson) -> Said:
        """Confirm a lesson as its parent."""
        lesson, enrolment, contract = self._lesson(command)
        if lesson["state"] == "CONFIRMED" and lesson["by"] == "PARENT":
            return again()
        self._require(lesson, "RECORDED")
        self._require(enrolment, "ACTIVE")
        self._require_moving(contract.institution)
        confirming = lessons.lesson_confirmed(
            contract,
            lesson=self._id(command),
            slot=lesson["slot"],
            unfunded=self._unfunded(contract),
        )
        return self._release(lesson, enrolment, confirming, by="PARENT")

    def dispute(self, command: DisputeLesson) -> Said:
        """Contest a recorded lesson."""
        lesson, _, contract = self._lesson(command)
        if lesson["state"] == "DISPUTED" and lesson["why"] == command.reason:
            return again()
        self._require(lesson, "RECORDED")
        lesson |= {"state": "DISPUTED", "why": command.reason}
        disputed = lessons.lesson_disputed(contract, lesson=self._id(command), slot=lesson["slot"])
        self.post(replace(disputed, reason=command.reason))
        return self._told(lesson, contract)

    def rule(self, command: RuleOnDispute) -> Said:
        """Rule on a dispute."""
        lesson, enrolment, contract = self._lesson(command)
        self._require(lesson, "DISPUTED")
        named: Row = {"lesson": self._id(command), "slot": lesson["slot"]}
        if command.ruling == "UPHELD":
            lesson["state"] = "VOIDED"
            self.post(lessons.dispute_upheld(contract, **named))
            return self._told(lesson, contract)
        rejected = lessons.dispute_rejected(contract, **named, unfunded=self._unfunded(contract))
        return self._release(lesson, enrolment, rejected, by="RULING")

    def void(self, command: VoidLesson) -> Said:
        """Take a recorded lesson back."""
        lesson, _, contract = self._lesson(command)
        self._require(lesson, "RECORDED")
        lesson["state"] = "VOIDED"
        self.post(lessons.lesson_voided(contract, lesson=self._id(command), slot=lesson["slot"]))
        return self._told(lesson, contract)

    def cancel(self, command: CancelLesson) -> Said:
        """Call off a planned lesson."""
        lesson, _, _ = self._lesson(command)
        if lesson["state"] == "CANCELLED":
            return again()
        self._require(lesson, "SCHEDULED")
        lesson["state"] = "CANCELLED"
        self.post(Transaction(TransactionKind.LESSON_CANCELLED))
        return Said(answer={"state": "CANCELLED"})

    def reverse(self, command: ReverseLesson) -> Said:
        """Take a confirmation back."""
        lesson, enrolment, contract = self._lesson(command)
        self._require(lesson, "CONFIRMED")
        if enrolment["state"] not in {"ACTIVE", "COMPLETED"}:
            raise No("wrong_state")
        seq = lesson["confirmed_seq"]
        undone = lessons.lesson_reversed(
            contract,
            confirming=self.state.log[seq - 1].transaction,
            reverses=str(seq),
            payable=self.balance(contract.payable),
        )
        lesson["state"], enrolment["state"] = "REVERSED", "ACTIVE"
        self.state.reversed |= {seq}
        self.post(replace(undone, reason=command.reason))
        return self._told(lesson, contract)

    def _take_on(self, contract: Contract, command: Any, origin: str) -> Row:
        row = {
            "contract": contract,
            "contract_on": command.contract_on,
            "origin": origin,
            "payment_code": None,
            "brought": {},
            "state": "AWAITING_PAYMENT",
            "lapses_on": self.today + LAPSES_AFTER,
        }
        self.state.enrolments[contract.enrolment] = row
        return row

    def _release(self, lesson: Row, enrolment: Row, confirming: Transaction, *, by: str) -> Said:
        contract: Contract = enrolment["contract"]
        self.post(confirming)
        lesson |= {"state": "CONFIRMED", "by": by, "confirmed_seq": self.seq}
        confirmed = [
            row
            for row in self.state.lessons.values()
            if row["enrolment"] == contract.enrolment and row["state"] == "CONFIRMED"
        ]
        if len(confirmed) == contract.slots:
            self.post(Transaction(TransactionKind.ENROLMENT_COMPLETED))
            enrolment["state"] = "COMPLETED"
        said = self._told(lesson, contract)
        return Said(answer=said.answer | {"enrolment_state": enrolment["state"]})

    def _told(self, lesson: Row, contract: Contract) -> Said:
        value = contract.slot_value(lesson["slot"])
        answer = {"state": lesson["state"], "slot": lesson["slot"], "value": str(value)}
        accounts = {"prepaid": contract.prepaid, "pending": contract.pending}
        if lesson["state"] != "RECORDED":
            accounts["disputed"] = contract.disputed
        return Said(answer=answer | {"balances": self.shown(**accounts)})

    def _unfunded(self, contract: Contract) -> list[Debt]:
        own = (contract.legacy, contract.diversion)
        return [Debt(account, self.balance(account)) for account in own]

    def _slots(self, enrolment: UUID) -> set[int]:
        return {
            row["slot"]
            for row in self.state.lessons.values()
            if row["enrolment"] == enrolment and row["state"] in HOLDS_SLOT
        }

    def _lesson(self, command: Any) -> tuple[Row, Row, Contract]:
        lesson = self.state.lessons[self._id(command)]
        enrolment = self.state.enrolments[lesson["enrolment"]]
        return lesson, enrolment, enrolment["contract"]

    @staticmethod
    def _id(command: Any) -> UUID:
        lesson = command.key.lesson
        assert isinstance(lesson, UUID), "the driver names lessons by id"
        return lesson

    @staticmethod
    def _require(row: Row, state: str) -> None:
        if row["state"] != state:
            raise No("wrong_state")

    def _require_moving(self, institution: UUID) -> None:
        if self.is_frozen(institution):
            raise No("institution_frozen")
