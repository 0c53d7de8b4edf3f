"""Calling the fees that a collapsed institution holds, and applying its deposit (E40)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.accounts import AccountKind
from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.refusals import WrongState
from ledger.transactions import Transaction
from service.deposits.found import (
    find_institutions,
    institution_of,
    lock_institutions,
    uuid_of,
)
from service.store import approvals, deposit_calls, ids
from service.store.approvals import Approvable, Payload, Wanted
from service.store.facts import Decision, Facts
from service.store.standing import FROZEN
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Calling:
    """Ask for the fees that a frozen institution holds to be called."""

    journal: int
    target: UUID
    approval: UUID
    reason: str
    key: str | None


async def load_asked(unit: Unit, asked: Sequence[Calling]) -> None:
    """Lock the institutions and their accounts."""
    await lock_institutions(unit, {item.target for item in asked})


def decide_request(facts: Facts, asked: Calling) -> Decision:
    """Let a call wait for its second person. Raises `WrongState` unless frozen."""
    _require_frozen(facts, asked.target)
    payload = {
        "institution_id": ids.public("ins", facts.journal, asked.target),
        "reason": asked.reason,
    }
    return approvals.requested(
        facts, CALL, Wanted(asked.approval, payload, asked.target, asked.key)
    )


async def load_call(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the institutions and their accounts."""
    await lock_institutions(unit, {uuid_of("ins", p, "institution_id") for p in payloads})


async def read_call(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what the institutions hold of whom, and their deposits."""
    await deposit_calls.read_calls(unit, [uuid_of("ins", p, "institution_id") for p in payloads])


def decide_call(facts: Facts, payload: Payload) -> Decision:
    """Call every fee held, and let the deposit make good what it can (E40).

    Raises `WrongState` unless the institution is frozen, and when there is nothing to call.
    """
    institution = uuid_of("ins", payload, "institution_id")
    _require_frozen(facts, institution)
    posted = deposit_calls.fees_called(facts, institution)
    if not posted:
        raise WrongState(object="deposit", state="NOTHING_TO_CALL")
    return Decision(
        answer={
            "institution_id": ids.public("ins", facts.journal, institution),
            "called": str(_moved(posted, credit=AccountKind.HELD_BY_INSTITUTION)),
            "applied": str(_moved(posted, debit=AccountKind.RISK_DEPOSIT_HELD)),
        },
        transactions=posted,
    )


CALL: Final = approvals.approvable(
    Approvable(
        "call_held_fees",
        frozenset({"regulator"}),
        load_call,
        decide_call,
        read_call,
        kind=ActKind.DEPOSIT,
        title=("催缴机构自持预收费", "Call the fees that an institution holds"),
    )
)
REQUEST_CALL: Final[UseCase[Calling, Calling]] = UseCase(
    "request_call", find_institutions, load_asked, decide_request
)


def _moved(
    posted: Sequence[Transaction],
    *,
    debit: AccountKind | None = None,
    credit: AccountKind | None = None,
) -> Money:
    """Add up what left accounts of a kind, by the side that says so."""
    return Money.from_fen(
        sum(
            transfer.quantity
            for transaction in posted
            for transfer in transaction.transfers
            if transfer.debit.kind is debit or transfer.credit.kind is credit
        )
    )


def _require_frozen(facts: Facts, institution: UUID) -> None:
    row = institution_of(facts, institution)
    if row.state not in FROZEN:
        raise WrongState(object="institution", state=row.state)
