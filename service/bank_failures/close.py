"""Closing a bank's failure: what was never paid of the students' part is a residual claim (L13)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.money import ZERO, total
from ledger.refusals import (
    BankFailureUnknown,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    Refusal,
    WrongState,
)
from ledger.rules import bank_failures as rules
from ledger.rules.backings import Backing, backing_moved_without_money
from ledger.rules.bank_failures import Stake
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals, bank_failures, ids, registry
from service.store.approvals import Approvable, Payload, Wanted
from service.store.bank_failures import CLOSED, OPEN, enrolment_of, place_of_failure, stakes_of
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import BankFailure, BankLoss, CustodyAccount, Enrolment, Institution
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Closing:
    """Ask for a failure to be closed; `to` is where enrolments go on if nothing was ever paid."""

    journal: int
    target: UUID
    to: UUID | None
    approval: UUID
    key: str | None


async def find_failures(
    connection: AsyncConnection, caller: Context, asked: Sequence[Closing]
) -> list[Closing | Refusal]:
    """Find the failures and the accounts in the caller's scope."""
    found = await registry.find_seen(connection, caller, asked, BankFailure, BankFailureUnknown)
    wanted = {item.to for item in asked if item.to is not None}
    accounts = await registry.seen(connection, caller, CustodyAccount, asked[0].journal, wanted)
    return [
        CustodyAccountUnknown()
        if isinstance(item, Closing) and item.to is not None and item.to not in accounts
        else item
        for item in found
    ]


async def load_asked(unit: Unit, asked: Sequence[Closing]) -> None:
    """Lock what the failures concern."""
    await _lock(unit, {item.target: item.to for item in asked})


async def read_asked(unit: Unit, asked: Sequence[Closing]) -> None:
    """Read what students still have there."""
    await _read(unit, {item.target: item.to for item in asked})


def decide_request(facts: Facts, asked: Closing) -> Decision:
    """Let it wait for the second regulator, judged as it would be now."""
    failure = _failure(facts, asked.target)
    target = _closable(facts, failure, asked.to)
    lost = total([stake.backing.funded for stake in stakes_of(facts, failure)])
    payload = {
        "institution_id": ids.public("ins", facts.journal, failure.institution_id),
        "failure_id": ids.public("bkf", facts.journal, failure.failure_id),
        "target_custody_account_id": ids.public("cus", facts.journal, target),
        "amount": str(lost),
    }
    wanted = Wanted(asked.approval, payload, failure.institution_id, asked.key)
    return approvals.requested(facts, CLOSE, wanted)


