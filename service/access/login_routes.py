"""Routes of logins: in one or two steps, and the first one with an invitation."""

from typing import Any, Final

from litestar import Request, Response, Router, post
from litestar.params import JSONBody

from ledger.refusals import (
    Busy,
    InvitationUnknown,
    LoginRefused,
    PasswordWeak,
    RateLimited,
)
from service.access.devices import label_of
from service.access.login_schemas import (
    AcceptIn,
    AuthenticatorOut,
    BegunOut,
    FirstCodeIn,
    LoginIn,
    LoginOut,
    TicketCodeIn,
)
from service.identity import credentials, sessions
from service.identity.limits import CostClass
from service.identity.people import Door
from service.identity.sessions import Attempt
from service.web.attempts import CALLER_KEY
from service.web.ceilings import source_of
from service.web.policy import public
from service.web.problems import refusing

AT_THE_DOOR: Final = {**public(cost_class=CostClass.LOGIN), "secret_body": True}
NO_STORE: Final = {"Cache-Control": "no-store"}
"""What tells of a token, a ticket or a secret stays in no cache."""


def door_of(request: Request[Any, Any, Any]) -> Door:
    """Return where people prove who they are, at this second of the machine's clock."""
    state = request.app.state
    return Door(
        state.engine,
        state.clock_ms() // 1000,
        lambda caller: request.scope["state"].__setitem__(CALLER_KEY, caller),
    )


def label(request: Request[Any, Any, Any]) -> str:
    """Say what kind of software asks."""
    return label_of(request.headers.get("user-agent", ""))


@post(
    "/",
    operation_id="logIn",
    summary="Log in with name and password",
    opt=AT_THE_DOOR,
    responses=refusing(LoginRefused, RateLimited, Busy),
    status_code=200,
)
async def log_in(data: JSONBody[LoginIn], request: Request[Any, Any, Any]) -> Response[LoginOut]:
    """Open a session with name, password and code, or get a ticket for the code's own step."""
    attempt = Attempt(
        login=data.login,
        password=data.password,
        source=source_of(request),
        label=label(request),
        given=data.given(),
        device=data.device,
    )
    found = await sessions.log_in(door_of(request), attempt)
    return Response(LoginOut.of(found), headers=NO_STORE)


@post(
    "/code",
    operation_id="logInWithCode",
    summary="Log in: the second step",
    opt=AT_THE_DOOR,
    responses=refusing(LoginRefused, InvitationUnknown, RateLimited),
    status_code=200,
)
async def log_in_with_code(
    data: JSONBody[TicketCodeIn], request: Request[Any, Any, Any]
) -> Response[LoginOut]:
    """Open a session with the ticket of the first step and a code."""
    found = await sessions.go_on(door_of(request), data.ticket, data.given(), label(request))
    return Response(LoginOut.of(found), headers=NO_STORE)


@post(
    "/invitation",
    operation_id="acceptInvitation",
    summary="Choose a password with an invitation",
    opt=AT_THE_DOOR,
    responses=refusing(InvitationUnknown, PasswordWeak, RateLimited, Busy),
    status_code=200,
)
async def accept_invitation(
    data: JSONBody[AcceptIn], request: Request[Any, Any, Any]
) -> Response[AuthenticatorOut]:
    """Choose a password and get the secret of an authenticator; both hold with its first code."""
    chosen = await credentials.accept(door_of(request), data.invitation, data.login, data.password)
    return Response(
        AuthenticatorOut(secret=chosen.secret, address=chosen.address), headers=NO_STORE
    )


@post(
    "/invitation/confirm",
    operation_id="confirmInvitation",
    summary="Begin with a first code",
    opt=AT_THE_DOOR,
    responses=refusing(InvitationUnknown, LoginRefused, RateLimited),
    status_code=200,
)
async def confirm_invitation(
    data: JSONBody[FirstCodeIn], request: Request[Any, Any, Any]
) -> Response[BegunOut]:
    """Show that the authenticator works; the first session opens, with recovery codes."""
    begun = await credentials.sign_in_first(
        door_of(request), data.invitation, data.code, label(request)
    )
    return Response(
        BegunOut(session=LoginOut.of(begun.signed_in), recovery_codes=begun.recovery_codes),
        headers=NO_STORE,
    )


login_router = Router(
    "/v1/login",
    route_handlers=[log_in, log_in_with_code, accept_invitation, confirm_invitation],
    tags=["access"],
)
