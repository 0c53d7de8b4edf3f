"""What callers have left of their limits; the audit trail (审计日志) of what was decided."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, KeyText


class LimitState(Base):
    """When a caller's limit is whole again: the theoretical arrival time of GCRA.

    Unlogged: it costs no write-ahead log, and a crash forgives what was spent. Microseconds since
    1970 on the machine's clock, which nothing moves.
    """

    __tablename__ = "limit_state"
    subject: Mapped[KeyText]
    cost_class: Mapped[KeyText]
    free_at_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
