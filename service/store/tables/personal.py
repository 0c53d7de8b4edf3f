"""Personal data (个人信息): kept apart in the schema `pii`, referenced by opaque ids only.

Whatever tells of a person is sealed (see `service/store/vault.py`): `sealed` is the blob,
`wrapped_key` its data key, empty once the key was destroyed. The columns of before the vault stay
until the next version and are empty.
"""

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import (
    Code,
    Count,
    Day,
    Digest,
    Id,
    Instant,
    JournalId,
    Key,
    Pii,
    Seq,
)


class Party(Pii):
    """A person or payee: guardian, student, payer, or an institution's settlement account.

    The row tells how they are called now; how they were before is in `PartyVersion`. One that is
    `restricted_at` is kept because the law says so and used for nothing else (storage-only).
    """

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
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    phone_index: Mapped[Digest | None]
    account_index: Mapped[Digest | None]
    name_index: Mapped[Digest | None]
    restricted_at: Mapped[Instant | None]
    __table_args__ = (
        CheckConstraint(
            "kind IN ('GUARDIAN', 'STUDENT', 'PAYER', 'SETTLEMENT', 'PAYEE', 'NOTARY')", name="kind"
        ),
        Index(
            "ix_party_phone",
            "journal_id",
            "phone_index",
            postgresql_where=text("phone_index IS NOT NULL"),
        ),
        Index(
            "ix_party_account",
            "journal_id",
            "account_index",
            postgresql_where=text("account_index IS NOT NULL"),
        ),
    )


class PartyVersion(Pii):
    """How a party was called before it was corrected; the party keeps its id."""

    __tablename__ = "party_version"
    journal_id: Mapped[JournalId]
    version_id: Mapped[Key]
    party_id: Mapped[Id]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    replaced_at: Mapped[Instant]
    __table_args__ = (Index(None, "journal_id", "party_id"),)


class BankNarrative(Pii):
    """What a bank wrote beside an entry: payer and purpose, which may name people.

    `payer_named` tells whether the bank named an account that money could go back to.
    """

    __tablename__ = "bank_narrative"
    journal_id: Mapped[JournalId]
    bank_entry_id: Mapped[Key]
    bank_code: Mapped[Code]
    payer_name: Mapped[Code | None]
    payer_account: Mapped[Code | None]
    purpose: Mapped[Code | None]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    payer_named: Mapped[bool | None]


class DataRequest(Pii):
    """What a guardian asked for about their own data: a correction or an erasure, and its end."""

    __tablename__ = "data_request"
    journal_id: Mapped[JournalId]
    request_id: Mapped[Key]
    kind: Mapped[Code]
    guardian_id: Mapped[Id]
    party_id: Mapped[Id]
    institution_id: Mapped[Id | None]
    state: Mapped[Code]
    reason: Mapped[Code | None]
    earliest_on: Mapped[Day | None]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    filed_at: Mapped[Instant]
    decided_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "guardian_id"),
        CheckConstraint("kind IN ('CORRECTION', 'ERASURE')", name="kind"),
        CheckConstraint("state IN ('FILED', 'REFUSED', 'DONE')", name="state"),
    )


class DestroyedKey(Pii):
    """A subject whose data key was destroyed, so that nothing sealed for it can be read again."""

    __tablename__ = "destroyed_key"
    journal_id: Mapped[JournalId]
    subject_id: Mapped[Key]
    request_id: Mapped[Id]
    destroyed_at: Mapped[Instant]


class UnmaskGrant(Pii):
    """Who may read a party in plain, for what purpose and until when.

    One without `expires_at` waits for its second person; why it is asked for is sealed.
    """

    __tablename__ = "unmask_grant"
    journal_id: Mapped[JournalId]
    grant_id: Mapped[Key]
    party_id: Mapped[Id]
    institution_id: Mapped[Id | None]
    caller_id: Mapped[Code]
    role: Mapped[Code]
    purpose: Mapped[Code]
    case_ref: Mapped[Code]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    granted_at: Mapped[Instant]
    expires_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "caller_id", "granted_at"),
        Index(None, "journal_id", "party_id"),
    )


class VaultKey(Pii):
    """A generation of the key-encryption key, told from any other without telling it."""

    __tablename__ = "vault_key"
    generation: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    suite: Mapped[Code]
    check_value: Mapped[Digest]
    index_check: Mapped[Digest]
    added_at: Mapped[Instant]
    retired_at: Mapped[Instant | None]
