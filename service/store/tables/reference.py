"""Reference tables, shared by all journals: divisions, calendar, banks, jurisdictions, tokens."""

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Code, Day, Digest, Id, Instant, KeyText


class Adcode(Base):
    """A GB/T 2260 division code (行政区划代码) and the time it was in force."""

    __tablename__ = "adcode"
    code: Mapped[KeyText]
    name: Mapped[Code]
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    successor: Mapped[str | None] = mapped_column(Text(collation="C"))
    __table_args__ = (
        Index("ix_adcode_successor", "successor", postgresql_where="successor IS NOT NULL"),
    )


class CalendarDay(Base):
    """A day on which the State Council's calendar departs from Monday to Friday."""

    __tablename__ = "calendar_day"
    day: Mapped[Day] = mapped_column(primary_key=True)
    working: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[Code]


class CalendarYear(Base):
    """A year whose calendar is known; provisional until the official notice is in."""

    __tablename__ = "calendar_year"
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    provisional: Mapped[bool] = mapped_column(Boolean)


class Bank(Base):
    """A custodian bank (托管银行)."""

    __tablename__ = "bank"
    code: Mapped[KeyText]
    bank_id: Mapped[Id]
    name: Mapped[Code]
    name_en: Mapped[Code]
    __table_args__ = (UniqueConstraint("bank_id"),)


class Jurisdiction(Base):
    """A node of supervision (辖区): a division or functional zone, its journal and rule pack.

    `path` is the scope prefix: the code without trailing "00" pairs, a zone's parent path + "~" +
    its code. `departments` is a JSON list of department codes.
    """

    __tablename__ = "jurisdiction"
    code: Mapped[KeyText]
    name: Mapped[Code]
    parent_code: Mapped[Code | None]
    path: Mapped[str] = mapped_column(Text(collation="C"))
    journal_id: Mapped[int | None] = mapped_column(Integer)
    departments: Mapped[Code]
    rule_pack: Mapped[Code]
    added_at: Mapped[Instant]
    __table_args__ = (UniqueConstraint("path"), UniqueConstraint("journal_id"))


class JurisdictionBank(Base):
    """A bank selected (遴选) as custodian in a jurisdiction."""

    __tablename__ = "jurisdiction_bank"
    jurisdiction_code: Mapped[KeyText]
    bank_code: Mapped[KeyText]
    selected_on: Mapped[Day]
    until: Mapped[Day | None]
    state: Mapped[Code]
    __table_args__ = (CheckConstraint("state IN ('ACTIVE', 'SUSPENDED', 'REMOVED')", name="state"),)


class RulePackVersion(Base):
    """A rule pack (规则包) as it was loaded or approved; versions are kept, never edited.

    One that was proposed and approved is what is judged by from `effective_on` on.
    """

    __tablename__ = "rule_pack_version"
    code: Mapped[KeyText]
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[Code]
    loaded_at: Mapped[Instant]
    effective_on: Mapped[Day | None]
    proposal_id: Mapped[Id | None]


class AccessToken(Base):
    """A bearer token: only its SHA-256 is kept. `scope` is canonical JSON.

    A SERVICE token was handed out, an ACCESS token was got with a client's `credential_id`, a
    SESSION belongs to a person who logged in on a device and showed so last `authenticated_at`.
    """

    __tablename__ = "access_token"
    token_hash: Mapped[Digest] = mapped_column(primary_key=True)
    caller_id: Mapped[Code]
    role: Mapped[Code]
    scope: Mapped[Code]
    issued_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]
    kind: Mapped[Code] = mapped_column(server_default="SERVICE")
    session_id: Mapped[Id | None]
    device_id: Mapped[Id | None]
    credential_id: Mapped[Id | None]
    last_seen_at: Mapped[Instant | None]
    authenticated_at: Mapped[Instant | None]
    __table_args__ = (
        CheckConstraint("kind IN ('SERVICE', 'SESSION', 'ACCESS')", name="kind"),
        CheckConstraint(
            "(kind = 'SESSION') = (session_id IS NOT NULL AND last_seen_at IS NOT NULL"
            " AND authenticated_at IS NOT NULL)",
            name="session",
        ),
        Index(None, "caller_id"),
        Index(None, "expires_at"),
    )
