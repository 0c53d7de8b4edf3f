"""Reversing a confirmed lesson (E28, E29): the money goes back to the student, line by line.

The transaction that confirmed it is read back from the journal and mirrored; what was paid out
meanwhile becomes what the institution owes, and own funds cover that at once (E57).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ledger.accounts import Account, Reason
from ledger.refusals import WrongState
from ledger.rules import lessons as rules
from ledger.transactions import Transaction
from service.lessons.found import Found, LessonKey, answer_of, find, lock, rows_of
from service.lessons.release import accounts_of, shown
from service.store.claim_progress import open_claims, require_no_claim
from service.store.contracts import confirmed_change, contract_of, place_of
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.gaps import with_own_funds
from service.store.journal_reads import transactions
from service.store.tables import Enrolment, Lesson, Reversal
from service.store.transact import UseCase
from service.store.unit import Unit

REVERSIBLE: Final = frozenset({"ACTIVE", "COMPLETED"})


@dataclass(frozen=True, slots=True)
class ReverseLesson:
    """A regulator takes back a confirmation that was wrong; `reason` is a code."""

    key: LessonKey
    reason: str


async def _read(unit: Unit, _found: Sequence[Found[ReverseLesson]]) -> None:
    facts = unit.facts
    enrolments = list(facts.all(Enrolment))
    seqs = [row.confirmed_seq for row in facts.all(Lesson) if row.confirmed_seq is not None]
    facts.extra["confirming"] = await transactions(unit.connection, facts.journal, seqs)
    await open_claims(unit, [row.enrolment_id for row in enrolments])
    await unit.balances([account for row in enrolments for account in _touched(row)])


def _touched(enrolment: Record) -> list[Account]:
    contract, place = contract_of(enrolment), place_of(enrolment)
    again = [contract.legacy, contract.diversion, place.due(Reason.CLAWBACK), place.own_funds]
    return accounts_of(enrolment) + again


def _decide(facts: Facts, found: Found[ReverseLesson]) -> Decision:
    lesson, enrolment = rows_of(facts, found)
    if lesson.state != "CONFIRMED":
        raise WrongState(object="lesson", state=lesson.state)
    if enrolment.state not in REVERSIBLE:
        raise WrongState(object="enrolment", state=enrolment.state)
    if lesson.schedule_version != enrolment.schedule_version:
        # Its slot is gone: the contract was cut down since, and refunded by what was then true.
        raise WrongState(object="lesson", state="OF_AN_EARLIER_SCHEDULE")
    require_no_claim(facts, found.enrolment)
    contract = contract_of(enrolment)
    confirming: Transaction = facts.extra["confirming"][lesson.confirmed_seq]
    undone = rules.lesson_reversed(
        contract,
        confirming=confirming,
        reverses=str(lesson.confirmed_seq),
        payable=facts.book.balance(contract.payable),
    )
    undone = replace(undone, reason=found.command.reason)
    seq = facts.moment.next_seq
    values: dict[str, Any] = {"state": "REVERSED", "seq": seq}
    reversal = {"reversed_seq": lesson.confirmed_seq, "reversing_seq": seq}
    # Money stands on the contract again, so a completed one goes on.
    taken_back = {**confirmed_change(enrolment, -1), "state": "ACTIVE"}
    return Decision(
        answer={
            **answer_of(facts.journal, Record({**lesson, **values})),
            "enrolment_state": "ACTIVE",
        },
        transactions=with_own_funds(facts, place_of(enrolment), undone),
        changes=(
            Update(Lesson, (lesson.lesson_id,), values),
            Update(Enrolment, (contract.enrolment,), taken_back),
            Insert(Reversal, reversal),
        ),
        shows=shown(contract),
    )


REVERSE: Final = UseCase("reverse_lesson", find, lock, _decide, _read)
