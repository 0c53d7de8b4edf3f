"""Routes of balances: a division's figures, its children's, one account's, a parent's statement."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from ledger.accounts import CHART, AccountKind, Reason
from ledger.parameters import Department
from ledger.refusals import (
    AccountUnknown,
    AsOfUnsupported,
    CustodyAccountUnknown,
    DateInFuture,
    EnrolmentUnknown,
    InstitutionUnknown,
    JurisdictionUnknown,
    RequestInvalid,
)
from service.balances import statement as statements
from service.balances import use_cases
from service.balances.schemas import (
    AccountOut,
    AsOf,
    AtPosition,
    BalancesOut,
    ChildrenOut,
    FiguresOut,
    HeldOut,
    KnownAt,
    OneAccountOut,
    PositionOut,
    StatementLine,
    StatementOut,
    quantity_out,
)
from service.balances.use_cases import Question
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import account_reads, custodians, ids, positions, registry
from service.store.positions import Asked
from service.store.tables import Enrolment, Institution
from service.store.transact import Store
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import yuan

Code = Annotated[
    str | None,
    QueryParameter(max_length=64, description="A division or zone; its whole subtree is meant."),
]
DepartmentName = Annotated[
    Department | None, QueryParameter(description="Only this competent department's institutions.")
]
PublicId = Annotated[str | None, QueryParameter(max_length=64)]
WHEN = (DateInFuture, AsOfUnsupported)
SEQ_MAX = 2**63 - 1


@get(
    "/balances",
    operation_id="getBalances",
    summary="Ask for the balances of a division, an institution or a custody account",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_AGGREGATES),
    responses=refusing(JurisdictionUnknown, InstitutionUnknown, CustodyAccountUnknown, *WHEN),
)
async def get_balances(  # noqa: PLR0913 - what is asked, and when
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    adcode: Code = None,
    institution_id: PublicId = None,
    custody_account_id: PublicId = None,
    department: DepartmentName = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    position: AtPosition = None,
) -> BalancesOut:
    """Tell what a scope holds and owes, now or as of then; without a scope, the caller's own."""
    question = Question(
        adcode,
        _named("ins", institution_id, InstitutionUnknown),
        _named("cus", custody_account_id, CustodyAccountUnknown),
        department,
        Asked(as_of, known_at, position),
    )
    async with store.reading(caller.context) as connection:
        answer = await use_cases.balances(connection, caller, question)
    [line] = answer.lines
    if line.code is None and institution_id is None and custody_account_id is None:
        assert caller.institution is not None, "only an institution's own scope has no code"
        institution_id = ids.public("ins", caller.journal, caller.institution)
    return BalancesOut(
        **PositionOut.position_fields(answer.positions),
        **FiguresOut.figure_fields(line),
        adcode=line.code,
        name=line.name,
        institution_id=institution_id,
        custody_account_id=custody_account_id,
    )


@get(
    "/balances/children",
    operation_id="getBalancesOfChildren",
    summary="Ask for a division's balances by child",
    opt=policy(*STAFF, verb=Verb.READ_AGGREGATES),
    responses=refusing(JurisdictionUnknown, *WHEN),
)
async def get_balances_of_children(  # noqa: PLR0913 - what is asked, and when
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    adcode: Code = None,
    department: DepartmentName = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    position: AtPosition = None,
) -> ChildrenOut:
    """Tell what each child of a division holds and owes; the children add up to the whole."""
    question = Question(adcode, department=department, asked=Asked(as_of, known_at, position))
    async with store.reading(caller.context) as connection:
        return ChildrenOut.of(await use_cases.children(connection, caller, question))


