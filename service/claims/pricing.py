"""Pricing a claim on the facts of now: what a quote shows, and what an approval posts."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from ledger import parameters, refunds
from ledger.calendars import WorkingCalendar
from ledger.chain import canonical_json
from ledger.money import ZERO, Money, total
from ledger.parameters import Category, Parameter
from ledger.policy import RulePack
from ledger.refunds import Basis, Price, RefundReason
from ledger.refusals import NoSlotLeft, NothingToRefund, PolicyMissing
from service.store import claim_reads
from service.store.contracts import contract_of
from service.store.facts import Facts, Record

WHOLE: Final = "WHOLE"
PARTIAL: Final = "PARTIAL"
NATURAL: Final = "NATURAL"
WORKING: Final = "WORKING"

_DAYS: Final[Mapping[RefundReason, Parameter[int]]] = {
    RefundReason.COOLING_OFF: parameters.REFUND_DAYS_COOLING_OFF,
    RefundReason.BEFORE_START: parameters.REFUND_DAYS_BEFORE_START,
    RefundReason.CONSUMER: parameters.REFUND_DAYS_AFTER_START,
    RefundReason.INSTITUTION: parameters.REFUND_DAYS_INSTITUTION,
    RefundReason.LAW_ENFORCEMENT: parameters.REFUND_DAYS_INSTITUTION,
}
"""Within how many days each reason is paid."""


def price_of(facts: Facts, enrolment: Record, asked: Record) -> Price:
    """Price what is asked: `reason`, `scope`, `lessons_given_up`, `materials_fen` and dates.

    Raises `NothingToRefund`, `NoSlotLeft` (not that many paid lessons are left beside one) and
    `DeductionOverItemised`.
    """
    reason, contract = RefundReason(asked.reason), contract_of(enrolment)
    waiting = [contract.prepaid, contract.pending, contract.disputed, contract.interest]
    if not any(facts.book.quantity(account) for account in waiting):
        raise NothingToRefund
    if asked.scope == PARTIAL:
        wanted: int = asked.lessons_given_up
        taken = facts.extra["slots"].get(contract.enrolment, frozenset())
        free = refunds.slots_given_up(contract, taken, wanted + 1)
        if len(free) <= wanted:
            raise NoSlotLeft(lessons_left=len(free))
        value = total([contract.slot_value(slot) for slot in free[1:]])
        return refunds.partial(reason, lessons=wanted, value=value)
    return refunds.whole(
        reason,
        claim_reads.charge_of(enrolment),
        claim_reads.standing_of(facts, enrolment),
        stopped_on=asked.service_stopped_on or asked.filed_on,
        materials=Money.from_fen(asked.materials_fen),
    )


def require_applicable(
    facts: Facts, enrolment: Record, reason: RefundReason, filed_on: date
) -> None:
    """Refuse a reason that did not apply on the day the claim was filed.

    A lesson counts as taken once it is confirmed: what the institution merely recorded is not
    yet proven, and is settled before anything is priced. Raises `PolicyMissing`,
    `CoolingOffPassed`, `CourseStarted`.
    """
    paid_on = claim_reads.history_of(facts, enrolment).paid_on or enrolment.contract_on
    refunds.require_applicable(
        reason,
        claim_reads.charge_of(enrolment),
        delivered=enrolment.lessons_confirmed,
        paid_on=paid_on,
        filed_on=filed_on,
        cooling_off_days=rule(facts, enrolment, parameters.COOLING_OFF_DAYS, on=paid_on),
    )


def pay_due(facts: Facts, enrolment: Record, reason: str) -> dict[str, Any]:
    """Count the last day to pay what is agreed or decided today, and say how it was counted."""
    today = facts.moment.today
    days = rule(facts, enrolment, _DAYS[RefundReason(reason)], on=today)
    if rule(facts, enrolment, parameters.REFUND_IN_WORKING_DAYS, on=today):
        calendar: WorkingCalendar = facts.extra["calendar"]
        return {"day_count": WORKING, "pay_due_on": calendar.add_working_days(today, days)}
    return {"day_count": NATURAL, "pay_due_on": today + timedelta(days=days)}


def rule(facts: Facts, enrolment: Record, parameter: Parameter[Any], *, on: date) -> Any:  # noqa: ANN401
    """Return a rule in force; raises `PolicyMissing`: no rule means no permission."""
    pack: RulePack | None = facts.extra.get("pack")
    if pack is None:
        raise PolicyMissing(parameter=parameter.name)
    return pack.value(parameter, on=on, category=Category(enrolment.category))


def priced_values(price: Price) -> dict[str, Any]:
    """Write a price into a claim's columns."""
    steps = [
        {"code": step.code, "zh": step.zh, "en": step.en, "amount": str(step.amount)}
        for step in price.steps
    ]
    return {
        "basis": price.basis.value,
        "article": price.article,
        "refund_fen": price.refund.fen,
        "institution_fen": price.institution_share.fen,
        "interest_fen": price.interest.fen,
        "breakdown": canonical_json(steps),
    }


def price_answer(claim: Mapping[str, Any]) -> dict[str, Any] | None:
    """Tell a price from a claim's columns, None while it has none."""
    if claim["basis"] is None:
        return None
    refund, interest = Money.from_fen(claim["refund_fen"]), Money.from_fen(claim["interest_fen"])
    return {
        "reason": claim["reason"],
        "basis": Basis(claim["basis"]).value,
        "article": claim["article"],
        "refund": str(refund),
        "interest": str(interest),
        "to_pay": str(refund + interest),
        "institution_share": str(Money.from_fen(claim["institution_fen"])),
        "steps": json.loads(claim["breakdown"]),
    }


def quoted(facts: Facts, enrolment: Record, asked: Record) -> dict[str, Any] | None:
    """Tell what the claim would bring today, lessons that still wait left aside."""
    priced = Record({**asked, **priced_values(price_of(facts, enrolment, asked))})
    contract = contract_of(enrolment)
    waiting = facts.book.balance(contract.pending) + facts.book.balance(contract.disputed)
    told = price_answer(priced)
    return None if told is None else {**told, "unsettled": str(max(waiting, ZERO))}
