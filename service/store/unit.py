"""The unit of work as a use case sees it: locking reads before the head, balances under it.

Lock order (decisions.md): institution, custody account, enrolment, lesson, claim, order, bank
entry, each by key, then the journal's head, last and for the shortest time. Rows are locked FOR
NO KEY UPDATE, which a foreign key's look at its parent does not wait for.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, AccountKind, Reason
from service.store import driver, rows, statements, vault_rows
from service.store.facts import Facts, Moment, Record
from service.store.tables import Institution, JournalHead, Restraint

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

# One pass over the owners' accounts, then a probe into each head: no join order to get wrong.
# It may find a few accounts that nobody asked for, of another custody account or reason.
_HEADS: Final = """
    SELECT account.owner_id, account.custody_account_id, account.kind, account.reason,
           account.account_id, head.balance_after
    FROM (
        SELECT kind, owner_id, custody_account_id, reason, account_id FROM escrow.account
        WHERE journal_id = $1 AND owner_id = ANY($2::uuid[]) AND kind = ANY($3::text[])
        OFFSET 0) AS account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = $1 AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    """

# Rows locked FOR SHARE are shared with newcomers before whoever waits to change them: under many
# confirmations an institution would never be frozen. This queue is fair, a lane for each group.
_QUEUE: Final = "SELECT pg_advisory_xact_lock($1, lane) FROM unnest($2::int[]) AS lane"
_QUEUE_SHARED: Final = (
    "SELECT pg_advisory_xact_lock_shared($1, lane) FROM unnest($2::int[]) AS lane"
)
_LANES: Final = 1_024

_OPEN_DEBTS: Final = text(
    """
    SELECT account.kind, account.owner_id, account.custody_account_id, account.reason,
           account.institution_id, account.account_id, head.balance_after
    FROM escrow.account AS account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE account.journal_id = :journal AND account.kind = 'DUE_FROM_INSTITUTION'
      AND account.custody_account_id = ANY(:custodies) AND head.balance_after > 0
    ORDER BY account.account_id
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))

_TOTALS: Final = text(
    """
    SELECT unit.unit_id, slot.kind, slot.reason, last.balance
    FROM unnest(:units) AS unit(unit_id)
    CROSS JOIN unnest(:kinds, :reasons) AS slot(kind, reason)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE journal_id = :journal AND unit_type = 'CUSTODY_ACCOUNT'
          AND rollup.unit_id = unit.unit_id AND rollup.kind = slot.kind
          AND rollup.reason = slot.reason
        ORDER BY seq DESC LIMIT 1) AS last
    """
).bindparams(
    bindparam("units", type_=ARRAY(Text)),
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("reasons", type_=ARRAY(Text)),
)


