"""Personal data (个人信息): kept apart in the schema `pii`, referenced by opaque ids only."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from service.store.tables.base import Code, Id, Instant, JournalId, Key, Pii


class Party(Pii):
    """A person or payee: guardian, student, payer, or an institution's settlement account."""

    __tablename__ = "party"
    journal_id: Mapped[JournalId]
    party_id: Mapped[Key]
    institution_id: Mapped[Id | None]
    kind: Mapped[Code]
    name: Mapped[Code | None]
    phone: Mapped[Code | None]
    account_number: Mapped[Code | None]
    bank_name: Mapped[Code | None]
    added_at: Mapped[Instant]
    __table_args__ = (
        CheckConstraint(
            "kind IN ('GUARDIAN', 'STUDENT', 'PAYER', 'SETTLEMENT', 'PAYEE', 'NOTARY')", name="kind"
        ),
    )


class BankNarrative(Pii):
    """What a bank wrote beside an entry: payer and purpose, which may name people."""

    __tablename__ = "bank_narrative"
    journal_id: Mapped[JournalId]
    bank_entry_id: Mapped[Key]
    bank_code: Mapped[Code]
    payer_name: Mapped[Code | None]
    payer_account: Mapped[Code | None]
    purpose: Mapped[Code | None]
