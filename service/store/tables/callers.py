"""Callers: systems and people, what they prove themselves with, and the devices they use.

Whoever belongs to a scope of several journals stands in the first of them. What a person proves
itself with is kept apart from the person: no auditor reads it.
"""

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

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


class Client(Base):
    """A system of a regulator or an institution; `departments` and `duties` are JSON lists.

    `caller_id` is its public id, which its tokens, acts and decisions name.
    """

    __tablename__ = "client"
    journal_id: Mapped[JournalId]
    client_id: Mapped[Key]
    caller_id: Mapped[Code]
    role: Mapped[Code]
    jurisdiction_code: Mapped[Code]
    departments: Mapped[Code | None]
    institution_id: Mapped[Id | None]
    duties: Mapped[Code]
    label: Mapped[Code]
    state: Mapped[Code]
    added_by: Mapped[Code]
    added_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        CheckConstraint("role IN ('regulator', 'institution', 'auditor')", name="role"),
        CheckConstraint("(institution_id IS NOT NULL) = (role = 'institution')", name="bound"),
        CheckConstraint("state IN ('PROPOSED', 'ACTIVE', 'REVOKED')", name="state"),
        Index(None, "caller_id", unique=True),
    )


class ClientCredential(Base):
    """A client's secret (its SHA-256) or public key; several live at once in a rotation.

    `public_key` is a JWK as canonical JSON, `algorithm` the only one it is used with.
    """

    __tablename__ = "client_credential"
    journal_id: Mapped[JournalId]
    credential_id: Mapped[Key]
    client_id: Mapped[Id]
    kind: Mapped[Code]
    digest: Mapped[Digest | None]
    algorithm: Mapped[Code | None]
    kid: Mapped[Code | None]
    public_key: Mapped[Code | None]
    state: Mapped[Code]
    not_before: Mapped[Instant]
    not_after: Mapped[Instant]
    added_by: Mapped[Code]
    added_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        CheckConstraint(
            "(kind = 'SECRET' AND digest IS NOT NULL AND public_key IS NULL)"
            " OR (kind = 'KEY' AND digest IS NULL AND public_key IS NOT NULL"
            " AND algorithm IN ('EdDSA', 'ES256', 'PS256') AND kid IS NOT NULL)",
            name="kind",
        ),
        CheckConstraint("state IN ('PROPOSED', 'ACTIVE', 'REVOKED')", name="state"),
        CheckConstraint("not_before < not_after", name="period"),
        Index(None, "journal_id", "client_id"),
        Index(
            "uq_client_credential_kid",
            "journal_id",
            "client_id",
            "kid",
            unique=True,
            postgresql_where=text("kid IS NOT NULL"),
        ),
    )


class UsedAssertion(Base):
    """The id of a client's signed assertion: each is good for one token."""

    __tablename__ = "used_assertion"
    journal_id: Mapped[JournalId]
    client_id: Mapped[Key]
    jti_hash: Mapped[Digest] = mapped_column(primary_key=True)
    expires_at: Mapped[Instant]
    __table_args__ = (Index(None, "expires_at"),)


class Person(Base):
    """A regulator, member of an institution's staff, operator or auditor; nothing of who it is."""

    __tablename__ = "person"
    journal_id: Mapped[JournalId]
    person_id: Mapped[Key]
    caller_id: Mapped[Code]
    role: Mapped[Code]
    jurisdiction_code: Mapped[Code]
    departments: Mapped[Code | None]
    institution_id: Mapped[Id | None]
    duties: Mapped[Code]
    state: Mapped[Code]
    added_by: Mapped[Code]
    added_at: Mapped[Instant]
    activated_at: Mapped[Instant | None]
    revoked_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        CheckConstraint("role IN ('regulator', 'institution', 'operator', 'auditor')", name="role"),
        CheckConstraint("(institution_id IS NOT NULL) = (role = 'institution')", name="bound"),
        CheckConstraint("state IN ('PROPOSED', 'INVITED', 'ACTIVE', 'REVOKED')", name="state"),
        Index(None, "caller_id", unique=True),
    )


class PersonSecret(Base):
    """What a person proves itself with; `login_index` is the keyed hash of its login name.

    The authenticator's secret is sealed; `totp_step` is the last time step that a code was taken
    of: none is taken twice.
    """

    __tablename__ = "person_secret"
    journal_id: Mapped[JournalId]
    person_id: Mapped[Key]
    login_index: Mapped[Digest | None]
    password_hash: Mapped[Code | None]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    totp_step: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[Instant]
    __table_args__ = (Index("uq_person_secret_login_index", "login_index", unique=True),)


class RecoveryCode(Base):
    """A code that stands in for a lost authenticator, once; its SHA-256."""

    __tablename__ = "recovery_code"
    journal_id: Mapped[JournalId]
    person_id: Mapped[Key]
    code_hash: Mapped[Digest] = mapped_column(primary_key=True)
    made_at: Mapped[Instant]
    used_at: Mapped[Instant | None]


class Ticket(Base):
    """What a person goes on with: an invitation, a login at its second step, a new authenticator.

    The password and authenticator chosen on the way wait here until a first code shows that the
    authenticator works.
    """

    __tablename__ = "ticket"
    ticket_hash: Mapped[Digest] = mapped_column(primary_key=True)
    journal_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[Id]
    purpose: Mapped[Code]
    tries: Mapped[Count]
    password_hash: Mapped[Code | None]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    device_id: Mapped[Id | None]
    made_by: Mapped[Code]
    made_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]
    __table_args__ = (
        CheckConstraint("purpose IN ('INVITATION', 'LOGIN', 'AUTHENTICATOR')", name="purpose"),
        Index(None, "journal_id", "person_id"),
        Index(None, "expires_at"),
    )


class Device(Base):
    """A device (设备) that a person logged in on; it has a budget of wrong passwords of its own."""

    __tablename__ = "device"
    journal_id: Mapped[JournalId]
    device_id: Mapped[Key]
    person_id: Mapped[Id]
    device_hash: Mapped[Digest]
    label: Mapped[Code]
    first_seen_at: Mapped[Instant]
    last_seen_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    __table_args__ = (
        Index("uq_device_device_hash", "device_hash", unique=True),
        Index(None, "journal_id", "person_id"),
    )


class FailedLogin(Base):
    """Wrong passwords and codes of late, by whom they are counted against (a keyed hash)."""

    __tablename__ = "failed_login"
    subject: Mapped[Digest] = mapped_column(primary_key=True)
    failures: Mapped[Count]
    failed_at: Mapped[Instant]
    open_at: Mapped[Instant]
    __table_args__ = (Index(None, "failed_at"),)


class PersonDetail(Pii):
    """Name, login name and way to reach a person, sealed under the person's own key."""

    __tablename__ = "person"
    journal_id: Mapped[JournalId]
    person_id: Mapped[Key]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
