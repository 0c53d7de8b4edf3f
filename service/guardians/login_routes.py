"""Routes of parents' logins: a code to a phone, a session for it, its devices."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import CodeRefused, DeviceUnknown, PersonUnknown, RateLimited
from service.guardians import use_cases
from service.guardians.schemas import (
    CodeRequestIn,
    CodeRequestOut,
    FoundContractsOut,
    ParentDeviceOut,
    ParentLoginIn,
    ParentOut,
    ParentRenewalIn,
    ParentSessionOut,
)
from service.identity import one_time_codes, parents
from service.identity.callers import Caller, Role
from service.identity.limits import CostClass
from service.identity.one_time_codes import Phone
from service.identity.parents import SignedIn
from service.identity.senders import Outbox, Template, Text
from service.identity.verbs import Verb
from service.store import guardian_links, ids
from service.store.transact import Store
from service.store.vault_rows import vault_of
from service.web.attempts import CALLER_KEY, attempt_of
from service.web.ceilings import source_of
from service.web.paths import object_id
from service.web.policy import policy, public
from service.web.problems import refusing

AnyRequest = Request[Any, Any, Any]


@post(
    "/codes",
    operation_id="requestCode",
    summary="Ask for a one-time code to one's phone",
    opt={**public(cost_class=CostClass.CODE), "secret_body": True},
    responses=refusing(RateLimited),
    status_code=202,
)
async def request_code(data: JSONBody[CodeRequestIn], request: AnyRequest) -> CodeRequestOut:
    """Send six digits that hold for five minutes; the answer is the same for every number.

    5 codes an hour to a number; more are refused whether anybody is known by it or not.
    """
    state = request.app.state
    phone = Phone(data.phone, vault_of(state.engine).blind("phone", data.phone))
    await one_time_codes.spend(state.engine, phone_index=phone.index, source=source_of(request))
    asked = await one_time_codes.ask(
        state.engine, phone, ids.new_id(state.clock_ms()), device_secret=data.device_secret
    )
    outbox: Outbox = state.texts
    outbox.put(
        Text(
            asked.request.hex, data.phone, Template.LOGIN_CODE, {"code": asked.code, "minutes": "5"}
        )
    )
    return CodeRequestOut(
        request_id=ids.public("otc", parents.JOURNAL, asked.request),
        device_secret=asked.device_secret,
        expires_at=asked.expires_at,
    )


@post(
    "/login",
    operation_id="loginParent",
    summary="Log in with the code that came",
    opt={**public(cost_class=CostClass.LOGIN), "secret_body": True},
    responses=refusing(RateLimited, CodeRefused),
    status_code=200,
)
async def login_parent(
    data: JSONBody[ParentLoginIn], request: AnyRequest, store: NamedDependency[Store]
) -> Response[ParentSessionOut]:
    """Open a session, and link the contracts that name this phone.

    A code is good once, for its own request and device, and at most five tries.
    """
    _, asked = object_id("otc", data.request_id, CodeRefused)
    state = request.app.state
    proved = await one_time_codes.prove(
        state.engine,
        request=asked,
        device_secret=data.device_secret,
        code=data.code,
        source=source_of(request),
    )
    fresh = ids.new_id(state.clock_ms())
    signed_in = await parents.sign_in(
        state.engine,
        proved,
        device_secret=data.device_secret,
        label=data.device,
        fresh=fresh,
    )
    return await _welcomed(store, signed_in, request)


@post(
    "/renew",
    operation_id="renewParentSession",
    summary="Open a known device's next session",
    opt={**public(cost_class=CostClass.LOGIN), "secret_body": True},
    responses=refusing(RateLimited, CodeRefused),
    status_code=200,
)
async def renew_parent_session(
    data: JSONBody[ParentRenewalIn], request: AnyRequest, store: NamedDependency[Store]
) -> Response[ParentSessionOut]:
    """Open a session without a code, and end the one before; a month's silence forgets a device."""
    _, device = object_id("dev", data.device_id, CodeRefused)
    signed_in = await parents.renew(
        request.app.state.engine, device=device, device_secret=data.device_secret
    )
    return await _welcomed(store, signed_in, request)


