"""Signed messages: banks' keys, the service's own, nonces, and what proves who said what."""

from sqlalchemy import Boolean, CheckConstraint, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import (
    Base,
    Code,
    Digest,
    Id,
    Instant,
    JournalId,
    Key,
    KeyText,
    Pii,
    Seq,
)


class BankKey(Base):
    """A bank's public key: it speaks for the bank in a jurisdiction and all below it.

    `journal_id` is where its registration and its revocation are written down. `parent_kid` is the
    key that signed the registration, None where an operator asked for it. A key is never changed
    but to be revoked.
    """

    __tablename__ = "bank_key"
    kid: Mapped[KeyText]
    journal_id: Mapped[int] = mapped_column(Integer)
    bank_code: Mapped[Code]
    jurisdiction_code: Mapped[Code]
    algorithm: Mapped[Code]
    public: Mapped[Digest]
    parent_kid: Mapped[Code | None]
    not_before: Mapped[Instant]
    not_after: Mapped[Instant]
    registered_by: Mapped[Code]
    approved_by: Mapped[Code]
    approval_id: Mapped[Id]
    revoked_at: Mapped[Instant | None]
    revoked_by: Mapped[Code | None]
    revoked_for: Mapped[Code | None]
    __table_args__ = (
        Index(None, "bank_code", "jurisdiction_code"),
        Index(None, "parent_kid"),
        CheckConstraint("not_before < not_after", name="validity"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        CheckConstraint("algorithm IN ('ed25519', 'sm2-sm3')", name="algorithm"),
    )


class ServiceKey(Base):
    """A public key of ours: answers to banks are verified with it for ever, also when retired."""

    __tablename__ = "service_key"
    kid: Mapped[KeyText]
    algorithm: Mapped[Code]
    public: Mapped[Digest]
    signs_from: Mapped[Instant]
    published_at: Mapped[Instant]


class SignatureNonce(Base):
    """A nonce that was spent; it is forgotten when the signature that bore it is long void."""

    __tablename__ = "signature_nonce"
    kid: Mapped[KeyText]
    nonce: Mapped[KeyText]
    kept_until: Mapped[Instant]
    __table_args__ = (Index(None, "kept_until"),)


class SignedMessage(Base):
    """A signed message that was acted upon: what was signed, the signature, and by which key.

    It stands beside the stored answer of the same caller and key. `base` is the signature base
    (RFC 9421): method, authority, path, query, content type, digest of the body, idempotency key
    and parameters, so that the signature can be verified for ever. The body itself is in
    `SignedBody` under `message_id`.
    """

    __tablename__ = "signed_message"
    journal_id: Mapped[JournalId]
    caller_id: Mapped[KeyText]
    key: Mapped[KeyText]
    message_id: Mapped[Id]
    bank_code: Mapped[Code]
    kid: Mapped[Code]
    base: Mapped[Digest]
    signature: Mapped[Digest]
    has_body: Mapped[bool] = mapped_column(Boolean)
    seq: Mapped[Seq]
    received_at: Mapped[Instant]
    __table_args__ = (Index(None, "journal_id", "seq"),)


class SignedBody(Pii):
    """The body of a signed message, byte for byte, compressed and sealed: it may name people.

    Its data key is its own, so that it can be destroyed when the message need not be kept.
    """

    __tablename__ = "signed_body"
    journal_id: Mapped[JournalId]
    message_id: Mapped[Key]
    bank_code: Mapped[Code]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
