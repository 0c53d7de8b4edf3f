"""Routes of rule packs: read them with their history, propose changes, decide on proposals."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    ApprovalExpired,
    JurisdictionUnknown,
    LevelTooLow,
    MakerIsChecker,
    MakerRevoked,
    NothingChanged,
    ParameterInvalid,
    PastRejudged,
    ProposalStale,
    ProposalUnknown,
    RuleLoosened,
    RulePackUnknown,
    SameDevice,
    StepUpRequired,
    VersionStale,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.parameters import packs, use_cases
from service.parameters.schemas import (
    ApproveProposalIn,
    AssignmentIn,
    EndProposalIn,
    PackOut,
    PacksOut,
    ProposalIn,
    ProposalOut,
    ProposalsOut,
)
from service.parameters.use_cases import Author
from service.store import rule_pack_proposals
from service.store.rule_pack_proposals import ProposalFilter
from service.store.transact import Store
from service.web.command import Command, presence_of
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

JUDGED = (LevelTooLow, PastRejudged, NothingChanged, RuleLoosened, AlreadyExists)
States = Literal["PENDING", "APPROVED", "DECLINED", "WITHDRAWN", "EXPIRED"]


@get(
    "/rule-packs",
    operation_id="listRulePacks",
    summary="List rule packs",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(),
)
async def list_rule_packs(
    caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PacksOut:
    """List the newest version of every pack, and which jurisdictions have it."""
    async with store.reading(caller.context) as connection:
        return PacksOut.model_validate({"items": await packs.listed(connection)})


@get(
    "/rule-packs/{code:str}",
    operation_id="getRulePack",
    summary="Read a rule pack with its history",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(RulePackUnknown),
)
async def get_rule_pack(
    code: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    version: Annotated[
        int | None, QueryParameter(ge=1, description="The newest, unless given.")
    ] = None,
) -> PackOut:
    """Read each value with its unit, dates and source, and who made which version when."""
    staff = caller.role in STAFF
    async with store.reading(caller.context) as connection:
        found = await packs.pack(connection, code, version, with_people=staff)
    return PackOut.model_validate(found)


@post(
    "/rule-packs/{code:str}/proposals",
    operation_id="proposeRules",
    summary="Propose a change of a rule pack, or a new one",
    opt=policy(Role.REGULATOR, verb=Verb.SET_PARAMETERS),
    responses=refusing(*KEYED, RulePackUnknown, ParameterInvalid, *JUDGED),
    status_code=202,
)
async def propose_rules(
    code: FromPath[str], data: JSONBody[ProposalIn], command: NamedDependency[Command]
) -> Response[ProposalOut]:
    """Wait for another person of the level; shown is what would change, in words."""
    asked = data.facts(command, code)
    author = _author(command)
    outcome = await command.refer(lambda connection: use_cases.propose(connection, author, asked))
    return command.answer(outcome, ProposalOut, 202)


@post(
    "/rule-packs/{code:str}/assignments",
    operation_id="assignRules",
    summary="Propose a rule pack for a jurisdiction from a day on",
    opt=policy(Role.REGULATOR, verb=Verb.SET_PARAMETERS),
    responses=refusing(*KEYED, RulePackUnknown, JurisdictionUnknown, *JUDGED),
    status_code=202,
)
async def assign_rules(
    code: FromPath[str], data: JSONBody[AssignmentIn], command: NamedDependency[Command]
) -> Response[ProposalOut]:
    """Wait for another person of the level; the days before keep the rules they had."""
    asked = data.facts(command, code)
    author = _author(command)
    outcome = await command.refer(lambda connection: use_cases.assign(connection, author, asked))
    return command.answer(outcome, ProposalOut, 202)


@get(
    "/rule-pack-proposals",
    operation_id="listRuleProposals",
    summary="List proposals of rules",
    opt=policy(*STAFF, verb=Verb.READ_APPROVALS),
    responses=refusing(),
)
async def list_rule_proposals(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    rule_pack: Annotated[str | None, QueryParameter(max_length=64)] = None,
    proposal_state: Annotated[States | None, QueryParameter(name="state")] = None,
) -> ProposalsOut:
    """List proposals about rules of the caller's scope, of those below and those above."""
    narrowed = ProposalFilter(rule_pack, proposal_state)
    async with store.reading(caller.context) as connection:
        at = await rule_pack_proposals.clock(connection)
        found = [
            use_cases.answer_of(row, at)
            for row in await rule_pack_proposals.proposals(connection, narrowed)
            if await use_cases.is_seen(connection, caller.path, row)
        ]
    return ProposalsOut.model_validate({"items": found})


