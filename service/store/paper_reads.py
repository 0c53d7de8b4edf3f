"""What papers and packs read beside their own object: who, where, and every line of an enrolment.

A paper's object is looked up with the caller's own eyes; what must stand on it beside (the bank
entry behind a receipt, the orders behind a refund) is then read for the whole journal.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows, vault_rows
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import BankNarrative, Party, PlanShare
from service.store.transact import READ_TIMEOUT

OWNERS: Final = """
    SELECT enrolment_id AS owner_id, enrolment_id FROM escrow.enrolment
    WHERE journal_id = :journal AND {enrolment}
    UNION ALL
    SELECT refund_id, enrolment_id FROM escrow.refund WHERE journal_id = :journal AND {refund}
    UNION ALL
    SELECT paid.order_id, refund.enrolment_id FROM escrow.refund
    JOIN escrow.payment_order AS paid
      ON paid.journal_id = :journal AND paid.refund_id = refund.refund_id
    WHERE refund.journal_id = :journal AND refund.{refund}
    UNION ALL
    SELECT entitlement_id, enrolment_id FROM escrow.entitlement
    WHERE journal_id = :journal AND {entitlement}
    UNION ALL
    SELECT porting_id, enrolment_id FROM escrow.porting
    WHERE journal_id = :journal AND {porting}
    """
"""Owners of accounts that hold an enrolment's money: itself, refunds, their orders, and so on."""

_ONE = "institution_id = :institution AND enrolment_id = :enrolment"

_LINES: Final = text(
    f"""
    WITH owner AS MATERIALIZED (
        {
        OWNERS.format(
            enrolment="enrolment_id = :enrolment",
            refund="enrolment_id = :enrolment",
            entitlement=_ONE,
            porting=_ONE,
        )
    })
    SELECT account.account_id, account.kind AS account_kind, account.reason AS account_reason,
           account.unit, entry.seq, entry.amount, entry.balance_after, sealed.kind,
           sealed.reason, sealed.refs, sealed.effective_on
    FROM owner
    JOIN escrow.account AS account
      ON account.journal_id = :journal AND account.owner_id = owner.owner_id
    JOIN escrow.entry AS entry
      ON entry.journal_id = :journal AND entry.account_id = account.account_id
     AND entry.seq <= :seq
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = :journal AND sealed.seq = entry.seq
    ORDER BY entry.seq, account.account_id
    """  # noqa: S608 - our own text
)

_NARRATIVES: Final = text(
    "SELECT bank_entry_id, payer_name, payer_account, purpose, sealed, wrapped_key"
    " FROM pii.bank_narrative"
    " WHERE journal_id = :journal AND bank_entry_id = ANY(:entries)"
).bindparams(bindparam("entries", type_=ARRAY(Uuid)))

_HASH: Final = text(
    "SELECT hash FROM escrow.journal_position WHERE journal_id = :journal AND seq = :seq"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry on an account that holds an enrolment's money, and the transaction behind it."""

    seq: int
    account: int
    account_kind: str
    account_reason: str
    unit: str
    amount: int
    balance: int
    kind: str
    reason: str | None
    refs: dict[str, str]
    effective_on: Any


async def widen(connection: AsyncConnection, journal: int) -> None:
    """See the whole journal from here on; only after the caller was seen to see the object."""
    await Context((journal,)).enter(connection, statement_timeout=READ_TIMEOUT)


async def narrow(connection: AsyncConnection, caller: Context) -> None:
    """See with the caller's eyes again."""
    await caller.enter(connection, statement_timeout=READ_TIMEOUT)


async def lines_of(
    connection: AsyncConnection, journal: int, enrolment: Record, seq: int
) -> list[Line]:
    """Return every entry of an enrolment's accounts up to a position, in order of sequence."""
    found = await connection.execute(
        _LINES,
        {
            "journal": journal,
            "institution": enrolment.institution_id,
            "enrolment": enrolment.enrolment_id,
            "seq": seq,
        },
    )
    return [
        Line(
            seq=row.seq,
            account=row.account_id,
            account_kind=row.account_kind,
            account_reason=row.account_reason,
            unit=row.unit,
            amount=row.amount,
            balance=row.balance_after,
            kind=row.kind,
            reason=row.reason,
            refs=json.loads(row.refs),
            effective_on=row.effective_on,
        )
        for row in found
    ]


async def keyed(
    connection: AsyncConnection, table: type[Any], journal: int, keys: Iterable[UUID | None]
) -> dict[UUID, Record]:
    """Return rows by key, for whoever the connection sees with now; None is no key."""
    wanted = {key for key in keys if key is not None}
    if not wanted:
        return {}
    name = rows.key_columns(table)[0]
    statement = rows.keyed(table, journal, wanted, name)
    found = await rows.fetch_opened(connection, table, statement)
    return {row[name]: Record(row) for row in found}


async def listed(
    connection: AsyncConnection, table: type[Any], journal: int, column: str, value: UUID
) -> Sequence[Record]:
    """Return the rows with one value of a column, in order of key."""
    statement = rows.keyed(table, journal, [value], column)
    found = await rows.fetch_opened(connection, table, statement)
    return [Record(row) for row in found]


async def parties(
    connection: AsyncConnection, journal: int, wanted: Iterable[UUID | None]
) -> dict[UUID, Record]:
    """Return the parties of these ids, with their names."""
    return await keyed(connection, Party, journal, wanted)


async def payers(
    connection: AsyncConnection, journal: int, entries: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return what the bank told of the payers of these entries."""
    found = await connection.execute(
        _NARRATIVES, {"journal": journal, "entries": sorted(set(entries))}
    )
    told = vault_rows.opened(connection, BankNarrative, [dict(row) for row in found.mappings()])
    return {row["bank_entry_id"]: Record(row) for row in told}


async def shares_of(
    connection: AsyncConnection, journal: int, plans: Iterable[UUID], number: int
) -> dict[UUID, Record]:
    """Return what each of these plans gives one register number, by plan."""
    source = rows.table_of(PlanShare)
    wanted = rows.keyed(PlanShare, journal, plans, "plan_id")
    found = await rows.fetch(connection, wanted.where(source.c.register_number == number))
    return {row["plan_id"]: Record(row) for row in found}


async def sealed_hash(connection: AsyncConnection, journal: int, seq: int) -> str:
    """Return the hash of the transaction at a position as hex; nothing before the first."""
    found: bytes | None = await connection.scalar(_HASH, {"journal": journal, "seq": seq})
    return "" if found is None else found.hex()
