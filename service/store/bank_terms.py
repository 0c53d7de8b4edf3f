"""Banks' terms (付款时段与限额): when each carries out orders and how large one may be, by date.

Reference data: terms are added with the day they take effect on and never edited. A bank without
any takes every order at every hour.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.payment_hours import ALWAYS, PaymentHours
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import BankTerms

_IN_FORCE: Final = text(
    """
    SELECT DISTINCT ON (bank_code) * FROM escrow.bank_terms
    WHERE bank_code = ANY(:banks) AND effective_on <= :day
    ORDER BY bank_code, effective_on DESC
    """
)


async def in_force(
    connection: AsyncConnection, banks: Iterable[str], on: date
) -> dict[str, PaymentHours]:
    """Return the terms of each of these banks on a day."""
    wanted = sorted(set(banks))
    found = await connection.execute(_IN_FORCE, {"banks": wanted, "day": on})
    stated = {row["bank_code"]: hours_of(dict(row)) for row in found.mappings()}
    return {bank: stated.get(bank, ALWAYS) for bank in wanted}


async def versions(connection: AsyncConnection, bank: str) -> Sequence[Record]:
    """Return every version of a bank's terms, the newest first."""
    source = table_of(BankTerms)
    found = await connection.execute(
        select(source)
        .where(source.c.bank_code == bank)
        .order_by(source.c.effective_on.desc())
        .limit(500)
    )
    return [Record(row) for row in found.mappings()]


async def one(connection: AsyncConnection, bank: str, effective_on: date) -> Record | None:
    """Return the terms that take effect on a day."""
    source = table_of(BankTerms)
    found = await connection.execute(
        select(source).where(source.c.bank_code == bank, source.c.effective_on == effective_on)
    )
    row = found.mappings().one_or_none()
    return None if row is None else Record(row)


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Add terms."""
    await connection.execute(insert(table_of(BankTerms)).values(**row))


def hours_of(row: Mapping[str, Any]) -> PaymentHours:
    """Read the terms of a row."""
    return PaymentHours(
        opens_at=_hour(row["opens_at"]),
        cut_off_at=_hour(row["cut_off_at"]),
        working_days_only=row["working_days_only"],
        item_limit=_money(row["item_limit_fen"]),
        small_value_limit=_money(row["small_value_limit_fen"]),
        small_value_holiday_limit=_money(row["small_value_holiday_limit_fen"]),
    )


def _hour(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


def _money(fen: int | None) -> Money | None:
    return None if fen is None else Money.from_fen(fen)


def written(fen: int | None) -> str | None:
    """Write a limit as the API does."""
    return None if fen is None else str(Money.from_fen(fen))
