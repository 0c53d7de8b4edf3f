"""The route by which a school reports the cash it took."""

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ledger.refusals import (
    AmountOverCap,
    BankEntryContradicted,
    CourseNotFiled,
    CustodyAccountInvalid,
    DateInFuture,
    EnrolmentUnknown,
    InstitutionFrozen,
    WrongState,
)
from service.cash import use_cases
from service.cash.schemas import CashIn, CashOut
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.web.command import Command
from service.web.policy import policy
from service.web.problems import KEYED, refusing


@post(
    "/",
    operation_id="takeCash",
    summary="Report cash that the school took",
    opt=policy(Role.INSTITUTION, verb=Verb.TAKE_CASH),
    responses=refusing(
        *KEYED,
        EnrolmentUnknown,
        DateInFuture,
        BankEntryContradicted,
        CustodyAccountInvalid,
        InstitutionFrozen,
        WrongState,
        CourseNotFiled,
        AmountOverCap,
    ),
)
async def take_cash(data: JSONBody[CashIn], command: NamedDependency[Command]) -> Response[CashOut]:
    """Credit the enrolment at once; the school owes the cash to the bank, by the same day."""
    taken = data.taken(command)
    if taken.journal not in command.caller.journals:
        raise EnrolmentUnknown
    outcome = await command.run(use_cases.TAKE_CASH, [taken], journal=taken.journal)
    return command.answer(outcome, CashOut)


router = Router("/v1/cash-receipts", route_handlers=[take_cash], tags=["receipts"])
