"""Routes of clients: their administrators add systems, give them secrets and keys, revoke both."""

from typing import Annotated, Any, Literal

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    ClientUnknown,
    DepartmentNotCompetent,
    DutiesApart,
    InstitutionUnknown,
    JurisdictionUnknown,
    WrongState,
)
from service.access import client_cases, client_rows, people_reads
from service.access import standing as standings
from service.access.administration import ADMINISTRATORS, awaited
from service.access.client_cases import AddClient, AddCredential, EndClient
from service.access.client_schemas import (
    ClientIn,
    ClientOut,
    ClientPage,
    CredentialOut,
    KeyIn,
    PeriodIn,
    SecretAwaitedOut,
)
from service.identity import clients, people
from service.identity.callers import Caller
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.problems import KEYED, refusing


@post(
    "/",
    operation_id="addClient",
    summary="Let a system of the own body in",
    opt=ADMINISTRATORS,
    responses={
        **refusing(
            *KEYED, JurisdictionUnknown, InstitutionUnknown, DepartmentNotCompetent, DutiesApart
        ),
        **awaited(ApprovalOut),
    },
)
async def add_client(
    data: JSONBody[ClientIn], command: NamedDependency[Command]
) -> Response[ClientOut]:
    """Add a client; it proves itself with the secrets and keys that are added to it."""
    caller = command.caller
    wanted, named = data.standing()
    async with command.store.reading(caller.context) as connection:
        standing, journal = await standings.place(connection, caller, wanted, named)
    adding = AddClient(
        journal=journal,
        client=command.new_id(),
        standing=standing,
        label=data.label,
        approval=_approval(command),
        key=_key(command),
    )
    outcome = await command.run(client_cases.ADD_CLIENT, [adding], journal=journal)
    if adding.approval is not None:
        return await awaiting(command, outcome, journal)  # type: ignore[return-value]
    return command.answer(outcome, ClientOut)


@post(
    "/{client_id:str}/secrets",
    operation_id="addClientSecret",
    summary="Make a secret for a client",
    opt=ADMINISTRATORS,
    responses={**refusing(*KEYED, ClientUnknown, WrongState), **awaited(SecretAwaitedOut)},
)
async def add_secret(
    client_id: FromPath[str], data: JSONBody[PeriodIn], command: NamedDependency[Command]
) -> Response[CredentialOut]:
    """Make 256 random bits, shown this once; secrets of before hold on until they end."""
    secret = clients.new_secret()
    response = await _add(command, client_id, data, digest=people.digest(secret))
    if not response.headers.get("Idempotency-Replayed") and not command.dry_run:
        shape = SecretAwaitedOut if response.status_code == 202 else CredentialOut  # noqa: PLR2004
        response.content = shape(**response.content.model_dump() | {"secret": secret})
    return response


@post(
    "/{client_id:str}/keys",
    operation_id="addClientKey",
    summary="Register a client's public key",
    opt=ADMINISTRATORS,
    responses={
        **refusing(*KEYED, ClientUnknown, WrongState, AlreadyExists),
        **awaited(ApprovalOut),
    },
)
async def add_key(
    client_id: FromPath[str], data: JSONBody[KeyIn], command: NamedDependency[Command]
) -> Response[CredentialOut]:
    """Register a key that signs the client's assertions; keys of before hold on until they end."""
    return await _add(command, client_id, data, public_key=data.public_key())


@post(
    "/{client_id:str}/credentials/{credential_id:str}/revoke",
    operation_id="revokeClientCredential",
    summary="Revoke a client's secret or key",
    opt=ADMINISTRATORS,
    responses=refusing(*KEYED, ClientUnknown, WrongState),
    status_code=200,
)
async def revoke_credential(
    client_id: FromPath[str], credential_id: FromPath[str], command: NamedDependency[Command]
) -> Response[ClientOut]:
    """Revoke one secret or key with every token got by it, at once."""
    _, credential = object_id("crd", credential_id, ClientUnknown)
    journal, client = _client(command, client_id)
    ending = EndClient(command.caller, journal, client, credential)
    outcome = await command.run(client_cases.END_CLIENT, [ending], journal=journal)
    return command.answer(outcome, ClientOut, 200)


@post(
    "/{client_id:str}/revoke",
    operation_id="revokeClient",
    summary="Take a system's access away",
    opt=ADMINISTRATORS,
    responses=refusing(*KEYED, ClientUnknown, WrongState),
    status_code=200,
)
async def revoke_client(
    client_id: FromPath[str], command: NamedDependency[Command]
) -> Response[ClientOut]:
    """Revoke a client for good, with every token of it, at once; one administrator suffices."""
    journal, client = _client(command, client_id)
    ending = EndClient(command.caller, journal, client)
    outcome = await command.run(client_cases.END_CLIENT, [ending], journal=journal)
    return command.answer(outcome, ClientOut, 200)


@get(
    "/",
    operation_id="listClients",
    summary="List systems of the own body",
    opt=ADMINISTRATORS,
    responses=refusing(),
)
async def list_clients(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    client_state: Annotated[
        Literal["PROPOSED", "ACTIVE", "REVOKED"] | None, QueryParameter(name="state")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ClientPage:
    """List the systems that the caller administers; an operator every one in scope."""
    bound = {"list": "clients", "state": client_state}
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await people_reads.clients(
                connection,
                caller,
                state=client_state,
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "client_id",
            bound,
        )
    return ClientPage(
        items=[ClientOut(**client_rows.answer_of(row.journal_id, row)) for row in found],
        next_cursor=after,
    )


@get(
    "/{client_id:str}",
    operation_id="getClient",
    summary="Read a system's access",
    opt=ADMINISTRATORS,
    responses=refusing(ClientUnknown),
)
async def get_client(
    client_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> ClientOut:
    """Read one client with its secrets (never themselves) and keys."""
    async with store.reading(caller.context) as connection:
        row = await people_reads.one_client(connection, caller, client_id)
        held = await client_rows.credentials_of(connection, row.journal_id, row.client_id)
    told: dict[str, Any] = client_rows.answer_of(row.journal_id, row)
    told["credentials"] = [client_rows.credential_answer_of(row.journal_id, one) for one in held]
    return ClientOut.model_validate(told)


async def _add(
    command: Command,
    client_id: str,
    data: PeriodIn,
    **credential: Any,  # noqa: ANN401
) -> Response[Any]:
    journal, client = _client(command, client_id)
    begins, ends = data.period(command.at_ms)
    adding = AddCredential(
        by=command.caller,
        journal=journal,
        client=client,
        credential=command.new_id(),
        not_before=begins,
        not_after=ends,
        approval=_approval(command),
        key=_key(command),
        **credential,
    )
    outcome = await command.run(client_cases.ADD_CREDENTIAL, [adding], journal=journal)
    if adding.approval is not None:
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, CredentialOut)


def _client(command: Command, client_id: str) -> tuple[int, Any]:
    journal, client = object_id("cli", client_id, ClientUnknown)
    if journal not in command.caller.journals:
        raise ClientUnknown
    return journal, client


def _approval(command: Command) -> Any:  # noqa: ANN401 - a UUID, for operators
    return command.new_id() if standings.needs_two(command.caller) else None


def _key(command: Command) -> str | None:
    return None if command.key is None else command.key.key


client_router = Router(
    "/v1/clients",
    route_handlers=[
        add_client,
        add_secret,
        add_key,
        revoke_credential,
        revoke_client,
        list_clients,
        get_client,
    ],
    tags=["access"],
)
