"""Strict bodies: what a JSON decoder would let pass is refused before any decoder sees a model.

Size, media type, encoding, nesting depth, duplicate keys, control characters and lone surrogates
are checked on the raw bytes; the canonical body is hashed for idempotency (reliability.md, faults
56 to 58). A route that takes a form instead, as OAuth's do, says so.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.exceptions import InternalServerException
from litestar.utils.scope.state import ScopeState

from ledger.refusals import BodyTooLarge, BodyTooSlow, MediaTypeUnsupported, RequestInvalid
from service.store.spooled import Spooled
from service.web import plain_json
from service.web.wire import BATCH_MAX

BODY_MAX: Final = 64 * 1024
BATCH_BODY_MAX: Final = 8 * 1024 * 1024
BODY_WITHIN_S: Final = 10
BODY_PER_S: Final = 256 * 1024
DEPTH_MAX: Final = 32
ELEMENTS_MAX: Final = 10 * BATCH_MAX
"""Of all lists in a body together; a model finds fault with each of them at length."""
FIELDS_MAX: Final = 32
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
"""What a body is: JSON, unless a route's option `media_type` says that it is a form, or its
`raw_media` that it is a file of one of these types."""
SPOOLED_KEY: Final = "spooled"
GONE: Final = "sender_gone"

UNWANTED: Final = re.compile(
    "[\x00-\x1f\x7f\ud800-\udfff"
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
"""Control characters, lone surrogates, and what makes a text read otherwise than it is written:
marks of direction, line ends beside the two, and what has no width but joins nothing."""
_ESCAPED: Final = re.compile(r"\\[^\"\\/]")
_OPENING: Final = frozenset(b"{[")
_CLOSING: Final = frozenset(b"}]")
_QUOTE: Final = ord('"')
_ESCAPE: Final = ord("\\")


async def check_body(request: Request[Any, Any, Any]) -> None:
    """Read and check the body of a POST, and keep its request hash for idempotency.

    Of a body that holds a password or a code no hash is kept, which such could be guessed by.
    Raises `MediaTypeUnsupported`, `BodyTooLarge` or `RequestInvalid`.
    """
    if request.method != "POST":
        return
    if "raw_media" in request.route_handler.opt:
        await _check_raw(request)
        return
    raw = await raw_body(request)
    parsed: Any = None
    if raw:
        wanted = request.route_handler.opt.get("media_type", JSON)
        _check_media_type(request, {wanted})
        parsed = parse(raw) if wanted == JSON else parse_form(raw)
        check_lists(raw, parsed)
        if wanted == JSON:  # What was parsed here is what the handler's model is made of.
            ScopeState.from_scope(request.scope).json = parsed
    secret = request.route_handler.opt.get("secret_body", False)
    said = None if secret else parsed
    request.state.request_hash = request_hash(request.method, request.url.path, said)


async def _check_raw(request: Request[Any, Any, Any]) -> None:
    """Read a file as it is: of one of the route's media types, not parsed, hashed as it came."""
    _check_media_type(request, request.route_handler.opt["raw_media"])
    body = await spooled_body(request)
    said = {"query": request.scope["query_string"].decode("latin-1"), "sha256": body.sha256.hex()}
    request.state.request_hash = request_hash(request.method, request.url.path, said)


async def body_of(request: Request[Any, Any, Any]) -> bytes | Spooled:
    """Read the body of a request as its route has it: whole, or a file in pieces."""
    raw = "raw_media" in request.route_handler.opt
    return await (spooled_body(request) if raw else raw_body(request))


