"""Column types and naming that every table shares."""

from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Integer, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

JournalId = Annotated[int, mapped_column(Integer, primary_key=True, autoincrement=False)]
Key = Annotated[UUID, mapped_column(Uuid, primary_key=True)]
KeyText = Annotated[str, mapped_column(Text, primary_key=True)]
Seq = Annotated[int, mapped_column(BigInteger)]
Fen = Annotated[int, mapped_column(BigInteger)]
Code = Annotated[str, mapped_column(Text)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Day = Annotated[date, mapped_column(Date)]
Digest = Annotated[bytes, mapped_column(LargeBinary)]
Id = Annotated[UUID, mapped_column(Uuid)]
Count = Annotated[int, mapped_column(Integer)]


class Base(DeclarativeBase):
    """Tables of the schema `escrow`."""

    metadata = MetaData(schema="escrow", naming_convention=NAMES)


class Pii(DeclarativeBase):
    """Tables of the schema `pii`: the only place where names, phones and account numbers rest."""

    metadata = MetaData(schema="pii", naming_convention=NAMES)
