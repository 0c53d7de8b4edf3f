"""Routes of channel captures, singly and in batches."""

from collections.abc import Sequence

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ledger.refusals import (
    BankEntryContradicted,
    BodyTooLarge,
    CustodyAccountUnknown,
    DateInFuture,
)
from service.channels import use_cases
from service.channels.schemas import CaptureBatchIn, CaptureBatchOut, CaptureIn, CaptureOut
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.store import ids
from service.store.transact import Outcome
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.policy import policy
from service.web.problems import KEYED, refusing

PROBLEMS = refusing(
    *KEYED, CustodyAccountUnknown, BankEntryContradicted, DateInFuture, BodyTooLarge
)


@post(
    "/",
    operation_id="postCapture",
    summary="Report a payment that a channel captured",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=PROBLEMS,
)
async def post_capture(
    data: JSONBody[CaptureIn], command: NamedDependency[Command]
) -> Response[CaptureOut]:
    """Credit it to the enrolment it names at once; the channel owes it until it settles."""
    return command.answer(await _captured([data], command), CaptureOut)


@post(
    "/batch",
    operation_id="postCaptures",
    summary="Report up to 10,000 captures",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS, body_max=BATCH_BODY_MAX),
    responses=PROBLEMS,
    status_code=200,
)
async def post_captures(
    data: JSONBody[CaptureBatchIn], command: NamedDependency[Command]
) -> Response[CaptureBatchOut]:
    """Keep a list of captures of one journal, a result each in the same order."""
    return command.answer_batch(await _captured(data.items, command, mode=data.mode), data.mode)


async def _captured(
    captures: Sequence[CaptureIn], command: Command, *, mode: str | None = None
) -> Outcome:
    journals = {ids.parse("cus", capture.custody_account_id)[0] for capture in captures}
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise CustodyAccountUnknown
    facts = [capture.fact(command) for capture in captures]
    return await command.run(use_cases.CAPTURE, facts, journal=journals.pop(), mode=mode)


router = Router(
    "/v1/channel-captures", route_handlers=[post_capture, post_captures], tags=["receipts"]
)
