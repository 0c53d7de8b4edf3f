"""When a bank carries out payment orders, and how large one may be: parameters, not law.

Large payments go while the banking day is open: a working day takes orders from an hour of the
calendar day before it until its own cut-off (大额支付: from 20:30 to 17:30). Outside of it small
ones still go, up to a limit that is lower on other days (小额支付, 7x24). What may not go now
waits; no order is split, for one order is one bank payment (I-28).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from ledger.calendars import WorkingCalendar, shanghai_time
from ledger.money import ZERO, Money

_DAY: Final = timedelta(days=1)
_AHEAD_MAX: Final = 60
"""Days to look ahead for the next opening; no holiday is as long."""


class Wait(StrEnum):
    """What a NEW order waits for."""

    ITEM_LIMIT = "ITEM_LIMIT"  # larger than the bank pays in one payment
    CUT_OFF = "CUT_OFF"  # the banking day has ended, or has not begun
    WORKING_DAY = "WORKING_DAY"  # no banking day today
    RESTRAINT = "RESTRAINT"  # stopped; lifted by people, not by time


@dataclass(frozen=True, slots=True)
class PaymentHours:
    """One bank's terms; None says that there is no such hour or limit.

    `opens_at` is an hour of the calendar day before the banking day, `cut_off_at` one of its own.
    `small_value_limit` and its counterpart for other than working days are what goes at any hour.
    """

    opens_at: time | None = None
    cut_off_at: time | None = None
    working_days_only: bool = False
    item_limit: Money | None = None
    small_value_limit: Money | None = None
    small_value_holiday_limit: Money | None = None

    def largest(self, at: datetime, calendar: WorkingCalendar) -> Money | None:
        """Return the largest payment that goes at an instant; None when any does."""
        if self.is_open(at, calendar):
            return self.item_limit
        worked = calendar.is_working_day(shanghai_time(at).date())
        small = self.small_value_limit if worked else self.small_value_holiday_limit
        most = small or ZERO
        return most if self.item_limit is None else min(most, self.item_limit)

    def waits_for(self, amount: Money, at: datetime, calendar: WorkingCalendar) -> Wait | None:
        """Tell why a payment of this amount does not go at an instant; None when it does."""
        most = self.largest(at, calendar)
        if most is None or amount <= most:
            return None
        if self.item_limit is not None and amount > self.item_limit:
            return Wait.ITEM_LIMIT
        today = shanghai_time(at).date()
        banking = calendar.is_working_day(today) or not self.working_days_only
        return Wait.CUT_OFF if banking else Wait.WORKING_DAY

    def is_open(self, at: datetime, calendar: WorkingCalendar) -> bool:
        """Tell whether orders are taken for a banking day at an instant."""
        local = shanghai_time(at)
        today, hour = local.date(), local.time()
        before_cut_off = self.cut_off_at is None or hour < self.cut_off_at
        if before_cut_off and self._is_banking_day(today, calendar):
            return True
        opened = self.opens_at is not None and hour >= self.opens_at
        return opened and self._is_banking_day(today + _DAY, calendar)

    def opens_next(self, at: datetime, calendar: WorkingCalendar) -> datetime:
        """Return the next instant from which orders of any amount allowed are taken."""
        if self.is_open(at, calendar):
            return at
        local = shanghai_time(at)
        start = local.replace(hour=0, minute=0, second=0, microsecond=0)
        for days in range(_AHEAD_MAX):
            midnight = start + days * _DAY
            hours = [midnight] if self.opens_at is None else [midnight, self._opening(midnight)]
            for opening in hours:
                if opening > local and self.is_open(opening, calendar):
                    return opening
        raise AssertionError("a bank opens within two months")

    def _opening(self, midnight: datetime) -> datetime:
        assert self.opens_at is not None, "asked only where there is an hour"
        return midnight.replace(hour=self.opens_at.hour, minute=self.opens_at.minute)

    def _is_banking_day(self, on: date, calendar: WorkingCalendar) -> bool:
        return not self.working_days_only or calendar.is_working_day(on)


ALWAYS: Final = PaymentHours()
"""Terms of a bank that has stated none: any amount at any hour."""
