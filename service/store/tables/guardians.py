"""Parents as persons, the codes that prove their phone, and their links to contracts' guardians.

A person is known by a keyed index of the phone and by its mask, never by the number itself.
"""

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from service.store.tables.base import (
    Base,
    Code,
    Count,
    Digest,
    Id,
    Instant,
    JournalId,
    Key,
    Pii,
    Seq,
)


class Parent(Pii):
    """A person who has proved a phone, or was invited by it; of no journal."""

    __tablename__ = "parent"
    parent_id: Mapped[Key]
    phone_index: Mapped[Digest]
    phone_mask: Mapped[Code]
    added_at: Mapped[Instant]
    proved_at: Mapped[Instant | None]
    __table_args__ = (Index(None, "phone_index", unique=True),)


class OneTimeCode(Pii):
    """A code sent to a phone: single use, for one request of one device, and not kept itself.

    `proof` is the code's HMAC under the device's secret, which only the device has.
    """

    __tablename__ = "one_time_code"
    request_id: Mapped[Key]
    phone_index: Mapped[Digest]
    phone_mask: Mapped[Code]
    proof: Mapped[Digest]
    tries: Mapped[Count]
    asked_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]
    __table_args__ = (Index(None, "expires_at"), CheckConstraint("tries >= 0", name="tries"))


class GuardianLink(Base):
    """A parent's standing as guardian of one institution's contracts, and how it was proved."""

    __tablename__ = "guardian_link"
    journal_id: Mapped[JournalId]
    link_id: Mapped[Key]
    parent_id: Mapped[Id]
    party_id: Mapped[Id]
    institution_id: Mapped[Id]
    proof: Mapped[Code]
    granted_by: Mapped[Id | None]
    state: Mapped[Code]
    asked_at: Mapped[Instant]
    linked_at: Mapped[Instant | None]
    payee_from: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        CheckConstraint("proof IN ('PHONE', 'CONTRACT', 'GRANT')", name="proof"),
        CheckConstraint(
            "state IN ('ACTIVE', 'WAITING', 'INVITED', 'DECLINED', 'REVOKED')", name="state"
        ),
        CheckConstraint("(granted_by IS NOT NULL) = (proof = 'GRANT')", name="granted"),
        CheckConstraint(
            "state <> 'ACTIVE' OR (linked_at IS NOT NULL AND payee_from IS NOT NULL)",
            name="linked",
        ),
        Index(
            "uq_guardian_link_live",
            "journal_id",
            "party_id",
            "parent_id",
            unique=True,
            postgresql_where="state IN ('ACTIVE', 'WAITING', 'INVITED')",
        ),
        Index(None, "parent_id", "journal_id"),
        Index(None, "journal_id", "institution_id", "link_id"),
    )
