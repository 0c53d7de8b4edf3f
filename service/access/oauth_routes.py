"""Routes of OAuth 2: tokens for systems by client credentials, and their revocation.

Forms in, RFC 6749's own words out: these two routes speak as any OAuth library expects.
"""

import base64
import binascii
from typing import Any, Final
from urllib.parse import unquote_plus

from litestar import Request, Response, Router, post
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import URLEncodedBody

from ledger.refusals import (
    Busy,
    ClientRefused,
    GrantUnsupported,
    RateLimited,
    Refusal,
    RequestInvalid,
    ScopeRefused,
)
from service.access.login_routes import NO_STORE
from service.access.login_schemas import OAuthErrorOut, RevokeForm, TokenForm, TokenOut
from service.identity import assertions, clients
from service.identity.clients import Shown
from service.identity.limits import CostClass
from service.web.attempts import CALLER_KEY
from service.web.bodies import FORM
from service.web.policy import public
from service.web.problems import RETRY_AFTER_S, on_fault, status_of

OPTIONS: Final = {
    **public(cost_class=CostClass.TOKEN),
    "media_type": FORM,
    "secret_body": True,
}
ERRORS: Final = {
    status: ResponseSpec(
        data_container=OAuthErrorOut, description=description, generate_examples=False
    )
    for status, description in {
        400: "invalid_request, unsupported_grant_type or invalid_scope",
        401: "invalid_client",
        429: "temporarily_unavailable",
        503: "temporarily_unavailable",
    }.items()
}
_NAMED: Final[dict[type[Refusal], str]] = {
    ClientRefused: "invalid_client",
    GrantUnsupported: "unsupported_grant_type",
    ScopeRefused: "invalid_scope",
    RateLimited: "temporarily_unavailable",
    Busy: "temporarily_unavailable",
}
"""What RFC 6749 calls a refusal; any other is an invalid request."""


def on_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """Answer a refusal in RFC 6749's words."""
    named = _NAMED.get(type(refusal), "invalid_request")
    status = status_of(type(refusal))
    headers = dict(NO_STORE)
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        headers["WWW-Authenticate"] = 'Basic realm="oauth"'
    if named == "temporarily_unavailable":
        headers["Retry-After"] = str(refusal.facts.get("retry_after_s", RETRY_AFTER_S))
    request.state.problem_code = refusal.code
    body = OAuthErrorOut(error=named, error_description=refusal.title)
    return Response(body.model_dump(), status_code=status, headers=headers)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer what the framework refuses: a form that cannot be read is an invalid request."""
    if error.status_code >= 500:  # noqa: PLR2004 - HTTP's own number
        return on_fault(request, error)
    return on_refusal(request, RequestInvalid())


@post(
    "/token",
    operation_id="getToken",
    summary="Get an access token (OAuth 2 client credentials)",
    opt=OPTIONS,
    responses=ERRORS,
    status_code=200,
)
async def get_token(
    data: URLEncodedBody[TokenForm], request: Request[Any, Any, Any]
) -> Response[TokenOut]:
    """Grant a short token to a client that shows its secret or a signed assertion.

    The secret stands in the Authorization header (Basic) or in the form, never in both. `scope`
    asks for some of the client's duties; it has all of them otherwise.
    """
    shown = _shown(request, data)
    if data.grant_type is None:
        raise RequestInvalid(reason="grant_type")
    if data.grant_type != "client_credentials":
        raise GrantUnsupported
    granted = await clients.grant(
        request.app.state.engine, shown, wanted=data.scope or None, audiences=_audiences(request)
    )
    request.scope["state"][CALLER_KEY] = granted.client
    return Response(
        TokenOut(
            access_token=granted.token,
            expires_in=granted.expires_in_s,
            scope=" ".join(granted.duties),
        ),
        headers={**NO_STORE, "Pragma": "no-cache"},
    )


@post(
    "/revoke",
    operation_id="revokeToken",
    summary="Revoke an access token",
    opt=OPTIONS,
    responses=ERRORS,
    status_code=200,
)
async def revoke_token(
    data: URLEncodedBody[RevokeForm], request: Request[Any, Any, Any]
) -> Response[dict[str, bool]]:
    """Revoke one of the client's own tokens at once; an unknown one is as good as revoked."""
    shown = _shown(request, data)
    if data.token is None:
        raise RequestInvalid(reason="token")
    engine = request.app.state.engine
    revoked = await clients.revoke(engine, shown, data.token, _audiences(request))
    request.scope["state"][CALLER_KEY] = revoked
    return Response({}, headers=NO_STORE)


def _shown(request: Request[Any, Any, Any], form: TokenForm) -> Shown:
    """Return the one way in which the client proves itself; raises `RequestInvalid` for several."""
    header = request.headers.get("authorization")
    if header is None:
        return _in_form(form)
    if form.client_secret is not None or form.client_assertion is not None:
        raise RequestInvalid(reason="several_authentications")
    client, secret = _basic(header)
    if form.client_id not in (None, client):
        raise RequestInvalid(reason="several_clients")
    return Shown(client=client, secret=secret)


def _in_form(form: TokenForm) -> Shown:
    if form.client_assertion is None:
        return Shown(client=form.client_id, secret=form.client_secret)
    if form.client_secret is not None:
        raise RequestInvalid(reason="several_authentications")
    if form.client_assertion_type != assertions.KIND:
        raise RequestInvalid(reason="client_assertion_type")
    return Shown(client=form.client_id, assertion=form.client_assertion)


def _basic(header: str) -> tuple[str, str]:
    """Read client id and secret, each percent-encoded as in a form; raises `ClientRefused`."""
    scheme, _, value = header.partition(" ")
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise ClientRefused from None
    client, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise ClientRefused
    return unquote_plus(client), unquote_plus(secret)


def _audiences(request: Request[Any, Any, Any]) -> frozenset[str]:
    """Return what an assertion may be meant for: the issuer, or its token address."""
    issuer = request.app.state.settings.issuer.rstrip("/")
    return frozenset({issuer, f"{issuer}/oauth/token"})


oauth_router = Router(
    "/oauth",
    route_handlers=[get_token, revoke_token],
    exception_handlers={Refusal: on_refusal, HTTPException: on_http},
    tags=["access"],
)
