"""Routes of banks' terms: an operator sets them from a day on, everybody concerned reads them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import AlreadyExists, BankUnknown, PastRejudged
from service.banks import terms
from service.banks.term_schemas import TermsIn, TermsList, TermsOut
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import bank_terms, custodians
from service.store.transact import Store
from service.web.command import Command
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@post(
    "/banks/{bank:str}/terms",
    operation_id="setBankTerms",
    summary="Set when a bank carries out orders, and how large one may be",
    opt=policy(Role.OPERATOR, verb=Verb.SET_UP),
    responses=refusing(*KEYED, BankUnknown, AlreadyExists, PastRejudged),
)
async def set_bank_terms(
    bank: FromPath[str], data: JSONBody[TermsIn], command: NamedDependency[Command]
) -> Response[TermsOut]:
    """Let terms be in force from a day on, today or later; those before stay as they were.

    What may not go waits as NEW: no order is split.
    """
    at = _EPOCH + timedelta(milliseconds=command.at_ms)
    said, by = data.facts(bank), command.caller.id
    outcome = await command.refer(
        lambda connection: terms.set_terms(connection, said, by=by, at=at)
    )
    return command.answer(outcome, TermsOut)


@get(
    "/banks/{bank:str}/terms",
    operation_id="getBankTerms",
    summary="Read the terms of a bank",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(BankUnknown),
)
async def get_bank_terms(
    bank: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> TermsList:
    """List every version, the newest first."""
    async with store.reading(caller.context) as connection:
        if await custodians.bank_by_code(connection, bank) is None:
            raise BankUnknown(bank=bank)
        found = await bank_terms.versions(connection, bank)
    return TermsList(items=[TermsOut.model_validate(terms.answer_of(row)) for row in found])
