"""The day's close (日终关账): every account reconciled, the last position fixed, both sealed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import shanghai_date
from ledger.refusals import DayNotClosable, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, reconciling, reference, rows, statement_reads
from service.store.break_changes import Steps
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record
from service.store.reconciling import Wanted
from service.store.tables import ClosedDay, CustodyAccount
from service.store.transact import UseCase
from service.store.unit import Unit

SEALED_COLUMNS: Final = (
    "custody_account_id",
    "position_seq",
    "external_state",
    "statement_on",
    "bank_closing_fen",
    "ledger_closing_fen",
    "bank_fen",
    "requirement_fen",
    "hard_shortfall_fen",
    "sub_ledger_fen",
    "breaks_open",
    "coverage_state",
)
"""What the seal of a day covers of each account's reconciliation, in this order."""


@dataclass(frozen=True, slots=True)
class CloseDay:
    """Close a business date of a journal for ever; the reconciliations' ids come with `base`."""

    journal: int
    day: date
    base: UUID


@dataclass(frozen=True, slots=True)
class Compared:
    """A journal's custody accounts on one day: whose statements agree, differ or are missing."""

    agreed: tuple[UUID, ...]
    different: tuple[UUID, ...]
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
    """Read all that is compared of the custody accounts that were open."""
    [closing] = closings
    source = rows.table_of(CustodyAccount)
    opened = await unit.query(
        select(source.c.custody_account_id, source.c.institution_id)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.purpose == "CUSTODY",
            source.c.opened_on <= closing.day,
        )
        .order_by(source.c.custody_account_id)
    )
    custodies = [row["custody_account_id"] for row in opened]
    unit.facts.extra["wanted"] = [
        Wanted(ids.derived(closing.base, custody), custody, closing.day, "DAY_CLOSE")
        for custody in custodies
    ]
    unit.facts.extra["calendar"] = await reference.calendar(unit.connection)
    await reconciling.load(
        unit, unit.facts.extra["wanted"], {row["institution_id"] for row in opened}
    )


async def read_days(unit: Unit, closings: Sequence[CloseDay]) -> None:
    """Read what stands open, and the journal's last position of the day."""
    facts = unit.facts
    assert unit.head is not None, "the head is locked"
    facts.extra["closed_on"] = unit.head.closed_on
    await reconciling.read(unit, facts.extra["wanted"])
    for closing in closings:
        await unit.read(ClosedDay, rows.keyed(ClosedDay, facts.journal, [closing.day], "day"))
        last = await unit.query(statement_reads.LAST_OF_DAY, journal=facts.journal, day=closing.day)
        facts.extra[f"last:{closing.day}"] = last[0] if last else {"seq": 0, "hash": ""}


def decide_close(facts: Facts, closing: CloseDay) -> Decision:
    """Fix the day's last position, and reconcile every account for it (I-10, I-37).

    A closed day again is a duplicate. Raises `DayNotClosable` when the day is not over or the day
    before it is open; the first day a journal closes may be any that is over.
    """
    day, moment = closing.day, facts.moment
    closed, compared = facts.get(ClosedDay, day), _compared(facts)
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
    steps = Steps(facts)
    made = [reconciling.reconcile(steps, each, telling=False) for each in facts.extra["wanted"]]
    sealed = _sealed(row, last["hash"], compared, made)
    return Decision(
        answer=_answer(facts.journal, Record(row), compared),
        transactions=(*steps.transactions, sealed),
        changes=(Insert(ClosedDay, row), *steps.changes),
        closes=day,
    )


CLOSE_DAY = UseCase("close_day", find_journals, load_accounts, decide_close, read_days)


def answer_of(row: Record) -> dict[str, Any]:
    """Tell of a closed day."""
    return _closed(row.journal_id, row)


def seal_of(made: Sequence[Record]) -> str:
    """Return the hash over a day's reconciliations, in order of custody account."""
    lines = [
        "|".join("" if row[name] is None else str(row[name]) for name in SEALED_COLUMNS)
        for row in sorted(made, key=lambda row: str(row.custody_account_id))
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _sealed(
    row: dict[str, Any], last_hash: str, compared: Compared, made: Sequence[Record]
) -> Transaction:
    states = [each.coverage_state for each in made]
    return Transaction(
        TransactionKind.DAY_CLOSED,
        references={
            "day": row["day"].isoformat(),
            "last_seq": str(row["last_seq"]),
            "last_hash": last_hash,
            "state": compared.state,
            "agreed": str(len(compared.agreed)),
            "different": str(len(compared.different)),
            "missing": str(len(compared.missing)),
            "covered": str(states.count("COVERED")),
            "short": str(states.count("SHORT")),
            "unknown": str(states.count("UNKNOWN")),
            "breaks": str(sum(each.breaks_open for each in made)),
            "reconciliations": seal_of(made),
        },
    )


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
        "different": [ids.public("cus", journal, custody) for custody in compared.different],
        "missing": [ids.public("cus", journal, custody) for custody in compared.missing],
    }


def _compared(facts: Facts) -> Compared:
    """Sort the custody accounts of the day; on a rest day a bank need not deliver."""
    sorted_out: dict[str, list[UUID]] = {}
    for wanted in facts.extra["wanted"]:
        looked = reconciling.looked_at(facts, wanted.custody)
        state = reconciling.external_state(facts, looked)
        sorted_out.setdefault(state, []).append(wanted.custody)
    return Compared(
        *(tuple(sorted_out.get(state, ())) for state in ("AGREED", "DIFFERENT", "MISSING"))
    )