async def spooled_body(request: Request[Any, Any, Any]) -> Spooled:
    """Read a file piece by piece into a temporary one, once for all who ask.

    Raises `BodyTooLarge`, `BodyTooSlow` or `RequestInvalid`, as `raw_body` does.
    """
    state: dict[str, Any] = request.scope["state"]
    if SPOOLED_KEY in state:
        known: Spooled = state[SPOOLED_KEY]
        return known
    limit = _limit(request)
    state[SPOOLED_KEY] = body = Spooled()
    try:
        async with asyncio.timeout(BODY_WITHIN_S + limit // BODY_PER_S):
            async for piece in request.stream():
                if body.size + len(piece) > limit:
                    raise BodyTooLarge(limit_bytes=limit)
                body.add(piece)
    except TimeoutError:
        raise BodyTooSlow from None
    except InternalServerException:
        raise RequestInvalid(reason=GONE) from None
    return body


async def raw_body(request: Request[Any, Any, Any]) -> bytes:
    """Read the raw body of a request, once for all who ask.

    Raises `BodyTooLarge` or `BodyTooSlow`: a body has 10 seconds, and one for each 256 KiB that
    its route allows; or `RequestInvalid` where its sender is gone, which is no fault of ours.
    """
    limit = _limit(request)
    try:
        async with asyncio.timeout(BODY_WITHIN_S + limit // BODY_PER_S):
            raw = await request.body()
    except TimeoutError:
        raise BodyTooSlow from None
    except InternalServerException:
        raise RequestInvalid(reason=GONE) from None
    if len(raw) > limit:
        raise BodyTooLarge(limit_bytes=limit)
    return raw


def _limit(request: Request[Any, Any, Any]) -> int:
    """Return the largest body of a route; raises `BodyTooLarge` for one that declares more."""
    limit: int = request.route_handler.opt.get("body_max", BODY_MAX)
    declared = request.headers.get("content-length")
    if declared is not None and declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(limit_bytes=limit)
    return limit


def parse(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse strict JSON; raises `RequestInvalid` with the first thing wrong."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestInvalid(reason="not_utf8") from None
    if text.startswith("\ufeff"):
        raise RequestInvalid(reason="byte_order_mark")
    return plain_json.at_a_glance(raw, text, DEPTH_MAX) or closely(raw, text)


def closely(raw: bytes, text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse strict JSON by looking at each character and object of it."""
    if depth(raw) > DEPTH_MAX:
        raise RequestInvalid(reason="too_deep", depth_max=DEPTH_MAX)
    try:
        parsed = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestInvalid(reason="not_json") from None
    if _ESCAPED.search(text) or UNWANTED.search(text):
        _check_text(parsed)
    return parsed


def check_lists(raw: bytes, parsed: Any) -> None:  # noqa: ANN401 - any JSON value
    """Refuse a list longer than a batch may be, and too many elements of lists in a body.

    Raises `BodyTooLarge`. Most bodies have not even as many commas; others are a list of objects,
    behind which no bracket is left that could open another.
    """
    if raw.count(b",") < BATCH_MAX:
        return
    elements, inside, unseen = 0, [parsed], raw.count(b"[")
    while inside and unseen:
        value = inside.pop()
        if type(value) is list:
            unseen -= 1
            elements += len(value)
            if len(value) > BATCH_MAX:
                raise BodyTooLarge(items_max=BATCH_MAX)
            if elements > ELEMENTS_MAX:
                raise BodyTooLarge(elements_max=ELEMENTS_MAX)
            inside += value
        elif type(value) is dict:
            inside += [each for each in value.values() if type(each) in {list, dict}]


def parse_form(raw: bytes) -> dict[str, str]:
    """Parse a strict form: each field once; raises `RequestInvalid`."""
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise RequestInvalid(reason="not_a_form") from None
    fields = _unique(pairs)
    _check_text(fields)
    return fields


def depth(raw: bytes) -> int:
    """Deepest nesting of arrays and objects, found without recursion."""
    deepest = level = 0
    inside = escaped = False
    for byte in raw:
        if inside:
            if escaped:
                escaped = False
            elif byte == _ESCAPE:
                escaped = True
            elif byte == _QUOTE:
                inside = False
        elif byte == _QUOTE:
            inside = True
        elif byte in _OPENING:
            level += 1
            deepest = max(deepest, level)
            if deepest > DEPTH_MAX:
                return deepest
        elif byte in _CLOSING:
            level -= 1
    return deepest


def request_hash(method: str, path: str, parsed: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Hash what a request asks for: method, path with its ids, canonical body."""
    body = json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{method}\n{path}\n{body}".encode()).digest()


def _check_media_type(request: Request[Any, Any, Any], wanted: Collection[str]) -> None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").lower()
    if media_type not in wanted or encoding != "identity":
        raise MediaTypeUnsupported


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RequestInvalid(reason="duplicate_keys")
    return found


def _no_constant(_name: str) -> Any:  # noqa: ANN401 - never returns
    raise RequestInvalid(reason="not_a_number")


def _check_text(value: Any, pointer: str = "") -> None:  # noqa: ANN401 - any JSON value
    """Refuse unwanted characters in any text, at most 32 levels deep."""
    if isinstance(value, str):
        if UNWANTED.search(value):
            raise RequestInvalid(reason="control_characters", pointer=pointer)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_text(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, pointer)
            _check_text(item, f"{pointer}/{key}")
