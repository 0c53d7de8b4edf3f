"""Money on its way that is not late (I-20): how much of A3, A4 and A8 arrived so lately.

Of what stands on such an account the youngest came last, so what is in time is what came since a
date, at most what still stands. Channels and transfers have working days by the rule pack, cash its
days; transfers of an institution's own money (E60) excuse nothing. No top-up plan for legacy
contracts can be approved yet, so A5[LEGACY] excuses nothing either.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from ledger import parameters
from ledger.accounts import AccountKind
from ledger.calendars import WorkingCalendar
from ledger.coverage import NOTHING_IN_TIME, InTime, Position
from ledger.parameters import Parameter
from ledger.refusals import PolicyMissing
from service.store import reconciliation_sql as sql
from service.store import reference
from service.store.unit import Unit

_ON_ITS_WAY: Final = (
    AccountKind.CHANNEL_CLEARING,
    AccountKind.CASH_UNDEPOSITED,
    AccountKind.BANK_TRANSFER_IN_TRANSIT,
)
_DAY: Final = timedelta(days=1)


async def read_in_time(
    unit: Unit, positions: Mapping[UUID, Position], known: int, today: date
) -> dict[UUID, InTime]:
    """Return what is in time in each custody account, at a position and on a business date."""
    found = dict.fromkeys(positions, NOTHING_IN_TIME)
    exposed = [custody for custody, held in positions.items() if held.fen(*_ON_ITS_WAY)]
    if not exposed:
        return found
    cuts = await _cuts(unit, today)
    rows = await unit.query(
        sql.ARRIVED,
        journal=unit.facts.journal,
        custodies=exposed,
        kinds=[kind.value for kind in _ON_ITS_WAY],
        cuts=[cuts[kind] for kind in _ON_ITS_WAY],
        known=known,
    )
    arrived = {(row["custody"], AccountKind(row["kind"])): row["fen"] for row in rows}
    for custody in exposed:
        channel, cash, transfer = (arrived.get((custody, kind), 0) for kind in _ON_ITS_WAY)
        found[custody] = InTime(channel_fen=channel, cash_fen=cash, transfer_fen=transfer)
    return found


async def _cuts(unit: Unit, today: date) -> dict[AccountKind, date]:
    """Return the first date from which each kind of money on its way is not late."""
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    calendar = await reference.calendar(unit.connection)

    def days(parameter: Parameter[int]) -> int:
        try:
            return pack.value(parameter, on=today)
        except PolicyMissing:
            return 0

    cash = max(days(parameters.CASH_DAYS), 1)
    return {
        AccountKind.CHANNEL_CLEARING: _back(
            calendar, today, days(parameters.CHANNEL_SETTLEMENT_WORKING_DAYS)
        ),
        AccountKind.CASH_UNDEPOSITED: today - timedelta(days=cash - 1),
        AccountKind.BANK_TRANSFER_IN_TRANSIT: _back(
            calendar, today, days(parameters.TRANSFER_WORKING_DAYS)
        ),
    }


def _back(calendar: WorkingCalendar, today: date, working_days: int) -> date:
    """Return the first date that is at most so many working days before today."""
    on = today
    while calendar.working_days_between(on - _DAY, today) <= working_days:
        on -= _DAY
    return on
