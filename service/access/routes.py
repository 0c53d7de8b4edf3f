"""Routes of people: their administrators add them, invite them anew, change and revoke them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    DepartmentNotCompetent,
    DeviceUnknown,
    DutiesApart,
    InstitutionUnknown,
    JurisdictionUnknown,
    PersonUnknown,
    WrongState,
)
from service.access import add_person, devices, people_reads, use_cases
from service.access import standing as standings
from service.access.add_person import AddPerson
from service.access.administration import ADMINISTRATORS, awaited
from service.access.schemas import (
    DevicePage,
    DutiesIn,
    InvitationOut,
    PersonAwaitedOut,
    PersonIn,
    PersonOut,
    PersonPage,
)
from service.access.use_cases import ChangePerson
from service.identity import people
from service.identity.callers import Caller
from service.store.context import Context
from service.store.transact import Outcome, Store, UseCase
from service.store.vault_rows import vault_of
from service.web.approval import awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.problems import KEYED, refusing


@post(
    "/",
    operation_id="addPerson",
    summary="Invite a person of the own body",
    opt=ADMINISTRATORS,
    responses={
        **refusing(
            *KEYED,
            JurisdictionUnknown,
            InstitutionUnknown,
            DepartmentNotCompetent,
            AlreadyExists,
            DutiesApart,
        ),
        **awaited(PersonAwaitedOut),
    },
)
async def add_one(
    data: JSONBody[PersonIn], command: NamedDependency[Command]
) -> Response[PersonOut]:
    """Add a person; the invitation is shown this once, for the person to set a password with."""
    caller, store = command.caller, command.store
    wanted, named = data.standing()
    async with store.reading(caller.context) as connection:
        standing, journal = await standings.place(connection, caller, wanted, named)
    token = people.new_ticket(people.INVITATION_PREFIX)
    two = standings.needs_two(caller)
    adding = AddPerson(
        journal=journal,
        person=command.new_id(),
        standing=standing,
        detail=data.detail(),
        login_index=vault_of(store.engine).blind("login", data.login),
        invitation=people.digest(token),
        approval=command.new_id() if two else None,
        key=_key(command),
    )
    use_case = add_person.PROPOSE_PERSON if two else add_person.ADD_PERSON
    outcome = await command.run(use_case, [adding], journal=journal)
    return await _invited(command, outcome, journal, token, two=two)


@post(
    "/{person_id:str}/invitations",
    operation_id="invitePerson",
    summary="Invite a person anew",
    opt=ADMINISTRATORS,
    responses={**refusing(*KEYED, PersonUnknown, WrongState), **awaited(PersonAwaitedOut)},
)
async def invite_one(
    person_id: FromPath[str], command: NamedDependency[Command]
) -> Response[PersonOut]:
    """Invite somebody who lost password or authenticator; what they have holds until it is used."""
    token = people.new_ticket(people.INVITATION_PREFIX)
    payload = {"person_id": person_id, "invitation": people.digest(token).hex()}
    two = standings.needs_two(command.caller)
    use_case = use_cases.PROPOSE_INVITING if two else use_cases.INVITE_PERSON
    outcome, journal = await _change(command, use_case, person_id, payload)
    return await _invited(command, outcome, journal, token, two=two)


@post(
    "/{person_id:str}/duties",
    operation_id="changeDuties",
    summary="Give a person other duties",
    opt=ADMINISTRATORS,
    responses={
        **refusing(*KEYED, PersonUnknown, WrongState, DutiesApart),
        **awaited(PersonAwaitedOut),
    },
    status_code=200,
)
async def change_duties(
    person_id: FromPath[str], data: JSONBody[DutiesIn], command: NamedDependency[Command]
) -> Response[PersonOut]:
    """Change duties; the person's sessions end at once."""
    payload = {"person_id": person_id, "duties": sorted(set(data.duties))}
    two = standings.needs_two(command.caller)
    use_case = use_cases.PROPOSE_DUTIES if two else use_cases.CHANGE_DUTIES
    outcome, journal = await _change(command, use_case, person_id, payload)
    return await _invited(command, outcome, journal, None, two=two, status=200)


@post(
    "/{person_id:str}/revoke",
    operation_id="revokePerson",
    summary="Take a person's access away",
    opt=ADMINISTRATORS,
    responses=refusing(*KEYED, PersonUnknown, WrongState),
    status_code=200,
)
async def revoke_one(
    person_id: FromPath[str], command: NamedDependency[Command]
) -> Response[PersonOut]:
    """Revoke a person for good: every session ends at once; one administrator suffices."""
    payload = {"person_id": person_id}
    outcome, _ = await _change(command, use_cases.REVOKE_PERSON, person_id, payload)
    return command.answer(outcome, PersonOut, 200)


