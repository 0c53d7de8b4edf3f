"""The application: nouns' routes, one way to say no, one store, and the limits around them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.plugins.prometheus import PrometheusConfig, PrometheusController
from litestar.plugins.pydantic import PydanticPlugin
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.refusals import Refusal
from service import (
    access,
    approvals,
    audit,
    backings,
    balances,
    bank_errors,
    bank_failures,
    bank_messages,
    banks,
    cash,
    channels,
    claims,
    clock,
    courses,
    court_orders,
    deposits,
    enrolments,
    guardians,
    institutions,
    interest,
    journal,
    jurisdictions,
    lessons,
    operations,
    papers,
    parameters,
    payouts,
    personal,
    portings,
    receipts,
    reconciliation,
    refunds,
    resolution,
    statements,
    supervision,
    wind_downs,
    worker,
)
from service.identity import service_keys
from service.identity.authentication import Doors
from service.identity.front_desk import FrontDesk
from service.identity.limits import Limiter
from service.identity.senders import HttpSender, InboxSender, LogSender, Outbox, Sender
from service.identity.service_keys import SigningKeys
from service.identity.signatures import BankRequests
from service.recovery.kept_heads import Keeper
from service.settings import Settings
from service.store.transact import Store
from service.web import openapi, problems
from service.web.attempts import provide_attempt
from service.web.bodies import BATCH_BODY_MAX, check_body
from service.web.command import provide_caller, provide_command, provide_store
from service.web.deadlines import Deadline
from service.web.denials import Denials
from service.web.documentation import documentation_router
from service.web.health import health_router
from service.web.instants import QueryInstants, is_query_instant, read_query_instant
from service.web.policy import guard, public, require_policies
from service.web.recording import Recording
from service.web.signed import SignedAnswers

log = structlog.get_logger("service.requests")

NOUNS: Final = (
    access.oauth_router,
    access.login_router,
    access.session_router,
    access.router,
    access.client_router,
    jurisdictions.router,
    parameters.router,
    banks.router,
    institutions.router,
    courses.router,
    enrolments.router,
    guardians.login_router,
    guardians.router,
    lessons.router,
    claims.router,
    receipts.router,
    payouts.router,
    portings.router,
    refunds.router,
    statements.router,
    statements.file_router,
    reconciliation.router,
    reconciliation.break_router,
    reconciliation.demand_router,
    interest.router,
    deposits.router,
    court_orders.router,
    bank_errors.router,
    bank_messages.router,
    bank_failures.router,
    backings.router,
    channels.router,
    cash.router,
    supervision.router,
    wind_downs.router,
    wind_downs.plan_router,
    papers.router,
    resolution.router,
    approvals.router,
    balances.router,
    journal.router,
    operations.router,
    audit.router,
    personal.router,
)


class Metrics(PrometheusController):
    """Prometheus metrics; for the operator's network, without figures of any institution."""

    path = "/metrics"
    opt = public(counted=False)
    include_in_schema = False


def create_app(
    engine: AsyncEngine, settings: Settings | None = None, *, working: bool = False
) -> Litestar:
    """Make the application over an engine that logs in as the application role.

    With `working` it runs the due sweeps as well, unless another process already does.
    """
    settings = settings or Settings()
    by_phone = sender_of(settings)
    app = Litestar(
        route_handlers=[
            health_router,
            documentation_router(),
            Metrics,
            *NOUNS,
            *((clock.router, guardians.inbox_router) if settings.demo else ()),
        ],
        lifespan=[_running],
        guards=[guard],
        before_request=_before,
        after_response=_after,
        dependencies={
            "command": Provide(provide_command),
            "caller": Provide(provide_caller),
            "store": Provide(provide_store),
            "attempt": Provide(provide_attempt),
        },
        exception_handlers={
            Refusal: problems.on_refusal,
            HTTPException: problems.on_http,
            Exception: problems.on_fault,
        },
        # None leaves strictness to each field; False would take "12" for a strict integer.
        plugins=[
            PydanticPlugin(prefer_alias=True, validate_strict=None),  # type: ignore[arg-type]
            QueryInstants(),
        ],
        type_decoders=[(is_query_instant, read_query_instant)],
        middleware=[
            PrometheusConfig(app_name="escrow", prefix="escrow", group_path=True).middleware,
            SignedAnswers,
            Deadline,
            Recording,
        ],
        openapi_config=openapi.config(version("tuition-escrow")),
        request_max_body_size=BATCH_BODY_MAX,
        logging_config=None,
    )
    _equip(app, engine, settings, by_phone)
    sweeps = _sweeps(engine, settings, by_phone)
    app.state.sweeps = sweeps if working else None
    require_policies(app)
    return app


