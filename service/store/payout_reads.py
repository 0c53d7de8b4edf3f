"""Payment orders as they are read: pages in scope, the payees a bank needs, and what is due."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, Text, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import CustodyAccount, Party, PaymentOrder

_EARNED: Final = text(
    """
    SELECT account.custody_account_id
    FROM escrow.custody_account AS account
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = :journal AND rollup.unit_type = 'CUSTODY_ACCOUNT'
          AND rollup.unit_id = account.custody_account_id::text
          AND rollup.kind = 'INSTITUTION_PAYABLE' AND rollup.reason = ''
        ORDER BY rollup.seq DESC LIMIT 1) AS earned
    WHERE account.journal_id = :journal AND account.purpose = 'CUSTODY'
      AND account.state = 'ACTIVE' AND earned.balance > 0
      AND (:cadence IS NULL OR EXISTS (
            SELECT 1 FROM escrow.agreement AS signed
            WHERE signed.journal_id = :journal AND signed.institution_id = account.institution_id
              AND signed.bank_code = account.bank_code AND signed.settlement_cadence = :cadence
              AND signed.valid_from <= :on AND (signed.valid_to IS NULL OR signed.valid_to >= :on)))
    ORDER BY account.custody_account_id LIMIT :most
    """
).bindparams(bindparam("cadence", type_=Text), bindparam("on", type_=Date))


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What a list of orders is narrowed to."""

    institution: UUID | None = None
    custody_account: UUID | None = None
    state: str | None = None
    kind: str | None = None


async def orders(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return the orders of these ids that the caller sees, by id."""
    statement = rows.keyed(PaymentOrder, journal, wanted, "order_id")
    found = await rows.fetch(connection, in_departments(statement, PaymentOrder, caller))
    return {row["order_id"]: Record(row) for row in found}


async def page(
    connection: AsyncConnection,
    caller: Context,
    narrowed: OrderFilter,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's orders after a key, in order of journal and id."""
    source = rows.table_of(PaymentOrder)
    statement = in_departments(select(source), PaymentOrder, caller)
    for column, value in (
        (source.c.institution_id, narrowed.institution),
        (source.c.custody_account_id, narrowed.custody_account),
        (source.c.state, narrowed.state),
        (source.c.kind, narrowed.kind),
    ):
        if value is not None:
            statement = statement.where(column == value)
    statement = rows_after(statement, PaymentOrder, after, limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def new_orders(
    connection: AsyncConnection, journal: int, bank: str, limit: int
) -> Sequence[UUID]:
    """Return the ids of a bank's orders that it has not fetched yet, oldest first."""
    source = rows.table_of(PaymentOrder)
    statement = (
        select(source.c.order_id)
        .where(
            source.c.journal_id == journal,
            source.c.bank_code == bank,
            source.c.state == "NEW",
        )
        .order_by(source.c.order_id)
        .limit(limit)
    )
    return list((await connection.scalars(statement)).all())


async def payees(
    connection: AsyncConnection, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Mapping[str, Any]]:
    """Return who the orders of these ids pay, as far as the caller sees: name, account, bank."""
    order, party = rows.table_of(PaymentOrder), rows.table_of(Party)
    statement = (
        select(order.c.order_id, *party.c)
        .join(
            party,
            (party.c.journal_id == order.c.journal_id)
            & (party.c.party_id == order.c.payee_party_id),
        )
        .where(order.c.journal_id == journal, order.c.order_id.in_(sorted(set(wanted))))
    )
    found = await rows.fetch_opened(connection, Party, statement)
    return {row["order_id"]: row for row in found}


async def target_accounts(
    connection: AsyncConnection, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Mapping[str, Any]]:
    """Return whom transfers to these custody accounts pay: name, account, bank.

    Read for a caller who sees the orders; the accounts may be at another bank.
    """
    statement = rows.keyed(CustodyAccount, journal, wanted, "custody_account_id")
    return {
        row["custody_account_id"]: {
            "name": row["account_name"],
            "account_number": row["account_number"],
            "bank_name": row["bank_code"],
        }
        for row in await rows.fetch(connection, statement)
    }


async def custody_accounts(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return the custody accounts of these ids that the caller sees, by id."""
    statement = rows.keyed(CustodyAccount, journal, wanted, "custody_account_id")
    found = await rows.fetch(connection, in_departments(statement, CustodyAccount, caller))
    return {row["custody_account_id"]: Record(row) for row in found}


async def earned_accounts(
    connection: AsyncConnection, journal: int, *, cadence: str | None, on: date, most: int
) -> Sequence[UUID]:
    """Return the custody accounts with earned money, of agreements with this cadence if given."""
    found = await connection.scalars(
        _EARNED, {"journal": journal, "cadence": cadence, "on": on, "most": most}
    )
    return list(found.all())