@get(
    "/",
    operation_id="listPeople",
    summary="List people of the own body",
    opt=ADMINISTRATORS,
    responses=refusing(),
)
async def list_people(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    person_state: Annotated[
        Literal["PROPOSED", "INVITED", "ACTIVE", "REVOKED"] | None, QueryParameter(name="state")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PersonPage:
    """List whom the caller administers, names masked; an operator everybody in scope."""
    bound = {"list": "people", "state": person_state}
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await people_reads.page(
                connection,
                caller,
                state=person_state,
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "person_id",
            bound,
        )
        names = await people_reads.masked_names(connection, found)
    return PersonPage(
        items=[PersonOut(**people_reads.told(row, names)) for row in found], next_cursor=after
    )


@get(
    "/{person_id:str}",
    operation_id="getPerson",
    summary="Read a person's access",
    opt=ADMINISTRATORS,
    responses=refusing(PersonUnknown),
)
async def get_person(
    person_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PersonOut:
    """Read one person: scope, duties and state; the name is masked."""
    async with store.reading(caller.context) as connection:
        row = await people_reads.one(connection, caller, person_id)
        names = await people_reads.masked_names(connection, [row])
    return PersonOut(**people_reads.told(row, names))


@get(
    "/{person_id:str}/devices",
    operation_id="listPersonDevices",
    summary="List the devices a person is known on",
    opt=ADMINISTRATORS,
    responses=refusing(PersonUnknown),
)
async def list_devices(
    person_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> DevicePage:
    """List where a person logged in, and is logged in now."""
    async with store.reading(caller.context) as connection:
        row = await people_reads.one(connection, caller, person_id)
    async with store.reading(Context.doorkeeper()) as connection:
        found = await devices.known(connection, row.journal_id, row.person_id)
    return DevicePage.model_validate(
        {"items": [devices.answer_of(row.journal_id, device) for device in found]}
    )


@post(
    "/{person_id:str}/devices/{device_id:str}/revoke",
    operation_id="revokePersonDevice",
    summary="Make a person's device a stranger",
    opt=ADMINISTRATORS,
    responses=refusing(*KEYED, PersonUnknown, DeviceUnknown, WrongState),
    status_code=200,
)
async def revoke_device(
    person_id: FromPath[str], device_id: FromPath[str], command: NamedDependency[Command]
) -> Response[PersonOut]:
    """End the session on a device; the next login there is as on a new one."""
    object_id("dev", device_id, DeviceUnknown)
    payload = {"person_id": person_id, "device_id": device_id}
    outcome, _ = await _change(command, use_cases.FORGET_DEVICE, person_id, payload)
    return command.answer(outcome, PersonOut, 200)


async def _change(
    command: Command, use_case: UseCase[Any, Any], person_id: str, payload: dict[str, Any]
) -> tuple[Outcome, int]:
    journal, person = object_id("prs", person_id, PersonUnknown)
    if journal not in command.caller.journals:
        raise PersonUnknown
    approval = command.new_id() if standings.needs_two(command.caller) else None
    changing = ChangePerson(
        command.caller, journal, person, payload, approval=approval, key=_key(command)
    )
    return await command.run(use_case, [changing], journal=journal), journal


async def _invited(  # noqa: PLR0913 - what the answer is made of
    command: Command,
    outcome: Outcome,
    journal: int,
    token: str | None,
    *,
    two: bool,
    status: int = 201,
) -> Response[Any]:
    """Answer with the invitation, unless the same request was answered before."""
    shown = None if token is None or outcome.replayed or command.dry_run else token
    if not two:
        ends = datetime.fromtimestamp(command.at_ms / 1000, UTC) + people.INVITED_FOR
        invitation = None if shown is None else InvitationOut(token=shown, expires_at=ends)
        answered = command.answer(outcome, PersonOut, status)
        answered.content = answered.content.model_copy(update={"invitation": invitation})
        return answered
    awaited = await awaiting(command, outcome, journal)
    invitation = None if shown is None else InvitationOut(token=shown)
    content = PersonAwaitedOut(**awaited.content.model_dump(), invitation=invitation)
    return Response(content, status_code=awaited.status_code, headers=awaited.headers)


def _key(command: Command) -> str | None:
    return None if command.key is None else command.key.key


router = Router(
    "/v1/people",
    route_handlers=[
        add_one,
        invite_one,
        change_duties,
        revoke_one,
        list_people,
        get_person,
        list_devices,
        revoke_device,
    ],
    tags=["access"],
)
