"""Commands: a route's one way to change anything, with the caller, key and dry run it came with."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from litestar import Request, Response
from litestar.params import HeaderParameter, QueryParameter
from msgspec import Raw
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import BodyTooLarge, IdempotencyKeyMissing
from service.identity.callers import Caller
from service.identity.signatures import spend_now
from service.store import ids
from service.store.answers import Key
from service.store.audit import Attempt
from service.store.evidence import Evidence, with_body
from service.store.facts import Presence, Verdict
from service.store.sheets import Written
from service.store.transact import Mode, Outcome, Store, UseCase, writing
from service.store.transact import Request as StoreRequest
from service.web.attempts import attempt_of
from service.web.problems import problem_of, speaks_chinese, status_of
from service.web.recording import RECORDED_KEY
from service.web.wire import BATCH_MAX

OutT = TypeVar("OutT", bound=BaseModel)

KEY_MAX = 128


@dataclass(frozen=True, slots=True)
class Command:
    """One changing request: who asks, under which key, for real or as a dry run."""

    caller: Caller
    store: Store
    at_ms: int
    key: Key | None
    dry_run: bool
    chinese: bool
    attempt: Attempt | None = None
    state: dict[str, Any] = field(default_factory=dict)

    def new_id(self) -> Any:  # noqa: ANN401 - a UUID
        """Make the id of an object this command may create."""
        return ids.new_id(self.at_ms)

    def new_ids(self, count: int) -> Sequence[Any]:
        """Make the ids of so many objects."""
        return ids.new_ids(self.at_ms, count)

    async def run(
        self,
        use_case: UseCase[Any, Any],
        commands: Sequence[Any],
        *,
        journal: int,
        mode: str | None = None,
    ) -> Outcome:
        """Carry out one command (no mode) or a batch; raises `BodyTooLarge` over 10,000 items."""
        if len(commands) > BATCH_MAX:
            raise BodyTooLarge(items_max=BATCH_MAX)
        evidence = await self._evidence()
        outcome = await self.store.transact(
            StoreRequest(
                use_case=use_case,
                commands=commands,
                caller=self.caller.context,
                actor=self.caller.id,
                journal=journal,
                key=self.key,
                mode=Mode.SINGLE if mode is None else Mode(mode),
                dry_run=self.dry_run,
                presence=presence_of(self.caller),
                evidence=evidence,
                attempt=self.attempt,
            )
        )
        self._recorded(outcome)
        return outcome

    async def refer(self, work: Callable[[AsyncConnection], Awaitable[Verdict]]) -> Outcome:
        """Write reference data, which no journal holds."""
        outcome = await self.store.refer(
            work, key=self.key, dry_run=self.dry_run, attempt=self.attempt
        )
        self._recorded(outcome)
        return outcome

    def _recorded(self, outcome: Outcome) -> None:
        """Leave nothing to record of what the store recorded, or of what changed nothing."""
        self.state[RECORDED_KEY] = outcome.recorded or outcome.replayed or self.dry_run

    async def _evidence(self) -> Evidence | None:
        """Return the signed message this is, to be kept; a dry run keeps none, yet spends it."""
        signature = self.caller.signature
        if signature is None:
            return None
        if self.dry_run:
            async with writing(self.store.engine) as connection:
                await spend_now(connection, signature)
            return None
        return await with_body(signature)

    def answer(self, outcome: Outcome, out: type[OutT], status: int = 201) -> Response[OutT]:
        """Answer a single command; raises its refusal. A duplicate and a dry run are 200."""
        told = outcome.verdicts[0].answer
        if type(told) is Written:
            answered = out.model_validate_json(told.text)
        else:
            answered = out.model_validate(outcome.single())
        duplicate = outcome.verdicts[0].duplicate
        return Response(
            answered,
            status_code=200 if duplicate or self.dry_run else status,
            headers=_headers(outcome),
        )

    def answer_batch(self, outcome: Outcome, mode: str, status: int = 201) -> Response[Any]:
        """Answer a batch: 200 with a result each; all_or_nothing with a refusal is 422."""
        results = [self._item(verdict, status) for verdict in outcome.verdicts]
        refused_whole = mode == Mode.ALL_OR_NOTHING.value and outcome.refused
        return Response(
            {"mode": mode, "results": results},
            status_code=422 if refused_whole else 200,
            headers=_headers(outcome),
        )

    def _item(self, verdict: Verdict, status: int) -> dict[str, Any]:
        if verdict.refusal is not None:
            problem = problem_of(verdict.refusal, chinese=self.chinese)
            return {
                "status": status_of(type(verdict.refusal)),
                "code": verdict.refusal.code,
                "problem": problem.model_dump(exclude_none=True),
            }
        if type(verdict.answer) is Written:
            told = Raw(verdict.answer.text.encode())
            return {"status": status, "code": "done", "result": told}
        if verdict.duplicate:
            return {"status": 200, "code": "duplicate", "result": verdict.answer}
        return {"status": status, "code": "done", "result": verdict.answer}


async def provide_command(
    request: Request[Any, Any, Any],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="1 to 128 visible ASCII characters; the same key gives the same answer"
            " for ever. Not needed for a dry run.",
        ),
    ] = None,
    dry_run: Annotated[  # noqa: FBT002 - a query parameter
        bool, QueryParameter(description="Decide and answer, change nothing.")
    ] = False,
) -> Command:
    """Make the command of a request; raises `IdempotencyKeyMissing`."""
    caller: Caller = request.scope["state"]["caller"]
    app = request.app.state
    return Command(
        caller=caller,
        store=app.store,
        at_ms=app.clock_ms(),
        key=None if dry_run else _key(caller, idempotency_key, request),
        dry_run=dry_run,
        chinese=speaks_chinese(request),
        attempt=attempt_of(request),
        state=request.scope["state"],
    )


async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Return the caller the guard found."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def provide_store(request: Request[Any, Any, Any]) -> Store:
    """Return the application's store."""
    store: Store = request.app.state.store
    return store


def presence_of(caller: Caller) -> Presence:
    """Say as what a caller is here, for rules that look at more than its id."""
    return Presence(
        caller.role.value,
        caller.path,
        tuple(sorted(duty.value for duty in caller.duties)),
        caller.session,
        caller.device,
        caller.authenticated_at,
    )


def key_of(key: str | None) -> str:
    """Return a key that may be one; raises `IdempotencyKeyMissing`."""
    if key is None or not 1 <= len(key) <= KEY_MAX or not all("!" <= c <= "~" for c in key):
        raise IdempotencyKeyMissing
    return key


def _key(caller: Caller, key: str | None, request: Request[Any, Any, Any]) -> Key:
    return Key(caller_id=caller.id, key=key_of(key), request_hash=request.state.request_hash)


def _headers(outcome: Outcome) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if outcome.replayed else {}
