"""How a reconciliation reads its figures: custody accounts at sealed positions, set by set.

Nothing here needs the journal's head: what is asked is sealed, whatever commits meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from ledger.accounts import AccountKind
from ledger.coverage import NOTHING_IN_TIME, InTime
from service.store import reconciliation_sql as sql
from service.store import reference
from service.store.balance_reads import position_of
from service.store.custody_positions import young_money
from service.store.facts import Record
from service.store.lesson_reads import business_today
from service.store.reconciliation_facts import Looked, Slots, Sought, in_bank
from service.store.reconciliation_statements import with_statements
from service.store.unit import Unit, rollup_slots

_ON_ITS_WAY: Final = (
    AccountKind.CHANNEL_CLEARING,
    AccountKind.CASH_UNDEPOSITED,
    AccountKind.BANK_TRANSFER_IN_TRANSIT,
)
AT_ONCE: Final = 200
"""Accounts that one statement looks at: each must end well within a statement's time."""


async def look(unit: Unit, wanted: Iterable[tuple[Record, date]]) -> dict[UUID, Looked]:
    """Read all there is to say of these custody accounts, each on its day; by custody account.

    However many there are, they are looked at some at a time, and all as of one position.
    """
    accounts = tuple(wanted)
    if not accounts:
        return {}
    connection, journal = unit.connection, unit.facts.journal
    [head] = await unit.query(sql.HEAD, journal=journal)
    today = await business_today(connection, journal)
    unit.facts.extra["calendar"] = await reference.calendar(connection)
    looked: dict[UUID, Looked] = {}
    for first in range(0, len(accounts), AT_ONCE):
        looked |= await _look(unit, accounts[first : first + AT_ONCE], head["seq"], today)
    return looked


async def _look(
    unit: Unit, accounts: tuple[tuple[Record, date], ...], known: int, today: date
) -> dict[UUID, Looked]:
    custodies = [account.custody_account_id for account, _ in accounts]
    days = [day for _, day in accounts]
    ends = await _day_ends(unit, days, known)
    then = await _rollups(unit, custodies, [ends[day] for day in days])
    now = await _rollups(unit, custodies, [known] * len(accounts))
    single = await _single_balances(unit, custodies, [ends[day] for day in days])
    young = await _young(unit, now, today)
    looked = [
        Looked(
            account,
            day,
            ends[day],
            known,
            then[custody],
            now[custody],
            young.get(custody, NOTHING_IN_TIME),
            single.get(custody, {}),
        )
        for custody, (account, day) in zip(custodies, accounts, strict=True)
    ]
    held = {custody: in_bank(slots) for custody, slots in now.items()}
    return await with_statements(unit, Sought(accounts, known, today, held), looked)


async def _young(unit: Unit, now: Mapping[UUID, Slots], today: date) -> dict[UUID, InTime]:
    """Read what is on its way in time, where anything is on its way."""
    exposed = [custody for custody, slots in now.items() if position_of(slots).fen(*_ON_ITS_WAY)]
    if not exposed:
        return {}
    return await young_money(unit.connection, unit.facts.journal, exposed, today)


async def _day_ends(unit: Unit, days: Sequence[date], known: int) -> dict[date, int]:
    found = await unit.query(
        sql.DAY_ENDS, journal=unit.facts.journal, days=sorted(set(days)), known=known
    )
    return {row["day"]: row["seq"] for row in found}


async def _rollups(unit: Unit, custodies: Sequence[UUID], seqs: Sequence[int]) -> dict[UUID, Slots]:
    kinds, reasons = rollup_slots()
    slots: dict[UUID, dict[tuple[str, str], int]] = {custody: {} for custody in custodies}
    found = await unit.query(
        sql.ROLLUPS,
        journal=unit.facts.journal,
        custodies=list(custodies),
        seqs=list(seqs),
        kinds=kinds,
        reasons=reasons,
    )
    for row in found:
        slots[row["custody"]][row["kind"], row["reason"]] = row["balance"]
    return dict(slots)


async def _single_balances(
    unit: Unit, custodies: Sequence[UUID], seqs: Sequence[int]
) -> dict[UUID, dict[str, int]]:
    found = await unit.query(
        sql.SINGLE_BALANCES,
        journal=unit.facts.journal,
        custodies=list(custodies),
        seqs=list(seqs),
    )
    single: dict[UUID, dict[str, int]] = {}
    for row in found:
        single.setdefault(row["custody"], {})[row["kind"]] = row["fen"]
    return single
