"""The server: which one the journals may be written on."""

from sqlalchemy import CheckConstraint, Integer
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Code, Digest, Instant, Seq


class ServerEpoch(Base):
    """A time of one server, told from others by its system identifier and timeline.

    The newest row decides: only on its server, and only while it is OPEN, is anything written.
    DOUBTED is a server whose journals lack what the service had seen in them. INSTALLED is the
    server of the migration; one that was ACCEPTED names two people and the report they had read.
    """

    __tablename__ = "server_epoch"
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    system_identifier: Mapped[Seq]
    timeline: Mapped[Seq]
    state: Mapped[Code]
    cause: Mapped[Code]
    opened_by: Mapped[Code | None]
    agreed_by: Mapped[Code | None]
    report_sha256: Mapped[Digest | None]
    begun_at: Mapped[Instant]
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'DOUBTED')", name="state"),
        CheckConstraint("cause IN ('INSTALLED', 'ACCEPTED', 'HEADS_MISSING')", name="cause"),
        CheckConstraint(
            "(cause = 'ACCEPTED') = (opened_by IS NOT NULL AND agreed_by IS NOT NULL"
            " AND report_sha256 IS NOT NULL AND opened_by <> agreed_by)",
            name="people",
        ),
    )
