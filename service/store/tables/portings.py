"""Portings (转课): lessons that go on elsewhere, and the offers that a wind-down's students get."""

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from service.store.tables.base import Base, Code, Count, Day, Fen, Id, JournalId, Key, Seq


class PlacementOffer(Base):
    """What a receiving institution offers to the students of a wind-down (接收要约)."""

    __tablename__ = "placement_offer"
    journal_id: Mapped[JournalId]
    offer_id: Mapped[Key]
    wind_down_id: Mapped[Id]
    institution_id: Mapped[Id]
    receiving_institution_id: Mapped[Id]
    course_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    subject: Mapped[Code]
    lesson_fen: Mapped[Fen]
    bonus_percent: Mapped[Count]
    places: Mapped[Count]
    places_taken: Mapped[Count]
    valid_until: Mapped[Day]
    state: Mapped[Code]
    offered_on: Mapped[Day]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "wind_down_id", "offer_id"),
        CheckConstraint("lesson_fen > 0 AND bonus_percent >= 0 AND places >= 0", name="sizes"),
        CheckConstraint("places_taken BETWEEN 0 AND places", name="places"),
        CheckConstraint("state IN ('OPEN', 'WITHDRAWN', 'ENDED')", name="state"),
    )


class Porting(Base):
    """Lessons that go on elsewhere (转课): live, or placed out of a wind-down; owner of its L15.

    LIVE takes what is funded of an enrolment (E44); PLACEMENT carries an entitlement's dividend.
    `granted_lessons` (and `granted_gift` on top) is what the receiving institution states it gives
    for the amount, worth `worth_fen` there; `taken_paid` and `taken_gift` are the lessons that were
    taken back here.
    """

    __tablename__ = "porting"
    journal_id: Mapped[JournalId]
    porting_id: Mapped[Key]
    kind: Mapped[Code]
    enrolment_id: Mapped[Id]
    entitlement_id: Mapped[Id | None]
    offer_id: Mapped[Id | None]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    guardian_id: Mapped[Id]
    student_id: Mapped[Id]
    to_institution_id: Mapped[Id]
    to_custody_account_id: Mapped[Id]
    to_course_id: Mapped[Id]
    to_enrolment_id: Mapped[Id | None]
    consent_hash: Mapped[Code]
    amount_fen: Mapped[Fen]
    granted_lessons: Mapped[Count]
    granted_gift: Mapped[Count]
    worth_fen: Mapped[Fen]
    taken_paid: Mapped[Count]
    taken_gift: Mapped[Count]
    order_id: Mapped[Id | None]
    state: Mapped[Code]
    chosen_on: Mapped[Day]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "institution_id", "porting_id"),
        Index(None, "journal_id", "to_institution_id", "porting_id"),
        Index(None, "journal_id", "guardian_id", "porting_id"),
        Index(None, "journal_id", "entitlement_id"),
        CheckConstraint("kind IN ('LIVE', 'PLACEMENT')", name="kind"),
        CheckConstraint(
            "state IN ('CHOSEN', 'INSTRUCTED', 'SENT', 'ARRIVED', 'FAILED', 'WITHDRAWN')",
            name="state",
        ),
        CheckConstraint("amount_fen >= 0 AND granted_lessons >= 0", name="amounts"),
    )
