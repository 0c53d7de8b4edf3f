"""Clients as rows: read in scope, told of, never with a secret."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import ClientUnknown, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.access import endings
from service.access import standing as standings
from service.store import ids, rows
from service.store.facts import Facts, Record
from service.store.tables import Client, ClientCredential


async def seen(
    connection: AsyncConnection, journal: int, wanted: Sequence[UUID]
) -> dict[UUID, Record]:
    """Return the clients of these ids that the caller sees, by id."""
    statement = rows.keyed(Client, journal, wanted, "client_id")
    return {row["client_id"]: Record(row) for row in await rows.fetch(connection, statement)}


async def credentials_of(
    connection: AsyncConnection, journal: int, client: UUID
) -> Sequence[Record]:
    """Return a client's secrets and keys, oldest first."""
    source = rows.table_of(ClientCredential)
    statement = select(source).where(source.c.journal_id == journal, source.c.client_id == client)
    found = await rows.fetch(connection, statement.order_by(source.c.credential_id))
    return [Record(row) for row in found]


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a client."""
    return {
        "id": row.caller_id,
        **standings.standing_of(row).said(journal),
        "label": row.label,
        "state": row.state,
        "added_by": row.added_by,
        "added_at": row.added_at.isoformat(),
        "revoked_at": endings.written(row.revoked_at),
    }


def credential_answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a secret or key, never the secret."""
    return {
        "id": ids.public("crd", journal, row.credential_id),
        "client_id": ids.public("cli", journal, row.client_id),
        "kind": row.kind,
        "algorithm": row.algorithm,
        "kid": row.kid,
        "state": row.state,
        "not_before": row.not_before.isoformat(),
        "not_after": row.not_after.isoformat(),
        "added_by": row.added_by,
        "revoked_at": endings.written(row.revoked_at),
    }


def locked(facts: Facts, wanted: UUID, *states: str) -> Record:
    """Return a locked client; raises `WrongState` in any other state."""
    client = facts.get(Client, wanted)
    assert client is not None, "the client was locked"
    if client.state not in states:
        raise WrongState(object="client", state=client.state)
    return client


def credential(facts: Facts, client: Record, wanted: UUID) -> Record:
    """Return a locked secret or key of a client; raises `ClientUnknown`."""
    found = facts.get(ClientCredential, wanted)
    if found is None or found.client_id != client.client_id:
        raise ClientUnknown
    return found


def noted(kind: TransactionKind, client: Record) -> Transaction:
    """Say in the journal what became of a client."""
    return Transaction(kind, references={"client": client.caller_id, "role": client.role})
