"""Route of bank messages: the state of any message on request."""

from typing import Any, Final
from urllib.parse import unquote

from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from ledger.refusals import BankMessageUnknown
from service.bank_messages import use_cases
from service.bank_messages.schemas import MessageOut, MessagesOut
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store.transact import Store
from service.web.policy import policy
from service.web.problems import refusing

PATH: Final = "/v1/bank-messages"


@get(
    "/{ref:path}",
    operation_id="getBankMessage",
    summary="Read the state of a bank's message",
    opt=policy(Role.BANK, Role.OPERATOR, verb=Verb.READ_BOOKS),
    responses=refusing(BankMessageUnknown),
)
async def get_bank_message(
    ref: FromPath[str],  # noqa: ARG001 - read as it was written, slashes and all
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> MessagesOut:
    """Tell what became of an entry, order, notification or statement file.

    By our id, by an order's end-to-end id, or by the bank's own reference of an entry, a
    notification or a statement; one reference may stand for several of them.
    """
    asked = unquote(request.scope["raw_path"].partition(b"?")[0].decode("latin-1"))
    named = asked.removeprefix(f"{PATH}/")
    found = await use_cases.messages_of(store, caller.context, named)
    if not found:
        raise BankMessageUnknown
    items = [MessageOut.model_validate(use_cases.shown(message)) for message in found]
    return MessagesOut(ref=named, items=items)


router = Router(PATH, route_handlers=[get_bank_message], tags=["bank messages"])
