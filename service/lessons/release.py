"""Releasing a lesson (E14, E15 rejected): exactly R(k) − R(k−1), and the contract's end with it.

Shared by the three ways in which a lesson is confirmed: by the parent, by silence, by ruling.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.refusals import WrongState
from ledger.rules.debts import Debt
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.lessons.found import Found, answer_of
from service.store.claim_progress import open_claims
from service.store.contracts import confirmed_change, confirmed_of, contract_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.tables import Enrolment, Lesson, Notice
from service.store.unit import Unit

REGULAR = "REGULAR"


async def read_accounts(unit: Unit, found: Sequence[Found[Any]]) -> None:
    """Read the restraints and every balance that releasing these lessons may touch."""
    await unit.restraints({item.institution for item in found} | {item.enrolment for item in found})
    await open_claims(unit, {item.enrolment for item in found})
    rows = list(unit.facts.all(Enrolment))
    await unit.balances([account for row in rows for account in accounts_of(row)])


def accounts_of(enrolment: Record) -> list[Account]:
    """Return the accounts of an enrolment that a release may touch or show."""
    contract = contract_of(enrolment)
    reasons = [Reason.PAID, Reason.GIFT] if contract.lessons_gift else [Reason.PAID]
    accounts = [contract.prepaid, contract.pending, contract.disputed, contract.payable]
    accounts.append(contract.held)
    for reason in reasons:
        accounts += [contract.units_granted(reason), contract.units_consumed(reason)]
    if enrolment["origin"] != REGULAR:
        accounts += [contract.legacy, contract.diversion]
    return accounts


def unfunded(facts: Facts, enrolment: Record, contract: Contract) -> tuple[Debt, ...]:
    """Return what the institution still owes on this very contract (legacy, diversion)."""
    if enrolment["origin"] == REGULAR:
        return ()
    accounts = (contract.legacy, contract.diversion)
    return tuple(
        Debt(account, facts.book.balance(account), enrolment["contract_on"])
        for account in accounts
        if facts.book.quantity(account)
    )


def require_active(enrolment: Record) -> None:
    """Refuse to move lessons of an enrolment that is not ACTIVE."""
    if enrolment["state"] != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment["state"])


def released(
    facts: Facts, lesson: Record, enrolment: Record, confirming: Transaction, *, by: str
) -> Decision:
    """Confirm a lesson; the last slot completes the enrolment in the same decision."""
    contract = contract_of(enrolment)
    lesson_values: dict[str, Any] = {
        "state": "CONFIRMED",
        "confirmed_by": by,
        "confirmed_seq": facts.moment.next_seq,
        "seq": facts.moment.next_seq,
    }
    enrolment_values: dict[str, Any] = {**confirmed_change(enrolment, 1)}
    transactions = [confirming]
    if confirmed_of(enrolment) + 1 == contract.slots:
        transactions.append(
            Transaction(TransactionKind.ENROLMENT_COMPLETED, references=references(contract))
        )
        enrolment_values["state"] = "COMPLETED"
    answer: dict[str, Any] = {}
    if facts.answering:
        answer = answer_of(facts.journal, Record({**lesson, **lesson_values}))
        answer["enrolment_state"] = enrolment_values.get("state", enrolment["state"])
    return Decision(
        answer=answer,
        transactions=tuple(transactions),
        changes=(
            Update(Lesson, (lesson["lesson_id"],), lesson_values),
            Update(Enrolment, (contract.enrolment,), enrolment_values),
        ),
        shows=shown(contract),
    )


def shown(contract: Contract) -> dict[str, Account]:
    """Name the enrolment's own balances; what the institution has earned is not the parent's."""
    return {
        "prepaid": contract.prepaid,
        "pending": contract.pending,
        "disputed": contract.disputed,
    }


async def lock_notices(unit: Unit) -> None:
    """Lock the notices of the locked lessons: an answer proves that its notice arrived."""
    await unit.lock(
        Notice, {row.notice_id for row in unit.facts.all(Lesson) if row.notice_id is not None}
    )


def notice_answered(facts: Facts, notice: UUID | None) -> tuple[Change, ...]:
    """Mark the notice of an answered lesson as delivered, its answer being the proof."""
    row = None if notice is None else facts.get(Notice, notice)
    if row is None or row.delivered_at is not None:
        return ()
    values = {"delivered_at": facts.moment.now, "proof": "ANSWERED"}
    return (Update(Notice, (row.notice_id,), values),)
