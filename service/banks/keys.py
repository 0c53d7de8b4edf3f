"""Use cases of banks' keys: registered by two people, revoked by one at once.

An operator asks for a registration, or the bank itself with a request signed by a key that it has
(rotation); another operator approves. Revoking takes one person, for it lets nobody in, and
revokes the keys as well whose registration the key signed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.refusals import AlreadyExists, BankKeyUnknown, BankUnknown, Refusal, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals, bank_keys, custodians
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.tables import BankKey
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class RegisterKey:
    """A key to register; `parent` is the bank's key that signed the request, if one did."""

    approval: UUID
    key: str | None
    kid: str
    bank: str
    jurisdiction: str
    algorithm: str
    public: bytes
    not_before: datetime
    not_after: datetime
    parent: str | None


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """A key to revoke, by somebody whose scope is `path`, or by its own bank."""

    kid: str
    path: str
    bank: str | None
    reason: str
    at: datetime


async def find_banks(
    connection: AsyncConnection, _caller: Context, commands: Sequence[RegisterKey]
) -> list[RegisterKey | Refusal]:
    """Find the banks in the registry."""
    known = {bank.code for bank in await custodians.banks(connection)}
    return [c if c.bank in known else BankUnknown(bank=c.bank) for c in commands]


async def load_request(unit: Unit, commands: Sequence[RegisterKey]) -> None:
    """Read whether the keys stand already."""
    await bank_keys.read(unit, (command.kid for command in commands))


def decide_request(facts: Facts, command: RegisterKey) -> Decision:
    """Ask for a key to be registered. Raises `AlreadyExists`: a key is registered once."""
    if facts.get(BankKey, command.kid) is not None:
        raise AlreadyExists(kid=command.kid)
    payload = {
        "kid": command.kid,
        "bank": command.bank,
        "jurisdiction": command.jurisdiction,
        "algorithm": command.algorithm,
        "public_key": command.public.hex(),
        "not_before": command.not_before.isoformat(),
        "not_after": command.not_after.isoformat(),
        "parent_kid": command.parent,
        "registered_by": facts.moment.actor,
        "approval": str(command.approval),
    }
    return approvals.requested(
        facts, REGISTER, Wanted(command.approval, payload, None, command.key)
    )


async def load_register(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read the keys, and the ones that signed the requests, which must stay as they are."""
    wanted = {name for p in payloads for name in (p["kid"], p["parent_kid"]) if name is not None}
    await bank_keys.read(unit, wanted)


def decide_register(facts: Facts, payload: Payload) -> Decision:
    """Register a key as it was seen.

    Raises `AlreadyExists`, and `WrongState` when the key that signed was revoked meanwhile.
    """
    kid = payload["kid"]
    if facts.get(BankKey, kid) is not None:
        raise AlreadyExists(kid=kid)
    parent = None if payload["parent_kid"] is None else facts.get(BankKey, payload["parent_kid"])
    if parent is not None and parent.revoked_at is not None:
        raise WrongState(object="bank_key", state="REVOKED")
    row = {
        "kid": kid,
        "journal_id": facts.journal,
        "bank_code": payload["bank"],
        "jurisdiction_code": payload["jurisdiction"],
        "algorithm": payload["algorithm"],
        "public": bytes.fromhex(payload["public_key"]),
        "parent_kid": payload["parent_kid"],
        "not_before": datetime.fromisoformat(payload["not_before"]),
        "not_after": datetime.fromisoformat(payload["not_after"]),
        "registered_by": payload["registered_by"],
        "approved_by": facts.moment.actor,
        "approval_id": UUID(payload["approval"]),
        "revoked_at": None,
        "revoked_by": None,
        "revoked_for": None,
    }
    return Decision(
        answer=answer_of(Record(row)),
        transactions=(_noted(TransactionKind.BANK_KEY_REGISTERED, row),),
        changes=(Insert(BankKey, row),),
    )


REGISTER: Final = approvals.approvable(
    Approvable(
        "register_bank_key",
        frozenset({"operator"}),
        load_register,
        decide_register,
        kind=ActKind.KEY,
        title=("登记银行密钥", "Register a bank's key"),
    )
)
REQUEST_REGISTER = UseCase("request_register_bank_key", find_banks, load_request, decide_request)


async def find_keys(
    connection: AsyncConnection, _caller: Context, commands: Sequence[RevokeKey]
) -> list[RevokeKey | Refusal]:
    """Find the keys in the caller's scope; a bank sees its own."""
    found = [
        await bank_keys.seen(connection, path=c.path, bank=c.bank, kid=c.kid) for c in commands
    ]
    return [c if rows else BankKeyUnknown() for c, rows in zip(commands, found, strict=True)]


async def load_keys(unit: Unit, commands: Sequence[RevokeKey]) -> None:
    """Wait for whoever relies on the keys, and lock them with those that hang on them."""
    await bank_keys.lock_families(unit, (command.kid for command in commands))


def decide_revoke(facts: Facts, command: RevokeKey) -> Decision:
    """Revoke a key and all that hang on it, from this moment; a second time changes nothing."""
    key = facts.get(BankKey, command.kid)
    assert key is not None, "the key was found and locked"
    if key.revoked_at is not None:
        return Decision(answer=answer_of(key), duplicate=True)
    values = {
        "revoked_at": command.at,
        "revoked_by": facts.moment.actor,
        "revoked_for": command.reason,
    }
    family = [row for row in _family(facts, key) if row.revoked_at is None]
    return Decision(
        answer=answer_of(Record({**key, **values})),
        transactions=tuple(
            _noted(TransactionKind.BANK_KEY_REVOKED, row, command.reason) for row in family
        ),
        changes=tuple(Update(BankKey, (row.kid,), values) for row in family),
    )


REVOKE = UseCase("revoke_bank_key", find_keys, load_keys, decide_revoke)


def answer_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of a key."""
    return {
        "kid": row["kid"],
        "bank": row["bank_code"],
        "jurisdiction": row["jurisdiction_code"],
        "algorithm": row["algorithm"],
        "public_key": bytes(row["public"]).hex(),
        "parent_kid": row["parent_kid"],
        "not_before": row["not_before"].isoformat(),
        "not_after": row["not_after"].isoformat(),
        "registered_by": row["registered_by"],
        "approved_by": row["approved_by"],
        "revoked_at": None if row["revoked_at"] is None else row["revoked_at"].isoformat(),
        "revoked_by": row["revoked_by"],
        "revoked_for": row["revoked_for"],
    }


def _family(facts: Facts, key: Record) -> Iterator[Record]:
    yield key
    for child in facts.each_by(BankKey, "parent_kid", key.kid):
        yield from _family(facts, child)


def _noted(kind: TransactionKind, row: Mapping[str, Any], reason: str | None = None) -> Transaction:
    references = {
        "bank_key": row["kid"],
        "bank": row["bank_code"],
        "jurisdiction": row["jurisdiction_code"],
    }
    return Transaction(kind, references=references, reason=reason)
