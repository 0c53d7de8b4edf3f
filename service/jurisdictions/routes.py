"""Routes of jurisdictions: adding them, selecting their banks, reading them and their rules."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AdcodeNotInForce,
    AlreadyExists,
    BankNotSelected,
    BankUnknown,
    JurisdictionUnknown,
    PolicyMissing,
    RequestInvalid,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.jurisdictions import use_cases
from service.jurisdictions.schemas import (
    BankSelectionIn,
    BankSelectionOut,
    JurisdictionIn,
    JurisdictionOut,
    JurisdictionPage,
    RuleOut,
    RulesOut,
)
from service.store import custodians, reference
from service.store.facts import Record
from service.store.transact import Store
from service.web.command import Command
from service.web.journals import journal_named
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from service.web.policy import policy
from service.web.problems import KEYED, refusing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@post(
    "/",
    operation_id="addJurisdiction",
    summary="Add a jurisdiction and open its journal",
    opt=policy(Role.OPERATOR, verb=Verb.SET_UP),
    responses=refusing(
        *KEYED, JurisdictionUnknown, BankUnknown, AlreadyExists, PolicyMissing, AdcodeNotInForce
    ),
)
async def add_jurisdiction(
    data: JSONBody[JurisdictionIn], command: NamedDependency[Command]
) -> Response[JurisdictionOut]:
    """Add a division in force or a zone; the same again is answered with what stands."""
    at = _EPOCH + timedelta(milliseconds=command.at_ms)
    facts = data.facts(command.caller.path, at)
    async with command.store.reading(command.caller.context) as connection:
        journal = await use_cases.journal_for(connection, facts.new)
    if journal is not None:
        outcome = await command.run(use_cases.ADD, [facts], journal=journal)
    else:
        outcome = await command.refer(
            lambda connection: use_cases.add_above_journals(connection, facts)
        )
    return command.answer(outcome, JurisdictionOut)


@post(
    "/{code:str}/banks",
    operation_id="selectBank",
    summary="Select, suspend or remove a custodian bank",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*KEYED, JurisdictionUnknown, BankUnknown, WrongState, BankNotSelected),
    status_code=200,
)
async def select_bank(
    code: FromPath[str], data: JSONBody[BankSelectionIn], command: NamedDependency[Command]
) -> Response[BankSelectionOut]:
    """Bring a bank's selection (遴选) into a state."""
    journal = await journal_named(command.store, command.caller, code)
    outcome = await command.run(use_cases.SELECT_BANK, [data.facts(code)], journal=journal)
    return command.answer(outcome, BankSelectionOut, 200)


@get(
    "/",
    operation_id="listJurisdictions",
    summary="List jurisdictions",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(),
)
async def list_jurisdictions(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> JurisdictionPage:
    """List the jurisdictions in the caller's subtree, in order of path."""
    after = read_cursor(cursor, {"list": "jurisdictions"})
    if after is not None and not (len(after) == 1 and isinstance(after[0], str)):
        raise RequestInvalid(reason="cursor")
    async with store.reading(caller.context) as connection:
        nodes = [
            node
            for node in await reference.jurisdictions(connection, caller.path)
            if after is None or node.path > after[0]
        ]
        shown = nodes[:limit]
        chosen = await custodians.selections(connection, [node.code for node in shown])
    more = len(nodes) > limit
    return JurisdictionPage(
        items=[JurisdictionOut(**use_cases.answer_of(node, chosen)) for node in shown],
        next_cursor=write_cursor([shown[-1].path], {"list": "jurisdictions"}) if more else None,
    )


@get(
    "/{code:str}",
    operation_id="getJurisdiction",
    summary="Read a jurisdiction",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(JurisdictionUnknown),
)
async def get_jurisdiction(
    code: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> JurisdictionOut:
    """Read a jurisdiction with its banks."""
    async with store.reading(caller.context) as connection:
        node = _seen(await reference.jurisdiction(connection, code), caller, code)
        chosen = await custodians.selections(connection, [node.code])
    return JurisdictionOut(**use_cases.answer_of(node, chosen))


@get(
    "/{code:str}/rules",
    operation_id="getRules",
    summary="Read the rules in force",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(JurisdictionUnknown, PolicyMissing),
)
async def get_rules(
    code: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    on: Annotated[date | None, QueryParameter(description="Today, unless given.")] = None,
) -> RulesOut:
    """Read every cap, silence period and deadline of a jurisdiction with its source."""
    async with store.reading(caller.context) as connection:
        node = _seen(await reference.jurisdiction(connection, code), caller, code)
        pack = await use_cases.pack_of(connection, node)
        day = on or await reference.today(connection, node.path)
    return RulesOut(
        jurisdiction=code,
        rule_pack=pack.label,
        on=day.isoformat(),
        rules=[
            RuleOut(
                parameter=rule["parameter"],
                scope=rule.get("scope"),
                value=rule["value"],
                effective_from=rule["from"],
                effective_to=rule.get("to"),
                source=rule["source"],
            )
            for rule in use_cases.rules_in_force(pack, day)
        ],
    )


def _seen(node: Record | None, caller: Caller, code: str) -> Record:
    if node is None or not caller.covers(node.path):
        raise JurisdictionUnknown(code=code)
    return node


router = Router(
    "/v1/jurisdictions",
    route_handlers=[
        add_jurisdiction,
        select_bank,
        list_jurisdictions,
        get_jurisdiction,
        get_rules,
    ],
    tags=["jurisdictions"],
)
