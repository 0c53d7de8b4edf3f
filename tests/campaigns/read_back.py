"""The journal read back by position, as transactions of the ledger."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.accounts import Account, Unit
from ledger.money import Money
from ledger.transactions import Transaction, TransactionKind, Transfer
from service.store.context import Context
from service.verify.replay import account_of
from tests.campaigns.recorded import Posted

_ALL = text(
    "SELECT seq, kind, transfers, opened, refs, reason, idempotency_key, recorded_at"
    " FROM escrow.journal_transaction WHERE journal_id = :journal ORDER BY seq"
)


async def read_back(engine: AsyncEngine, journal: int) -> list[Posted]:
    """Read a whole journal in order of its positions."""
    async with engine.connect() as connection:
        await Context.writer(journal).enter(connection, statement_timeout="60s")
        rows = (await connection.execute(_ALL, {"journal": journal})).mappings().all()
    accounts: dict[int, Account] = {}
    return [_posted(dict(row), accounts) for row in rows]


def _posted(row: Mapping[str, Any], accounts: dict[int, Account]) -> Posted:
    for given in json.loads(row["opened"]):
        accounts[int(given["account_id"])] = account_of(given)
    moves = json.loads(row["transfers"])
    transfers = tuple(_transfer(accounts, *move) for move in moves)
    transaction = Transaction(
        TransactionKind(row["kind"]), transfers, json.loads(row["refs"]), row["reason"]
    )
    return Posted(row["seq"], transaction, row["idempotency_key"], row["recorded_at"])


def _transfer(accounts: dict[int, Account], debit: int, credit: int, quantity: int) -> Transfer:
    money = accounts[debit].unit is Unit.CNY
    return Transfer(
        accounts[debit], accounts[credit], Money.from_fen(quantity) if money else quantity
    )
