"""Appending to the journal: accounts, sealed transactions, entries and roll-ups of one batch.

Everything here runs under the journal's head lock. The leaf tables are written by one binary
COPY each, entries sorted by account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text, update

from ledger import chain
from ledger.accounts import Account
from ledger.book import Entry
from ledger.transactions import Transaction
from service.store import rows
from service.store.facts import AreaMove, Insert
from service.store.leaves import copy_into
from service.store.tables import AccountRow, Institution, JournalHead, JournalTransaction, Rollup
from service.store.tables import Entry as EntryRow
from service.store.unit import ACTIVE_ENROLMENTS, Unit, turned_active

_LAST_ROLLUPS: Final = text(
    """
    SELECT given.ord, last.balance
    FROM unnest(:types, :units, :kinds, :reasons)
         WITH ORDINALITY AS given(unit_type, unit_id, kind, reason, ord)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = :journal AND rollup.unit_type = given.unit_type
          AND rollup.unit_id = given.unit_id AND rollup.kind = given.kind
          AND rollup.reason = given.reason
        ORDER BY rollup.seq DESC LIMIT 1) AS last
    """
).bindparams(*(bindparam(n, type_=ARRAY(Text)) for n in ("types", "units", "kinds", "reasons")))

_UNITS_OF: Final = text(
    "SELECT institution_id, area || '/' || department AS area FROM escrow.institution"
    " WHERE journal_id = :journal AND institution_id = ANY(:institutions)"
).bindparams(bindparam("institutions", type_=ARRAY(Uuid)))

_UNIT_BALANCES: Final = text(
    """
    SELECT DISTINCT ON (kind, reason) kind, reason, balance FROM escrow.rollup
    WHERE journal_id = :journal AND unit_type = 'INSTITUTION' AND unit_id = :unit
    ORDER BY kind, reason, seq DESC
    """
)

_SEALED: Final = itemgetter(*(column.key for column in rows.table_of(JournalTransaction).c))
"""The values of a sealed transaction in the order of its columns."""

Slot = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction the Book accepted, with its entries, waiting to be sealed."""

    seq: int
    transaction: Transaction
    entries: Sequence[Entry]
    idempotency_key: str | None
    policy_version: str | None
    actor: str | None = None


def sealed_fields(row: Mapping[str, Any]) -> list[chain.Field]:
    """Every stored field of a transaction in the order in which the chain covers it."""
    return [
        row["journal_id"],
        row["seq"],
        row["kind"],
        row["transfers"],
        row["opened"],
        row["refs"],
        row["actor"],
        row["reason"],
        row["policy_version"],
        row["effective_on"].isoformat(),
        instant_text(row["recorded_at"]),
        row["idempotency_key"],
    ]


def instant_text(instant: datetime) -> str:
    """Write an instant as the chain covers it: microseconds since 1970, which no zone changes."""
    return str(round(instant.timestamp() * 1_000_000))


async def append(
    unit: Unit,
    batch: Sequence[Posted],
    moves: Sequence[AreaMove],
    closes: date | None = None,
) -> None:
    """Seal a batch after the head and move the head; nothing happens for an empty batch.

    `closes` is the business date that the batch closes, if any.
    """
    if not batch:
        return
    head = unit.head
    assert head is not None, "the head is locked before anything is appended"
    moment = unit.facts.moment
    next_account_id = await _open_accounts(unit, batch, head.next_account_id)
    previous: bytes = head.hash
    sealed: list[tuple[Any, ...]] = []
    seen = set(range(head.next_account_id))
    for posted in batch:
        row = _row(unit, posted, previous, seen)
        previous = row["hash"]
        sealed.append(_SEALED(row))
    await copy_into(unit.connection, JournalTransaction, moment.journal, sealed)
    await copy_into(unit.connection, EntryRow, moment.journal, _entry_rows(unit, batch))
    await _append_rollups(unit, batch, moves)
    source = rows.table_of(JournalHead)
    await unit.connection.execute(
        update(source)
        .where(source.c.journal_id == moment.journal)
        .values(
            seq=batch[-1].seq,
            hash=previous,
            recorded_at=moment.now,
            effective_on=moment.today,
            next_account_id=next_account_id,
            closed_on=closes or head.closed_on,
        )
    )


async def _open_accounts(unit: Unit, batch: Sequence[Posted], next_id: int) -> int:
    """Number the accounts this batch uses first and insert their rows; return the next number."""
    fresh: list[Insert] = []
    for posted in batch:
        for entry in posted.entries:
            account = entry.account
            if account in unit.account_ids:
                continue
            assert account.institution is not None, "an account stands in an institution's books"
            unit.account_ids[account] = next_id
            fresh.append(Insert(AccountRow, {"account_id": next_id, **_account_values(account)}))
            next_id += 1
    await rows.write(unit.connection, unit.facts.journal, fresh)
    return next_id


