"""Appending to the journal: accounts, sealed transactions, entries and roll-ups of one batch.

Everything here runs under the journal's head lock. The leaf tables are written by one binary
COPY each, entries sorted by account.
"""

from collections.abc import Sequence
from datetime import date
from operator import add
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from ledger.accounts import Account, AccountKind
from ledger.forms import Filled, Form
from service.failpoints import Point, reach
from service.store import driver, rows
from service.store.facts import AreaMove
from service.store.leaves import copy_into
from service.store.sealed_batches import Posted, Sealed
from service.store.sheets import Rows
from service.store.tables import AccountRow, Institution, JournalTransaction, Rollup
from service.store.tables import Entry as EntryRow
from service.store.unit import ACTIVE_ENROLMENTS, Unit, turned_active

_MOVE_HEAD: Final = (
    "UPDATE escrow.journal_head SET seq = $2, hash = $3, recorded_at = $4, effective_on = $5,"
    " next_account_id = $6, closed_on = $7, audit_seq = $8, audit_hash = $9 WHERE journal_id = $1"
)

_LAST_ROLLUPS: Final = """
    SELECT given.ord, last.balance
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
         WITH ORDINALITY AS given(unit_type, unit_id, kind, reason, ord)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = $1 AND rollup.unit_type = given.unit_type
          AND rollup.unit_id = given.unit_id AND rollup.kind = given.kind
          AND rollup.reason = given.reason
        ORDER BY rollup.seq DESC LIMIT 1) AS last
    """

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

PREPAID: Final = AccountKind.STUDENT_PREPAID
Slot = tuple[str, str, str, str]
Books = tuple[UUID, UUID, str, str]
"""Institution, custody account, account kind and reason."""


async def append(
    unit: Unit,
    sealed: Sealed,
    moves: Sequence[AreaMove],
    closes: date | None = None,
    *,
    trail: tuple[int, bytes | None] | None = None,
) -> None:
    """Append a batch that was sealed after the head, and move the head.

    `closes` is the business date that the batch closes, if any; `trail` where the head of the
    audit trail moves with it.
    """
    head, batch = unit.head, sealed.batch
    assert head is not None, "the head is locked before anything is appended"
    moment = unit.facts.moment
    await rows.insert(unit.connection, moment.journal, [Rows(AccountRow, sealed.accounts)])
    await copy_into(unit.connection, JournalTransaction, moment.journal, sealed.transactions)
    await copy_into(unit.connection, EntryRow, moment.journal, sealed.entries)
    await _append_rollups(unit, batch, moves)
    reach(Point.JOURNAL_COPIED)
    await driver.execute(
        unit.connection,
        _MOVE_HEAD,
        moment.journal,
        batch[-1].seq,
        sealed.transactions[-1][-1],
        moment.now,
        moment.today,
        sealed.next_account_id,
        closes or head.closed_on,
        *((head.audit_seq, head.audit_hash) if trail is None else trail),
    )


async def _append_rollups(unit: Unit, batch: Sequence[Posted], moves: Sequence[AreaMove]) -> None:
    """Append one row per touched (unit, kind, reason): the balance after this batch."""
    touched = _touched(batch)
    areas = await _areas(unit, {books[0] for books in touched})
    deltas: dict[Slot, int] = {}
    for (institution, custody, what, reason), amount in touched.items():
        for unit_type, unit_id in (
            ("INSTITUTION", str(institution)),
            ("CUSTODY_ACCOUNT", str(custody)),
            ("AREA", areas[institution]),
        ):
            slot = (unit_type, unit_id, str(what), str(reason))
            deltas[slot] = deltas.get(slot, 0) + amount
    for move in moves:
        await _move_area(unit, move, deltas)
    slots = sorted(deltas)
    balances = await _last_rollups(unit, slots)
    journal, seq = unit.facts.journal, batch[-1].seq
    appended = [(journal, *slot, seq, balances.get(slot, 0) + deltas[slot]) for slot in slots]
    await copy_into(unit.connection, Rollup, journal, appended)


def _touched(batch: Sequence[Posted]) -> dict[Books, int]:
    """Add up what a batch changed, by institution, custody account, account kind and reason."""
    touched: dict[Books, int] = {}
    filled: dict[Form, list[int]] = {}
    for posted in batch:
        transaction, alike = posted.transaction, False
        if type(transaction) is Filled:
            form, _, quantities, _ = transaction
            sums = filled.get(form)
            filled[form] = [*quantities] if sums is None else [*map(add, sums, quantities)]
            alike = True
        for account, amount, after in posted.entries:
            if not alike:
                _add(touched, account, account.kind, account.reason, amount)
            if account.kind is PREPAID and (turned := turned_active(account, amount, after)):
                _add(touched, account, ACTIVE_ENROLMENTS, None, turned)
    for form, sums in filled.items():
        for place, account in enumerate(form.accounts):
            amount = form.signs[place] * sums[place >> 1]
            _add(touched, account, account.kind, account.reason, amount)
    return touched


def _add(
    touched: dict[Books, int], account: Account, kind: str, reason: str | None, amount: int
) -> None:
    assert account.institution is not None, "an account stands in an institution's books"
    books = (account.institution, account.custody, kind, reason or "")
    touched[books] = touched.get(books, 0) + amount


async def _areas(unit: Unit, touched: set[UUID]) -> dict[UUID, str]:
    """Area of each touched institution as it stood before this batch."""
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
    parts = [[slot[i] for slot in slots] for i in range(4)]
    found = await driver.fetch(unit.connection, _LAST_ROLLUPS, unit.facts.journal, *parts)
    return {slots[place - 1]: balance for place, balance in found}