def _equip(app: Litestar, engine: AsyncEngine, settings: Settings, by_phone: Sender) -> None:
    """Put into the application's state what its requests share."""
    signing = settings.signing_keys
    app.state.engine = engine
    app.state.store = Store(engine)
    app.state.denials = Denials(app.state.store.trail)
    app.state.settings = settings
    app.state.texts = Outbox(by_phone)
    app.state.limiter = Limiter(engine, settings.ceilings)
    app.state.signing_keys = None if signing is None else SigningKeys.load(signing)
    # Whoever calls is found out by single statements, which then need no BEGIN and COMMIT.
    app.state.finding_out = engine.execution_options(isolation_level="AUTOCOMMIT")
    app.state.doors = Doors(
        BankRequests(settings.authorities),
        FrontDesk(app.state.finding_out),
        bank_tokens=settings.bank_tokens,
    )
    app.state.clock_ms = lambda: time.time_ns() // 1_000_000


def _sweeps(engine: AsyncEngine, settings: Settings, by_phone: Sender) -> dict[str, worker.Sweep]:
    # A demonstration plays a term in minutes; a pack every simulated night would be most of it.
    keys = None if settings.demo else settings.pack_keys
    gateway = None
    if isinstance(by_phone, HttpSender):
        gateway = worker.GatewaySender(Store(engine), by_phone)
    return worker.sweeps_with(keys, gateway)


@asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    """Publish the service's keys and sweep while it serves; write what waits before it ends."""
    state, sweeping, keeping = app.state, None, None
    if state.signing_keys is not None:
        await service_keys.publish_now(state.engine, state.signing_keys)
    if state.settings.heads is not None:
        keeper = Keeper(state.engine, state.settings.heads)
        await keeper.keep()
        keeping = asyncio.create_task(keeper.keep_forever())
    if state.sweeps is not None:
        interval = state.settings.sweep_interval_s
        sweeping = asyncio.create_task(worker.run_forever(state.engine, interval, state.sweeps))
    try:
        yield
    finally:
        for task in (sweeping, keeping):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await state.denials.flush()
        await state.store.drain()
        await state.texts.drain()
        await state.engine.dispose()


def sender_of(settings: Settings) -> Sender:
    """Choose how short messages leave: by a gateway, into a demonstration's inbox, or not at all.

    ValueError for a gateway without a token, or one that is not reached by HTTPS.
    """
    if settings.sms_url is None:
        return InboxSender() if settings.demo else LogSender()
    if settings.sms_token is None:
        raise ValueError("a gateway for short messages needs ESCROW_SMS_TOKEN, a file")
    return HttpSender(settings.sms_url, settings.sms_token)


async def _before(request: Request[Any, Any, Any]) -> Response[Any] | None:
    request.state.started_at = time.perf_counter()
    await check_body(request)
    return None


async def _after(request: Request[Any, Any, Any]) -> None:
    started = request.scope["state"].get("started_at")
    caller = request.scope["state"].get("caller")
    log.info(
        "request.answered",
        method=request.method,
        path=request.scope.get("path_template"),
        request_id=request.scope["state"].get("request_id"),
        role=caller.role.value if caller else None,
        problem=request.scope["state"].get("problem_code"),
        ms=None if started is None else round((time.perf_counter() - started) * 1000, 1),
    )
