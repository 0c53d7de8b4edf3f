"""Routes of parties: read masked, or in plain by their own people and under a grant."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    CaseUnknown,
    CaseUnrelated,
    NothingChanged,
    PartyUnknown,
    WrongState,
)
from service.identity.callers import Caller, Duty, Role
from service.identity.verbs import Verb
from service.personal import unmask, use_cases
from service.personal.request_routes import HANDLERS as REQUEST_HANDLERS
from service.personal.schemas import (
    CorrectionIn,
    DataRequestOut,
    GrantList,
    GrantOut,
    PartyOut,
    UnmaskIn,
)
from service.store import approvals, ids, masks, party_reads
from service.store.audit import Attempt
from service.store.facts import Record
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting, done_or_waits
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

READERS = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.OPERATOR, Role.AUDITOR)
OF_CONTRACTS = frozenset({Duty.OWNER, Duty.ACADEMIC})
OF_MONEY = frozenset({Duty.OWNER, Duty.FINANCE})


@get(
    "/parties/{party_id:str}",
    operation_id="getParty",
    summary="Read a person or payee, masked unless it is the caller's own",
    opt=policy(*READERS, verb=Verb.READ_PERSONAL),
    responses=refusing(PartyUnknown),
)
async def get_party(
    party_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    attempt: NamedDependency[Attempt],
) -> PartyOut:
    """Show masks; in plain to the parent, to the institution that wrote it down, under a grant.

    Every reading in plain by somebody else than the parent stands in the audit trail.
    """
    journal, party = object_id("pty", party_id, PartyUnknown)
    async with store.reading(caller.context) as connection:
        row = await party_reads.seen(connection, caller.context, journal, party)
        if row is None:
            raise PartyUnknown
        purpose, until = None, None
        if caller.role in {Role.REGULATOR, Role.OPERATOR}:
            now = (await approvals.business_clocks(connection, [journal]))[journal]
            grant = await party_reads.grant_of(connection, journal, party, caller.id, now)
            if grant is not None:
                purpose, until = f"{grant.purpose} {grant.case_ref}", grant.expires_at
        elif _wrote(caller, row):
            purpose = "CONTRACT"
    if purpose is not None:
        await store.trail.record_read(
            caller.id, attempt, purpose=purpose, subjects=[party_id], journal=journal
        )
    own = caller.role is Role.PARENT or purpose is not None
    return party_out(journal, row, masked=not own, until=until)


@post(
    "/parties/{party_id:str}/unmask",
    operation_id="unmaskParty",
    summary="Ask to read a person in plain for a case",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.READ_PERSONAL),
    responses=refusing(*KEYED, PartyUnknown, CaseUnknown, CaseUnrelated) | done_or_waits(GrantOut),
)
async def unmask_party(
    party_id: FromPath[str], data: JSONBody[UnmaskIn], command: NamedDependency[Command]
) -> Response[GrantOut] | Response[ApprovalOut]:
    """Grant a quarter of an hour at once (201), or wait for a second person (202).

    A second person decides for an operator, and for a regulator beyond 20 readings in 24 hours.
    """
    journal, party = object_id("pty", party_id, PartyUnknown)
    of_case, case = object_id(party_reads.CASES[data.purpose][0], data.case_id, CaseUnknown)
    if of_case != journal:
        raise CaseUnknown
    asked = use_cases.Unmask(
        journal,
        party,
        grant=command.new_id(),
        approval=command.new_id(),
        caller_id=command.caller.id,
        role=command.caller.role.value,
        purpose=data.purpose,
        case=case,
        reason=data.reason,
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.UNMASK, [asked], journal=journal)
    if str(outcome.single()["id"]).startswith("apr_"):
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, GrantOut)


@get(
    "/unmaskings",
    operation_id="listUnmaskings",
    summary="List who was granted to read whom in plain",
    opt=policy(Role.PARENT, *STAFF, verb=Verb.READ_PERSONAL),
    responses=refusing(PartyUnknown),
)
async def list_unmaskings(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    party_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> GrantList:
    """List the latest 500 in scope; a parent sees those about themselves.

    Staff read why it was asked for, whoever decides on it among them.
    """
    journals, party = caller.journals, None
    if party_id is not None:
        journal, party = object_id("pty", party_id, PartyUnknown)
        journals = tuple(each for each in journals if each == journal)
    async with store.reading(caller.context) as connection:
        found = await unmask.grants(connection, caller.context, journals, party)
    return GrantList(items=[_grant(caller, row) for row in found])


@post(
    "/parties/{party_id:str}/corrections",
    operation_id="requestCorrection",
    summary="Ask for one's own name or phone to be corrected",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA),
    responses=refusing(*KEYED, PartyUnknown, WrongState, NothingChanged),
)
async def request_correction(
    party_id: FromPath[str], data: JSONBody[CorrectionIn], command: NamedDependency[Command]
) -> Response[DataRequestOut]:
    """File it; the institution that wrote the contract confirms."""
    journal, party = object_id("pty", party_id, PartyUnknown)
    asked = use_cases.Correct(journal, party, command.new_id(), data.name, data.phone)
    outcome = await command.run(use_cases.ASK_FOR_CORRECTION, [asked], journal=journal)
    return command.answer(outcome, DataRequestOut)


@post(
    "/parties/{party_id:str}/erasure",
    operation_id="requestErasure",
    summary="Ask for everything about oneself to be erased",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA),
    responses=refusing(*KEYED, PartyUnknown, WrongState),
)
async def request_erasure(
    party_id: FromPath[str], command: NamedDependency[Command]
) -> Response[DataRequestOut]:
    """File it, or have it refused with the reason and the first day to ask again.

    It is carried out by two people, and ends the links of everybody who logs in as this guardian.
    """
    journal, party = object_id("pty", party_id, PartyUnknown)
    asked = use_cases.Erase(journal, party, command.new_id())
    outcome = await command.run(use_cases.ASK_FOR_ERASURE, [asked], journal=journal)
    return command.answer(outcome, DataRequestOut)


def party_out(
    journal: int, row: Record, *, masked: bool, until: datetime | None = None
) -> PartyOut:
    """Show a party, masked or in plain."""
    institution = row.institution_id
    shown: dict[str, Any] = {
        "name": masks.name(row.name) if masked else row.name or "",
        "phone": masks.phone(row.phone) if masked else row.phone or "",
        "account_number": _account(row.account_number, masked=masked),
        "bank_name": row.bank_name or "",
    }
    return PartyOut(
        id=ids.public("pty", journal, row.party_id),
        kind=row.kind,
        institution_id=None if institution is None else ids.public("ins", journal, institution),
        masked=masked,
        erased=row.erased,
        restricted=row.restricted_at is not None,
        plain_until=until,
        **shown,
    )


def _account(number: str | None, *, masked: bool) -> str:
    if not number:
        return ""
    return masks.account(number) if masked else number


def _wrote(caller: Caller, row: Record) -> bool:
    """Tell whether an institution wrote this party down, and the caller's duty is with it."""
    if caller.role is not Role.INSTITUTION or row.institution_id != caller.institution:
        return False
    duties = OF_MONEY if row.kind == "SETTLEMENT" else OF_CONTRACTS
    return not caller.duties or bool(caller.duties & duties)


def _grant(caller: Caller, row: Record) -> GrantOut:
    told = unmask.answer_of(row.journal_id, row)
    return GrantOut(**told, reason=None if caller.role is Role.PARENT else row.reason)


router = Router(
    "/v1",
    route_handlers=[
        get_party,
        unmask_party,
        list_unmaskings,
        request_correction,
        request_erasure,
        *REQUEST_HANDLERS,
    ],
    tags=["personal data"],
)
