"""What follows from a gap (缺口): a demand to pay it in the same day, and no payouts meanwhile.

The rule places a PAYOUT_STOP on the custody account while a hard shortfall lasts (I-21), and lifts
its own when nothing hard is missing any more; refunds go on. What the next payout would make good
of itself (E29) is not counted: it is made good before anything is paid. A stop that a person placed
is left alone. An institution that is frozen, or gone, is past topping up.
"""

from typing import Any, Final
from uuid import UUID

from ledger.coverage import hard_shortfall
from ledger.money import ZERO, Money
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, notices
from service.store.break_changes import Steps
from service.store.facts import Facts, Insert, Record, Update
from service.store.reconciliation_facts import Looked
from service.store.tables import Institution, Restraint, TopUpDemand

RULE: Final = "rule:hard-shortfall"
"""Who places and lifts what this rule stops."""
CAUSE: Final = "HARD_SHORTFALL"
PAST_TOPPING_UP: Final = frozenset({"FROZEN", "WINDING_DOWN", "EXITED", "DEREGISTERED"})


def follow(steps: Steps, looked: Looked, reconciliation: UUID) -> None:
    """Demand what is missing and stop payouts, or end both when nothing is.

    While an entry waits to be posted nobody knows, and what stands stays.
    """
    facts, custody = steps.facts, looked.account.custody_account_id
    stop, demand = standing_stop(facts, custody), _open_demand(facts, custody)
    amount = ZERO if _is_past(facts, looked) else missing(looked)
    if amount:
        _demand(steps, looked, reconciliation, amount, stop, demand)
    elif not looked.kept:
        _end(steps, stop, demand)


def missing(looked: Looked) -> Money:
    """Return what the institution is to bring: the hard shortfall less what earned money covers."""
    if looked.deposit:
        return ZERO
    hard = hard_shortfall(looked.position_now, looked.in_time)
    return max(ZERO, hard - looked.clawed_back)


def standing_stop(facts: Facts, custody: UUID) -> Record | None:
    """Return the stop that this rule placed and that still stands."""
    for row in facts.each_by(Restraint, "target_id", custody):
        if row.placed_by == RULE and row.to_seq is None:
            return row
    return None


def _open_demand(facts: Facts, custody: UUID) -> Record | None:
    for row in facts.each_by(TopUpDemand, "custody_account_id", custody):
        if row.state == "OPEN":
            return row
    return None


def _is_past(facts: Facts, looked: Looked) -> bool:
    institution = facts.get(Institution, looked.account.institution_id)
    assert institution is not None, "the institution was locked"
    return institution.state in PAST_TOPPING_UP


def _demand(  # noqa: PLR0913, PLR0917 - what stands, and what is wanted
    steps: Steps,
    looked: Looked,
    reconciliation: UUID,
    amount: Money,
    stop: Record | None,
    demand: Record | None,
) -> None:
    restraint = _stop(steps, looked, reconciliation) if stop is None else stop.restraint_id
    if demand is not None and demand.amount_fen == amount.fen:
        return
    if demand is not None:
        _end_demand(steps, demand, "SUPERSEDED")
    account, moment = looked.account, steps.facts.moment
    row: dict[str, Any] = {
        "demand_id": ids.derived(reconciliation, f"demand/{account.custody_account_id}"),
        "custody_account_id": account.custody_account_id,
        "institution_id": account.institution_id,
        "reconciliation_id": reconciliation,
        "restraint_id": restraint,
        "amount_fen": amount.fen,
        "due_on": moment.today,
        "state": "OPEN",
        "demanded_at": moment.now,
        "ended_at": None,
        "ended_seq": None,
        "seq": steps.next_seq,
    }
    told = notices.institution_told(
        steps.facts,
        base=row["demand_id"],
        kind="TOP_UP_DEMANDED",
        subject=row["demand_id"],
        institution=account.institution_id,
    )
    steps.changes += [Insert(TopUpDemand, row), told]
    steps.transactions.append(_noted(TransactionKind.TOP_UP_DEMANDED, Record(row), "SHORT"))


def _stop(steps: Steps, looked: Looked, reconciliation: UUID) -> UUID:
    account, moment = looked.account, steps.facts.moment
    restraint = ids.derived(reconciliation, f"stop/{account.custody_account_id}")
    row: dict[str, Any] = {
        "restraint_id": restraint,
        "institution_id": account.institution_id,
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": account.custody_account_id,
        "kind": "PAYOUT_STOP",
        "amount_fen": None,
        "cause": CAUSE,
        "placed_by": RULE,
        "placed_at": moment.now,
        "from_seq": steps.next_seq,
        "to_seq": None,
        "lifted_by": None,
    }
    steps.changes.append(Insert(Restraint, row))
    steps.transactions.append(_restrained(TransactionKind.RESTRAINT_PLACED, Record(row), CAUSE))
    return restraint


def _end(steps: Steps, stop: Record | None, demand: Record | None) -> None:
    if demand is not None:
        _end_demand(steps, demand, "MET")
    if stop is not None:
        values = {"to_seq": steps.next_seq, "lifted_by": RULE}
        steps.changes.append(Update(Restraint, (stop.restraint_id,), values))
        steps.transactions.append(_restrained(TransactionKind.RESTRAINT_LIFTED, stop, "COVERED"))


def _end_demand(steps: Steps, demand: Record, state: str) -> None:
    values = {"state": state, "ended_at": steps.facts.moment.now, "ended_seq": steps.next_seq}
    steps.changes.append(Update(TopUpDemand, (demand.demand_id,), values))
    steps.transactions.append(_noted(TransactionKind.TOP_UP_DEMAND_ENDED, demand, state))


def _noted(kind: TransactionKind, row: Record, reason: str) -> Transaction:
    references: dict[str, str] = {
        "institution": str(row.institution_id),
        "custody": str(row.custody_account_id),
        "demand": str(row.demand_id),
        "amount_fen": str(row.amount_fen),
    }
    return Transaction(kind, references=references, reason=reason)


def _restrained(kind: TransactionKind, row: Record, reason: str) -> Transaction:
    references: dict[str, str] = {
        "institution": str(row.institution_id),
        "restraint": str(row.restraint_id),
        "kind": row.kind,
        "target": str(row.target_id),
    }
    return Transaction(kind, references=references, reason=reason)
