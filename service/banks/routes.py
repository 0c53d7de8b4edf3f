"""Routes of banks and custody accounts."""

from typing import Annotated

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AgreementMissing,
    AlreadyExists,
    BankNotSelected,
    CustodyAccountUnknown,
    DateInFuture,
    InstitutionUnknown,
    WrongState,
)
from service.banks import use_cases
from service.banks.key_routes import (
    get_bank_key,
    list_bank_keys,
    list_service_keys,
    register_bank_key,
    revoke_bank_key,
)
from service.banks.schemas import (
    BankIn,
    BankList,
    BankOut,
    CustodyAccountIn,
    CustodyAccountOut,
    CustodyAccountPage,
)
from service.banks.term_routes import get_bank_terms, set_bank_terms
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import custodians, registry
from service.store.tables import CustodyAccount
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing


@post(
    "/banks",
    operation_id="addBank",
    summary="Enter a bank in the registry",
    opt=policy(Role.OPERATOR, verb=Verb.SET_UP),
    responses=refusing(*KEYED, AlreadyExists),
)
async def add_bank(data: JSONBody[BankIn], command: NamedDependency[Command]) -> Response[BankOut]:
    """Enter a bank that jurisdictions may select as custodian."""
    outcome = await command.refer(
        lambda connection: use_cases.add_bank(connection, data.code, data.name, data.name_en)
    )
    return command.answer(outcome, BankOut)


@get(
    "/banks",
    operation_id="listBanks",
    summary="List the banks of the registry",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(),
)
async def list_banks(caller: NamedDependency[Caller], store: NamedDependency[Store]) -> BankList:
    """List every bank, in order of code."""
    async with store.reading(caller.context) as connection:
        found = await custodians.banks(connection)
    return BankList(items=[BankOut(code=b.code, name=b.name, name_en=b.name_en) for b in found])


@post(
    "/custody-accounts",
    operation_id="openCustodyAccount",
    summary="Register an institution's custody account",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(
        *KEYED,
        InstitutionUnknown,
        AlreadyExists,
        WrongState,
        DateInFuture,
        BankNotSelected,
        AgreementMissing,
    ),
)
async def open_custody_account(
    data: JSONBody[CustodyAccountIn], command: NamedDependency[Command]
) -> Response[CustodyAccountOut]:
    """Register an account at a selected bank, under a supervision agreement in force."""
    journal, institution = object_id("ins", data.institution_id, InstitutionUnknown)
    facts = data.facts(command, journal, institution)
    outcome = await command.run(use_cases.OPEN_ACCOUNT, [facts], journal=journal)
    return command.answer(outcome, CustodyAccountOut)


@get(
    "/custody-accounts",
    operation_id="listCustodyAccounts",
    summary="List custody accounts",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(InstitutionUnknown),
)
async def list_custody_accounts(  # noqa: PLR0913, PLR0917 - the filters of a list
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    bank: Annotated[str | None, QueryParameter(max_length=16)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> CustodyAccountPage:
    """List the accounts in the caller's scope; a bank sees its own."""
    equal: dict[str, object] = {"bank_code": bank}
    if institution_id is not None:
        equal["journal_id"], equal["institution_id"] = object_id(
            "ins", institution_id, InstitutionUnknown
        )
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            CustodyAccount,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "custody_account_id", equal)
    return CustodyAccountPage(
        items=[CustodyAccountOut(**use_cases.answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/custody-accounts/{custody_account_id:str}",
    operation_id="getCustodyAccount",
    summary="Read a custody account",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(CustodyAccountUnknown),
)
async def get_custody_account(
    custody_account_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> CustodyAccountOut:
    """Read an account in the caller's scope."""
    journal, account = object_id("cus", custody_account_id, CustodyAccountUnknown)
    async with store.reading(caller.context) as connection:
        row = await registry.one(connection, caller.context, CustodyAccount, journal, account)
    if row is None:
        raise CustodyAccountUnknown
    return CustodyAccountOut(**use_cases.answer_of(journal, row))


router = Router(
    "/v1",
    route_handlers=[
        add_bank,
        list_banks,
        set_bank_terms,
        get_bank_terms,
        open_custody_account,
        list_custody_accounts,
        get_custody_account,
        register_bank_key,
        list_bank_keys,
        get_bank_key,
        revoke_bank_key,
        list_service_keys,
    ],
    tags=["banks"],
)
