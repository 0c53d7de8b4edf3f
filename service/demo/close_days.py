"""Banks state each day of each account, and the operator closes the days behind."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from service.demo.bank_books import BankBook, by_bank, yuan
from service.demo.client import together
from service.demo.stage import Stage

_DAY: Final = timedelta(days=1)


async def state_days(stage: Stage, days: list[date]) -> None:
    """Deliver the statements of these days from every bank; a day goes out once."""
    due = [
        day
        for day in days
        if day not in stage.stated and (stage.calendar.is_working_day(day) or _moved(stage, day))
    ]
    books = by_bank(stage.books)
    if due:
        with stage.chapter("statements", len(books)) as bar:
            await together((_state(stage, bank, books[bank], due) for bank in books), bar)
    stage.stated.update(due)


async def close_days(stage: Stage, first: date, last: date) -> None:
    """State these days, then close them one by one."""
    days = [first + _DAY * n for n in range((last - first).days + 1)]
    await state_days(stage, days)
    with stage.chapter("days closed", len(days)) as bar:
        for day in days:
            closed = await stage.api.post(
                "/v1/statements/close-day",
                stage.cast.operator,
                {"jurisdiction": stage.cast.code, "day": day.isoformat()},
                key=stage.key("close", day),
            )
            stage.counts["days_closed"] += 1
            stage.counts[f"days_closed_{closed['state'].lower()}"] += 1
            bar()


async def _state(stage: Stage, bank: str, books: list[BankBook], days: list[date]) -> None:
    items = [_statement(book, day) for book in books for day in days]
    await stage.api.batch(
        "/v1/statements/batch",
        stage.cast.banks[bank],
        items,
        key=stage.key("statements", bank, days[0], days[-1]),
    )
    stage.counts["statements"] += len(items)


def _moved(stage: Stage, day: date) -> bool:
    """Tell whether anything was booked on a rest day; then every bank states it too."""
    return any(day in book.days for book in stage.books.values())


def _statement(book: BankBook, day: date) -> dict[str, Any]:
    stated = book.closed(day)
    return {
        "custody_account_id": book.account,
        "day": day.isoformat(),
        "opening": yuan(stated.opening),
        "closing": yuan(stated.closing),
        "credit_count": stated.credit_count,
        "credit_sum": yuan(stated.credits),
        "debit_count": stated.debit_count,
        "debit_sum": yuan(stated.debits),
    }
