"""Closing a case (结案): two persons, one of a higher level, and nothing unexplained.

In every custody account the cash must be somebody's by name (L8, L9, L14, interest that came after
the register, and what is left of the institution's own), nothing on its way, nothing owed that
could still be paid, and the residual claims must equal what is due from the institution. Those are
then written off (E50).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text

from ledger.accounts import AccountKind
from ledger.four_eyes import ActKind
from ledger.money import ZERO, Money
from ledger.refusals import LiabilityOutstanding
from ledger.rules import wind_downs
from ledger.rules.debts import Debt, in_order
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store import approvals, ids, plan_reads, rows, wind_down_reads
from service.store.approvals import Approvable, Payload, Wanted
from service.store.contracts import debts_of, place_of, read_debts
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.levels import MAKER_PATH, require_higher_level
from service.store.tables import Entitlement
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import find_cases, institution_of

_K: Final = AccountKind
EMPTY: Final = (
    _K.CHANNEL_CLEARING,
    _K.CASH_UNDEPOSITED,
    _K.DUE_FROM_BANK,
    _K.HELD_BY_INSTITUTION,
    _K.BANK_TRANSFER_IN_TRANSIT,
    _K.STUDENT_PREPAID,
    _K.LESSON_PENDING,
    _K.LESSON_DISPUTED,
    _K.PAYOUT_IN_TRANSIT,
    _K.REFUND_PAYABLE,
    _K.REFUND_IN_TRANSIT,
    _K.STUDENT_INTEREST,
    _K.PORTING_IN_TRANSIT,
)
"""Accounts that hold nothing when a case is closed."""

_OPEN: Final = text(
    """
    SELECT (SELECT count(*) FROM escrow.payment_order
            WHERE journal_id = :journal AND institution_id = ANY(:institutions)
              AND state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN')) AS orders,
           (SELECT count(*) FROM escrow.bank_entry
            WHERE journal_id = :journal AND institution_id = ANY(:institutions)
              AND outcome = 'KEPT' AND posted_seq IS NULL) AS kept
    """
).bindparams(bindparam("institutions", type_=ARRAY(Uuid)))


@dataclass(frozen=True, slots=True)
class CloseCase:
    """Ask for a case to be closed; `maker_path` is the scope of who asks."""

    journal: int
    target: UUID
    approval: UUID
    reason: str
    maker_path: str
    key: str | None


async def load_request(unit: Unit, commands: Sequence[CloseCase]) -> None:
    """Lock the cases as they stand."""
    await lock_cases(unit, {command.target for command in commands}, share=True)


def decide_request(facts: Facts, command: CloseCase) -> Decision:
    """Let the closing wait for its second person. Raises `WrongState`."""
    case = case_of(facts, command.target)
    require_state(case, "RESIDUAL")
    payload = {
        "wind_down_id": ids.public("wdn", facts.journal, case.wind_down_id),
        "institution_id": ids.public("ins", facts.journal, case.institution_id),
        "reason": command.reason,
        MAKER_PATH: command.maker_path,
    }
    wanted = Wanted(command.approval, payload, case.institution_id, command.key)
    return approvals.requested(facts, CLOSE, wanted)


async def load_close(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock institutions, cases and accounts, and the entitlements that are not paid in full."""
    await plan_reads.expect_long_lists(unit)
    cases = await lock_cases(unit, {_named(payload) for payload in payloads})
    await plan_reads.lock_accounts(unit, {case.institution_id for case in cases})
    source = rows.table_of(Entitlement)
    await unit.lock_where(
        Entitlement,
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.wind_down_id.in_(sorted(case.wind_down_id for case in cases)),
            source.c.residual_fen > 0,
        )
        .order_by(source.c.entitlement_id),
    )