class Unit:
    """One database transaction on one journal, with the facts it has gathered so far."""

    def __init__(
        self,
        connection: AsyncConnection,
        facts: Facts,
        *,
        actor: str,
        locking: bool,
        waiting: bool = True,
    ) -> None:
        """Work on `connection`; a dry run (`locking` false) reads the same rows without locks.

        Without `waiting` a row that somebody else holds is a fault at once (55P03).
        """
        self.connection = connection
        self.facts = facts
        self.actor = actor
        self.account_ids: dict[Account, int] = {}
        self.head: Record | None = None
        self._locking = locking
        self._waiting = waiting

    async def lock(
        self,
        table: type[Any],
        keys: Iterable[Any],
        *,
        column: str | None = None,
        share: bool = False,
        waiting: bool = True,
    ) -> list[Record]:
        """Lock the journal's rows whose key (or `column`) is among `keys`, in key order.

        `share` is for parents that are read but not changed. Missing keys are left out. Without
        `waiting` a row that somebody else holds is a fault at once: so under the head.
        """
        wanted = set(keys)
        if not wanted:
            return []
        if table is Institution and self._locking:
            lanes = sorted({key.int % _LANES for key in wanted})
            queue = _QUEUE_SHARED if share else _QUEUE
            await driver.fetch(self.connection, queue, self.facts.journal, lanes)
        source = rows.table_of(table)
        statement = statements.keyed(source, column or statements.key_columns(source)[0])
        if self._locking:
            statement += f" FOR {'SHARE' if share else 'NO KEY UPDATE'}"
            statement += "" if waiting and self._waiting else " NOWAIT"
        found = await driver.records(self.connection, statement, self.facts.journal, sorted(wanted))
        return self.facts.take(table, vault_rows.opened(self.connection, table, found))

    async def read_keys(self, table: type[Any], keys: Iterable[Any]) -> list[Record]:
        """Take in the rows with these keys without locking them."""
        wanted = set(keys)
        if not wanted:
            return []
        source = rows.table_of(table)
        statement = statements.keyed(source, statements.key_columns(source)[0])
        found = await driver.records(self.connection, statement, self.facts.journal, sorted(wanted))
        return self.facts.take(table, vault_rows.opened(self.connection, table, found))

    async def lock_where(
        self, table: type[Any], statement: Select[Any], *, share: bool = False
    ) -> list[Record]:
        """Lock and take in the rows of an ordered select."""
        if self._locking:
            statement = statement.with_for_update(
                read=share, key_share=not share, nowait=not self._waiting
            )
        found = await rows.fetch_opened(self.connection, table, statement)
        return self.facts.take(table, found)

    async def read(self, table: type[Any], statement: Select[Any]) -> list[Record]:
        """Take in rows without locking them: reference data, or what the head protects."""
        found = await rows.fetch_opened(self.connection, table, statement)
        return self.facts.take(table, found)

    async def read_pairs(
        self, table: type[Any], pairs: Iterable[tuple[Any, ...]], columns: Sequence[str]
    ) -> list[Record]:
        """Take in the rows whose `columns` together are among `pairs` (business keys)."""
        wanted = set(pairs)
        if not wanted:
            return []
        found = await rows.of_pairs(self.connection, table, self.facts.journal, wanted, columns)
        return self.facts.take(table, vault_rows.opened(self.connection, table, found))

    async def query(self, statement: Any, **values: Any) -> Sequence[Record]:  # noqa: ANN401
        """Run any read and return its rows."""
        return await rows.fetch(self.connection, statement, **values)

    async def take_head(self) -> None:
        """Lock the journal's head row and fix the moment of the batch."""
        journal = self.facts.journal
        locked = statements.keyed_one(rows.table_of(JournalHead))
        if self._locking:
            locked += " FOR UPDATE"
        # The clock is read from the row that was locked, so never before the lock.
        statement = (
            f"WITH taken AS MATERIALIZED ({locked})"  # noqa: S608 - names of our own tables
            " SELECT taken.*, clock_timestamp() AS clock FROM taken"
        )
        [head] = await driver.records(self.connection, statement, journal)
        now = business_now(head.clock, head.clock_offset_us)
        recorded = max(now, head.recorded_at + timedelta(microseconds=1))
        today = business_date(recorded, head.effective_on, head.closed_on)
        self.head = head
        self.facts.moment = Moment(
            journal=journal, now=recorded, today=today, next_seq=head.seq + 1, actor=self.actor
        )

    async def balances(self, accounts: Iterable[Account]) -> None:
        """Read the balances of accounts that decisions may read or touch, in one statement."""
        ids, loaded = self.account_ids, self.facts.loaded
        quantities = dict.fromkeys([account for account in accounts if account not in loaded], 0)
        if not quantities:
            return
        held: dict[tuple[UUID, UUID], list[Account]] = {}
        for account in quantities:
            held.setdefault((account.owner, account.custody), []).append(account)
        owners = list({owner for owner, _ in held})
        kinds = list({account.kind for account in quantities})
        journal = self.facts.journal
        for row in await driver.fetch(self.connection, _HEADS, journal, owners, kinds):
            owner, custody, kind, reason, account_id, balance = row
            for account in held.get((owner, custody), ()):
                if account.kind == kind and (account.reason or "") == reason:
                    ids[account] = account_id
                    quantities[account] = balance
        self.facts.book.open(quantities)
        loaded.update(quantities)

    async def open_debts(self, custodies: Iterable[UUID]) -> None:
        """Read what the institution owes (A5, above zero) in these custody accounts."""
        wanted = sorted(set(custodies))
        for custody in wanted:
            self.facts.debts.setdefault(custody, [])
        for row in await self.query(_OPEN_DEBTS, journal=self.facts.journal, custodies=wanted):
            account = account_of(row)
            self.account_ids[account] = row["account_id"]
            self.facts.book.open({account: row["balance_after"]})
            self.facts.loaded.add(account)
            self.facts.debts[account.custody].append(account)

    async def custody_totals(self, custodies: Iterable[UUID]) -> None:
        """Read the totals of custody accounts by account kind and reason."""
        self.facts.counting = True
        kinds, reasons = rollup_slots()
        found = await self.query(
            _TOTALS,
            journal=self.facts.journal,
            units=[str(custody) for custody in sorted(set(custodies))],
            kinds=kinds,
            reasons=reasons,
        )
        for row in found:
            key = (UUID(row["unit_id"]), AccountKind(row["kind"]), row["reason"])
            self.facts.totals[key] = row["balance"]

    async def restraints(self, targets: Iterable[UUID]) -> list[Record]:
        """Read the restraints in force on these institutions, custody accounts or enrolments."""
        source = rows.table_of(Restraint)
        wanted = rows.keyed(Restraint, self.facts.journal, targets, "target_id")
        return await self.read(Restraint, wanted.where(source.c.to_seq.is_(None)))