def _account_values(account: Account) -> dict[str, Any]:
    return {
        "kind": account.kind.value,
        "owner_id": account.owner,
        "custody_account_id": account.custody,
        "reason": account.reason or "",
        "institution_id": account.institution,
        "unit": account.unit.value,
    }


def _row(unit: Unit, posted: Posted, previous: bytes, seen: set[int]) -> dict[str, Any]:
    moment = unit.facts.moment
    ids = unit.account_ids
    transaction = posted.transaction
    opened: list[Any] = []
    for entry in posted.entries:
        account_id = ids[entry.account]
        if account_id not in seen:
            seen.add(account_id)
            values = {k: str(v) for k, v in _account_values(entry.account).items()}
            opened.append({"account_id": account_id, **values})
    row: dict[str, Any] = {
        "journal_id": moment.journal,
        "seq": posted.seq,
        "kind": transaction.kind.value,
        "transfers": chain.canonical_json(
            [[ids[t.debit], ids[t.credit], t.quantity] for t in transaction.transfers]
        ),
        "opened": chain.canonical_json(opened),
        "refs": chain.canonical_json(dict(transaction.references)),
        "actor": posted.actor or moment.actor,
        "reason": transaction.reason,
        "policy_version": posted.policy_version,
        "effective_on": moment.today,
        "recorded_at": moment.now,
        "idempotency_key": posted.idempotency_key,
        "previous_hash": previous,
    }
    row["hash"] = chain.digest(previous, sealed_fields(row))
    return row


def _entry_rows(unit: Unit, batch: Sequence[Posted]) -> list[tuple[int, int, int, int, int]]:
    """Rows of the entry table in the order of its key: an index grows cheapest where it stands."""
    journal, ids = unit.facts.journal, unit.account_ids
    return sorted(
        (journal, ids[entry.account], posted.seq, entry.amount, entry.balance_after)
        for posted in batch
        for entry in posted.entries
    )


async def _append_rollups(unit: Unit, batch: Sequence[Posted], moves: Sequence[AreaMove]) -> None:
    """Append one row per touched (unit, kind, reason): the balance after this batch."""
    areas = await _areas(unit, batch)
    deltas: dict[Slot, int] = {}
    for posted in batch:
        for account, amount, after in posted.entries:
            assert account.institution is not None, "an account stands in an institution's books"
            turned = turned_active(account, amount, after)
            for unit_type, unit_id in (
                ("INSTITUTION", str(account.institution)),
                ("CUSTODY_ACCOUNT", str(account.custody)),
                ("AREA", areas[account.institution]),
            ):
                slot = (unit_type, unit_id, account.kind.value, str(account.reason or ""))
                deltas[slot] = deltas.get(slot, 0) + amount
                if turned:
                    counted = (unit_type, unit_id, ACTIVE_ENROLMENTS, "")
                    deltas[counted] = deltas.get(counted, 0) + turned
    for move in moves:
        await _move_area(unit, move, deltas)
    slots = sorted(deltas)
    balances = await _last_rollups(unit, slots)
    journal, seq = unit.facts.journal, batch[-1].seq
    appended = [(journal, *slot, seq, balances.get(slot, 0) + deltas[slot]) for slot in slots]
    await copy_into(unit.connection, Rollup, journal, appended)


async def _areas(unit: Unit, batch: Sequence[Posted]) -> dict[UUID, str]:
    """Area of each touched institution as it stood before this batch."""
    touched = {
        entry.account.institution
        for posted in batch
        for entry in posted.entries
        if entry.account.institution is not None
    }
    known = {
        row.institution_id: f"{row.area}/{row.department}"
        for row in unit.facts.all(Institution)
        if row.institution_id in touched
    }
    missing = sorted(touched - known.keys())
    if missing:
        found = await unit.query(_UNITS_OF, journal=unit.facts.journal, institutions=missing)
        known |= {row["institution_id"]: row["area"] for row in found}
    return known


async def _move_area(unit: Unit, move: AreaMove, deltas: dict[Slot, int]) -> None:
    """Take an institution's balances out of one area and into another (decisions.md, roll-ups)."""
    found = await unit.query(_UNIT_BALANCES, journal=unit.facts.journal, unit=str(move.institution))
    for row in found:
        for area, sign in ((move.before, -1), (move.after, 1)):
            slot = ("AREA", area, row["kind"], row["reason"])
            deltas[slot] = deltas.get(slot, 0) + sign * row["balance"]


async def _last_rollups(unit: Unit, slots: Sequence[Slot]) -> dict[Slot, int]:
    if not slots:
        return {}
    found = await unit.query(
        _LAST_ROLLUPS,
        journal=unit.facts.journal,
        types=[slot[0] for slot in slots],
        units=[slot[1] for slot in slots],
        kinds=[slot[2] for slot in slots],
        reasons=[slot[3] for slot in slots],
    )
    return {slots[row["ord"] - 1]: row["balance"] for row in found}
