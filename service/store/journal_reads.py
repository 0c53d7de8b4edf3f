"""Sealed transactions read back as the ledger's own, set-based."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Unit
from ledger.money import Money
from ledger.transactions import Transaction, TransactionKind, Transfer
from service.store.unit import account_of

_SEALED: Final = text(
    "SELECT seq, kind, transfers, refs, reason FROM escrow.journal_transaction"
    " WHERE journal_id = :journal AND seq = ANY(:seqs) ORDER BY seq"
).bindparams(bindparam("seqs", type_=ARRAY(BigInteger)))

_ACCOUNTS: Final = text(
    "SELECT account_id, kind, owner_id, custody_account_id, reason, institution_id"
    " FROM escrow.account WHERE journal_id = :journal AND account_id = ANY(:accounts)"
).bindparams(bindparam("accounts", type_=ARRAY(BigInteger)))


async def transactions(
    connection: AsyncConnection, journal: int, seqs: Iterable[int]
) -> dict[int, Transaction]:
    """Return the transactions at these positions by seq, as they were posted."""
    found = await connection.execute(_SEALED, {"journal": journal, "seqs": sorted(set(seqs))})
    sealed = [dict(row) for row in found.mappings()]
    moves = {row["seq"]: json.loads(row["transfers"]) for row in sealed}
    used = {number for moved in moves.values() for move in moved for number in move[:2]}
    accounts = await _accounts(connection, journal, used)
    return {row["seq"]: _transaction(row, moves[row["seq"]], accounts) for row in sealed}


async def _accounts(
    connection: AsyncConnection, journal: int, used: set[int]
) -> dict[int, Account]:
    found = await connection.execute(_ACCOUNTS, {"journal": journal, "accounts": sorted(used)})
    return {row["account_id"]: account_of(dict(row)) for row in found.mappings()}


def _transaction(
    row: Mapping[str, Any], moves: list[list[int]], accounts: Mapping[int, Account]
) -> Transaction:
    return Transaction(
        TransactionKind(row["kind"]),
        tuple(
            Transfer(accounts[debit], accounts[credit], _amount(accounts[debit], quantity))
            for debit, credit, quantity in moves
        ),
        json.loads(row["refs"]),
        row["reason"],
    )


def _amount(account: Account, quantity: int) -> Money | int:
    return Money.from_fen(quantity) if account.unit is Unit.CNY else quantity
