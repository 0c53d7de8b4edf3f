"""Routes of distribution plans: simulate, read, replay, approve, post; and the case's closing."""

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.distribution import BASES
from ledger.refusals import (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    LessonsUnsettled,
    PlanStale,
    PlanUnknown,
    WindDownUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import plan_reads, wind_down_reads
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.wind_downs.approve import REQUEST_APPROVAL, ApprovePlan
from service.wind_downs.case_paths import case_named
from service.wind_downs.close import REQUEST_CLOSE, CloseCase
from service.wind_downs.found import CaseCommand
from service.wind_downs.move import RESEND
from service.wind_downs.plan import SIMULATE, Simulate
from service.wind_downs.plan_inputs import parsed_inputs, share_after
from service.wind_downs.plan_schemas import (
    ApprovePlanIn,
    CloseIn,
    MovesOut,
    PlanInputsOut,
    PlanOut,
    PlanShareOut,
    PlanSharePage,
    PlansOut,
    PostedOut,
    SimulateIn,
)
from service.wind_downs.post import POST_CHUNK

READERS = (*STAFF, Role.INSTITUTION, Role.PARENT)


@post(
    "/wind-downs/{wind_down_id:str}/plans",
    operation_id="simulatePlans",
    summary="Simulate distribution plans",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        WindDownUnknown,
        WrongState,
        LessonsUnsettled,
        PlanStale,
    ),
)
async def simulate_plans(
    wind_down_id: FromPath[str], data: JSONBody[SimulateIn], command: NamedDependency[Command]
) -> Response[PlansOut]:
    """Share the pool as it is over the register as it is, under one basis or both."""
    journal, wind_down = case_named(wind_down_id, command)
    bases = BASES if data.basis is None else (data.basis,)
    wanted = Simulate(journal, wind_down, tuple((basis, command.new_id()) for basis in bases))
    outcome = await command.run(SIMULATE, [wanted], journal=journal)
    return command.answer(outcome, PlansOut)