@get(
    "/rule-pack-proposals/{proposal_id:str}",
    operation_id="getRuleProposal",
    summary="Read a proposal of rules",
    opt=policy(*STAFF, verb=Verb.READ_APPROVALS),
    responses=refusing(ProposalUnknown),
)
async def get_rule_proposal(
    proposal_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> ProposalOut:
    """Read what would change, in words, and the hash that covers both."""
    wanted = _proposal(proposal_id)
    async with store.reading(caller.context) as connection:
        row = await use_cases.seen(connection, caller.path, wanted)
        return ProposalOut.model_validate(await use_cases.shown(connection, row))


@post(
    "/rule-pack-proposals/{proposal_id:str}/approve",
    operation_id="approveRules",
    summary="Approve another person's proposal of rules",
    opt=policy(Role.REGULATOR, verb=Verb.SET_PARAMETERS),
    responses=refusing(
        *KEYED,
        ProposalUnknown,
        WrongState,
        MakerIsChecker,
        SameDevice,
        MakerRevoked,
        StepUpRequired,
        ProposalStale,
        VersionStale,
        ApprovalExpired,
        *JUDGED,
    ),
    status_code=200,
)
async def approve_rules(
    proposal_id: FromPath[str],
    data: JSONBody[ApproveProposalIn],
    command: NamedDependency[Command],
) -> Response[ProposalOut]:
    """Make the next version, in force from its day; nothing judged before is judged again."""
    decided, author = data.facts(_proposal(proposal_id)), _author(command)
    outcome = await command.refer(lambda connection: use_cases.approve(connection, author, decided))
    return command.answer(outcome, ProposalOut, 200)


@post(
    "/rule-pack-proposals/{proposal_id:str}/decline",
    operation_id="declineRules",
    summary="Decline another person's proposal of rules",
    opt=policy(Role.REGULATOR, verb=Verb.SET_PARAMETERS),
    responses=refusing(
        *KEYED,
        ProposalUnknown,
        WrongState,
        MakerIsChecker,
        SameDevice,
        LevelTooLow,
        ApprovalExpired,
    ),
    status_code=200,
)
async def decline_rules(
    proposal_id: FromPath[str], data: JSONBody[EndProposalIn], command: NamedDependency[Command]
) -> Response[ProposalOut]:
    """End the proposal; no rule changes."""
    decided, author = data.facts(_proposal(proposal_id)), _author(command)
    outcome = await command.refer(lambda connection: use_cases.decline(connection, author, decided))
    return command.answer(outcome, ProposalOut, 200)


@post(
    "/rule-pack-proposals/{proposal_id:str}/withdraw",
    operation_id="withdrawRules",
    summary="Take back one's own proposal of rules",
    opt=policy(Role.REGULATOR, verb=Verb.SET_PARAMETERS),
    responses=refusing(*KEYED, ProposalUnknown, WrongState),
    status_code=200,
)
async def withdraw_rules(
    proposal_id: FromPath[str], data: JSONBody[EndProposalIn], command: NamedDependency[Command]
) -> Response[ProposalOut]:
    """End one's own proposal; no rule changes."""
    decided, author = data.facts(_proposal(proposal_id)), _author(command)
    outcome = await command.refer(
        lambda connection: use_cases.withdraw(connection, author, decided)
    )
    return command.answer(outcome, ProposalOut, 200)


def _author(command: Command) -> Author:
    at = datetime.fromtimestamp(command.at_ms // 1_000, UTC)
    return Author(command.caller.id, presence_of(command.caller), at)


def _proposal(text: str) -> UUID:
    return object_id("rpp", text, ProposalUnknown)[1]


router = Router(
    "/v1",
    route_handlers=[
        list_rule_packs,
        get_rule_pack,
        propose_rules,
        assign_rules,
        list_rule_proposals,
        get_rule_proposal,
        approve_rules,
        decline_rules,
        withdraw_rules,
    ],
    tags=["parameters"],
)
