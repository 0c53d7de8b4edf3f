"""The reconciliation of a custody account (对账): looked at, judged, and what follows from it.

Three sides: the bank's closing against the ledger's (external), what is owed against what is held
(internal, account by account, nothing netted between students), and the single balances against the
totals (sub-ledger). The use cases that reconcile, one account or a whole day, all stand on this.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger.accounts import AccountKind
from ledger.breaks import Finding, findings, sub_ledger_finding
from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.coverage import State, coverage, is_known
from ledger.money import ZERO
from ledger.transactions import Transaction, TransactionKind
from service.store import break_changes, rows, shortfalls
from service.store.break_changes import Steps
from service.store.facts import Facts, Insert, Record, Update
from service.store.reconciliation_facts import Looked, in_bank
from service.store.reconciliation_figures import look
from service.store.tables import (
    Break,
    CustodyAccount,
    Institution,
    Reconciliation,
    Restraint,
    StatementDay,
    TopUpDemand,
)
from service.store.unit import Unit

_LOOKED: Final = "looked"
_K: Final = AccountKind


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reconciliation to make: its id, of which account, for which day and why."""

    reconciliation: UUID
    custody: UUID
    day: date
    cause: str


async def load(unit: Unit, wanted: Sequence[Wanted], institutions: Iterable[UUID]) -> None:
    """Lock accounts and what is open of them, and read all that is compared."""
    await unit.lock(Institution, institutions, share=True)
    accounts = await unit.lock(CustodyAccount, {each.custody for each in wanted}, share=True)
    by_id = {account.custody_account_id: account for account in accounts}
    await _standing(unit, list(by_id), locking=True)
    days = {each.custody: each.day for each in wanted}
    looked = await look(unit, [(by_id[custody], day) for custody, day in days.items()])
    unit.facts.take(
        StatementDay, (one.statement for each in looked.values() for one in each.compared)
    )
    unit.facts.extra[_LOOKED] = looked


async def read(unit: Unit, wanted: Sequence[Wanted]) -> None:
    """Read under the head what another reconciliation may have opened meanwhile."""
    await _standing(unit, [each.custody for each in wanted], locking=False)


def looked_at(facts: Facts, custody: UUID) -> Looked:
    """Return what was read of a custody account."""
    known: Mapping[UUID, Looked] = facts.extra[_LOOKED]
    return known[custody]


def reconcile(steps: Steps, wanted: Wanted, *, telling: bool = True) -> Record:
    """Reconcile one account: its row, its breaks, its statements, its demand and stop.

    Where not `telling` the caller's own transaction says that it was done.
    """
    looked = looked_at(steps.facts, wanted.custody)
    found = _found(looked)
    row = _row(steps, wanted, looked, len(found))
    if telling:
        steps.transactions.append(_noted(row))
    until = None if looked.last is None else looked.last.statement.day
    break_changes.follow(steps, looked.account, found, wanted.reconciliation, until=until)
    _compare_again(steps, looked)
    shortfalls.follow(steps, looked, wanted.reconciliation)
    steps.changes.append(Insert(Reconciliation, row))
    return row


def external_state(facts: Facts, looked: Looked) -> str:
    """Say how the bank's day stands: AGREED, DIFFERENT, MISSING, or NOT_DUE yet or on a rest day.

    Where there is no statement of the day, an earlier one that differs is told by the closings.
    """
    calendar: WorkingCalendar = facts.extra["calendar"]
    last = looked.last
    if last is not None and last.statement.day == looked.day:
        return "AGREED" if last.agrees else "DIFFERENT"
    expected = looked.account.state == "ACTIVE" and calendar.is_working_day(looked.day)
    return "MISSING" if expected and _is_over(facts, looked) else "NOT_DUE"


def _is_over(facts: Facts, looked: Looked) -> bool:
    return looked.day < shanghai_date(facts.moment.now)


def _found(looked: Looked) -> list[Finding]:
    return [
        *findings(looked.spans, looked.items, books_fen=looked.books_fen, on=looked.day),
        *sub_ledger_finding(looked.sub_ledger_gap_fen, on=looked.day),
    ]


def _is_known(facts: Facts, looked: Looked) -> bool:
    """Tell whether the account's balance may be relied on; one never used cannot be wrong.

    A day that is over is judged on the banking day after it, when its own closing must agree.
    """
    if not looked.used:
        return True
    calendar: WorkingCalendar = facts.extra["calendar"]
    agreed = [each.statement.day for each in looked.compared if each.agrees]
    on = calendar.add_working_days(looked.day, 1) if _is_over(facts, looked) else looked.day
    days = calendar.working_days_between(max(agreed), on) if agreed else None
    return is_known(banking_days_since_closing=days, entries_unposted=looked.kept)


