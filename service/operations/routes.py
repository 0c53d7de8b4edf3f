"""Route of operations: the outcome of a command by its idempotency key."""

from typing import Any, Final
from urllib.parse import unquote

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.operations import use_cases
from service.operations.schemas import OperationOut, operation_out
from service.store.transact import Store
from service.web.command import key_of
from service.web.policy import policy
from service.web.problems import refusing, speaks_chinese

PATH: Final = "/v1/operations"


@get(
    "/{key:path}",
    operation_id="getOperation",
    summary="Read the outcome of a command by its key",
    opt=policy(*Role, verb=Verb.KEEP_OWN_ACCESS),
    responses=refusing(),
)
async def get_operation(
    key: FromPath[str],  # noqa: ARG001 - read as it was written, slashes and all
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> OperationOut:
    """Tell what became of what the caller sent under this key; never anybody else's.

    For whoever got no answer, or 503 `outcome_unknown`. Sending the same request again with the
    same key is always as good, and tells the same.
    """
    asked = unquote(request.scope["raw_path"].partition(b"?")[0].decode("latin-1"))
    given = key_of(asked.removeprefix(f"{PATH}/"))
    known = await use_cases.outcome_of(store, caller, given)
    return operation_out(given, known, chinese=speaks_chinese(request))


router = Router(PATH, route_handlers=[get_operation], tags=["operations"])
