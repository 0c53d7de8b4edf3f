"""Routes of restraints: a regulator places one, two lift one, an institution sees its own."""

from typing import Annotated, Literal

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    CustodyAccountUnknown,
    EnrolmentUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    RestraintUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import restraint_reads
from service.store.restraint_reads import RestraintFilter
from service.store.transact import Store
from service.supervision import use_cases
from service.supervision.schemas import LiftIn, RestraintIn, RestraintOut, RestraintPage
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

Kinds = Literal["ENROL_STOP", "PAYOUT_STOP", "FREEZE", "HOLD", "FENCE"]


@post(
    "/",
    operation_id="placeRestraint",
    summary="Stop money at an institution, a custody account or an enrolment",
    opt=policy(Role.REGULATOR, verb=Verb.RESTRAIN),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        InstitutionUnknown,
        CustodyAccountUnknown,
        EnrolmentUnknown,
        WrongState,
    ),
)
async def place_restraint(
    data: JSONBody[RestraintIn], command: NamedDependency[Command]
) -> Response[RestraintOut]:
    """Put a restraint in force at once; a FREEZE moves the institution to FROZEN."""
    placing = data.placing(command)
    if placing.journal not in command.caller.journals:
        raise {
            "INSTITUTION": InstitutionUnknown,
            "CUSTODY_ACCOUNT": CustodyAccountUnknown,
            "ENROLMENT": EnrolmentUnknown,
        }[placing.target_type]
    outcome = await command.run(use_cases.PLACE_RESTRAINT, [placing], journal=placing.journal)
    return command.answer(outcome, RestraintOut)


@post(
    "/{restraint_id:str}/lift",
    operation_id="liftRestraint",
    summary="Ask for a restraint to be lifted",
    opt=policy(Role.REGULATOR, verb=Verb.RESTRAIN),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, RestraintUnknown, WrongState),
    status_code=202,
)
async def lift_restraint(
    restraint_id: FromPath[str], data: JSONBody[LiftIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator, who lifts it by approving."""
    journal, restraint = object_id("rst", restraint_id, RestraintUnknown)
    if journal not in command.caller.journals:
        raise RestraintUnknown
    key = None if command.key is None else command.key.key
    lifting = use_cases.Lifting(journal, command.new_id(), restraint, data.reason, key)
    outcome = await command.run(use_cases.REQUEST_LIFT, [lifting], journal=journal)
    return await awaiting(command, outcome, journal)


@get(
    "/",
    operation_id="listRestraints",
    summary="List restraints",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_CASES),
    responses=refusing(InstitutionUnknown),
)
async def list_restraints(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    kind: Annotated[Kinds | None, QueryParameter()] = None,
    in_force: Annotated[bool | None, QueryParameter()] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> RestraintPage:
    """List the restraints in the caller's scope; an institution sees its own."""
    bound = {"institution": institution_id, "kind": kind, "in_force": in_force}
    institution = (
        None if institution_id is None else object_id("ins", institution_id, InstitutionUnknown)[1]
    )
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await restraint_reads.page(
                connection,
                caller.context,
                RestraintFilter(institution, kind, in_force),
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "restraint_id",
            bound,
        )
    return RestraintPage(
        items=[
            RestraintOut.model_validate(restraint_reads.answer_of(row.journal_id, row))
            for row in found
        ],
        next_cursor=after,
    )


@get(
    "/{restraint_id:str}",
    operation_id="getRestraint",
    summary="Read a restraint",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_CASES),
    responses=refusing(RestraintUnknown),
)
async def get_restraint(
    restraint_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> RestraintOut:
    """Read one restraint: what it stops, why, since when, and whether it still stands."""
    journal, restraint = object_id("rst", restraint_id, RestraintUnknown)
    async with store.reading(caller.context) as connection:
        found = await restraint_reads.restraints(connection, caller.context, journal, [restraint])
    if restraint not in found:
        raise RestraintUnknown
    return RestraintOut.model_validate(restraint_reads.answer_of(journal, found[restraint]))


router = Router(
    "/v1/restraints",
    route_handlers=[place_restraint, lift_restraint, list_restraints, get_restraint],
    tags=["supervision"],
)
