"""Routes of the audit trail: for auditors and security officers; each reading is recorded."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from ledger.refusals import AuditRowUnknown, JurisdictionUnknown, RequestInvalid
from service.audit import segments, use_cases
from service.audit.schemas import AuditHeadOut, AuditHeads, AuditOut, AuditPage, audit_out
from service.identity.callers import Caller
from service.identity.limits import CostClass
from service.identity.verbs import Verb
from service.store import audit_reads, ids
from service.store.audit import Attempt, Kind
from service.store.audit_reads import Segment, TrailFilter
from service.store.transact import Store
from service.web.instants import QueryInstant
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from service.web.policy import STAFF, policy
from service.web.problems import refusing

Filter = Annotated[str | None, QueryParameter(max_length=128)]
Code = Annotated[
    str | None,
    QueryParameter(max_length=64, description="Code of the jurisdiction whose trail is read."),
]
Apart = Annotated[
    bool, QueryParameter(description="Read chain 0: what happened in no journal, and denials.")
]


@get(
    "/",
    operation_id="listAudit",
    summary="List what was recorded, newest first",
    opt=policy(*STAFF, verb=Verb.READ_AUDIT),
    responses=refusing(JurisdictionUnknown),
)
async def list_audit(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    attempt: NamedDependency[Attempt],
    adcode: Code = None,
    apart: Apart = False,
    caller_id: Filter = None,
    operation: Filter = None,
    about: Annotated[
        str | None, QueryParameter(max_length=128, description="Public id of an object.")
    ] = None,
    outcome: Filter = None,
    kind: Annotated[Kind | None, QueryParameter()] = None,
    since: Annotated[
        QueryInstant | None, QueryParameter(description="From this instant on.")
    ] = None,
    until: Annotated[
        QueryInstant | None, QueryParameter(description="Before this instant.")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> AuditPage:
    """List one chain: a jurisdiction's, or what happened in none. Reading it is recorded there."""
    wanted = TrailFilter(
        caller_id, operation, about, outcome, None if kind is None else kind.value, since, until
    )
    journal = await use_cases.chain_named(store, caller, adcode, apart=apart)
    bound = {"journal": journal, "since": since, "until": until, **wanted.narrowing}
    found = await use_cases.listed(
        store, caller, attempt, journal, wanted, before=_before(cursor, bound), limit=limit + 1
    )
    shown = found[:limit]
    more = write_cursor([shown[-1].audit_seq], bound) if len(found) > limit else None
    return AuditPage(items=[audit_out(row) for row in shown], next_cursor=more)


@get(
    "/heads",
    operation_id="listAuditHeads",
    summary="Where the chains stand, for outside keeping",
    opt=policy(*STAFF, verb=Verb.READ_AUDIT),
    responses=refusing(),
)
async def list_audit_heads(
    caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> AuditHeads:
    """Return the head of every chain the caller sees whole."""
    context = use_cases.eyes(caller)
    async with store.reading(context) as connection:
        found = await audit_reads.heads(connection, context.journals)
    return AuditHeads(
        items=[AuditHeadOut(journal=h.journal_id, seq=h.seq, hash=h.hash.hex()) for h in found]
    )


@get(
    "/segments/{day:date}",
    operation_id="exportAudit",
    summary="Export a day of the trail as text",
    opt=policy(*STAFF, verb=Verb.READ_AUDIT, cost_class=CostClass.EXPORT),
    responses=refusing(JurisdictionUnknown, AuditRowUnknown),
    media_type="text/plain; charset=utf-8",
)
async def export_audit(  # noqa: PLR0913 - which day of which chain
    day: FromPath[date],
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    attempt: NamedDependency[Attempt],
    adcode: Code = None,
    apart: Apart = False,
) -> Stream:
    """Stream a day (Shanghai) of one chain as canonical text, masked, with its head's hash."""
    journal = await use_cases.chain_named(store, caller, adcode, apart=apart)
    segment = await use_cases.segment(store, caller, attempt, journal, day)
    return Stream(_written(store, caller, segment), media_type="text/plain; charset=utf-8")


@get(
    "/{audit_id:str}",
    operation_id="getAudit",
    summary="Read one row of the trail",
    opt=policy(*STAFF, verb=Verb.READ_AUDIT),
    responses=refusing(AuditRowUnknown),
)
async def get_audit(
    audit_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    attempt: NamedDependency[Attempt],
) -> AuditOut:
    """Read what was recorded of one request."""
    try:
        journal, seq = ids.parse_audit(audit_id)
    except ValueError:
        raise AuditRowUnknown from None
    return audit_out(await use_cases.row(store, caller, attempt, journal, seq))


async def _written(store: Store, caller: Caller, segment: Segment) -> AsyncIterator[str]:
    async with store.reading(use_cases.eyes(caller)) as connection:
        async for part in segments.text_of(connection, segment):
            yield part


def _before(cursor: str | None, bound: Mapping[str, object]) -> int | None:
    read = read_cursor(cursor, bound)
    if read is None:
        return None
    match read:
        case [int(seq)] if 0 < seq <= use_cases.SEQ_MAX:
            return seq
    raise RequestInvalid(reason="cursor")


router = Router(
    "/v1/audit",
    route_handlers=[list_audit, list_audit_heads, export_audit, get_audit],
    tags=["audit"],
)
