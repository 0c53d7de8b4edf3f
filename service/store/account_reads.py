"""Single accounts read at a position: a balance, its entries, and a parent's statement (对账单).

An entry carries the balance after it, so a balance at any position is one index probe.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind, Reason
from service.store.facts import Record

_OWNER_PREFIX: Final[dict[AccountKind, str]] = {
    AccountKind.CUSTODY_BANK: "cus",
    AccountKind.RISK_DEPOSIT_BANK: "cus",
    AccountKind.CHANNEL_CLEARING: "ins",
    AccountKind.CASH_UNDEPOSITED: "ins",
    AccountKind.DUE_FROM_INSTITUTION: "ins",
    AccountKind.DUE_FROM_BANK: "bank",
    AccountKind.BANK_TRANSFER_IN_TRANSIT: "ord",
    AccountKind.INSTITUTION_PAYABLE: "ins",
    AccountKind.PAYOUT_IN_TRANSIT: "ord",
    AccountKind.REFUND_PAYABLE: "ord",
    AccountKind.REFUND_IN_TRANSIT: "ord",
    AccountKind.SUSPENSE_RECEIPT: "bke",
    AccountKind.RETURNED_REFUND_HELD: "ord",
    AccountKind.INTEREST_UNALLOCATED: "cus",
    AccountKind.RISK_DEPOSIT_HELD: "ins",
    AccountKind.BANK_ERROR_CREDIT: "bke",
    AccountKind.PORTING_IN_TRANSIT: "ord",
    AccountKind.INSTITUTION_OWN_FUNDS: "ins",
}
"""Whose id owns an account of a kind; of every kind not named here, an enrolment's."""

_ACCOUNT: Final = text(
    """
    SELECT account_id, kind, owner_id, custody_account_id, reason, institution_id
    FROM escrow.account
    WHERE journal_id = :journal AND kind = :kind AND owner_id = :owner
      AND (CAST(:custody AS uuid) IS NULL OR custody_account_id = CAST(:custody AS uuid))
      AND reason = :reason
    ORDER BY account_id
    """
)

_NUMBERED: Final = text(
    """
    SELECT account_id, kind, owner_id, custody_account_id, reason, institution_id
    FROM escrow.account WHERE journal_id = :journal AND account_id = ANY(:accounts)
    """
).bindparams(bindparam("accounts", type_=ARRAY(BigInteger)))

_OWNED: Final = text(
    """
    SELECT account_id, kind, owner_id, custody_account_id, reason, institution_id
    FROM escrow.account WHERE journal_id = :journal AND owner_id = :owner AND unit = 'CNY'
    ORDER BY account_id
    """
)

_BALANCES: Final = text(
    """
    SELECT given.account_id, last.balance_after
    FROM unnest(:accounts) AS given(account_id)
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = given.account_id
          AND entry.seq <= :seq
        ORDER BY entry.seq DESC LIMIT 1) AS last
    """
).bindparams(bindparam("accounts", type_=ARRAY(BigInteger)))

_ENTRIES: Final = text(
    """
    SELECT given.account_id, step.seq, step.amount, step.balance_after, sealed.kind,
           sealed.refs, sealed.reason, sealed.effective_on, sealed.recorded_at
    FROM unnest(:accounts) AS given(account_id)
    CROSS JOIN LATERAL (
        SELECT seq, amount, balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = given.account_id
          AND entry.seq > :after AND entry.seq <= :seq
        ORDER BY entry.seq LIMIT :limit) AS step
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = :journal AND sealed.seq = step.seq
    ORDER BY step.seq, given.account_id
    """
).bindparams(bindparam("accounts", type_=ARRAY(BigInteger)))


def owner_prefix(kind: AccountKind, reason: Reason | None) -> str:
    """Return the prefix of the public id that owns an account; "bank" for a bank's code."""
    if reason in {Reason.LEGACY, Reason.DIVERSION}:
        return "enr"
    return _OWNER_PREFIX.get(kind, "enr")


async def numbered(
    connection: AsyncConnection, journal: int, numbers: Sequence[int]
) -> dict[int, Record]:
    """Return the accounts in scope with these numbers, by number."""
    found = await connection.execute(
        _NUMBERED, {"journal": journal, "accounts": sorted(set(numbers))}
    )
    return {row["account_id"]: Record(row) for row in found.mappings()}


async def accounts(  # noqa: PLR0913 - the parts of an account's identity
    connection: AsyncConnection,
    journal: int,
    *,
    kind: AccountKind,
    owner: UUID,
    custody: UUID | None,
    reason: Reason | None,
) -> list[Record]:
    """Return the accounts in scope of this kind, owner and reason, one a custody account."""
    found = await connection.execute(
        _ACCOUNT,
        {
            "journal": journal,
            "kind": kind.value,
            "owner": owner,
            "custody": custody,
            "reason": "" if reason is None else reason.value,
        },
    )
    return [Record(row) for row in found.mappings()]


async def owned_by(connection: AsyncConnection, journal: int, owner: UUID) -> list[Record]:
    """Return the money accounts in scope that an enrolment, order or bank entry owns."""
    found = await connection.execute(_OWNED, {"journal": journal, "owner": owner})
    return [Record(row) for row in found.mappings()]


async def balances(
    connection: AsyncConnection, journal: int, numbers: Sequence[int], seq: int
) -> dict[int, int]:
    """Return the balances of accounts after position `seq`; those without an entry are zero."""
    found = await connection.execute(
        _BALANCES, {"journal": journal, "accounts": list(numbers), "seq": seq}
    )
    held = dict.fromkeys(numbers, 0)
    held.update({row.account_id: row.balance_after for row in found})
    return held


async def entries(  # noqa: PLR0913 - a page of several accounts at a position
    connection: AsyncConnection,
    journal: int,
    numbers: Sequence[int],
    *,
    after: int,
    seq: int,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    """Return entries of these accounts after `after` and up to `seq`, in order of sequence.

    At most `limit` of each account: cut to whole transactions, the first `limit` are complete.
    """
    found = await connection.execute(
        _ENTRIES,
        {
            "journal": journal,
            "accounts": list(numbers),
            "after": after,
            "seq": seq,
            "limit": limit,
        },
    )
    return [{**row, "refs": json.loads(row["refs"])} for row in found.mappings()]
