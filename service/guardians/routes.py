"""Routes of links: a parent asks, grants on and ends; institution or operator confirms."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    ContractNotProved,
    GuardianLinkUnknown,
    PersonUnknown,
    RateLimited,
    WrongState,
)
from service.guardians import ask, use_cases
from service.guardians.login_routes import person_of
from service.guardians.schemas import (
    ContractProofIn,
    GrantIn,
    GuardianLinkOut,
    GuardianLinkPage,
    LinkState,
)
from service.identity import one_time_codes, parents
from service.identity.callers import Caller, Role
from service.identity.senders import Outbox, Template, Text
from service.identity.verbs import Verb
from service.store import guardian_links, payment_codes, registry
from service.store.facts import Record
from service.store.tables import GuardianLink
from service.store.transact import Store
from service.store.vault_rows import vault_of
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

READERS = (Role.PARENT, Role.INSTITUTION, Role.REGULATOR, Role.OPERATOR, Role.AUDITOR)
CONFIRMERS = (Role.INSTITUTION, Role.OPERATOR)


@get(
    "/",
    operation_id="listGuardianLinks",
    summary="List links between parents and guardians",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(),
)
async def list_guardian_links(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    link_state: Annotated[LinkState | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> GuardianLinkPage:
    """List the links in the caller's scope.

    A parent sees their own, and everybody else's to the guardians that are theirs.
    """
    bound = {"state": link_state}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            GuardianLink,
            equal=bound,
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
        shown, following = cut(found, limit, "link_id", bound)
        masks = await parents.masks(connection, [row.parent_id for row in shown])
    return GuardianLinkPage(items=_told(shown, masks), next_cursor=following)


@post(
    "/",
    operation_id="proveContract",
    summary="Link oneself to a contract by what is printed on it",
    opt={**policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA), "secret_body": True},
    responses=refusing(*KEYED, RateLimited, PersonUnknown, ContractNotProved),
)
async def prove_contract(
    data: JSONBody[ContractProofIn],
    command: NamedDependency[Command],
    request: Request[Any, Any, Any],
) -> Response[GuardianLinkOut]:
    """Stand at once where the contract names the phone just proved, else wait to be confirmed.

    The phone on the contract is told. Whatever does not fit, the answer is the same; tries are few.
    """
    parent, engine = person_of(command.caller), request.app.state.engine
    vault = vault_of(engine)
    code = payment_codes.found_in(data.payment_code) or ""
    await ask.spend(engine, parent=parent, code_index=vault.blind("id_number", code))
    name_index = vault.blind("name", data.student_name)
    contract = await ask.contract_of(
        command.store, use_cases.Proof(data.contract_number, code, name_index)
    )
    proved = await parents.phone_of(engine, parent)
    asking = use_cases.AskByContract(
        contract.journal_id,
        command.new_id(),
        parent,
        contract.enrolment_id,
        proved.phone_index,
        name_index,
    )
    said = data.contract_number.encode() + code.encode() + name_index
    outcome = await _keyed(command, said).run(
        use_cases.ASK_BY_CONTRACT, [asking], journal=contract.journal_id
    )
    return command.answer(outcome, GuardianLinkOut)


@post(
    "/{link_id:str}/confirm",
    operation_id="confirmGuardianLink",
    summary="Confirm a parent who proved the contract from another phone",
    opt=policy(*CONFIRMERS, verb=Verb.KEEP_GUARDIANS),
    responses=refusing(*KEYED, GuardianLinkUnknown, WrongState),
    status_code=200,
)
async def confirm_guardian_link(
    link_id: FromPath[str], command: NamedDependency[Command]
) -> Response[GuardianLinkOut]:
    """Let the link stand, after asking the family; it changes no payee for 72 hours."""
    return await _ruled(link_id, command, confirmed=True)


@post(
    "/{link_id:str}/decline",
    operation_id="declineGuardianLink",
    summary="Decline a parent who is not the contract's guardian",
    opt=policy(*CONFIRMERS, verb=Verb.KEEP_GUARDIANS),
    responses=refusing(*KEYED, GuardianLinkUnknown, WrongState),
    status_code=200,
)
async def decline_guardian_link(
    link_id: FromPath[str], command: NamedDependency[Command]
) -> Response[GuardianLinkOut]:
    """End what was asked for."""
    return await _ruled(link_id, command, confirmed=False)


@post(
    "/{link_id:str}/grants",
    operation_id="grantGuardianLink",
    summary="Let a second guardian in",
    opt={**policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA), "secret_body": True},
    responses=refusing(*KEYED, RateLimited, PersonUnknown, GuardianLinkUnknown, WrongState),
)
async def grant_guardian_link(
    link_id: FromPath[str],
    data: JSONBody[GrantIn],
    command: NamedDependency[Command],
    request: Request[Any, Any, Any],
) -> Response[GuardianLinkOut]:
    """Invite a phone: who proves it sees what this link shows, and cannot let others in."""
    parent, state = person_of(command.caller), request.app.state
    journal, link = object_id(guardian_links.PREFIX, link_id, GuardianLinkUnknown)
    _require_in_scope(journal, command)
    index = vault_of(state.engine).blind("phone", data.phone)
    await one_time_codes.spend(
        state.engine, phone_index=index, source=command.caller.id, what="invited"
    )
    invited = await parents.known_or_added(
        state.engine,
        phone_index=index,
        phone_mask=one_time_codes.masked(data.phone),
        fresh=command.new_id(),
    )
    granting = use_cases.Grant(journal, link, command.new_id(), parent, invited)
    outcome = await _keyed(command, index).run(use_cases.GRANT, [granting], journal=journal)
    answer = command.answer(outcome, GuardianLinkOut)
    if not (outcome.replayed or command.dry_run or outcome.verdicts[0].duplicate):
        outbox: Outbox = state.texts
        outbox.put(Text(granting.link.hex, data.phone, Template.GUARDIAN_INVITED, {}))
    return answer


@post(
    "/{link_id:str}/revoke",
    operation_id="revokeGuardianLink",
    summary="End a link at once",
    opt=policy(Role.PARENT, Role.OPERATOR, verb=Verb.KEEP_GUARDIANS),
    responses=refusing(*KEYED, PersonUnknown, GuardianLinkUnknown),
    status_code=200,
)
async def revoke_guardian_link(
    link_id: FromPath[str], command: NamedDependency[Command]
) -> Response[GuardianLinkOut]:
    """End one's own, one that one granted, or one that waits for what is one's own.

    With it goes what was granted by it. An operator ends any.
    """
    journal, link = object_id(guardian_links.PREFIX, link_id, GuardianLinkUnknown)
    by_parent = command.caller.role is Role.PARENT
    ending = use_cases.End(journal, link, person_of(command.caller) if by_parent else None)
    if not by_parent:
        _require_in_scope(journal, command)
    outcome = await command.run(use_cases.END, [ending], journal=journal)
    return command.answer(outcome, GuardianLinkOut, 200)


def _keyed(command: Command, said: bytes) -> Command:
    """Bind the key to what was said by indexes: a plain hash of a phone could be guessed by."""
    if command.key is None:
        return command
    hashed = hashlib.sha256(command.key.request_hash + said).digest()
    return replace(command, key=replace(command.key, request_hash=hashed))


async def _ruled(link_id: str, command: Command, *, confirmed: bool) -> Response[GuardianLinkOut]:
    journal, link = object_id(guardian_links.PREFIX, link_id, GuardianLinkUnknown)
    _require_in_scope(journal, command)
    ruling = use_cases.Rule(journal, link, confirmed)
    outcome = await command.run(use_cases.RULE, [ruling], journal=journal)
    return command.answer(outcome, GuardianLinkOut, 200)


def _told(found: Sequence[Record], masks: dict[Any, str]) -> list[GuardianLinkOut]:
    return [
        GuardianLinkOut.model_validate(
            guardian_links.answer_of(row.journal_id, row, masks.get(row.parent_id))
        )
        for row in found
    ]


def _require_in_scope(journal: int, command: Command) -> None:
    if journal not in command.caller.journals:
        raise GuardianLinkUnknown


router = Router(
    "/v1/guardian-links",
    route_handlers=[
        list_guardian_links,
        prove_contract,
        confirm_guardian_link,
        decline_guardian_link,
        grant_guardian_link,
        revoke_guardian_link,
    ],
    tags=["parents"],
)
