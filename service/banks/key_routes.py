"""Routes of banks' keys: asked for, approved by another person, revoked; and the service's own."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    BankKeyUnknown,
    BankUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    JurisdictionUnknown,
)
from service.banks import keys
from service.banks.key_schemas import (
    BankKeyIn,
    BankKeyList,
    BankKeyOut,
    RevokeIn,
    ServiceKeyList,
    ServiceKeyOut,
)
from service.identity import service_keys
from service.identity.algorithms import ED25519
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import bank_keys, reference
from service.store.context import Context
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.policy import policy, public
from service.web.problems import refusing
from service.web.signed import TAG

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEYED: Final = (IdempotencyKeyMissing, IdempotencyKeyReused)


@post(
    "/bank-keys",
    operation_id="registerBankKey",
    summary="Ask for a bank's key to be registered",
    opt=policy(Role.BANK, Role.OPERATOR, verb=Verb.ADMINISTER_KEYS),
    responses=refusing(*_KEYED, BankUnknown, JurisdictionUnknown, AlreadyExists),
    status_code=202,
)
async def register_bank_key(
    data: JSONBody[BankKeyIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for an operator, another than who asks; a bank asks by a key that it has already."""
    caller = command.caller
    if caller.bank not in (None, data.bank):
        raise BankUnknown(bank=data.bank)
    journal = await _journal_for(command.store, caller, data.jurisdiction)
    parent = None if caller.signature is None else caller.signature.kid
    asked = data.facts(command.new_id(), command.key.key if command.key else None, parent)
    outcome = await command.run(keys.REQUEST_REGISTER, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@get(
    "/bank-keys",
    operation_id="listBankKeys",
    summary="List banks' keys",
    opt=policy(Role.REGULATOR, Role.BANK, Role.OPERATOR, Role.AUDITOR, verb=Verb.READ_REGISTRY),
    responses=refusing(),
)
async def list_bank_keys(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    bank: Annotated[str | None, QueryParameter(max_length=16)] = None,
) -> BankKeyList:
    """List the keys in the caller's scope, revoked and expired ones too; a bank sees its own."""
    if caller.bank is not None and bank not in (None, caller.bank):
        return BankKeyList(items=[])
    async with store.reading(caller.context) as connection:
        found = await bank_keys.seen(connection, path=caller.path, bank=caller.bank or bank)
    return BankKeyList(items=[BankKeyOut.model_validate(keys.answer_of(row)) for row in found])


@get(
    "/bank-keys/{kid:str}",
    operation_id="getBankKey",
    summary="Read a bank's key",
    opt=policy(Role.REGULATOR, Role.BANK, Role.OPERATOR, Role.AUDITOR, verb=Verb.READ_REGISTRY),
    responses=refusing(BankKeyUnknown),
)
async def get_bank_key(
    kid: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> BankKeyOut:
    """Read a key in the caller's scope."""
    async with store.reading(caller.context) as connection:
        found = await bank_keys.seen(connection, path=caller.path, bank=caller.bank, kid=kid)
    if not found:
        raise BankKeyUnknown
    return BankKeyOut.model_validate(keys.answer_of(found[0]))


@post(
    "/bank-keys/{kid:str}/revoke",
    operation_id="revokeBankKey",
    summary="Revoke a bank's key at once",
    opt=policy(Role.BANK, Role.OPERATOR, verb=Verb.ADMINISTER_KEYS),
    responses=refusing(*_KEYED, BankKeyUnknown),
    status_code=200,
)
async def revoke_bank_key(
    kid: FromPath[str], data: JSONBody[RevokeIn], command: NamedDependency[Command]
) -> Response[BankKeyOut]:
    """Let nothing signed by it take effect any more, nor by keys whose registration it signed."""
    caller = command.caller
    async with command.store.reading(caller.context) as connection:
        found = await bank_keys.seen(connection, path=caller.path, bank=caller.bank, kid=kid)
    if not found or found[0].journal_id not in caller.journals:
        raise BankKeyUnknown
    at = _EPOCH + timedelta(milliseconds=command.at_ms)
    revoked = keys.RevokeKey(kid, caller.path, caller.bank, data.reason, at)
    outcome = await command.run(keys.REVOKE, [revoked], journal=found[0].journal_id)
    return command.answer(outcome, BankKeyOut, 200)


@get(
    "/keys",
    operation_id="listServiceKeys",
    summary="List the keys that answers to banks are signed with",
    opt=public(),
    responses=refusing(),
)
async def list_service_keys(
    request: Request[Any, Any, Any], store: NamedDependency[Store]
) -> ServiceKeyList:
    """List the service's own keys, those that signed before and those whose day is yet to come."""
    state = request.app.state
    async with store.reading(Context(())) as connection:
        found = {row.kid: row for row in await service_keys.published(connection)}
    told = {
        kid: ServiceKeyOut(
            kid=kid,
            algorithm=row.algorithm,
            public_key=base64.b64encode(row.public).decode("ascii"),
            signs_from=row.signs_from,
        )
        for kid, row in found.items()
    }
    for key in () if state.signing_keys is None else state.signing_keys.keys:
        told[key.kid] = ServiceKeyOut(
            kid=key.kid,
            algorithm=ED25519,
            public_key=base64.b64encode(key.public).decode("ascii"),
            signs_from=key.signs_from,
        )
    return ServiceKeyList(
        tag=TAG,
        authorities=sorted(state.doors.banks.authorities),
        items=sorted(told.values(), key=lambda key: (key.signs_from, key.kid)),
    )


async def _journal_for(store: Store, caller: Caller, code: str) -> int:
    """Return the journal that a key's registration is written in: the first of the jurisdiction.

    Raises `JurisdictionUnknown` for one outside the caller's scope.
    """
    async with store.reading(caller.context) as connection:
        node = await reference.jurisdiction(connection, code)
        if node is None or not reference.is_within(node.path, caller.path):
            raise JurisdictionUnknown(code=code)
        journal = await reference.journal_of(connection, node.path)
        below = await reference.journals_in(connection, node.path)
    found = journal if journal is not None else min(below, default=None)
    if found is None or found not in caller.journals:
        raise JurisdictionUnknown(code=code)
    return found
