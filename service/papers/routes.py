"""Routes of papers: each beside the object it is about, as a page or as PDF."""

import asyncio
from datetime import date
from typing import Annotated, Any, Final

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from ledger.refusals import (
    AsOfUnsupported,
    ClaimUnknown,
    DateInFuture,
    EnrolmentUnknown,
    EntitlementUnknown,
    FormatUnavailable,
    ReceiptUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.papers import html, pdf, use_cases
from service.papers.paper import Paper
from service.papers.schemas import HTML, PDF, Asked, PaperFormat, chosen
from service.store import positions
from service.store.transact import Store
from service.web.instants import QueryInstant
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing

READERS: Final = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.AUDITOR)


@get(
    "/receipts/{receipt_id:str}/paper",
    operation_id="getCustodyReceipt",
    summary="Print a custody receipt",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(FormatUnavailable, ReceiptUnknown, WrongState),
    media_type=HTML,
)
async def get_custody_receipt(
    receipt_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    request: Request[Any, Any, Any],
    paper_format: Asked = None,
) -> Response[bytes]:
    """Print which money of a parent rests in custody (托管收据)."""
    wanted = chosen(paper_format, request.headers.get("accept"))
    journal, entry = object_id("bke", receipt_id, ReceiptUnknown)
    async with store.reading(caller.context) as connection:
        paper = await use_cases.receipt(connection, caller, journal, entry)
    return await printed(paper, wanted, request)


@get(
    "/enrolments/{enrolment_id:str}/paper",
    operation_id="getEnrolmentPaper",
    summary="Print an enrolment's statement",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(FormatUnavailable, EnrolmentUnknown, DateInFuture, AsOfUnsupported),
    media_type=HTML,
)
async def get_enrolment_paper(  # noqa: PLR0913 - how it is asked for, and when
    *,
    enrolment_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    request: Request[Any, Any, Any],
    paper_format: Asked = None,
    as_of: Annotated[date | None, QueryParameter(description="Business date.")] = None,
    known_at: Annotated[QueryInstant | None, QueryParameter(description="Instant.")] = None,
    position: Annotated[
        str | None, QueryParameter(max_length=64, description="Position of an earlier paper.")
    ] = None,
) -> Response[bytes]:
    """Print balances, lessons and every ledger line of one contract (报名资金明细)."""
    wanted = chosen(paper_format, request.headers.get("accept"))
    journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
    asked = positions.Asked(as_of, known_at, position)
    async with store.reading(caller.context) as connection:
        paper = await use_cases.statement(connection, caller, journal, enrolment, asked)
    return await printed(paper, wanted, request)


@get(
    "/claims/{claim_id:str}/paper",
    operation_id="getRefundDecision",
    summary="Print a refund decision",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(FormatUnavailable, ClaimUnknown, WrongState),
    media_type=HTML,
)
async def get_refund_decision(
    claim_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    request: Request[Any, Any, Any],
    paper_format: Asked = None,
) -> Response[bytes]:
    """Print what a claim gave, by which article, reckoned line by line (退费决定书)."""
    wanted = chosen(paper_format, request.headers.get("accept"))
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    async with store.reading(caller.context) as connection:
        paper = await use_cases.decision(connection, caller, journal, claim)
    return await printed(paper, wanted, request)


@get(
    "/entitlements/{entitlement_id:str}/certificate",
    operation_id="getEntitlementCertificate",
    summary="Print an entitlement certificate",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(FormatUnavailable, EntitlementUnknown),
    media_type=HTML,
)
async def get_entitlement_certificate(
    entitlement_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    request: Request[Any, Any, Any],
    paper_format: Asked = None,
) -> Response[bytes]:
    """Print what a parent is owed in a wind-down and what is left of it (权益证明)."""
    wanted = chosen(paper_format, request.headers.get("accept"))
    journal, entitlement = object_id("ent", entitlement_id, EntitlementUnknown)
    async with store.reading(caller.context) as connection:
        paper = await use_cases.certificate(connection, caller, journal, entitlement)
    return await printed(paper, wanted, request)


@get(
    "/entitlements/{entitlement_id:str}/dividend-statement",
    operation_id="getDividendStatement",
    summary="Print a dividend statement",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(FormatUnavailable, EntitlementUnknown),
    media_type=HTML,
)
async def get_dividend_statement(
    entitlement_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    request: Request[Any, Any, Any],
    paper_format: Asked = None,
) -> Response[bytes]:
    """Print what each round gave an entitlement, and how far that is paid (分配明细)."""
    wanted = chosen(paper_format, request.headers.get("accept"))
    journal, entitlement = object_id("ent", entitlement_id, EntitlementUnknown)
    async with store.reading(caller.context) as connection:
        paper = await use_cases.dividends(connection, caller, journal, entitlement)
    return await printed(paper, wanted, request)


async def printed(
    paper: Paper, wanted: PaperFormat, request: Request[Any, Any, Any]
) -> Response[bytes]:
    """Render off the event loop: a long statement as PDF takes a while."""
    name = f"{paper.number}.{wanted.value}"
    headers = {
        **html.HEADERS,
        "Vary": "Accept",
        "Content-Disposition": f'inline; filename="{name}"',
    }
    if wanted is PaperFormat.PDF:
        made = await asyncio.to_thread(pdf.render, paper, request.app.state.settings.paper_fonts)
        return Response(made, media_type=PDF, headers=headers)
    page = await asyncio.to_thread(html.render, paper)
    return Response(page.encode(), media_type=HTML, headers=headers)


router = Router(
    "/v1",
    route_handlers=[
        get_custody_receipt,
        get_enrolment_paper,
        get_refund_decision,
        get_entitlement_certificate,
        get_dividend_statement,
    ],
    tags=["papers"],
)
