"""Use cases of the journal: what an auditor reads of it; corrections stand in `reverse`.

A caller reads the transactions of the institutions in its sight; one that sees a whole journal
reads those as well that belong to no institution, such as a day's close.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind, Reason
from ledger.refusals import AccountUnknown, JurisdictionUnknown, TransactionUnknown
from service.identity.callers import Caller
from service.journal.reverse import REQUEST_REVERSAL
from service.store import account_reads, balance_units, ids, positions, reference, transaction_reads
from service.store.facts import Record
from service.store.positions import Asked, Positions
from service.store.rows import table_of
from service.store.tables import Bank, Reversal
from service.store.transaction_reads import TransactionFilter

__all__ = ["REQUEST_REVERSAL", "account", "listed", "transaction"]

_PREFIXES: Final = {
    "institution": "ins",
    "custody": "cus",
    "source_custody": "cus",
    "enrolment": "enr",
    "lesson": "lsn",
    "notice": "ntc",
    "bank_entry": "bke",
    "receipt": "bke",
    "order": "ord",
    "course": "crs",
    "agreement": "agr",
    "restraint": "rst",
    "approval": "apr",
    "party": "pty",
    "guardian": "pty",
    "student": "pty",
    "claim": "clm",
    "refund": "rfd",
    "evidence": "evd",
    "porting": "ptg",
    "wind_down": "wdn",
    "entitlement": "ent",
    "objection": "obj",
    "asset": "ast",
    "plan": "pln",
    "offer": "ofr",
    "pack": "pck",
}
"""Whose id a reference of a transaction is, by the reference's name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list of transactions is narrowed to; `adcode` None is the caller's own scope."""

    adcode: str | None = None
    kind: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of transactions, and the (journal, position) it continues after, if it does."""

    items: tuple[Record, ...]
    more_after: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Opened:
    """One transaction in full: its accounts by number, entries, and what reverses what."""

    sealed: Record
    accounts: Mapping[int, Record]
    entries: Sequence[Record]
    banks: Mapping[UUID, str]
    reverses: int | None


async def listed(
    connection: AsyncConnection,
    caller: Caller,
    listing: Listing,
    *,
    after: tuple[int, int],
    limit: int,
) -> Listed:
    """List transactions by journal and position; raises `JurisdictionUnknown`."""
    path = await _path(connection, caller, listing.adcode)
    items: list[Record] = []
    for journal in await _journals(connection, caller, path):
        if journal < after[0]:
            continue
        narrowed = await _in_sight(connection, caller, journal, path, listing.kind)
        first, last = await _stretch(connection, journal, listing)
        start = max(first, after[1] if journal == after[0] else 0)
        if start >= last:
            continue
        read, looked_at = await transaction_reads.page(
            connection, journal, narrowed, after=start, until=last, limit=limit - len(items)
        )
        items += read
        if looked_at < last or len(items) == limit:
            return Listed(tuple(items), (journal, looked_at))
    return Listed(tuple(items), None)


async def transaction(
    connection: AsyncConnection, caller: Caller, journal: int, seq: int
) -> Opened:
    """Open one transaction; raises `TransactionUnknown` for what is not in sight."""
    if journal not in caller.journals:
        raise TransactionUnknown
    narrowed = await _in_sight(connection, caller, journal, caller.path, None)
    sealed = await transaction_reads.one(connection, journal, seq, narrowed)
    if sealed is None:
        raise TransactionUnknown
    numbers = {number for move in sealed.transfers for number in move[:2]}
    accounts = await account_reads.numbered(connection, journal, sorted(numbers))
    source = table_of(Reversal)
    reverses: int | None = await connection.scalar(
        select(source.c.reversed_seq).where(
            source.c.journal_id == journal, source.c.reversing_seq == seq
        )
    )
    return Opened(
        sealed,
        accounts,
        await transaction_reads.entries_of(connection, journal, seq, sorted(numbers)),
        await banks_of(connection, accounts.values()),
        reverses,
    )


