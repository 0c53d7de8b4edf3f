"""Routes of a person's own session: devices, step-up, and what the person proves itself with."""

from typing import Any, Final

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    Busy,
    DeviceUnknown,
    InvitationUnknown,
    LoginRefused,
    PasswordWeak,
    RateLimited,
    SessionMissing,
)
from service.access import devices
from service.access.login_routes import NO_STORE, door_of
from service.access.login_schemas import (
    AuthenticatorOut,
    CodeIn,
    DoneOut,
    NewAuthenticatorIn,
    PasswordIn,
    RecoveryOut,
    SessionOut,
)
from service.access.schemas import DevicePage
from service.identity import credentials
from service.identity.callers import Caller, Role
from service.identity.credentials import Present
from service.identity.verbs import Verb
from service.store.context import Context
from service.store.transact import Store
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing

OWN: Final = policy(
    Role.REGULATOR, Role.INSTITUTION, Role.OPERATOR, Role.AUDITOR, verb=Verb.KEEP_OWN_ACCESS
)
SECRET: Final = {**OWN, "secret_body": True}


@get(
    "/",
    operation_id="getSession",
    summary="Who is asking",
    opt=OWN,
    responses=refusing(),
)
async def get_session(caller: NamedDependency[Caller]) -> SessionOut:
    """Tell a caller its role, duties and session."""
    return SessionOut(
        caller_id=caller.id,
        role=caller.role.value,
        duties=sorted(caller.duties),
        session_id=caller.session,
        device_id=caller.device,
        authenticated_at=caller.authenticated_at,
    )


@get(
    "/devices",
    operation_id="listDevices",
    summary="List the devices one is known on",
    opt=OWN,
    responses=refusing(SessionMissing),
)
async def list_devices(
    caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> DevicePage:
    """List where one logged in, and is logged in now."""
    present = Present.of(caller)
    async with store.reading(Context.doorkeeper()) as connection:
        found = await devices.known(connection, present.journal, present.person)
    return DevicePage.model_validate(
        {"items": [devices.answer_of(present.journal, row, caller.session) for row in found]}
    )


@post(
    "/devices/{device_id:str}/revoke",
    operation_id="revokeDevice",
    summary="Make a device a stranger",
    opt=OWN,
    responses=refusing(SessionMissing, DeviceUnknown),
    status_code=200,
)
async def revoke_device(
    device_id: FromPath[str], request: Request[Any, Any, Any], caller: NamedDependency[Caller]
) -> DoneOut:
    """End the session on one of one's own devices; the next login there is as on a new one."""
    present = Present.of(caller)
    journal, device = object_id("dev", device_id, DeviceUnknown)
    async with door_of(request).open() as connection:
        known = await devices.forget(connection, present.journal, present.person, device)
    if not known or journal != present.journal:
        raise DeviceUnknown
    return DoneOut()


@post(
    "/end",
    operation_id="logOut",
    summary="Log out",
    opt=OWN,
    responses=refusing(SessionMissing),
    status_code=200,
)
async def log_out(request: Request[Any, Any, Any], caller: NamedDependency[Caller]) -> DoneOut:
    """End the session that asks; the device stays known."""
    await credentials.log_out(door_of(request), caller)
    return DoneOut()


@post(
    "/confirm",
    operation_id="confirmSession",
    summary="Show the second factor again",
    opt=SECRET,
    responses=refusing(SessionMissing, LoginRefused, RateLimited),
    status_code=200,
)
async def confirm_session(
    data: JSONBody[CodeIn], request: Request[Any, Any, Any], caller: NamedDependency[Caller]
) -> DoneOut:
    """Prove oneself anew, for what asks for a proof of the last five minutes."""
    await credentials.step_up(door_of(request), caller, data.given())
    return DoneOut()


@post(
    "/password",
    operation_id="changePassword",
    summary="Change one's password",
    opt=SECRET,
    responses=refusing(SessionMissing, LoginRefused, PasswordWeak, RateLimited, Busy),
    status_code=200,
)
async def change_password(
    data: JSONBody[PasswordIn], request: Request[Any, Any, Any], caller: NamedDependency[Caller]
) -> DoneOut:
    """Change the password with the old one and a code; sessions elsewhere end."""
    await credentials.change_password(
        door_of(request), caller, current=data.current, new=data.new, given=data.given()
    )
    return DoneOut()


@post(
    "/authenticator",
    operation_id="chooseAuthenticator",
    summary="Get a new authenticator",
    opt=SECRET,
    responses=refusing(SessionMissing, LoginRefused, RateLimited),
    status_code=200,
)
async def choose_authenticator(
    data: JSONBody[CodeIn], request: Request[Any, Any, Any], caller: NamedDependency[Caller]
) -> Response[AuthenticatorOut]:
    """Get the secret of a new authenticator, with a code of the old one or a recovery code."""
    chosen = await credentials.choose_authenticator(door_of(request), caller, data.given())
    return Response(
        AuthenticatorOut(secret=chosen.secret, address=chosen.address, ticket=chosen.ticket),
        headers=NO_STORE,
    )


@post(
    "/authenticator/confirm",
    operation_id="changeAuthenticator",
    summary="Change one's authenticator",
    opt=SECRET,
    responses=refusing(SessionMissing, LoginRefused, InvitationUnknown),
    status_code=200,
)
async def change_authenticator(
    data: JSONBody[NewAuthenticatorIn],
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
) -> Response[RecoveryOut]:
    """Show that the new authenticator works; sessions elsewhere end, recovery codes are new."""
    codes = await credentials.change_authenticator(door_of(request), caller, data.ticket, data.code)
    return Response(RecoveryOut(recovery_codes=codes), headers=NO_STORE)


session_router = Router(
    "/v1/session",
    route_handlers=[
        get_session,
        list_devices,
        revoke_device,
        log_out,
        confirm_session,
        change_password,
        choose_authenticator,
        change_authenticator,
    ],
    tags=["access"],
)
