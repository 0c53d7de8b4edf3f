"""Routes of wind-downs: a regulator leads the case, everybody it concerns reads their part."""

from typing import Annotated

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.money import total
from ledger.refusals import (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    LessonsUnsettled,
    PolicyMissing,
    WindDownUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import registry, wind_down_figures, wind_down_reads
from service.store.tables import WindDown
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import money
from service.wind_downs import use_cases
from service.wind_downs.case_paths import case_named
from service.wind_downs.lesson_routes import (
    confirm_pending_lesson,
    deny_pending_lesson,
    rule_on_pending_lesson,
)
from service.wind_downs.pool_routes import (
    abandon_asset,
    draw_deposit,
    list_assets,
    realize_asset,
    record_asset,
    set_off,
)
from service.wind_downs.register_routes import (
    decide_objection,
    file_late_entry,
    get_entitlement,
    list_entitlements,
    list_objections,
    object_to_register,
    publish_register,
)
from service.wind_downs.schemas import (
    OpenIn,
    WindDownDetailOut,
    WindDownOut,
    WindDownPage,
    WindDownState,
)
from service.wind_downs.statement_routes import answer_statement_request, list_statement_requests

READERS = (*STAFF, Role.INSTITUTION, Role.PARENT)


@get(
    "/wind-downs",
    operation_id="listWindDowns",
    summary="List wind-downs",
    opt=policy(*READERS, verb=Verb.READ_CASES),
    responses=refusing(InstitutionUnknown),
)
async def list_wind_downs(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    case_state: Annotated[WindDownState | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> WindDownPage:
    """List the cases in the caller's scope; a parent sees those of their own institutions."""
    bound = {"institution": institution_id, "state": case_state}
    institution = (
        None if institution_id is None else object_id("ins", institution_id, InstitutionUnknown)[1]
    )
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await registry.page(
                connection,
                caller.context,
                WindDown,
                equal={"institution_id": institution, "state": case_state},
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "wind_down_id",
            bound,
        )
    items = [wind_down_reads.answer_of(row["journal_id"], row) for row in found]
    return WindDownPage(
        items=[WindDownOut.model_validate(item) for item in items], next_cursor=after
    )


@get(
    "/wind-downs/{wind_down_id:str}",
    operation_id="getWindDown",
    summary="Read a wind-down",
    opt=policy(*READERS, verb=Verb.READ_CASES),
    responses=refusing(WindDownUnknown),
)
async def get_wind_down(
    wind_down_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> WindDownDetailOut:
    """Read one case: timeline and clocks; figures and open points for those who may see them."""
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    inside, leading = caller.role is not Role.PARENT, caller.role in STAFF
    async with store.reading(caller.context) as connection:
        found = await wind_down_reads.cases(connection, caller.context, journal, [wind_down])
        if wind_down not in found:
            raise WindDownUnknown
        case = found[wind_down]
        accounts = await wind_down_figures.places(connection, case) if inside else []
        told = {
            **wind_down_reads.answer_of(journal, case),
            "timeline": wind_down_figures.timeline(case, named=leading),
            "clocks": await wind_down_figures.clocks(connection, case),
            "accounts": accounts,
            "pool": str(total([money(account["pool"]) for account in accounts]))
            if inside
            else None,
            "open_points": await wind_down_figures.open_points(connection, case) if leading else [],
        }
    return WindDownDetailOut.model_validate(told)


@post(
    "/wind-downs/{wind_down_id:str}/open",
    operation_id="openWindDown",
    summary="Ask for a case to be opened",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState, PolicyMissing
    ),
    status_code=202,
)
async def open_wind_down(
    wind_down_id: FromPath[str], data: JSONBody[OpenIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator; one of the two is of a higher level than the institution's.

    The approval is refused with `level_too_low` otherwise.
    """
    journal, wind_down = case_named(wind_down_id, command)
    opening = use_cases.OpenCase(
        journal,
        wind_down,
        approval=command.new_id(),
        reason=data.reason,
        maker_path=command.caller.path,
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.REQUEST_OPEN, [opening], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/wind-downs/{wind_down_id:str}/settle-lessons",
    operation_id="settleWindDownLessons",
    summary="Move a case on when no lesson waits any more",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState, LessonsUnsettled
    ),
    status_code=200,
)
async def settle_lessons(
    wind_down_id: FromPath[str], command: NamedDependency[Command]
) -> Response[WindDownOut]:
    """Go from OPENED to LESSONS_SETTLED; the worker does so by itself as well."""
    journal, wind_down = case_named(wind_down_id, command)
    settling = use_cases.CaseCommand(journal, wind_down)
    outcome = await command.run(use_cases.SETTLE, [settling], journal=journal)
    return command.answer(outcome, WindDownOut, 200)


router = Router(
    "/v1",
    route_handlers=[
        list_wind_downs,
        get_wind_down,
        open_wind_down,
        confirm_pending_lesson,
        deny_pending_lesson,
        rule_on_pending_lesson,
        settle_lessons,
        list_statement_requests,
        answer_statement_request,
        publish_register,
        list_entitlements,
        get_entitlement,
        object_to_register,
        file_late_entry,
        list_objections,
        decide_objection,
        set_off,
        draw_deposit,
        record_asset,
        list_assets,
        realize_asset,
        abandon_asset,
    ],
    tags=["wind_downs"],
)
