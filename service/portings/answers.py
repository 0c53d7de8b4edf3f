"""How portings and offers are told: by ids, amounts and states; never who they are about."""

from typing import Any

from ledger.money import Money
from service.store import ids
from service.store.facts import Record


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell a porting."""
    return {
        "id": ids.public("ptg", journal, row.porting_id),
        "kind": row.kind,
        "enrolment_id": ids.public("enr", journal, row.enrolment_id),
        "entitlement_id": _public("ent", journal, row.entitlement_id),
        "offer_id": _public("ofr", journal, row.offer_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "to_institution_id": ids.public("ins", journal, row.to_institution_id),
        "to_custody_account_id": ids.public("cus", journal, row.to_custody_account_id),
        "to_course_id": ids.public("crs", journal, row.to_course_id),
        "to_enrolment_id": _public("enr", journal, row.to_enrolment_id),
        "amount": str(Money.from_fen(row.amount_fen)),
        "worth": str(Money.from_fen(row.worth_fen)),
        "lessons": row.granted_lessons,
        "lessons_gift": row.granted_gift,
        "order_id": _public("ord", journal, row.order_id),
        "state": row.state,
        "chosen_on": row.chosen_on.isoformat(),
    }


def offer_answer(journal: int, row: Record) -> dict[str, Any]:
    """Tell a placement offer."""
    return {
        "id": ids.public("ofr", journal, row.offer_id),
        "wind_down_id": ids.public("wdn", journal, row.wind_down_id),
        "receiving_institution_id": ids.public("ins", journal, row.receiving_institution_id),
        "course_id": ids.public("crs", journal, row.course_id),
        "subject": row.subject,
        "lesson_price": str(Money.from_fen(row.lesson_fen)),
        "bonus_percent": row.bonus_percent,
        "places": row.places,
        "places_left": row.places - row.places_taken,
        "valid_until": row.valid_until.isoformat(),
        "state": row.state,
        "offered_on": row.offered_on.isoformat(),
    }


def _public(prefix: str, journal: int, value: Any) -> str | None:  # noqa: ANN401 - a UUID or None
    return None if value is None else ids.public(prefix, journal, value)