def account_of(row: Mapping[str, Any]) -> Account:
    """Make the ledger's account from a row of the account table."""
    return Account(
        kind=AccountKind(row["kind"]),
        owner=row["owner_id"],
        custody=row["custody_account_id"],
        reason=Reason(row["reason"]) if row["reason"] else None,
        institution=row["institution_id"],
    )


def business_now(clock: datetime, offset_us: int) -> datetime:
    """Business time: the database's clock plus the journal's offset."""
    return clock.astimezone(UTC) + timedelta(microseconds=offset_us)


def business_date(now: datetime, effective_on: date, closed_on: date | None) -> date:
    """The open business date: today in Shanghai, never before the last one or a closed one."""
    today = max(now.astimezone(SHANGHAI).date(), effective_on)
    return today if closed_on is None else max(today, closed_on + timedelta(days=1))


_REASONS_BY_KIND: Final[dict[AccountKind, tuple[str, ...]]] = {
    AccountKind.DUE_FROM_INSTITUTION: (
        "BANK_CHARGE",
        "CLAWBACK",
        "CHARGEBACK",
        "COURT_DEDUCTION",
        "CALLED",
        "LEGACY",
        "DIVERSION",
    ),
    AccountKind.DUE_FROM_BANK: ("ERROR_DEBIT", "FEE_DISPUTED", "FAILED_BANK"),
    AccountKind.CHANNEL_CLEARING: ("WECHAT", "ALIPAY", "UNIONPAY"),
    AccountKind.LESSON_UNITS_CONTRACTED: ("PAID", "GIFT"),
    AccountKind.LESSON_UNITS_GRANTED: ("PAID", "GIFT"),
    AccountKind.LESSON_UNITS_CONSUMED: ("PAID", "GIFT"),
}


ACTIVE_ENROLMENTS: Final = "ACTIVE_ENROLMENTS"
"""Kind of the roll-ups that count the enrolments with prepaid money: L1 above zero."""


def turned_active(account: Account, amount: int, after: int) -> int:
    """Tell by how much an entry changes the number of active enrolments: 1, 0 or -1."""
    if account.kind is not AccountKind.STUDENT_PREPAID:
        return 0
    return (after > 0) - (after > amount)


def rollup_slots() -> tuple[list[str], list[str]]:
    """Every (kind, reason) a roll-up can have, as two parallel lists."""
    kinds: list[str] = []
    reasons: list[str] = []
    for kind in AccountKind:
        for reason in _REASONS_BY_KIND.get(kind, ("",)):
            kinds.append(kind.value)
            reasons.append(reason)
    return kinds, reasons
