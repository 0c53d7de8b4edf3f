"""The route by which a line is found to be the bank's mistake."""

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ledger.refusals import BalanceTooLow, ReceiptUnknown, WrongState
from service.bank_errors import use_cases
from service.bank_errors.schemas import FindingIn
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.store import ids
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.policy import policy
from service.web.problems import KEYED, refusing


@post(
    "/",
    operation_id="findBankError",
    summary="Ask for an unexplained line to be found the bank's error",
    opt=policy(Role.OPERATOR, Role.REGULATOR, verb=Verb.RESOLVE_MONEY),
    responses=refusing(*KEYED, ReceiptUnknown, WrongState, BalanceTooLow),
    status_code=202,
)
async def find_bank_error(
    data: JSONBody[FindingIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second person: a credit becomes the bank's money, a debit is claimed back."""
    journal, entry = ids.parse("bke", data.receipt_id)
    if journal not in command.caller.journals:
        raise ReceiptUnknown
    key = None if command.key is None else command.key.key
    finding = use_cases.Finding(journal, entry, command.new_id(), data.reason, key)
    outcome = await command.run(use_cases.REQUEST_FINDING, [finding], journal=journal)
    return await awaiting(command, outcome, journal)


router = Router("/v1/bank-errors", route_handlers=[find_bank_error], tags=["bank events"])