@get(
    "/balances/account",
    operation_id="getAccountBalance",
    summary="Ask for the balance of one owner's account",
    opt=policy(Role.INSTITUTION, Role.PARENT, *STAFF, verb=Verb.READ_AGGREGATES),
    responses=refusing(AccountUnknown, *WHEN),
)
async def get_account_balance(  # noqa: PLR0913 - an account's identity, and when
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    kind: Annotated[AccountKind, QueryParameter(description="Account kind (科目).")],
    owner: Annotated[str, QueryParameter(max_length=64, description="Id of its owner.")],
    custody_account_id: PublicId = None,
    reason: Annotated[Reason | None, QueryParameter()] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    position: AtPosition = None,
) -> AccountOut:
    """Tell one account's balance, now or as of then: one index probe."""
    custody = _named("cus", custody_account_id, AccountUnknown)
    prefix = account_reads.owner_prefix(kind, reason)
    if prefix == "bank":
        if custody is None:
            raise RequestInvalid(reason="custody_account_needed")
        journal, owner_id = custody[0], custodians.bank_id(owner)
    else:
        journal, owner_id = object_id(prefix, owner, AccountUnknown)
    if journal not in caller.journals:
        raise AccountUnknown
    async with store.reading(caller.context) as connection:
        found = await account_reads.accounts(
            connection,
            journal,
            kind=kind,
            owner=owner_id,
            custody=None if custody is None else custody[1],
            reason=reason,
        )
        books = {row.institution_id for row in found}
        seen = await registry.seen(connection, caller.context, Institution, journal, books)
        found = [row for row in found if row.institution_id in seen]
        if not found:
            raise AccountUnknown
        at = await positions.resolve(connection, [journal], Asked(as_of, known_at, position))
        numbers = [row.account_id for row in found]
        held = await account_reads.balances(connection, journal, numbers, at.seq(journal))
    chart = CHART[kind]
    return AccountOut(
        **PositionOut.position_fields(at),
        kind=kind.value,
        code=chart.code,
        name=chart.en,
        name_zh=chart.zh,
        owner=owner,
        reason=None if reason is None else reason.value,
        unit=chart.unit.value,
        balance=quantity_out(chart.unit, sum(held.values())),
        accounts=[
            OneAccountOut(
                account_id=ids.public_account(journal, row.account_id),
                custody_account_id=ids.public("cus", journal, row.custody_account_id),
                balance=quantity_out(chart.unit, held[row.account_id]),
            )
            for row in found
        ],
    )


@get(
    "/enrolments/{enrolment_id:str}/statement",
    operation_id="getEnrolmentStatement",
    summary="Read an enrolment's statement",
    opt=policy(
        Role.PARENT, Role.INSTITUTION, Role.REGULATOR, Role.AUDITOR, verb=Verb.READ_CONTRACTS
    ),
    responses=refusing(EnrolmentUnknown, *WHEN),
)
async def get_enrolment_statement(  # noqa: PLR0913 - which, when, and which page
    enrolment_id: FromPath[str],
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    position: AtPosition = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> StatementOut:
    """List every change of an enrolment's money with the balances after it, oldest first.

    All pages of one list are read at the position of the first.
    """
    journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
    bound = {"enrolment": enrolment_id, "as_of": as_of, "known_at": known_at, "at": position}
    after, standing = _continued(cursor, bound)
    async with store.reading(caller.context) as connection:
        seen = await registry.seen(connection, caller.context, Enrolment, journal, [enrolment])
        if not seen:
            raise EnrolmentUnknown
        at = await positions.resolve(
            connection, [journal], Asked(as_of, known_at, standing or position)
        )
        found = await statements.statement(
            connection, journal, enrolment, at, after=after, limit=limit
        )
    more = found.more_after
    return StatementOut(
        **PositionOut.position_fields(at),
        enrolment_id=enrolment_id,
        opening=_held(found.opening),
        items=[_line(journal, movement) for movement in found.movements],
        next_cursor=None if more is None else write_cursor([more, at.written], bound),
    )


def _continued(cursor: str | None, bound: Mapping[str, object]) -> tuple[int, str | None]:
    """Return the position a page starts after, and the one its list is read at."""
    read = read_cursor(cursor, bound)
    if read is None:
        return 0, None
    match read:
        case [int(after), str(standing)] if 0 <= after <= SEQ_MAX:
            return after, standing
    raise RequestInvalid(reason="cursor")


def _line(journal: int, movement: statements.Movement) -> StatementLine:
    prepaid, pending, disputed = (yuan(movement.changes[kind]) for kind in statements.HELD)
    lesson = movement.lesson
    return StatementLine(
        transaction_id=ids.public_transaction(journal, movement.seq),
        kind=movement.kind,
        reason=movement.reason,
        effective_on=movement.effective_on,
        recorded_at=movement.recorded_at,
        lesson_id=None if lesson is None else ids.public("lsn", journal, lesson),
        lesson_reference=movement.lesson_reference,
        slot=movement.slot,
        prepaid=prepaid,
        pending=pending,
        disputed=disputed,
        balance=_held(movement.balances),
    )


def _held(balances: statements.Balances) -> HeldOut:
    prepaid, pending, disputed = (balances[kind] for kind in statements.HELD)
    return HeldOut(
        prepaid=yuan(prepaid),
        pending=yuan(pending),
        disputed=yuan(disputed),
        held=yuan(prepaid + pending + disputed),
    )


def _named(
    prefix: str,
    text: str | None,
    unknown: type[InstitutionUnknown | CustodyAccountUnknown | AccountUnknown],
) -> tuple[int, UUID] | None:
    return None if text is None else object_id(prefix, text, unknown)


router = Router(
    "/v1",
    route_handlers=[
        get_balances,
        get_balances_of_children,
        get_account_balance,
        get_enrolment_statement,
    ],
    tags=["balances"],
)