@get(
    "/me",
    operation_id="getParent",
    summary="Read who one is here, and on which devices",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_ACCESS),
    responses=refusing(PersonUnknown),
)
async def get_parent(caller: NamedDependency[Caller], request: AnyRequest) -> ParentOut:
    """Read the masked phone and the devices that can open sessions."""
    parent, engine = person_of(caller), request.app.state.engine
    proved = await parents.phone_of(engine, parent)
    return ParentOut(
        id=caller.id,
        phone=proved.phone_mask,
        devices=[
            ParentDeviceOut(
                id=ids.public("dev", parents.JOURNAL, row.device_id),
                device=row.label,
                first_seen_at=row.first_seen_at,
                last_seen_at=row.last_seen_at,
            )
            for row in await parents.devices(engine, parent)
        ],
    )


@post(
    "/devices/{device_id:str}/forget",
    operation_id="forgetParentDevice",
    summary="Forget a device and end its session",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_ACCESS),
    responses=refusing(DeviceUnknown, PersonUnknown),
    status_code=204,
)
async def forget_parent_device(
    device_id: FromPath[str], caller: NamedDependency[Caller], request: AnyRequest
) -> None:
    """Forget it at once: its token and its secret open nothing any more."""
    _, device = object_id("dev", device_id, DeviceUnknown)
    await parents.forget(request.app.state.engine, parent=person_of(caller), device=device)


@post(
    "/contracts/find",
    operation_id="findContracts",
    summary="Look again for contracts that name one's phone",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA),
    responses=refusing(PersonUnknown),
    status_code=200,
)
async def find_contracts(
    caller: NamedDependency[Caller], request: AnyRequest, store: NamedDependency[Store]
) -> FoundContractsOut:
    """Link what was signed, or granted, since the login."""
    parent = person_of(caller)
    proved = await parents.phone_of(request.app.state.engine, parent)
    await use_cases.link_everywhere(
        store,
        parent=parent,
        phone_index=proved.phone_index,
        base=ids.new_id(request.app.state.clock_ms()),
        actor=caller.id,
        attempt=attempt_of(request),
    )
    return FoundContractsOut(links=await _links(store, parent))


def person_of(caller: Caller) -> UUID:
    """Return the person behind a parent's token.

    Raises `PersonUnknown` for a token that was made for one guardian.
    """
    if caller.parent is None:
        raise PersonUnknown
    return caller.parent


async def _welcomed(
    store: Store, signed_in: SignedIn, request: AnyRequest
) -> Response[ParentSessionOut]:
    """Link what is new, then hand the token over; no cache may keep it."""
    request.scope["state"][CALLER_KEY] = parents.caller_id(signed_in.parent)
    proved = await parents.phone_of(store.engine, signed_in.parent)
    await use_cases.link_everywhere(
        store,
        parent=signed_in.parent,
        phone_index=proved.phone_index,
        new_device=signed_in.is_new,
        was_silent=signed_in.was_silent,
        base=ids.new_id(request.app.state.clock_ms()),
        actor=parents.caller_id(signed_in.parent),
        attempt=replace(attempt_of(request), role=Role.PARENT.value),
    )
    out = ParentSessionOut(
        token=signed_in.token,
        expires_at=signed_in.expires_at,
        device_id=ids.public("dev", parents.JOURNAL, signed_in.device),
        links=await _links(store, signed_in.parent),
    )
    return Response(out, headers={"Cache-Control": "no-store"})


async def _links(store: Store, parent: UUID) -> int:
    async with store.engine.connect() as connection:
        return await guardian_links.count(connection, parent)


login_router = Router(
    "/v1/parents",
    route_handlers=[
        request_code,
        login_parent,
        renew_parent_session,
        get_parent,
        forget_parent_device,
        find_contracts,
    ],
    tags=["parents"],
)
