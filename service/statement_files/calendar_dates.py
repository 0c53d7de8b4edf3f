"""Dates as banks write them: ISO, SWIFT's six digits, or the format of a mapping."""

import re
import time
from datetime import date, datetime, timedelta, timezone
from typing import Final

from service.statement_files.refused import Reason, StatementFileInvalid

_SHANGHAI: Final = timezone(timedelta(hours=8))
_SWIFT = re.compile(r"[0-9]{6}")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?")


def iso_day(text: str, *, line: int | None = None, entry: int | None = None) -> date:
    """Read an ISO date, or the date in Shanghai of an ISO instant with an offset."""
    try:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text[:10])
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is None else at.astimezone(_SHANGHAI)).date()
    except (ValueError, OverflowError):
        raise StatementFileInvalid(Reason.DATE, line=line, entry=entry) from None


def swift_day(text: str, *, line: int | None = None) -> date:
    """Read YYMMDD of this century; the thirtieth of February is refused, never moved."""
    if not _SWIFT.fullmatch(text):
        raise StatementFileInvalid(Reason.DATE, line=line)
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise StatementFileInvalid(Reason.DATE, line=line) from None


def swift_entry_day(text: str, value_on: date, *, line: int | None = None) -> date:
    """Read MMDD in the year that brings it nearest to the value date."""
    try:
        years = (value_on.year - 1, value_on.year, value_on.year + 1)
        days = [date(y, int(text[:2]), int(text[2:])) for y in years if _has(y, text)]
        return min(days, key=lambda day: abs(day - value_on))
    except ValueError:
        raise StatementFileInvalid(Reason.DATE, line=line) from None


def mapped_day(text: str, form: str, *, line: int | None = None) -> date:
    """Read a date by the format of a mapping, such as `%Y%m%d` or `%Y/%m/%d %H:%M:%S`."""
    try:
        parsed = time.strptime(text, form)
        day = date(*parsed[:3])
    except ValueError:
        raise StatementFileInvalid(Reason.DATE, line=line) from None
    # Without separators a digit lost would still be read as some other day.
    if "%Y%m%d" in form and time.strftime(form, parsed) != text:
        raise StatementFileInvalid(Reason.DATE, line=line)
    return day


def _has(year: int, month_day: str) -> bool:
    try:
        date(year, int(month_day[:2]), int(month_day[2:]))
    except ValueError:
        return False
    return True
