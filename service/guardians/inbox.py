"""The inbox of a demonstration: what phones would show. It exists only with `ESCROW_DEMO=1`."""

from typing import Any

from litestar import Request, Router, post
from litestar.params import JSONBody

from service.guardians.schemas import ShortMessageOut, ShortMessagesIn, ShortMessagesOut
from service.identity.callers import Role
from service.identity.senders import InboxSender, Outbox
from service.identity.verbs import Verb
from service.web.policy import policy
from service.web.problems import refusing


@post(
    "/short-messages",
    operation_id="readShortMessages",
    summary="Read what a phone would show (demonstrations only)",
    opt={**policy(Role.OPERATOR, verb=Verb.SET_UP), "secret_body": True},
    responses=refusing(),
    status_code=200,
)
async def read_short_messages(
    data: JSONBody[ShortMessagesIn], request: Request[Any, Any, Any]
) -> ShortMessagesOut:
    """Read the messages to a phone, newest first, once all of them have left."""
    outbox: Outbox = request.app.state.texts
    await outbox.settle()
    if not isinstance(outbox.sender, InboxSender):
        return ShortMessagesOut(items=[])
    return ShortMessagesOut(
        items=[
            ShortMessageOut(
                template=kept.text.template.value, values=dict(kept.text.values), at=kept.at
            )
            for kept in outbox.sender.of(data.phone)
        ]
    )


inbox_router = Router("/v1", route_handlers=[read_short_messages], tags=["parents"])