def _row(steps: Steps, wanted: Wanted, looked: Looked, standing: int) -> Record:
    facts, account, last = steps.facts, looked.account, looked.last
    position = looked.position_then
    judged = coverage(position, known=_is_known(facts, looked), in_time=looked.in_time)
    short, hard = judged.shortfall, judged.hard_shortfall
    state = judged.state
    if looked.deposit:
        short, hard = ZERO, ZERO
        state = State.COVERED if judged.known else State.UNKNOWN
    return Record(
        {
            "reconciliation_id": wanted.reconciliation,
            "custody_account_id": account.custody_account_id,
            "institution_id": account.institution_id,
            "bank_code": account.bank_code,
            "day": looked.day,
            "cause": wanted.cause,
            "position_seq": looked.position,
            "known_seq": looked.known,
            "external_state": external_state(facts, looked),
            "statement_on": None if last is None else last.statement.day,
            "bank_closing_fen": None if last is None else last.statement.closing_fen,
            "ledger_closing_fen": None if last is None else last.ledger_closing_fen,
            "bank_fen": in_bank(looked.figures),
            "requirement_fen": looked.required.fen,
            "shortfall_fen": short.fen,
            "hard_shortfall_fen": hard.fen,
            "sub_ledger_fen": looked.sub_ledger_fen,
            "sub_ledger_gap_fen": looked.sub_ledger_gap_fen,
            "orders_fen": position.fen(_K.PAYOUT_IN_TRANSIT, _K.REFUND_IN_TRANSIT),
            "channel_fen": position.fen(_K.CHANNEL_CLEARING),
            "cash_fen": position.fen(_K.CASH_UNDEPOSITED),
            "transfer_fen": position.fen(_K.BANK_TRANSFER_IN_TRANSIT),
            "due_fen": position.fen(_K.DUE_FROM_INSTITUTION),
            "due_from_bank_fen": position.fen(_K.DUE_FROM_BANK),
            "entries_unposted": looked.kept,
            "breaks_open": standing,
            "coverage_state": state.value,
            "run_at": facts.moment.now,
            "run_by": facts.moment.actor,
            "seq": steps.next_seq,
        }
    )


def _compare_again(steps: Steps, looked: Looked) -> None:
    """Keep what changed since a statement came: an entry that was late, or a line that was not."""
    for each in looked.compared:
        statement = each.statement
        state = "AGREED" if each.agrees else "DIFFERENT"
        if (state, each.ledger_closing_fen) == (statement.state, statement.ledger_closing_fen):
            continue
        values: dict[str, Any] = {
            "state": state,
            "ledger_closing_fen": each.ledger_closing_fen,
        }
        if state != statement.state:
            values["agreed_seq" if state == "AGREED" else "differed_seq"] = steps.next_seq - 1
        key = (statement.custody_account_id, statement.day)
        steps.changes.append(Update(StatementDay, key, values))


async def _standing(unit: Unit, custodies: Sequence[UUID], *, locking: bool) -> None:
    """Take in what is open of the accounts: breaks, demands, and stops of the rule."""
    journal = unit.facts.journal
    for table, column, ended in (
        (Break, "custody_account_id", rows.table_of(Break).c.state == "CLOSED"),
        (TopUpDemand, "custody_account_id", rows.table_of(TopUpDemand).c.state != "OPEN"),
        (Restraint, "target_id", rows.table_of(Restraint).c.to_seq.is_not(None)),
    ):
        statement = rows.keyed(table, journal, custodies, column).where(~ended)
        await (unit.lock_where(table, statement) if locking else unit.read(table, statement))


def _noted(row: Record) -> Transaction:
    references: dict[str, str] = {
        "institution": str(row.institution_id),
        "custody": str(row.custody_account_id),
        "reconciliation": str(row.reconciliation_id),
        "day": row.day.isoformat(),
        "external": row.external_state,
        "coverage": row.coverage_state,
        "hard_shortfall_fen": str(row.hard_shortfall_fen),
        "breaks": str(row.breaks_open),
    }
    if row.statement_on is not None:
        difference = row.bank_closing_fen - row.ledger_closing_fen
        references["difference_fen"] = str(difference)
    return Transaction(TransactionKind.ACCOUNT_RECONCILED, references=references, reason=row.cause)