async def read_close(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what stands in the accounts, what is due, and what is still on its way."""
    facts = unit.facts
    cases = [case_of(facts, _named(payload)) for payload in payloads]
    institutions = sorted({case.institution_id for case in cases})
    custodies = [c for each in institutions for c in plan_reads.accounts_of(facts, each)]
    await unit.custody_totals(custodies)
    await read_debts(unit, custodies)
    await unit.balances(
        place_of(row).residual_claim(row.entitlement_id) for row in facts.all(Entitlement)
    )
    (found,) = await unit.query(_OPEN, journal=facts.journal, institutions=institutions)
    facts.extra["still_open"] = found


def decide_close(facts: Facts, payload: Payload) -> Decision:
    """Write off what is left and close. Raises `WrongState`, `LiabilityOutstanding`, `LevelTooLow`.

    The institution may be deregistered from then on (I-34).
    """
    case = case_of(facts, _named(payload))
    require_state(case, "RESIDUAL")
    for custody in plan_reads.accounts_of(facts, case.institution_id):
        _require_explained(facts, custody)
    _require_ended(facts, case)
    require_higher_level(facts, payload, institution_of(facts, case).area)
    left = sorted(
        (row for row in facts.all(Entitlement) if row.wind_down_id == case.wind_down_id),
        key=lambda row: row.register_number,
    )
    due = {
        custody: deque(in_order(debts_of(facts, custody)))
        for custody in plan_reads.accounts_of(facts, case.institution_id)
    }
    transactions: list[Transaction] = []
    changes: list[Change] = []
    for row in left:
        written_off, change = _written_off(facts, row, due, at=len(transactions))
        transactions.append(written_off)
        changes.append(change)
    closed_on = facts.moment.today
    said, closed = advanced(
        facts,
        case,
        "CLOSED",
        at=len(transactions),
        reason=str(payload["reason"]),
        closed_on=closed_on,
    )
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, Record({**case, **closed.values})),
        transactions=(*transactions, said),
        changes=(*changes, closed),
    )


def _require_explained(facts: Facts, custody: UUID) -> None:
    """Refuse while an account holds what is not somebody's by name."""
    for kind in EMPTY:
        _require_none(facts, custody, kind.value, facts.total(custody, [kind]))
    residual = facts.total(custody, [_K.RESIDUAL_CLAIM])
    due = facts.total(custody, [_K.DUE_FROM_INSTITUTION])
    _require_none(facts, custody, _K.RESIDUAL_CLAIM.value, abs(residual - due))


def _require_ended(facts: Facts, case: Record) -> None:
    """Refuse while anything is on its way, or money is left that another round would share."""
    still_open = facts.extra["still_open"]
    if still_open["orders"] or still_open["kept"]:
        raise LiabilityOutstanding(orders=still_open["orders"], bank_entries=still_open["kept"])
    custodies = plan_reads.accounts_of(facts, case.institution_id)
    if not any(facts.total(custody, [_K.RESIDUAL_CLAIM]) for custody in custodies):
        return
    for custody in custodies:
        for kind in (_K.INSTITUTION_PAYABLE, _K.INSTITUTION_OWN_FUNDS):
            _require_none(facts, custody, kind.value, facts.total(custody, [kind]))


def _require_none(facts: Facts, custody: UUID, what: str, fen: int) -> None:
    if fen:
        raise LiabilityOutstanding(
            custody_account_id=ids.public("cus", facts.journal, custody),
            account=what,
            amount=str(Money.from_fen(fen)),
        )


def _written_off(
    facts: Facts, row: Record, due: dict[UUID, deque[Debt]], *, at: int
) -> tuple[Transaction, Update]:
    """Write one residual claim off against the next debts of its account."""
    amount = Money.from_fen(row.residual_fen)
    place = Place(institution=row.institution_id, custody=row.custody_account_id)
    posted = wind_downs.residual_written_off(
        place,
        enrolment=row.enrolment_id,
        entitlement=row.entitlement_id,
        amount=amount,
        debts=_taken(due[row.custody_account_id], amount),
    )
    values = {
        "residual_fen": 0,
        "written_off_fen": row.written_off_fen + row.residual_fen,
        "state": "SETTLED",
        "seq": facts.moment.next_seq + at,
    }
    return posted, Update(Entitlement, (row.entitlement_id,), values)


def _taken(waiting: deque[Debt], amount: Money) -> list[Debt]:
    """Take as many debts off the queue as reach the amount; of the last what is needed."""
    taken: list[Debt] = []
    rest = amount
    while rest > ZERO:
        debt = waiting.popleft()
        part = min(debt.amount, rest)
        taken.append(replace(debt, amount=part))
        rest -= part
        if part < debt.amount:
            waiting.appendleft(replace(debt, amount=debt.amount - part))
    return taken


def _named(payload: Payload) -> UUID:
    return ids.parse("wdn", str(payload["wind_down_id"]))[1]


CLOSE: Final = approvals.approvable(
    Approvable(
        "close_wind_down",
        frozenset({"regulator"}),
        load_close,
        decide_close,
        read_close,
        kind=ActKind.WIND_DOWN,
        title=("清算结案", "Close a wind-down case"),
    )
)
REQUEST_CLOSE: Final[UseCase[CloseCase, CloseCase]] = UseCase(
    "request_close_wind_down", find_cases, load_request, decide_request
)
