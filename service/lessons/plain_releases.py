"""Plain releases: lessons that silence confirms in regular contracts, decided by columns.

Plain is a paid lesson that is worth something, of a contract in custody on which nothing is owed,
does not complete it, and whose answer nobody reads. Whatever else a batch brings goes the way of
objects, and so does every lesson of an enrolment that one of those is of.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.forms import Filled, Form
from ledger.refusals import Refusal
from ledger.rules import lessons as rules
from service.lessons.found import Found
from service.lessons.release import REGULAR
from service.store.contracts import confirmed_change, confirmed_of, contract_of
from service.store.facts import Facts, Record, Update
from service.store.sheets import Line, Rows
from service.store.tables import Enrolment, Lesson

PAID: Final = Reason.PAID
SILENCE: Final = "SILENCE"
Require = Callable[[Facts, Found[Any]], tuple[Record, Record]]
"""Returns a lesson and its enrolment that may be confirmed; refuses any other."""


class _Taught:
    """One enrolment: its row, its accounts in the form, and how many lessons are released."""

    __slots__ = ("accounts", "enrolment", "form", "key", "released")

    def __init__(self, enrolment: Record, contract: Contract, form: Form) -> None:
        self.enrolment = enrolment
        self.key: UUID = enrolment["enrolment_id"]
        self.form = form
        granted, consumed = contract.units_granted(PAID), contract.units_consumed(PAID)
        known = {a: a for a in (contract.pending, contract.payable, granted, consumed)}
        # The very objects that were read: what is the same need not be compared.
        self.accounts = tuple([known[account] for account in form.accounts_of(self.key)])
        self.released = 0


class PlainReleases:
    """The plain releases of a batch, by their lessons."""

    def __init__(self, taught: dict[UUID, tuple[_Taught, Record]]) -> None:
        self._taught = taught
        self._updates: list[Update] = []

    def line(self, facts: Facts, item: Found[Any]) -> Line | None:
        """Release a plain lesson; None for what is not plain, or is to be answered."""
        known = None if facts.answering else self._taught.get(item.lesson)
        if known is None:
            return None
        taught, lesson = known
        key, seq = lesson["lesson_id"], facts.next_seq
        quantities = (lesson["value_fen"], 1)
        filled = Filled(taught.form, taught.accounts, quantities, (taught.key, key, lesson["slot"]))
        entries = facts.fill(filled)
        taught.released += 1
        values = {"state": "CONFIRMED", "confirmed_by": SILENCE, "confirmed_seq": seq, "seq": seq}
        self._updates.append(Update(Lesson, (key,), values))
        return filled, entries, "{}"

    def rows(self) -> Sequence[Rows]:
        """Insert nothing."""
        return ()

    def changes(self) -> list[Update]:
        """Confirm the lessons, and count them in their enrolments."""
        touched = {id(taught): taught for taught, _ in self._taught.values() if taught.released}
        counted = [
            Update(Enrolment, (each.key,), confirmed_change(each.enrolment, each.released))
            for each in touched.values()
        ]
        return [*self._updates, *counted]


def sorted_out(facts: Facts, found: Sequence[Found[Any]], *, require: Require) -> PlainReleases:
    """Sort out the plain lessons before any is decided; `require` judges each."""
    by_enrolment: dict[UUID, list[Found[Any]]] = {}
    for each in found:
        by_enrolment.setdefault(each.enrolment, []).append(each)
    forms: dict[Account, Form] = {}
    taught: dict[UUID, tuple[_Taught, Record]] = {}
    for group in by_enrolment.values():
        released = _plain(facts, group, forms, require)
        if released is not None:
            taught.update(released)
    return PlainReleases(taught)


def _plain(
    facts: Facts, group: Sequence[Found[Any]], forms: dict[Account, Form], require: Require
) -> dict[UUID, tuple[_Taught, Record]] | None:
    """Return the lessons of one enrolment where all of them are plain, else None."""
    lessons: dict[UUID, Record] = {}
    enrolment = Record()
    try:
        for each in group:
            lesson, enrolment = require(facts, each)
            lessons[each.lesson] = lesson
    except Refusal:
        return None
    contract = contract_of(enrolment)
    if (
        enrolment["origin"] != REGULAR
        or len(lessons) < len(group)
        or confirmed_of(enrolment) + len(lessons) >= contract.slots
        or facts.book.quantity(contract.held)
        or facts.book.quantity(contract.pending) < sum(r["value_fen"] for r in lessons.values())
    ):
        return None
    for lesson in lessons.values():
        slot, value = lesson["slot"], lesson["value_fen"]
        if slot > contract.lessons_paid or not value or value != contract.slot_value(slot).fen:
            return None
    form = forms.get(contract.payable)
    if form is None:
        [slot, *_] = [lesson["slot"] for lesson in lessons.values()]
        form = forms[contract.payable] = rules.confirmed_form(contract, slot=slot)
    mine = _Taught(enrolment, contract, form)
    return {key: (mine, lesson) for key, lesson in lessons.items()}