@get(
    "/wind-downs/{wind_down_id:str}/plans",
    operation_id="listPlans",
    summary="List the plans of a wind-down",
    opt=policy(*READERS, verb=Verb.READ_CASES),
    responses=refusing(WindDownUnknown),
)
async def list_plans(
    wind_down_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PlansOut:
    """List every plan that was ever made of a case, oldest first."""
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    async with store.reading(caller.context) as connection:
        cases = await wind_down_reads.cases(connection, caller.context, journal, [wind_down])
        found = await plan_reads.of_case(connection, caller.context, journal, wind_down)
    if wind_down not in cases:
        raise WindDownUnknown
    return PlansOut(
        plans=[PlanOut.model_validate(plan_reads.answer_of(journal, row)) for row in found]
    )


@get(
    "/plans/{plan_id:str}",
    operation_id="getPlan",
    summary="Read a distribution plan",
    opt=policy(*READERS, verb=Verb.READ_CASES),
    responses=refusing(PlanUnknown),
)
async def get_plan(
    plan_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PlanOut:
    """Read a plan's totals, hash and progress."""
    journal, plan = object_id("pln", plan_id, PlanUnknown)
    async with store.reading(caller.context) as connection:
        found = await plan_reads.plans(connection, caller.context, journal, [plan])
    if plan not in found:
        raise PlanUnknown
    return PlanOut.model_validate(plan_reads.answer_of(journal, found[plan]))


@get(
    "/plans/{plan_id:str}/inputs",
    operation_id="getPlanInputs",
    summary="Read what went into a plan",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(PlanUnknown),
)
async def get_plan_inputs(
    plan_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PlanInputsOut:
    """Read the inputs from which anybody can replay the plan to the same shares and hash."""
    journal, plan = object_id("pln", plan_id, PlanUnknown)
    async with store.reading(caller.context) as connection:
        found = await plan_reads.plans(connection, caller.context, journal, [plan])
        written = await plan_reads.inputs_text(connection, caller.context, journal, plan)
    if plan not in found or written is None:
        raise PlanUnknown
    return PlanInputsOut(
        plan_id=plan_id, plan_hash=found[plan].plan_hash.hex(), inputs=parsed_inputs(written)
    )


@get(
    "/plans/{plan_id:str}/shares",
    operation_id="listPlanShares",
    summary="List what a plan gives",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(PlanUnknown),
)
async def list_plan_shares(
    plan_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PlanSharePage:
    """List the shares in register order; a parent sees their own."""
    journal, plan = object_id("pln", plan_id, PlanUnknown)
    bound = {"plan": plan_id}
    after = share_after(read_cursor(cursor, bound))
    async with store.reading(caller.context) as connection:
        known = await plan_reads.plans(connection, caller.context, journal, [plan])
        if plan not in known:
            raise PlanUnknown
        found = await plan_reads.shares(
            connection, caller.context, journal, plan, after=after, limit=limit + 1
        )
    shown = found[:limit]
    more = write_cursor([shown[-1].register_number], bound) if len(found) > limit else None
    return PlanSharePage(
        items=[PlanShareOut.model_validate(plan_reads.share_of(journal, row)) for row in shown],
        next_cursor=more,
    )


@post(
    "/plans/{plan_id:str}/approve",
    operation_id="approvePlan",
    summary="Ask for a plan to be approved",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, PlanUnknown, WrongState, PlanStale
    ),
    status_code=202,
)
async def approve_plan(
    plan_id: FromPath[str], data: JSONBody[ApprovePlanIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second person; one of the two is of a higher level than the institution's."""
    journal, plan = object_id("pln", plan_id, PlanUnknown)
    if journal not in command.caller.journals:
        raise PlanUnknown
    key = None if command.key is None else command.key.key
    wanted = ApprovePlan(journal, plan, command.new_id(), data.plan_hash, command.caller.path, key)
    outcome = await command.run(REQUEST_APPROVAL, [wanted], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/wind-downs/{wind_down_id:str}/post",
    operation_id="postDistribution",
    summary="Post the next chunk of an approved plan",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.RUN_JOBS),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState, PlanStale
    ),
    status_code=200,
)
async def post_distribution(
    wind_down_id: FromPath[str], command: NamedDependency[Command]
) -> Response[PostedOut]:
    """Turn up to 4,000 claims into refunds and residual claims; the worker goes on by itself."""
    journal, wind_down = case_named(wind_down_id, command)
    outcome = await command.run(POST_CHUNK, [CaseCommand(journal, wind_down)], journal=journal)
    return command.answer(outcome, PostedOut, 200)


@post(
    "/wind-downs/{wind_down_id:str}/resend-moves",
    operation_id="resendPoolMoves",
    summary="Order failed moves of the pool again",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState),
)
async def resend_pool_moves(
    wind_down_id: FromPath[str], command: NamedDependency[Command]
) -> Response[MovesOut]:
    """Let the banks try once more what they rejected or sent back; each failed order once."""
    journal, wind_down = case_named(wind_down_id, command)
    outcome = await command.run(RESEND, [CaseCommand(journal, wind_down)], journal=journal)
    return command.answer(outcome, MovesOut)


@post(
    "/wind-downs/{wind_down_id:str}/close",
    operation_id="closeWindDown",
    summary="Ask for a wind-down to be closed",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_WIND_DOWN),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState),
    status_code=202,
)
async def close_wind_down(
    wind_down_id: FromPath[str], data: JSONBody[CloseIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second person; what is left is written off and nothing may stay unexplained."""
    journal, wind_down = case_named(wind_down_id, command)
    key = None if command.key is None else command.key.key
    wanted = CloseCase(journal, wind_down, command.new_id(), data.reason, command.caller.path, key)
    outcome = await command.run(REQUEST_CLOSE, [wanted], journal=journal)
    return await awaiting(command, outcome, journal)


router = Router(
    "/v1",
    route_handlers=[
        simulate_plans,
        list_plans,
        get_plan,
        get_plan_inputs,
        list_plan_shares,
        approve_plan,
        post_distribution,
        resend_pool_moves,
        close_wind_down,
    ],
    tags=["wind_downs"],
)
