"""The player's one way to speak to the service: HTTP, kept alive, a few requests at a time.

A request whose fate is unknown (no connection, 503, 409 in flight) is sent again under its key
until it is answered, for as long as the patience lasts: nothing is lost, nothing happens twice.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self, TypeVar

import httpx

from service.identity.bank_signer import Answer, BankSigner, ToSign, is_answer_to

PATIENCE_S: Final = 60
TIMEOUT_S: Final = 300
AT_ONCE: Final = 6
ITEMS_AT_ONCE: Final = 4_000
PAUSE_S: Final = 0.5
_AGAIN: Final = frozenset({429, 502, 503, 504})
_CONFLICT: Final = 409
_BAD: Final = 400

T = TypeVar("T")
Json = dict[str, Any]
Credential = str | BankSigner
"""A bearer token, or a bank's key."""


class Unexpected(RuntimeError):  # noqa: N818 - says what came instead
    """The service answered something the play does not know."""


class Api:
    """The served API: commands with their keys, reads, and batches cut to size."""

    def __init__(self, http: httpx.AsyncClient, *, patience_s: int = PATIENCE_S) -> None:
        """Speak through a client whose base address is the service's."""
        self.http = http
        self.requests = 0
        self.seconds: dict[str, list[float]] = {}
        self.service_keys: dict[str, bytes] = {}
        """The keys that answers to signed requests must be signed with, once they are known."""
        self._patience_s = patience_s
        self._turns = asyncio.Semaphore(AT_ONCE)

    @classmethod
    @asynccontextmanager
    async def at(cls, address: str, *, patience_s: int = PATIENCE_S) -> AsyncIterator[Self]:
        """Speak to the service at `address` over kept connections."""
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, limits=limits) as http:
            yield cls(http, patience_s=patience_s)

    async def post(
        self, path: str, who: Credential, body: Json, *, key: str | None, of: str | None = None
    ) -> Json:
        """Send a command under its key and return the answer; `of` is the path to count it by."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        content = json.dumps(body, ensure_ascii=False).encode()
        request = self.http.build_request("POST", path, headers=headers, content=content)
        return await self._answered(request, who, of or path)

    async def get(self, path: str, who: Credential, **query: Any) -> Json:  # noqa: ANN401
        """Read as somebody."""
        asked = {name: str(value) for name, value in query.items() if value is not None}
        return await self._answered(self.http.build_request("GET", path, params=asked), who, path)

    async def batch(
        self,
        path: str,
        who: Credential,
        items: Sequence[Json],
        *,
        key: str,
        refusable: Container[str] = (),
    ) -> list[Json]:
        """Send items in batches and return their results in order, empty where refused.

        A refusal whose code is not among the refusable is unexpected.
        """
        results: list[Json] = []
        for start in range(0, len(items), ITEMS_AT_ONCE):
            part = items[start : start + ITEMS_AT_ONCE]
            body = {"mode": "independent", "items": part}
            part_key = key if start == 0 else f"{key}.{start}"
            answer = await self.post(path, who, body, key=part_key)
            results += answer["results"]
        for item, result in zip(items, results, strict=True):
            if result["status"] >= _BAD and result["code"] not in refusable:
                raise Unexpected(f"{path}: {result.get('problem', result)} to {item}")
        return [result.get("result") or {} for result in results]

    async def _answered(self, request: httpx.Request, who: Credential, of: str) -> Json:
        deadline: float | None = None
        asked = f"{request.method} {request.url.path}"
        while True:
            answer = await self._sent(request, who, of)
            if answer is not None and not _is_open(answer):
                break
            # A slow answer is no silence: the patience counts from the first that did not come.
            deadline = deadline or time.monotonic() + self._patience_s
            if time.monotonic() > deadline:
                raise Unexpected(f"{asked}: no answer for {self._patience_s} s")
            await asyncio.sleep(PAUSE_S)
        if answer.status_code >= _BAD:
            raise Unexpected(f"{asked}: {answer.status_code} {answer.text[:2000]}")
        answered: Json = answer.json()
        return answered

    async def _sent(
        self, request: httpx.Request, who: Credential, of: str
    ) -> httpx.Response | None:
        async with self._turns:
            started = time.perf_counter()
            signed = _authorized(request, who)
            try:
                answer = await self.http.send(request)
            except httpx.TransportError:
                return None
            self.requests += 1
            spent = time.perf_counter() - started
            self.seconds.setdefault(f"{request.method} {of}", []).append(spent)
        if signed is not None and self.service_keys and not _is_ours(answer, signed, self):
            raise Unexpected(f"{request.url.path}: the answer is not signed by the service")
        return answer


def _authorized(request: httpx.Request, who: Credential) -> str | None:
    """Put a token or a signature on a request; return the signature. Each time it is another."""
    if isinstance(who, str):
        request.headers["Authorization"] = f"Bearer {who}"
        return None
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    signed = who.headers(
        ToSign(
            request.method,
            request.headers["host"],
            path,
            query,
            body=request.content,
            content_type=request.headers.get("content-type"),
            idempotency_key=request.headers.get("idempotency-key"),
        )
    )
    request.headers.update(signed)
    return signed["signature"]


def _is_ours(answer: httpx.Response, signed: str, api: Api) -> bool:
    """Tell whether the service signed this answer to this request; it may not know who asked."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return True
    told = Answer(answer.status_code, answer.headers, answer.content)
    return is_answer_to(signed, told, api.service_keys)


def _is_open(answer: httpx.Response) -> bool:
    """Tell an answer that leaves the outcome open: the same key then asks again."""
    if answer.status_code in _AGAIN:
        return True
    return answer.status_code == _CONFLICT and '"idempotency_in_flight"' in answer.text


async def together(
    works: Iterable[Awaitable[T]], advanced: Callable[[], None] | None = None
) -> list[T]:
    """Do several things at once and return what each gave, in order; the first failure ends all."""

    async def one(work: Awaitable[T]) -> T:
        done = await work
        if advanced is not None:
            advanced()
        return done

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(work)) for work in works]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
