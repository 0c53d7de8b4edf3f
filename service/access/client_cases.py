"""Use cases of systems: clients, their secrets and keys, and the end of each.

A secret or key is added beside the one before, so that a client goes over from one to the other
while both hold; revoked, it takes the tokens got with it along at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.refusals import AlreadyExists, ClientUnknown, Refusal, RequestInvalid, WrongState
from ledger.transactions import TransactionKind
from service.access import client_rows, endings
from service.access import standing as standings
from service.access.standing import Standing
from service.identity.assertions import PublicKey
from service.identity.callers import Caller
from service.store import approvals, ids
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import Client, ClientCredential
from service.store.transact import UseCase
from service.store.unit import Unit

LIVE_MAX: Final = 10
"""Secrets and keys of a client that are not revoked and have not ended."""


@dataclass(frozen=True, slots=True)
class AddClient:
    """A system to add; `approval` and `key` are the maker's where a second person approves."""

    journal: int
    client: UUID
    standing: Standing
    label: str
    approval: UUID | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class AddCredential:
    """A secret (its digest) or a public key of a client, and from when to when it holds."""

    by: Caller
    journal: int
    client: UUID
    credential: UUID
    not_before: datetime
    not_after: datetime
    digest: bytes | None = None
    public_key: PublicKey | None = None
    approval: UUID | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class EndClient:
    """Revoke a client, or one secret or key of it."""

    by: Caller
    journal: int
    client: UUID
    credential: UUID | None = None


async def find_new(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[AddClient]
) -> list[AddClient | Refusal]:
    """Refuse duties that no system has; the scope was checked at the edge."""
    found: list[AddClient | Refusal] = []
    for command in commands:
        try:
            standings.require_duties(command.standing, system=True)
        except Refusal as refusal:
            found.append(refusal)
        else:
            found.append(command)
    return found


async def load_nothing(unit: Unit, _commands: Sequence[AddClient]) -> None:
    """Need nothing but the time."""
    await endings.read_clock(unit)


def decide_add(facts: Facts, command: AddClient) -> Decision:
    """Add a client: at once, or once a second operator approves."""
    waits = command.approval is not None
    row = {
        "client_id": command.client,
        "caller_id": ids.public("cli", facts.journal, command.client),
        **command.standing.columns(),
        "label": command.label,
        "state": "PROPOSED" if waits else "ACTIVE",
        "added_by": facts.moment.actor,
        "added_at": facts.moment.now,
        "revoked_at": None,
        "seq": facts.moment.next_seq,
    }
    if command.approval is not None:
        said = command.standing.said(facts.journal)
        payload = {"client_id": row["caller_id"], **said, "label": command.label}
        wanted = Wanted(command.approval, payload, command.standing.institution, command.key)
        return endings.together(approvals.requested(facts, ADD, wanted), [Insert(Client, row)])
    return Decision(
        answer=client_rows.answer_of(facts.journal, Record(row)),
        transactions=(client_rows.noted(TransactionKind.CLIENT_ADDED, Record(row)),),
        changes=(Insert(Client, row),),
    )


async def find_client(
    connection: AsyncConnection, _caller: Context, commands: Sequence[AddCredential | EndClient]
) -> list[Any]:
    """Find the clients in the caller's scope that are the caller's to administer."""
    known = await client_rows.seen(connection, commands[0].journal, [c.client for c in commands])
    found: list[AddCredential | EndClient | Refusal] = []
    for command in commands:
        row = known.get(command.client)
        if row is None:
            found.append(ClientUnknown())
            continue
        try:
            await standings.require_administers(connection, command.by, row, ClientUnknown)
        except Refusal as refusal:
            found.append(refusal)
        else:
            found.append(command)
    return found


async def load_client(unit: Unit, found: Sequence[AddCredential | EndClient]) -> None:
    """Lock the clients with their credentials and live tokens."""
    await _load(unit, {command.client for command in found})


