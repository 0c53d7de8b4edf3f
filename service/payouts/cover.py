"""Use case of own funds: money in one custody account covers a gap in another (E60).

It is the institution's own (L16, then L4) and goes only where the institution owes something; what
is on its way already counts on both sides. A freeze stops the institution, not the supervisor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from ledger.money import ZERO, Money
from ledger.refusals import (
    AmountZero,
    BalanceTooLow,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    HoldExceeded,
    InstitutionFrozen,
    PayoutStopped,
    Refusal,
)
from ledger.rules import payouts
from ledger.rules.debts import owed
from service.payouts.standing import Standing, read_standing, standing_of
from service.store import orders, payout_reads, rows
from service.store.context import Context
from service.store.contracts import debts_of, place_of, read_debts
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import CustodyAccount, Institution, PaymentOrder
from service.store.transact import UseCase
from service.store.transfers import OPEN, OWN_FUNDS, TRANSFER, transfer_order
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Cover:
    """Cover the gap in `target` from `source`: `amount`, or as much as there is and is needed."""

    journal: int
    order: UUID
    source: UUID
    target: UUID
    amount: Money | None
    by_supervisor: bool


async def find_covers(
    connection: AsyncConnection, caller: Context, covers: Sequence[Cover]
) -> list[Cover | Refusal]:
    """Find both custody accounts in the caller's scope, of one institution."""
    wanted = {custody for cover in covers for custody in (cover.source, cover.target)}
    seen = await payout_reads.custody_accounts(connection, caller, covers[0].journal, wanted)
    return [_found(cover, seen) for cover in covers]


async def load_covers(unit: Unit, covers: Sequence[Cover]) -> None:
    """Lock the institution and both accounts, shared."""
    wanted = {custody for cover in covers for custody in (cover.source, cover.target)}
    accounts = await unit.read(
        CustodyAccount,
        rows.keyed(CustodyAccount, unit.facts.journal, wanted, "custody_account_id"),
    )
    await unit.lock(Institution, {a.institution_id for a in accounts}, share=True)
    await unit.lock(CustodyAccount, wanted, share=True)


async def read_covers(unit: Unit, covers: Sequence[Cover]) -> None:
    """Read what the source could give, what the target lacks, and what is on its way already."""
    sources = [_account(unit.facts, cover.source) for cover in covers]
    await read_standing(unit, sources, {})
    await read_debts(unit, {cover.target for cover in covers} - {cover.source for cover in covers})
    table = rows.table_of(PaymentOrder)
    await unit.read(
        PaymentOrder,
        select(table).where(
            table.c.journal_id == unit.facts.journal,
            table.c.institution_id.in_(sorted({a.institution_id for a in sources})),
            table.c.kind == TRANSFER,
            table.c.purpose == OWN_FUNDS,
            table.c.arrived_entry_id.is_(None),
            table.c.state.in_([*OPEN, "EXECUTED"]),
        ),
    )


def decide_cover(facts: Facts, cover: Cover) -> Decision:
    """Make a TRANSFER order of own funds.

    Refused in order: `WrongState`, `InstitutionFrozen`, `AccountFenced`, `BalanceTooLow` (more than
    there is, or than is owed), `AmountZero`, `PayoutNotCovered` (I-22), `HoldExceeded`.
    """
    source, target = _account(facts, cover.source), _account(facts, cover.target)
    if target.state != "ACTIVE" or target.purpose != "CUSTODY":
        raise CustodyAccountInvalid
    standing = standing_of(facts, source)
    for stop in standing.stops:
        if not _is_waived(stop, cover):
            raise stop
    leaving = _sent(facts, source=cover.source, debited=False)
    room = max(standing.room - leaving, ZERO)
    amount = _amount(facts, cover, standing, max(room - standing.held, ZERO))
    payouts.check_payout(room=room, amount=amount)
    if amount > room - min(standing.held, room):
        raise HoldExceeded(held=str(standing.held), amount=str(amount))
    step = transfer_order(
        facts,
        order=cover.order,
        source=source,
        target=place_of(target),
        purpose=OWN_FUNDS,
        amount=amount,
    )
    made = next(change for change in step.changes if isinstance(change, Insert))
    return Decision(
        answer=orders.answer_of(facts.journal, Record(made.values)),
        transactions=(*standing.recovery, *step.transactions),
        changes=step.changes,
        shows={"own_funds": standing.place.own_funds, "earned": standing.place.payable},
    )


_DUE: Final = AccountKind.DUE_FROM_INSTITUTION

COVER: Final = UseCase[Cover, Cover]("cover", find_covers, load_covers, decide_cover, read_covers)


def _found(cover: Cover, seen: dict[UUID, Record]) -> Cover | Refusal:
    if cover.source not in seen or cover.target not in seen:
        return CustodyAccountUnknown()
    one = seen[cover.source].institution_id == seen[cover.target].institution_id
    return cover if one and cover.source != cover.target else CustodyAccountInvalid()


def _is_waived(stop: Refusal, cover: Cover) -> bool:
    """A stop of payouts is there because of the gap; a freeze does not stop the supervisor."""
    return isinstance(stop, PayoutStopped) or (
        isinstance(stop, InstitutionFrozen) and cover.by_supervisor
    )


def _amount(facts: Facts, cover: Cover, standing: Standing, room: Money) -> Money:
    there = max(standing.own_funds + standing.earned - _sent(facts, source=cover.source), ZERO)
    lacking = max(owed(debts_of(facts, cover.target)) - _sent(facts, target=cover.target), ZERO)
    most = min(there, lacking)
    amount = (min(most, room) or most) if cover.amount is None else cover.amount
    if amount > most:
        short = AccountKind.INSTITUTION_OWN_FUNDS if amount > there else _DUE
        raise BalanceTooLow(account=short.value, missing=str(amount - most))
    if not amount:
        raise AmountZero(owed=str(lacking))
    return amount


def _sent(
    facts: Facts, *, source: UUID | None = None, target: UUID | None = None, debited: bool = True
) -> Money:
    """Add up own funds that have not arrived, from one account or to one.

    Until they do they stand in L16 or L4 of the source, and in A5 of the target. Without `debited`
    only those whose debit may still come, which stand in A1 as well.
    """
    return Money.from_fen(
        sum(
            order.amount_fen
            for order in facts.all(PaymentOrder)
            if source in (None, order.custody_account_id)
            and target in (None, order.target_custody_account_id)
            and (debited or order.state in OPEN)
        )
    )


def _account(facts: Facts, custody: UUID) -> Record:
    account = facts.get(CustodyAccount, custody)
    assert account is not None, "the custody account was found"
    return account
