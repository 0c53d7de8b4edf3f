"""The day's close (日终关账): statements compared again, the last position fixed and sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.refusals import DayNotClosable, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, reference, rows, statement_reads
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.statement_reads import Booked
from service.store.tables import ClosedDay, CustodyAccount, StatementDay
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Close a business date of a journal for ever."""

    journal: int
    day: date


@dataclass(frozen=True, slots=True)
class Compared:
    """A journal's custody accounts on one day: whose statements agree, differ or are missing."""

    agreed: tuple[Record, ...]
    different: tuple[Record, ...]
    missing: tuple[UUID, ...]

    @property
    def state(self) -> str:
        """DIFFERENT before INCOMPLETE before AGREED."""
        if self.different:
            return "DIFFERENT"
        return "INCOMPLETE" if self.missing else "AGREED"


async def find_journals(
    _connection: AsyncConnection, _caller: Context, closings: Sequence[CloseDay]
) -> list[CloseDay | Refusal]:
    """Take the day as asked: the caller's scope holds the journal."""
    return list(closings)


async def load_accounts(unit: Unit, closings: Sequence[CloseDay]) -> None:
    """Read the custody accounts that were open; nothing about them is changed."""
    source = rows.table_of(CustodyAccount)
    last = max(closing.day for closing in closings)
    await unit.read(
        CustodyAccount,
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.purpose == "CUSTODY",
            source.c.opened_on <= last,
        )
        .order_by(source.c.custody_account_id),
    )


async def read_days(unit: Unit, closings: Sequence[CloseDay]) -> None:
    """Read statements, bank entries, A1 and the journal's last position of each day."""
    facts = unit.facts
    assert unit.head is not None, "the head is locked"
    facts.extra["closed_on"] = unit.head.closed_on
    facts.extra["calendar"] = await reference.calendar(unit.connection)
    accounts = list(facts.all(CustodyAccount))
    await unit.balances(place_of(account).bank for account in accounts)
    booked: dict[tuple[UUID, date], Any] = facts.extra.setdefault("booked", {})
    for closing in closings:
        keys = [(account.custody_account_id, closing.day) for account in accounts]
        await unit.read_pairs(StatementDay, keys, ("custody_account_id", "day"))
        await unit.read(ClosedDay, rows.keyed(ClosedDay, facts.journal, [closing.day], "day"))
        found = await unit.query(
            statement_reads.BOOKED, journal=facts.journal, **statement_reads.pairs(keys)
        )
        booked |= {(row["custody"], row["day"]): row for row in found}
        last = await unit.query(statement_reads.LAST_OF_DAY, journal=facts.journal, day=closing.day)
        facts.extra[f"last:{closing.day}"] = last[0] if last else {"seq": 0, "hash": ""}


def decide_close(facts: Facts, closing: CloseDay) -> Decision:
    """Fix the day's last position and compare every statement once more (I-10, I-37).

    A closed day again is a duplicate. Raises `DayNotClosable` when the day is not over or the day
    before it is open; the first day a journal closes may be any that is over.
    """
    day, moment = closing.day, facts.moment
    closed = facts.get(ClosedDay, day)
    compared = _compared(facts, day)
    if closed is not None:
        return Decision(answer=_answer(facts.journal, closed, compared), duplicate=True)
    last_closed: date | None = facts.extra["closed_on"]
    if day >= shanghai_date(moment.now):
        raise DayNotClosable(day=day.isoformat(), today=shanghai_date(moment.now).isoformat())
    if last_closed is not None and day != last_closed + timedelta(days=1):
        raise DayNotClosable(day=day.isoformat(), closed_on=last_closed.isoformat())
    last = facts.extra[f"last:{day}"]
    row = {
        "day": day,
        "last_seq": last["seq"],
        "closed_at": moment.now,
        "closed_by": moment.actor,
        "state": compared.state,
    }
    sealed = Transaction(
        TransactionKind.DAY_CLOSED,
        references={
            "day": day.isoformat(),
            "last_seq": str(last["seq"]),
            "last_hash": last["hash"],
            "state": compared.state,
            "agreed": str(len(compared.agreed)),
            "different": str(len(compared.different)),
            "missing": str(len(compared.missing)),
        },
    )
    return Decision(
        answer=_answer(facts.journal, Record(row), compared),
        transactions=(sealed,),
        changes=(Insert(ClosedDay, row), *_compared_again(facts, day)),
        closes=day,
    )


CLOSE_DAY = UseCase("close_day", find_journals, load_accounts, decide_close, read_days)


def answer_of(row: Record) -> dict[str, Any]:
    """Tell of a closed day."""
    return _closed(row.journal_id, row)


def _closed(journal: int, row: Record) -> dict[str, Any]:
    last = row.last_seq
    return {
        "day": row.day.isoformat(),
        "last_transaction_id": None if not last else ids.public_transaction(journal, last),
        "state": row.state,
        "closed_at": row.closed_at.isoformat(),
        "closed_by": row.closed_by,
    }


def _answer(journal: int, row: Record, compared: Compared) -> dict[str, Any]:
    return {
        **_closed(journal, row),
        "agreed": len(compared.agreed),
        "different": [
            ids.public("cus", journal, statement.custody_account_id)
            for statement in compared.different
        ],
        "missing": [ids.public("cus", journal, custody) for custody in compared.missing],
    }


def _compared(facts: Facts, day: date) -> Compared:
    """Sort the custody accounts of a day; on a rest day a bank need not deliver."""
    calendar: WorkingCalendar = facts.extra["calendar"]
    agreed: list[Record] = []
    different: list[Record] = []
    missing: list[UUID] = []
    for account in facts.all(CustodyAccount):
        statement = facts.get(StatementDay, account.custody_account_id, day)
        if statement is not None:
            same = _booked(facts, account, day).agrees(statement)
            (agreed if same else different).append(statement)
        elif account.state == "ACTIVE" and calendar.is_working_day(day):
            missing.append(account.custody_account_id)
    return Compared(tuple(agreed), tuple(different), tuple(missing))


def _compared_again(facts: Facts, day: date) -> list[Update]:
    """Keep what changed since the statements were delivered: an entry came late, or too late."""
    changes: list[Update] = []
    for account in facts.all(CustodyAccount):
        statement = facts.get(StatementDay, account.custody_account_id, day)
        if statement is None:
            continue
        booked = _booked(facts, account, day)
        state = "AGREED" if booked.agrees(statement) else "DIFFERENT"
        if (state, booked.closing_fen) == (statement.state, statement.ledger_closing_fen):
            continue
        values: dict[str, Any] = {"state": state, "ledger_closing_fen": booked.closing_fen}
        if state != statement.state:
            column = "agreed_seq" if state == "AGREED" else "differed_seq"
            values[column] = facts.moment.next_seq
        changes.append(Update(StatementDay, (account.custody_account_id, day), values))
    return changes


def _booked(facts: Facts, account: Record, day: date) -> Booked:
    row = facts.extra["booked"][(account.custody_account_id, day)]
    return Booked.of(row, facts.book.quantity(place_of(account).bank))
