"""Use cases of statements: a bank delivers its day on a custody account, and it is compared."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import (
    CustodyAccountUnknown,
    DateInFuture,
    Refusal,
    StatementChainBroken,
    StatementContradicted,
    StatementUnbalanced,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import payout_reads, statement_reads
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Insert, Record
from service.store.statement_reads import Booked
from service.store.tables import CustodyAccount, StatementDay
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Statement:
    """A bank's day on one custody account: opening, closing, counts and sums."""

    journal: int
    custody_account: UUID
    day: date
    opening: Money
    closing: Money
    credit_count: int
    credit_sum: Money
    debit_count: int
    debit_sum: Money

    @property
    def figures(self) -> dict[str, int]:
        """The columns that must not differ when the same day comes again."""
        return {
            "opening_fen": self.opening.fen,
            "closing_fen": self.closing.fen,
            "credit_count": self.credit_count,
            "credit_fen": self.credit_sum.fen,
            "debit_count": self.debit_count,
            "debit_fen": self.debit_sum.fen,
        }


async def find_accounts(
    connection: AsyncConnection, caller: Context, statements: Sequence[Statement]
) -> list[Statement | Refusal]:
    """Find the custody accounts among those of the calling bank."""
    seen = await payout_reads.custody_accounts(
        connection, caller, statements[0].journal, {s.custody_account for s in statements}
    )
    return [s if s.custody_account in seen else CustodyAccountUnknown() for s in statements]


async def load_accounts(unit: Unit, statements: Sequence[Statement]) -> None:
    """Lock the custody accounts, shared."""
    await unit.lock(CustodyAccount, {s.custody_account for s in statements}, share=True)


async def read_days(unit: Unit, statements: Sequence[Statement]) -> None:
    """Read the statements around each day, what was booked, and A1."""
    facts = unit.facts
    wanted = statement_reads.pairs((s.custody_account, s.day) for s in statements)
    near = await unit.query(statement_reads.NEIGHBOURS, journal=facts.journal, **wanted)
    known: dict[UUID, list[date]] = facts.extra.setdefault("statement_days", {})
    for row in facts.take(StatementDay, near):
        insort(known.setdefault(row.custody_account_id, []), row.day)
    await unit.balances(place_of(account).bank for account in facts.all(CustodyAccount))
    booked = await unit.query(statement_reads.BOOKED, journal=facts.journal, **wanted)
    facts.extra["booked"] = {(row["custody"], row["day"]): row for row in booked}


def decide_deliver(facts: Facts, statement: Statement) -> Decision:
    """Keep a bank's day and say whether the ledger agrees (I-36, I-37).

    The same figures again are a duplicate. Raises `StatementContradicted`, `StatementChainBroken`,
    `StatementUnbalanced`, `DateInFuture`.
    """
    account = facts.get(CustodyAccount, statement.custody_account)
    assert account is not None, "the custody account was locked"
    known = facts.get(StatementDay, statement.custody_account, statement.day)
    if known is not None:
        if any(known[name] != value for name, value in statement.figures.items()):
            raise StatementContradicted(day=statement.day.isoformat())
        return Decision(answer=statement_reads.answer_of(facts.journal, known), duplicate=True)
    _require_chain(facts, statement)
    if statement.opening + statement.credit_sum - statement.debit_sum != statement.closing:
        raise StatementUnbalanced(day=statement.day.isoformat())
    if statement.day > facts.moment.today:
        raise DateInFuture(day=statement.day.isoformat())
    booked = _booked(facts, account, statement)
    row = _row(facts, account, statement, booked)
    insort(_days(facts, statement.custody_account), statement.day)
    noted = Transaction(
        TransactionKind.STATEMENT_DELIVERED,
        references={
            "institution": str(account.institution_id),
            "custody": str(account.custody_account_id),
            "day": statement.day.isoformat(),
            "state": row["state"],
        },
    )
    return Decision(
        answer=statement_reads.answer_of(facts.journal, row, booked),
        transactions=(noted,),
        changes=(Insert(StatementDay, row),),
    )


DELIVER_STATEMENTS = UseCase(
    "deliver_statements", find_accounts, load_accounts, decide_deliver, read_days
)


def _require_chain(facts: Facts, statement: Statement) -> None:
    """Refuse a day that does not continue the one before, or that the one after contradicts."""
    days = _days(facts, statement.custody_account)
    at = bisect_left(days, statement.day)
    before = _known(facts, statement, days[at - 1]) if at else None
    after = _known(facts, statement, days[at]) if at < len(days) else None
    if before is not None and before.closing_fen != statement.opening.fen:
        raise StatementChainBroken(
            day=statement.day.isoformat(),
            before=before.day.isoformat(),
            closing_before=str(Money.from_fen(before.closing_fen)),
        )
    if after is not None and after.opening_fen != statement.closing.fen:
        raise StatementChainBroken(
            day=statement.day.isoformat(),
            after=after.day.isoformat(),
            opening_after=str(Money.from_fen(after.opening_fen)),
        )


def _days(facts: Facts, custody: UUID) -> list[date]:
    """Days with a statement near those of the batch, in order."""
    days: list[date] = facts.extra["statement_days"].setdefault(custody, [])
    return days


def _known(facts: Facts, statement: Statement, day: date) -> Record:
    row = facts.get(StatementDay, statement.custody_account, day)
    assert row is not None, "the days listed are those that were read or delivered"
    return row


def _booked(facts: Facts, account: Record, statement: Statement) -> Booked:
    row = facts.extra["booked"][(statement.custody_account, statement.day)]
    return Booked.of(row, facts.book.quantity(place_of(account).bank))


def _row(facts: Facts, account: Record, statement: Statement, booked: Booked) -> dict[str, Any]:
    moment = facts.moment
    agrees = booked.agrees(statement.figures)
    return {
        "custody_account_id": statement.custody_account,
        "day": statement.day,
        "institution_id": account.institution_id,
        "bank_code": account.bank_code,
        **statement.figures,
        "state": "AGREED" if agrees else "DIFFERENT",
        "ledger_closing_fen": booked.closing_fen,
        "agreed_seq": moment.next_seq if agrees else None,
        "differed_seq": None if agrees else moment.next_seq,
        "delivered_at": moment.now,
        "seq": moment.next_seq,
    }
