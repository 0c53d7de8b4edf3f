"""Routes of the journal: transactions and accounts as auditors read them, and the reversal."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from ledger.accounts import CHART, AccountKind
from ledger.refusals import (
    AccountUnknown,
    AsOfUnsupported,
    DateInFuture,
    JurisdictionUnknown,
    RequestInvalid,
    TransactionUnknown,
)
from ledger.transactions import TransactionKind
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.journal import use_cases
from service.journal.reversal_routes import reverse_transaction
from service.journal.schemas import (
    AccountDetailOut,
    AccountEntryOut,
    AccountEntryPage,
    TransactionDetailOut,
    TransactionOut,
    TransactionPage,
    account_ref,
    detail_of,
    quantity,
    transaction_fields,
)
from service.journal.use_cases import Listing
from service.store import account_reads, ids
from service.store.positions import Asked
from service.store.transact import Store
from service.web.instants import QueryInstant
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from service.web.policy import STAFF, policy
from service.web.problems import refusing

SEQ_MAX = 2**63 - 1


@get(
    "/transactions",
    operation_id="listTransactions",
    summary="List sealed transactions",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(JurisdictionUnknown),
)
async def list_transactions(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    adcode: Annotated[
        str | None,
        QueryParameter(max_length=64, description="A division or zone; its subtree is meant."),
    ] = None,
    kind: Annotated[TransactionKind | None, QueryParameter()] = None,
    effective_from: Annotated[date | None, QueryParameter()] = None,
    effective_to: Annotated[date | None, QueryParameter()] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> TransactionPage:
    """List the transactions in the caller's sight, by journal and position.

    A narrow filter gives short pages: go on until there is no `next_cursor`.
    """
    bound = {"adcode": adcode, "kind": kind, "from": effective_from, "to": effective_to}
    listing = Listing(adcode, kind, effective_from, effective_to)
    async with store.reading(caller.context) as connection:
        found = await use_cases.listed(
            connection, caller, listing, after=_after(cursor, bound), limit=limit
        )
    more = found.more_after
    return TransactionPage(
        items=[TransactionOut(**transaction_fields(row)) for row in found.items],
        next_cursor=None if more is None else write_cursor([*more], bound),
    )


@get(
    "/transactions/{transaction_id:str}",
    operation_id="getTransaction",
    summary="Read a sealed transaction",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(TransactionUnknown),
)
async def get_transaction(
    transaction_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> TransactionDetailOut:
    """Read one transaction with its transfers, entries and hashes, and what reverses what."""
    try:
        journal, seq = ids.parse_transaction(transaction_id)
    except ValueError:
        raise TransactionUnknown from None
    if not 0 < seq <= SEQ_MAX:
        raise TransactionUnknown
    async with store.reading(caller.context) as connection:
        return detail_of(await use_cases.transaction(connection, caller, journal, seq))


@get(
    "/accounts/{account_id:str}",
    operation_id="getAccount",
    summary="Read an account and its balance",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(AccountUnknown, DateInFuture, AsOfUnsupported),
)
async def get_account(  # noqa: PLR0913 - which, and when
    account_id: FromPath[str],
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    as_of: Annotated[date | None, QueryParameter()] = None,
    known_at: Annotated[QueryInstant | None, QueryParameter()] = None,
    position: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> AccountDetailOut:
    """Read one account of the chart, and its balance now or as of then."""
    journal, number = _account(account_id)
    asked = Asked(as_of, known_at, position)
    async with store.reading(caller.context) as connection:
        row, at, banks = await use_cases.account(connection, caller, journal, number, asked)
        held = await account_reads.balances(connection, journal, [number], at.seq(journal))
    chart = CHART[AccountKind(row.kind)]
    return AccountDetailOut(
        **account_ref(journal, row, banks).model_dump(),
        name=chart.en,
        name_zh=chart.zh,
        unit=chart.unit.value,
        institution_id=ids.public("ins", journal, row.institution_id),
        balance=quantity(row, held[number]),
        as_of=at.as_of,
        known_at=at.known_at,
        position=at.written,
    )


@get(
    "/accounts/{account_id:str}/entries",
    operation_id="listAccountEntries",
    summary="List an account's entries",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(AccountUnknown),
)
async def list_account_entries(
    account_id: FromPath[str],
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> AccountEntryPage:
    """List what changed an account, oldest first, with the balance after each entry."""
    journal, number = _account(account_id)
    bound = {"account": account_id}
    after = _after(cursor, bound)[1]
    async with store.reading(caller.context) as connection:
        row, at, _ = await use_cases.account(connection, caller, journal, number, Asked())
        found = await account_reads.entries(
            connection, journal, [number], after=after, seq=at.seq(journal), limit=limit + 1
        )
    shown = found[:limit]
    return AccountEntryPage(
        items=[
            AccountEntryOut(
                transaction_id=ids.public_transaction(journal, entry["seq"]),
                seq=entry["seq"],
                kind=entry["kind"],
                effective_on=entry["effective_on"],
                recorded_at=entry["recorded_at"],
                references=use_cases.references_of(journal, entry["refs"]),
                amount=quantity(row, entry["amount"]),
                balance_after=quantity(row, entry["balance_after"]),
            )
            for entry in shown
        ],
        next_cursor=(
            write_cursor([journal, shown[-1]["seq"]], bound) if len(found) > limit else None
        ),
    )


def _account(text: str) -> tuple[int, int]:
    try:
        journal, number = ids.parse_account(text)
    except ValueError:
        raise AccountUnknown from None
    if number > SEQ_MAX:
        raise AccountUnknown
    return journal, number


def _after(cursor: str | None, bound: Mapping[str, object]) -> tuple[int, int]:
    """Return the journal and position a page starts after."""
    read = read_cursor(cursor, bound)
    if read is None:
        return 0, 0
    match read:
        case [int(journal), int(seq)] if journal >= 0 and 0 <= seq <= SEQ_MAX:
            return journal, seq
    raise RequestInvalid(reason="cursor")


router = Router(
    "/v1",
    route_handlers=[
        list_transactions,
        get_transaction,
        get_account,
        list_account_entries,
        reverse_transaction,
    ],
    tags=["journal"],
)
