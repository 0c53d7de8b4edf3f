"""Appending to the journal: accounts, sealed transactions, entries and roll-ups of one batch.

Everything here runs under the journal's head lock. The leaf tables are written by one binary
COPY each, entries sorted by account.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from operator import add, itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from ledger import chain
from ledger.accounts import Account, AccountKind
from ledger.book import Entry
from ledger.forms import Filled, Form
from ledger.transactions import Transaction
from service.failpoints import Point, reach
from service.store import driver, rows
from service.store.facts import AreaMove, Insert
from service.store.leaves import copy_into
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
Numbers = tuple[int, ...]
"""Numbers of the accounts of a transaction's entries."""
Books = tuple[UUID, UUID, str, str]
"""Institution, custody account, account kind and reason."""


class Posted(NamedTuple):
    """A transaction the Book accepted, with its entries, waiting to be sealed."""

    seq: int
    transaction: Transaction | Filled
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
    *,
    trail: tuple[int, bytes | None] | None = None,
) -> None:
    """Seal a batch after the head and move the head; nothing happens for an empty batch.

    `closes` is the business date that the batch closes, if any; `trail` where the head of the
    audit trail moves with it.
    """
    if not batch:
        return
    head = unit.head
    assert head is not None, "the head is locked before anything is appended"
    moment = unit.facts.moment
    next_account_id, numbers = await _open_accounts(unit, batch, head.next_account_id)
    sealed = _sealed(unit, batch, numbers, head.hash, head.next_account_id)
    await copy_into(unit.connection, JournalTransaction, moment.journal, sealed)
    entries = _entry_rows(moment.journal, batch, numbers)
    await copy_into(unit.connection, EntryRow, moment.journal, entries)
    await _append_rollups(unit, batch, moves)
    reach(Point.JOURNAL_COPIED)
    await driver.execute(
        unit.connection,
        _MOVE_HEAD,
        moment.journal,
        batch[-1].seq,
        sealed[-1][-1],
        moment.now,
        moment.today,
        next_account_id,
        closes or head.closed_on,
        *((head.audit_seq, head.audit_hash) if trail is None else trail),
    )


async def _open_accounts(
    unit: Unit, batch: Sequence[Posted], next_id: int
) -> tuple[int, list[Numbers]]:
    """Number the accounts this batch uses first and insert their rows.

    Return the next number, and for each transaction the numbers of its entries' accounts.
    """
    fresh: list[Insert] = []
    known, numbers = unit.account_ids, list[Numbers]()
    alike: dict[int, Numbers] = {}  # What fills in a form for one owner has one tuple of accounts.
    for posted in batch:
        filled = posted.transaction.accounts if type(posted.transaction) is Filled else None
        if filled is not None and id(filled) in alike:
            numbers.append(alike[id(filled)])
            continue
        for account, _, _ in posted.entries:
            if account not in known:
                assert account.institution is not None, "an account stands in somebody's books"
                known[account] = next_id
                row = {"account_id": next_id, **_account_values(account)}
                fresh.append(Insert(AccountRow, row))
                next_id += 1
        own = tuple([known[account] for account, _, _ in posted.entries])
        numbers.append(own)
        if filled is not None:
            alike[id(filled)] = own
    await rows.write(unit.connection, unit.facts.journal, fresh)
    return next_id, numbers


def _account_values(account: Account) -> dict[str, Any]:
    return {
        "kind": account.kind.value,
        "owner_id": account.owner,
        "custody_account_id": account.custody,
        "reason": account.reason or "",
        "institution_id": account.institution,
        "unit": account.unit.value,
    }


def _sealed(
    unit: Unit,
    batch: Sequence[Posted],
    numbers: Sequence[Numbers],
    previous: bytes,
    first_new: int,
) -> list[tuple[Any, ...]]:
    """Chain the batch after `previous`: rows in the order of the table's columns, the hash last.

    `first_new` is the lowest number of an account that this batch opened. The encoding is that of
    `sealed_fields`, in which most fields are those of the transaction before.
    """
    moment, ids, seen = unit.facts.moment, unit.account_ids, set[int]()
    texts, encode, forms = _Encoded(), chain.encode_field, dict[Numbers, str]()
    journal = encode(moment.journal)
    recorded = texts[instant_text(moment.now)]
    effective = texts[moment.today.isoformat()]
    sealed: list[tuple[Any, ...]] = []
    for (seq, transaction, entries, key, policy, actor), own in zip(batch, numbers, strict=True):
        opened: list[str] = []
        if own and max(own) >= first_new:
            for number, (account, _, _) in zip(own, entries, strict=True):
                if number >= first_new and number not in seen:
                    seen.add(number)
                    opened.append(_opened(number, account))
        kind, reason, by = transaction.kind.value, transaction.reason, actor or moment.actor
        if type(transaction) is Filled:
            form = forms.get(own)
            if form is None:
                form = forms[own] = _moves_form(own)
            transfers = form % transaction.quantities
        else:
            moves = [f"[{ids[debit]},{ids[credit]},{q}]" for debit, credit, q in transaction.moves]
            transfers = f"[{','.join(moves)}]"
        references = transaction.written_references
        accounts = f"[{','.join(opened)}]" if opened else "[]"
        framed = (
            journal,
            encode(seq),
            texts[kind],
            encode(transfers),
            encode(accounts) if opened else texts["[]"],
            encode(references),
            texts[by],
            texts[reason],
            texts[policy],
            effective,
            recorded,
            texts[key],
        )
        digest = chain.digest_of(previous, b"".join(framed))
        sealed.append(
            (
                moment.journal,
                seq,
                kind,
                transfers,
                accounts,
                references,
                by,
                reason,
                policy,
                moment.today,
                moment.now,
                key,
                previous,
                digest,
            )
        )
        previous = digest
    return sealed


def _moves_form(numbers: Numbers) -> str:
    """Write the transfers of a form between accounts of these numbers, with a blank for each."""
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return f"[{','.join([f'[{debit},{credit},%d]' for debit, credit in pairs])}]"


def _opened(number: int, account: Account) -> str:
    """Write an account as canonical JSON: names in order, and only numbers, ids and codes."""
    return (
        f'{{"account_id":{number},"custody_account_id":"{account.custody}",'
        f'"institution_id":"{account.institution}","kind":"{account.kind}",'
        f'"owner_id":"{account.owner}","reason":"{account.reason or ""}","unit":"{account.unit}"}}'
    )


class _Encoded(dict[str | None, bytes]):
    """Encodings of fields that the transactions of a batch have in common."""

    def __missing__(self, field: str | None) -> bytes:
        encoded = self[field] = chain.encode_field(field)
        return encoded


def _entry_rows(
    journal: int, batch: Sequence[Posted], numbers: Sequence[Numbers]
) -> list[tuple[int, int, int, int, int]]:
    """Rows of the entry table in the order of its key: an index grows cheapest where it stands."""
    entries = [
        (journal, number, posted.seq, amount, after)
        for posted, own in zip(batch, numbers, strict=True)
        for number, (_, amount, after) in zip(own, posted.entries, strict=True)
    ]
    entries.sort(key=itemgetter(1))  # Of one account they stand in the order of the journal.
    return entries


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
