"""Health, readiness and the catalogue of problems: what anyone may ask."""

from typing import Any, Final

from litestar import Response, Router, get
from litestar.datastructures import State
from litestar.params import FromPath
from sqlalchemy.exc import SQLAlchemyError

from ledger.refusals import RouteUnknown
from service.store import server_epochs
from service.web.policy import public
from service.web.problems import catalogue, refusing

UNCOUNTED: Final = public(counted=False)
"""Whoever watches over the service is never told to come back later."""


@get("/health/live", operation_id="getLiveness", summary="Is the process alive", opt=UNCOUNTED)
async def get_liveness() -> dict[str, str]:
    """Answer as long as the event loop turns."""
    return {"status": "ok"}


@get("/health/ready", operation_id="getReadiness", summary="Can it serve", opt=UNCOUNTED)
async def get_readiness(state: State) -> Response[dict[str, str]]:
    """Answer 200 when the database answers, else 503; and say when it is read and not written."""
    try:
        async with state.engine.connect() as connection:
            found = await server_epochs.standing(connection)
    except (SQLAlchemyError, OSError):
        return Response({"status": "database_unreachable"}, status_code=503)
    if found.reason is not None:
        return Response({"status": "read_only", "reason": found.reason})
    return Response({"status": "ok"})


@get(
    "/v1/problems",
    operation_id="listProblems",
    summary="Every refusal there is, in order of precedence",
    opt=public(),
)
async def list_problems() -> dict[str, list[dict[str, Any]]]:
    """Return the catalogue: code, status and titles in English and Chinese."""
    return {"items": catalogue()}


@get(
    "/v1/problems/{code:str}",
    operation_id="getProblem",
    summary="What one refusal means",
    opt=public(),
    responses=refusing(RouteUnknown),
)
async def get_problem(code: FromPath[str]) -> dict[str, Any]:
    """Return one row of the catalogue: what a problem's `type` points at."""
    for row in catalogue():
        if row["code"] == code:
            return row
    raise RouteUnknown


health_router = Router(
    "/", route_handlers=[get_liveness, get_readiness, list_problems, get_problem]
)