async def load_closed(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock what the failures concern."""
    await _lock(unit, _named(payloads))


async def read_closed(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what students still have there."""
    await _read(unit, _named(payloads))


def decide_close(facts: Facts, payload: Payload) -> Decision:
    """Turn what is left into residual claims, a student each (E51).

    Refused in order: `WrongState` (closed before), `CustodyAccountInvalid` (where to go on).
    """
    ((failure_id, to),) = _named([payload]).items()
    failure = _failure(facts, failure_id)
    target = _closable(facts, failure, to)
    posted: list[Transaction] = []
    changes: list[Change] = []
    lost = ZERO
    for stake in stakes_of(facts, failure):
        going, left = rules.divided(stake.backing, ZERO)
        loss = ids.derived(failure_id, stake.backing.contract.enrolment)
        facts.open_new(place_of_failure(failure).residual_claim(loss))
        posted += [*_goes_on(going, target), *_lost(left, loss)]
        changes += _changes(facts, failure, stake, left, loss, target)
        lost += left.funded
    values = {
        "lost_fen": lost.fen,
        "target_custody_account_id": target,
        "state": CLOSED,
        "closed_on": facts.moment.today,
    }
    return Decision(
        answer=bank_failures.answer_of(facts.journal, Record({**failure, **values})),
        transactions=(*posted, _noted(failure)),
        changes=(*changes, Update(BankFailure, (failure_id,), values)),
    )


CLOSE: Final = approvals.approvable(
    Approvable(
        "close_bank_failure",
        frozenset({"regulator"}),
        load_closed,
        decide_close,
        read_closed,
        kind=ActKind.BANK_FAILURE,
        title=("了结托管银行倒闭损失", "Close a bank's failure and post the loss"),
    )
)
REQUEST_CLOSING: Final[UseCase[Closing, Closing]] = UseCase(
    "request_bank_failure_closing", find_failures, load_asked, decide_request, read_asked
)


def _goes_on(going: Backing, target: UUID) -> Iterator[Transaction]:
    """Move lessons and what the school owes to where the enrolment goes on; no money comes."""
    moved = backing_moved_without_money(going, target)
    if moved.transfers:
        yield moved


def _lost(left: Backing, loss: UUID) -> Iterator[Transaction]:
    if left.prepaid + left.interest:
        yield rules.failed_bank_loss_posted(left, entitlement=loss)


def _changes(  # noqa: PLR0913, PLR0917 - a student's loss, and where the enrolment goes on
    facts: Facts, failure: Record, stake: Stake, left: Backing, loss: UUID, target: UUID
) -> Iterator[Change]:
    row = enrolment_of(facts, stake.backing.contract.enrolment)
    if row.custody_account_id == failure.custody_account_id:
        yield Update(Enrolment, (row.enrolment_id,), {"custody_account_id": target})
    if not left.prepaid + left.interest:
        return
    values: dict[str, Any] = {
        "loss_id": loss,
        "failure_id": failure.failure_id,
        "institution_id": failure.institution_id,
        "custody_account_id": failure.custody_account_id,
        "enrolment_id": row.enrolment_id,
        "guardian_id": row.guardian_id,
        "prepaid_fen": left.prepaid.fen,
        "interest_fen": left.interest.fen,
        "seq": facts.moment.next_seq,
    }
    yield Insert(BankLoss, values)


def _closable(facts: Facts, failure: Record, to: UUID | None) -> UUID:
    """Return where enrolments go on: where payments came, or the account that is named."""
    if failure.state != OPEN:
        raise WrongState(object="bank_failure", state=failure.state)
    target = failure.target_custody_account_id or to
    account = None if target is None else facts.get(CustodyAccount, target)
    if (
        account is None
        or account.institution_id != failure.institution_id
        or account.purpose != "CUSTODY"
        or account.state != "ACTIVE"
    ):
        raise CustodyAccountInvalid
    found: UUID = account.custody_account_id
    return found


def _noted(failure: Record) -> Transaction:
    place = place_of_failure(failure)
    return Transaction(
        TransactionKind.BANK_FAILURE_CLOSED,
        references={
            "institution": str(place.institution),
            "custody": str(place.custody),
            "failure": str(failure.failure_id),
        },
    )


async def _lock(unit: Unit, wanted: dict[UUID, UUID | None]) -> None:
    known = await unit.read_keys(BankFailure, wanted)
    await unit.lock(Institution, {row.institution_id for row in known}, share=True)
    targets = {row.target_custody_account_id or wanted[row.failure_id] for row in known}
    await unit.lock(CustodyAccount, targets - {None}, share=True)
    await bank_failures.lock_failures(unit, wanted)


async def _read(unit: Unit, wanted: dict[UUID, UUID | None]) -> None:
    for failure_id, to in wanted.items():
        failure = _failure(unit.facts, failure_id)
        target = failure.target_custody_account_id or to
        await unit.balances(bank_failures.accounts_of(unit.facts, failure, target))


def _named(payloads: Sequence[Payload]) -> dict[UUID, UUID | None]:
    return {
        ids.parse("bkf", str(p["failure_id"]))[1]: ids.parse(
            "cus", str(p["target_custody_account_id"])
        )[1]
        for p in payloads
    }


def _failure(facts: Facts, failure: UUID) -> Record:
    row = facts.get(BankFailure, failure)
    assert row is not None, "the failure was found and locked"
    return row
