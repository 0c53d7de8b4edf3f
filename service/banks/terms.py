"""Terms of a bank (付款时段与限额): set from a day on, by an operator; never edited.

They are reference data: no journal holds them. What is in force on a day already judged stays.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import shanghai_date
from ledger.refusals import AlreadyExists, BankUnknown, PastRejudged
from service.store import bank_terms, custodians
from service.store.facts import Record, Verdict


@dataclass(frozen=True, slots=True)
class SetTerms:
    """Terms of a bank to be in force from a day on; hours are "HH:MM", limits fen."""

    bank: str
    effective_on: date
    opens_at: str | None
    cut_off_at: str | None
    working_days_only: bool
    item_limit_fen: int | None
    small_value_limit_fen: int | None
    small_value_holiday_limit_fen: int | None


async def set_terms(
    connection: AsyncConnection, command: SetTerms, *, by: str, at: datetime
) -> Verdict:
    """Add terms; the same ones again are a duplicate.

    Raises `BankUnknown`, `PastRejudged` for a day before today, and `AlreadyExists` for a day that
    has other terms.
    """
    if await custodians.bank_by_code(connection, command.bank) is None:
        raise BankUnknown(bank=command.bank)
    said = {
        "bank_code": command.bank,
        "effective_on": command.effective_on,
        "opens_at": command.opens_at,
        "cut_off_at": command.cut_off_at,
        "working_days_only": command.working_days_only,
        "item_limit_fen": command.item_limit_fen,
        "small_value_limit_fen": command.small_value_limit_fen,
        "small_value_holiday_limit_fen": command.small_value_holiday_limit_fen,
    }
    standing = await bank_terms.one(connection, command.bank, command.effective_on)
    if standing is not None:
        if any(standing[name] != value for name, value in said.items()):
            raise AlreadyExists(bank=command.bank, effective_on=command.effective_on.isoformat())
        return Verdict(answer=answer_of(standing), duplicate=True)
    if command.effective_on < shanghai_date(at):
        raise PastRejudged(effective_on=command.effective_on.isoformat())
    row = Record({**said, "set_by": by, "set_at": at.astimezone(UTC)})
    await bank_terms.add(connection, row)
    return Verdict(answer=answer_of(row))


def answer_of(row: Record) -> dict[str, Any]:
    """Tell of terms."""
    return {
        "bank": row.bank_code,
        "effective_on": row.effective_on.isoformat(),
        "opens_at": row.opens_at,
        "cut_off_at": row.cut_off_at,
        "working_days_only": row.working_days_only,
        "item_limit": bank_terms.written(row.item_limit_fen),
        "small_value_limit": bank_terms.written(row.small_value_limit_fen),
        "small_value_holiday_limit": bank_terms.written(row.small_value_holiday_limit_fen),
        "set_by": row.set_by,
        "set_at": row.set_at.isoformat(),
    }
