"""Routes of wind-downs: a regulator leads the case, everybody it concerns reads their part."""

from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from ledger.refusals import InstitutionUnknown, WindDownUnknown
from service.identity.callers import Caller, Role
from service.store import registry, wind_down_reads
from service.store.tables import WindDown
from service.store.transact import Store
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.wind_downs.schemas import WindDownOut, WindDownPage, WindDownState

READERS = (*STAFF, Role.INSTITUTION, Role.PARENT)


@get(
    "/wind-downs",
    operation_id="listWindDowns",
    summary="List wind-downs",
    opt=policy(*READERS),
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
    opt=policy(*READERS),
    responses=refusing(WindDownUnknown),
)
async def get_wind_down(
    wind_down_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> WindDownOut:
    """Read one case as it stands."""
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    async with store.reading(caller.context) as connection:
        found = await wind_down_reads.cases(connection, caller.context, journal, [wind_down])
    if wind_down not in found:
        raise WindDownUnknown
    return WindDownOut.model_validate(wind_down_reads.answer_of(journal, found[wind_down]))


router = Router(
    "/v1",
    route_handlers=[list_wind_downs, get_wind_down],
    tags=["wind_downs"],
)
