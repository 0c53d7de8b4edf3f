"""A journal as it stands in the database, read several ways for comparison."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import chain
from ledger.accounts import Account, AccountKind, Reason, Side, Unit
from service.store import account_reads, balance_reads, driver, positions
from service.store.balance_units import UnitKey
from service.store.context import Context
from service.store.positions import Asked, Positions
from service.store.sealed_batches import sealed_fields
from service.store.transact import Store
from service.store.unit import ACTIVE_ENROLMENTS, account_of

Slots = Mapping[tuple[str, str], int]

_ACCOUNTS: Final = text("SELECT * FROM escrow.account WHERE journal_id = :journal")
_SEALED: Final = text(
    "SELECT * FROM escrow.journal_transaction WHERE journal_id = :journal AND seq > :after"
    " ORDER BY seq"
)
_POSTED: Final = """
    SELECT posted.seq, posted.kind, posted.reason, posted.refs, posted.recorded_at,
           entry.account_id, entry.amount, entry.balance_after
    FROM escrow.journal_transaction AS posted
    LEFT JOIN escrow.entry ON entry.journal_id = $1 AND entry.seq = posted.seq
    WHERE posted.journal_id = $1 AND posted.seq > $2 ORDER BY posted.seq
    """
_ACCOUNTS_AFTER: Final = "SELECT * FROM escrow.account WHERE journal_id = $1 AND account_id > $2"


@dataclass(frozen=True)
class Sealed:
    """One transaction of the journal, and the entries projected from it."""

    seq: int
    kind: str
    reason: str | None
    references: dict[str, str]
    recorded_at: datetime
    entries: dict[Account, tuple[int, int]]


class JournalSeen:
    """Reads of one journal."""

    def __init__(self, store: Store, looking: AsyncConnection, journal: int) -> None:
        """Read through a store, with the eyes of whoever sees the whole journal.

        What was just posted is read through `looking`, a connection that commits by itself and
        sees everything: one statement, after each step.
        """
        self._store = store
        self._looking = looking
        self.journal = journal
        self._context = Context((journal,))
        self._known: dict[int, Account] = {}

    async def sealed_after(self, seq: int) -> list[Sealed]:
        """Return what was sealed after a position."""
        found = await driver.raw_of(self._looking).fetch(_POSTED, self.journal, seq)
        entries: dict[int, dict[Account, tuple[int, int]]] = defaultdict(dict)
        for at, _, _, _, _, account, amount, after in found:
            if account is not None:
                entries[at][await self._account(account)] = amount, after
        heads = {row[0]: row for row in found}
        return [
            Sealed(at, kind, reason, json.loads(refs), recorded_at, entries[at])
            for at, kind, reason, refs, recorded_at, *_ in heads.values()
        ]

    async def _account(self, number: int) -> Account:
        """Return an account by its number; it never becomes another."""
        if number not in self._known:
            asked = self.journal, max(self._known, default=0)
            for row in await driver.raw_of(self._looking).fetch(_ACCOUNTS_AFTER, *asked):
                self._known[row["account_id"]] = account_of(row)
        return self._known[number]

    async def balances(self, asked: Asked) -> tuple[int, dict[Account, int]]:
        """Return the position an earlier question is answered at, and every balance then."""
        async with self._store.reading(self._context) as connection:
            found = await positions.resolve(connection, [self.journal], asked)
            seq = found.seq(self.journal)
            accounts = await self._accounts(connection)
            held = await account_reads.balances(connection, self.journal, list(accounts), seq)
        return seq, {accounts[number]: quantity for number, quantity in held.items()}

    async def rollups(self, seq: int, units: Sequence[UnitKey]) -> dict[UnitKey, Slots]:
        """Return the roll-ups of units at a position, without zeros."""
        async with self._store.reading(self._context) as connection:
            at = await self._position(connection, seq)
            found = await balance_reads.unit_balances(connection, units, at)
        return {
            unit: {slot: quantity for slot, quantity in slots.items() if quantity}
            for unit, slots in found.items()
        }

    async def rebuilt(self) -> tuple[bytes, dict[Account, int]]:
        """Rebuild the ledger from the sealed transactions alone; return last hash and balances.

        Accounts come from what each transaction says it opened; the chain is checked link by link.
        """
        accounts: dict[int, Account] = {}
        balances: dict[Account, int] = defaultdict(int)
        previous, expected = chain.genesis(self.journal), 1
        async with self._store.reading(self._context) as connection:
            sealed = await self._rows(connection, _SEALED, after=0)
        for row in sealed:
            assert row["seq"] == expected, "the sequence is dense"
            assert row["previous_hash"] == previous
            assert row["hash"] == chain.digest(previous, sealed_fields(row))
            previous, expected = row["hash"], expected + 1
            for opened in json.loads(row["opened"]):
                accounts[opened["account_id"]] = _opened(opened)
            for debit, credit, quantity in json.loads(row["transfers"]):
                for number, side in ((debit, Side.DEBIT), (credit, Side.CREDIT)):
                    account = accounts[number]
                    balances[account] += quantity if account.side is side else -quantity
        return previous, dict(balances)

    async def head(self) -> tuple[int, bytes, date]:
        """Return where the journal stands: sequence number, hash and business date."""
        async with self._store.reading(self._context) as connection:
            row = (
                await connection.execute(
                    text(
                        "SELECT seq, hash, effective_on FROM escrow.journal_head"
                        " WHERE journal_id = :journal"
                    ),
                    {"journal": self.journal},
                )
            ).one()
        return row.seq, row.hash, row.effective_on

    async def _position(self, connection: AsyncConnection, seq: int) -> Positions:
        asked = Asked(position=f"{self.journal}:{seq}")
        return await positions.resolve(connection, [self.journal], asked)

    async def _accounts(self, connection: AsyncConnection) -> dict[int, Account]:
        found = await self._rows(connection, _ACCOUNTS)
        return {row["account_id"]: account_of(row) for row in found}

    async def _rows(
        self, connection: AsyncConnection, statement: Any, **values: int
    ) -> list[dict[str, Any]]:
        found = await connection.execute(statement, {"journal": self.journal, **values})
        return [dict(row) for row in found.mappings()]


def rolled_up(
    journal: int, balances: Mapping[Account, int], areas: Mapping[UUID, str]
) -> dict[UnitKey, Slots]:
    """Sum balances over units, and count the enrolments that are prepaid; without zeros."""
    sums: dict[UnitKey, dict[tuple[str, str], int]] = {}
    for account, quantity in balances.items():
        active = account.kind is AccountKind.STUDENT_PREPAID and quantity > 0
        for unit in _units(journal, account, areas):
            slots = sums.setdefault(unit, {})
            slot = account.kind.value, str(account.reason or "")
            slots[slot] = slots.get(slot, 0) + quantity
            slots[ACTIVE_ENROLMENTS, ""] = slots.get((ACTIVE_ENROLMENTS, ""), 0) + active
    return {unit: {s: q for s, q in slots.items() if q} for unit, slots in sums.items()}


def balanced(balances: Mapping[Account, int]) -> bool:
    """Tell whether debits equal credits in money and in lessons (I-03)."""
    return all(
        sum(q if a.side is Side.DEBIT else -q for a, q in balances.items() if a.unit is unit) == 0
        for unit in Unit
    )


def _units(journal: int, account: Account, areas: Mapping[UUID, str]) -> Iterable[UnitKey]:
    assert account.institution is not None, "an account stands in an institution's books"
    yield UnitKey(journal, "INSTITUTION", str(account.institution))
    yield UnitKey(journal, "CUSTODY_ACCOUNT", str(account.custody))
    yield UnitKey(journal, "AREA", areas[account.institution])


def _opened(opened: Mapping[str, str]) -> Account:
    return Account(
        AccountKind(opened["kind"]),
        UUID(opened["owner_id"]),
        UUID(opened["custody_account_id"]),
        Reason(opened["reason"]) if opened["reason"] else None,
        UUID(opened["institution_id"]),
    )