async def load_payloads(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the clients that approvals name."""
    await _load(unit, {ids.parse("cli", payload["client_id"])[1] for payload in payloads})


def decide_credential(facts: Facts, command: AddCredential) -> Decision:
    """Add a secret or key: at once, or once a second operator approves.

    Raises `WrongState`, `AlreadyExists` for a key id there is, `RequestInvalid` for too many.
    """
    client = client_rows.locked(facts, command.client, "ACTIVE")
    held = list(facts.each_by(ClientCredential, "client_id", client.client_id))
    now = facts.extra["machine_now"]
    if sum(1 for one in held if one.state != "REVOKED" and one.not_after > now) >= LIVE_MAX:
        raise RequestInvalid(reason="too_many_credentials", most=LIVE_MAX)
    key = command.public_key
    if key is not None and any(one.kid == key.kid for one in held):
        raise AlreadyExists(kid=key.kid)
    row = _credential_row(facts, command, client)
    if command.approval is None:
        return _credential_decided(facts, client, Record(row), (Insert(ClientCredential, row),))
    payload = {
        "client_id": client.caller_id,
        "credential_id": ids.public("crd", facts.journal, command.credential),
        "kind": row["kind"],
        "kid": row["kid"],
        "algorithm": row["algorithm"],
        "until": command.not_after.isoformat(),
    }
    wanted = Wanted(command.approval, payload, client.institution_id, command.key)
    asked = approvals.requested(facts, CREDENTIAL, wanted)
    return endings.together(asked, [Insert(ClientCredential, row)])


def decide_client_approved(facts: Facts, payload: Payload) -> Decision:
    """Let a client in whom two operators want; raises `WrongState`."""
    client = client_rows.locked(facts, ids.parse("cli", payload["client_id"])[1], "PROPOSED")
    values = {"state": "ACTIVE"}
    row = Record({**client, **values})
    return Decision(
        answer=client_rows.answer_of(facts.journal, row),
        transactions=(client_rows.noted(TransactionKind.CLIENT_ADDED, row),),
        changes=(Update(Client, (client.client_id,), values),),
    )


def decide_credential_approved(facts: Facts, payload: Payload) -> Decision:
    """Let a secret or key hold that two operators want; raises `WrongState`."""
    client = client_rows.locked(facts, ids.parse("cli", payload["client_id"])[1], "ACTIVE")
    credential = client_rows.credential(
        facts, client, ids.parse("crd", payload["credential_id"])[1]
    )
    if credential.state != "PROPOSED":
        raise WrongState(object="credential", state=credential.state)
    values = {"state": "ACTIVE"}
    change = Update(ClientCredential, (credential.credential_id,), values)
    return _credential_decided(facts, client, Record({**credential, **values}), (change,))


def decide_end(facts: Facts, command: EndClient) -> Decision:
    """Revoke a client or one credential, with every token got by it, at once.

    Raises `WrongState` for a client revoked before and `ClientUnknown` for no such credential.
    """
    client = client_rows.locked(facts, command.client, "PROPOSED", "ACTIVE")
    values = {"state": "REVOKED", "revoked_at": facts.extra["machine_now"]}
    if command.credential is not None:
        credential = client_rows.credential(facts, client, command.credential)
        if credential.state == "REVOKED":
            raise WrongState(object="credential", state=credential.state)
        kind = TransactionKind.CLIENT_CREDENTIAL_REVOKED
        changes: tuple[Change, ...] = (
            Update(ClientCredential, (credential.credential_id,), values),
            *endings.tokens_ended(facts, client, credential=credential.credential_id),
        )
        row = client
    else:
        kind, row = TransactionKind.CLIENT_REVOKED, Record({**client, **values})
        changes = (
            Update(Client, (client.client_id,), values),
            *endings.tokens_ended(facts, client),
        )
    return Decision(
        answer=client_rows.answer_of(facts.journal, row),
        transactions=(client_rows.noted(kind, row),),
        changes=changes,
    )


ADD: Final = approvals.approvable(
    Approvable(
        "add_client",
        standings.OPERATORS,
        load_payloads,
        decide_client_approved,
        kind=ActKind.CALLER,
        title=("新增系统客户端", "Add a client"),
    )
)
CREDENTIAL: Final = approvals.approvable(
    Approvable(
        "add_client_credential",
        standings.OPERATORS,
        load_payloads,
        decide_credential_approved,
        kind=ActKind.KEY,
        title=("新增客户端密钥", "Add a client's secret or key"),
    )
)

ADD_CLIENT = UseCase("add_client", find_new, load_nothing, decide_add)
ADD_CREDENTIAL = UseCase("add_client_credential", find_client, load_client, decide_credential)
END_CLIENT = UseCase("revoke_client", find_client, load_client, decide_end)


async def _load(unit: Unit, clients: set[UUID]) -> None:
    await endings.read_clock(unit)
    locked = await unit.lock(Client, clients)
    await unit.lock(ClientCredential, clients, column="client_id")
    await endings.load_tokens(unit, [client.caller_id for client in locked])


def _credential_row(facts: Facts, command: AddCredential, client: Record) -> dict[str, Any]:
    key = command.public_key
    return {
        "credential_id": command.credential,
        "client_id": client.client_id,
        "kind": "SECRET" if key is None else "KEY",
        "digest": command.digest,
        "algorithm": None if key is None else key.algorithm,
        "kid": None if key is None else key.kid,
        "public_key": None if key is None else key.written,
        "state": "ACTIVE" if command.approval is None else "PROPOSED",
        "not_before": command.not_before,
        "not_after": command.not_after,
        "added_by": facts.moment.actor,
        "added_at": facts.moment.now,
        "revoked_at": None,
        "seq": facts.moment.next_seq,
    }


def _credential_decided(
    facts: Facts, client: Record, credential: Record, changes: tuple[Change, ...]
) -> Decision:
    noted = client_rows.noted(TransactionKind.CLIENT_CREDENTIAL_ADDED, client)
    return Decision(
        answer=client_rows.credential_answer_of(facts.journal, credential),
        transactions=(noted,),
        changes=changes,
    )
