"""Money that came before what it is for was told (E06, E07, I-39).

A settlement, or cash paid in, beyond what captures or reports have said stands in suspense. When
they are told after all, as much of it is cleared as they say: the order makes no difference.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import literal_column, select

from ledger.accounts import Account, Reason
from ledger.money import Money
from ledger.rules import receipts as rules
from ledger.transactions import Transaction
from service.bank_entries.facts import Effect, EntryFact
from service.store import rows
from service.store.contracts import place_of
from service.store.facts import Change, Facts, Record, Update
from service.store.tables import BankEntry, BankEntryDetail
from service.store.unit import Unit

SETTLEMENT: Final = "CHANNEL_SETTLEMENT"
CASH: Final = "CASH"
_WAITING: Final = "waiting_money"
_CONDITION: Final = "suspense_fen > 0 AND kind IN ('CHANNEL_SETTLEMENT', 'CASH')"

Lane = tuple[UUID, str, Reason | None]
"""A custody account, SETTLEMENT or CASH, and the channel of a settlement."""


async def lock_waiting(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Lock what came before it was told, in these custody accounts; mostly there is none."""
    source = rows.table_of(BankEntry)
    statement = (
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.custody_account_id.in_(sorted({fact.custody_account for fact in facts})),
            # Written out, so that the index of just these serves it however it is planned.
            literal_column(f"({_CONDITION})"),
        )
        .order_by(source.c.bank_entry_id)
    )
    found = await unit.lock_where(BankEntry, statement)
    await unit.read_keys(BankEntryDetail, {row.bank_entry_id for row in found})
    for row in found:
        detail = unit.facts.get(BankEntryDetail, row.bank_entry_id)
        channel = None if detail is None or detail.channel is None else Reason(detail.channel)
        waits(unit.facts, (row.custody_account_id, row.kind, channel), row.bank_entry_id)


def waits(facts: Facts, lane: Lane, bank_entry: UUID) -> None:
    """Note that money of a lane waits in suspense, in the order in which it came."""
    lanes: dict[Lane, list[UUID]] = facts.extra.setdefault(_WAITING, {})
    known = lanes.setdefault(lane, [])
    if bank_entry not in known:
        known.append(bank_entry)


def accounts_of(facts: Facts, account: Record, lane: Lane) -> list[Account]:
    """Return the suspense of what waits in a lane."""
    return [place_of(account).suspense(entry) for entry in _entries(facts, lane)]


def cleared(  # noqa: PLR0913 - what is told, and what waited for it
    facts: Facts, account: Record, lane: Lane, *, pending: Account, amount: Money, effect: Effect
) -> Effect:
    """Add to what a capture or report becomes the clearing of money that waited for it."""
    posted: list[Transaction] = []
    changes: list[Change] = []
    left = amount
    for entry in _entries(facts, lane):
        row = facts.get(BankEntry, entry)
        part = min(left, Money.from_fen(0 if row is None else row.suspense_fen))
        if row is None or not part:
            continue
        left -= part
        posted.append(
            rules.pending_cleared(place_of(account), pending=pending, receipt=entry, amount=part)
        )
        held = row.suspense_fen - part.fen
        reason = row.suspense_reason if held else None
        values = {"suspense_fen": held, "suspense_reason": reason}
        changes.append(Update(BankEntry, (entry,), values))
    if not posted:
        return effect
    return replace(
        effect,
        transactions=(*effect.transactions, *posted),
        changes=(*effect.changes, *changes),
    )


def _entries(facts: Facts, lane: Lane) -> list[UUID]:
    lanes: dict[Lane, list[UUID]] = facts.extra.get(_WAITING, {})
    return lanes.get(lane, [])
