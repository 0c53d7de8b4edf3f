"""The route of reversals: one person asks, another one approves."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    AlreadyReversed,
    EnrolmentBlocked,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    NotReversible,
    TransactionUnknown,
    WrongState,
)
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.journal import use_cases
from service.journal.reverse import Reverse
from service.journal.schemas import CorrectionIn
from service.store import ids
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.policy import policy
from service.web.problems import refusing


@post(
    "/transactions/{transaction_id:str}/reversal",
    operation_id="reverseTransaction",
    summary="Ask for a transaction to be reversed",
    opt=policy(Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        TransactionUnknown,
        WrongState,
        EnrolmentBlocked,
        AlreadyReversed,
        NotReversible,
    ),
    status_code=202,
)
async def reverse_transaction(
    transaction_id: FromPath[str], data: JSONBody[CorrectionIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second person, whose approval posts the exact mirror and then the right one."""
    try:
        journal, seq = ids.parse_transaction(transaction_id)
    except ValueError:
        raise TransactionUnknown from None
    if journal not in command.caller.journals:
        raise TransactionUnknown
    key = None if command.key is None else command.key.key
    wanted = Reverse(journal, command.new_id(), seq, data.reason, key)
    outcome = await command.run(use_cases.REQUEST_REVERSAL, [wanted], journal=journal)
    return await awaiting(command, outcome, journal)