async def account(
    connection: AsyncConnection, caller: Caller, journal: int, number: int, asked: Asked
) -> tuple[Record, Positions, Mapping[UUID, str]]:
    """Return an account in sight and the positions asked for; raises `AccountUnknown`."""
    if journal not in caller.journals:
        raise AccountUnknown
    found = await account_reads.numbered(connection, journal, [number])
    row = found.get(number)
    narrowed = await _in_sight(connection, caller, journal, caller.path, None)
    seen = narrowed.institutions
    if row is None or (seen is not None and row.institution_id not in seen):
        raise AccountUnknown
    at = await positions.resolve(connection, [journal], asked)
    return row, at, await banks_of(connection, [row])


def owner_of(journal: int, row: Record, banks: Mapping[UUID, str]) -> str:
    """Write the owner of an account as its public id; a bank by its code."""
    reason = Reason(row.reason) if row.reason else None
    prefix = account_reads.owner_prefix(AccountKind(row.kind), reason)
    if prefix == "bank":
        return banks.get(row.owner_id, str(row.owner_id))
    return ids.public(prefix, journal, row.owner_id)


def references_of(journal: int, refs: Mapping[str, str]) -> dict[str, str]:
    """Write a transaction's references with public ids."""
    return {name: _public(journal, name, value) for name, value in refs.items()}


async def banks_of(connection: AsyncConnection, accounts: Iterable[Record]) -> dict[UUID, str]:
    """Return the codes of the banks that own any of these accounts."""
    owners = [row.owner_id for row in accounts if row.kind == AccountKind.DUE_FROM_BANK]
    if not owners:
        return {}
    source = table_of(Bank)
    found = await connection.execute(
        select(source.c.bank_id, source.c.code).where(source.c.bank_id.in_(owners))
    )
    return {row.bank_id: row.code for row in found}


def _public(journal: int, name: str, value: str) -> str:
    if name == "reverses" and value.isdecimal():
        return ids.public_transaction(journal, int(value))
    if name not in _PREFIXES:
        return value
    try:
        return ids.public(_PREFIXES[name], journal, UUID(value))
    except ValueError:
        return value


async def _path(connection: AsyncConnection, caller: Caller, adcode: str | None) -> str:
    """Return the path of a division in the caller's scope, or its own."""
    if adcode is None:
        return caller.path
    node = await reference.jurisdiction(connection, adcode)
    path = reference.scope_path(adcode) if node is None else node.path
    if not caller.covers(path):
        raise JurisdictionUnknown(code=adcode)
    return path


async def _journals(connection: AsyncConnection, caller: Caller, path: str) -> list[int]:
    """Return the caller's journals of a subtree: its own, or the one it lies in."""
    within = set(await reference.journals_in(connection, path))
    if not within:
        above = await reference.journal_of(connection, path)
        within = set() if above is None else {above}
    found = sorted(within & set(caller.journals))
    if not found:
        raise JurisdictionUnknown(code=balance_units.code_of(path))
    return found


async def _in_sight(
    connection: AsyncConnection, caller: Caller, journal: int, path: str, kind: str | None
) -> TransactionFilter:
    """Narrow to the institutions a caller sees, unless it sees the whole journal."""
    if caller.institution is not None:
        return TransactionFilter(frozenset({caller.institution}), kind)
    home = await reference.jurisdiction_of(connection, journal)
    paths = await reference.scope_paths(connection, path)
    whole = home is not None and reference.in_areas(home.path, paths)
    if whole and not caller.context.is_narrowed:
        return TransactionFilter(None, kind)
    seen = await transaction_reads.institutions_in_sight(connection, caller.context, journal, paths)
    return TransactionFilter(seen, kind)


async def _stretch(connection: AsyncConnection, journal: int, listing: Listing) -> tuple[int, int]:
    """Return the positions that the effective dates leave: after the first, up to the last."""
    at = await positions.resolve(connection, [journal])
    first, last = 0, at.seq(journal)
    if listing.effective_from is not None:
        day = date.fromordinal(max(1, listing.effective_from.toordinal() - 1))
        first = await transaction_reads.last_of(connection, journal, day)
    if listing.effective_to is not None:
        last = min(last, await transaction_reads.last_of(connection, journal, listing.effective_to))
    return first, last
