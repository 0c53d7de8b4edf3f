"""Problems: one table from refusals to statuses, one body shape (RFC 9457), one language switch."""

from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger import refusals
from ledger.refusals import Refusal, all_refusals
from service.store.driver import is_lost
from service.web.wire import FieldError, Problem

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[dict[type[Refusal], int]] = {
    refusals.Malformed: 400,
    refusals.FormatUnavailable: 406,
    refusals.BodyTooLarge: 413,
    refusals.BodyTooSlow: 408,
    refusals.UrlTooLong: 414,
    refusals.HeadersTooLarge: 431,
    refusals.MediaTypeUnsupported: 415,
    refusals.RouteUnknown: 404,
    refusals.MethodUnsupported: 405,
    refusals.NotAuthenticated: 401,
    refusals.LoginRefused: 401,
    refusals.ClientRefused: 401,
    refusals.SignatureRefused: 401,
    refusals.RateLimited: 429,
    refusals.CallerRefused: 403,
    refusals.ObjectUnknown: 404,
    refusals.StateConflict: 409,
    refusals.Restrained: 409,
    refusals.BalanceTooLow: 422,
    refusals.RuleBroken: 422,
    refusals.Busy: 503,
    refusals.OutcomeUnknown: 503,
    refusals.JournalRestored: 503,
    refusals.InternalFault: 500,
}
"""Status of a refusal: its own line, or that of its nearest ancestor."""

RETRY_AFTER_S: Final = "1"

log = structlog.get_logger("service.web")


def status_of(refusal: type[Refusal]) -> int:
    """Return the one HTTP status of a refusal class."""
    return next(STATUS[parent] for parent in refusal.__mro__ if parent in STATUS)


def speaks_chinese(request: Request[Any, Any, Any]) -> bool:
    """Tell whether Accept-Language asks for Chinese first."""
    return request.headers.get("accept-language", "").strip().lower().startswith("zh")


def problem_of(refusal: Refusal, *, chinese: bool, request_id: str | None = None) -> Problem:
    """Render a refusal; the facts are shown, nothing else."""
    facts = dict(sorted(refusal.facts.items()))
    pointer = facts.pop("pointer", None)
    title = refusal.zh if chinese else refusal.title
    wrong = FieldError(pointer=str(pointer), code=str(facts.get("reason")), message=title)
    return Problem(
        type=f"/v1/problems/{refusal.code}",
        title=title,
        status=status_of(type(refusal)),
        code=refusal.code,
        facts=facts or None,
        errors=None if pointer is None else [wrong],
        request_id=request_id,
    )


def respond(request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    """Send a problem, with Retry-After where sending the same again makes sense."""
    headers: dict[str, str] = {}
    if problem.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = str((problem.facts or {}).get("retry_after_s", RETRY_AFTER_S))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    request.state.problem_code = problem.code
    return Response(
        problem.model_dump_json(exclude_none=True).encode(),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def on_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    """Answer any refusal."""
    chinese = speaks_chinese(request)
    return respond(request, problem_of(refusal, chinese=chinese, request_id=request_id_of(request)))


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework itself refuses: unreadable fields, unknown paths and methods."""
    if isinstance(error, ValidationException):
        return _on_fields(request, error)
    known: dict[int, type[Refusal]] = {
        400: refusals.RequestInvalid,
        401: refusals.NotAuthenticated,
        404: refusals.RouteUnknown,
        405: refusals.MethodUnsupported,
        413: refusals.BodyTooLarge,
        415: refusals.MediaTypeUnsupported,
    }
    refusal = known.get(error.status_code)
    if refusal is None:
        return on_fault(request, error)
    answer = on_refusal(request, refusal())
    if (allowed := (error.headers or {}).get("allow")) is not None:
        methods = [method for method in allowed.split(", ") if method != "OPTIONS"]
        answer.headers["Allow"] = ", ".join(sorted(methods))
    return answer


def on_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a fault of ours: logged with its trace, shown without any."""
    if _is_unavailable(error):
        log.warning("database.unavailable", error=type(error).__name__)
        return on_refusal(request, refusals.Busy())
    log.error("request.failed", path=request.scope.get("path_template"), exc_info=error)
    return on_refusal(request, refusals.InternalFault())


def _is_unavailable(error: Exception) -> bool:
    """Tell a database that cannot be reached, or has no connection free, from a fault of ours."""
    return isinstance(error, PoolTimeout) or is_lost(error)


def request_id_of(request: Request[Any, Any, Any]) -> str | None:
    """Return the id this request was given when it arrived."""
    found = request.scope["state"].get("request_id")
    return str(found) if found else None


KEYED: Final = (refusals.IdempotencyKeyMissing, refusals.IdempotencyKeyReused)
"""What every command with an idempotency key may be refused with."""


def refusing(*classes: type[Refusal]) -> dict[int, ResponseSpec]:
    """Document the problems of a route: those named and those that any route can answer."""
    always: tuple[type[Refusal], ...] = (
        refusals.RequestInvalid,
        refusals.NotAuthenticated,
        refusals.RateLimited,
        refusals.VerbForbidden,
        refusals.Busy,
    )
    by_status: dict[int, list[str]] = {}
    for refusal in (*always, *classes):
        codes = by_status.setdefault(status_of(refusal), [])
        if refusal.code not in codes:
            codes.append(refusal.code)
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=f"{HTTPStatus(status).phrase}: {', '.join(codes)}",
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status, codes in sorted(by_status.items())
    }


def catalogue() -> list[dict[str, Any]]:
    """Every refusal in order of precedence: code, status, titles."""
    return [
        {
            "code": refusal.code,
            "status": status_of(refusal),
            "title": (refusal.__doc__ or "").strip(),
            "title_zh": refusal.zh,
        }
        for refusal in all_refusals()
    ]


def _on_fields(request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    extra = error.extra if isinstance(error.extra, list) else []
    errors = [
        FieldError(
            pointer="/" + str(item.get("key", "")).replace(".", "/"),
            code=f"invalid_{item.get('source', 'body')}".replace("ParamType.", "").lower(),
            message=str(item.get("message", "")),
        )
        for item in extra
        if isinstance(item, dict)
    ]
    problem = problem_of(
        refusals.RequestInvalid(),
        chinese=speaks_chinese(request),
        request_id=request_id_of(request),
    )
    return respond(request, problem.model_copy(update={"errors": errors[:100]}))
