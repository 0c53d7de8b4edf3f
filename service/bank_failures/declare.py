"""Declaring that a custody account's bank failed: its balance is a claim on it from then on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.refusals import (
    AlreadyExists,
    AmountZero,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    DateInFuture,
    LessonsUnsettled,
    LiabilityOutstanding,
    Refusal,
)
from service.bank_entries.entries import decide_entry
from service.bank_entries.facts import EntryFact
from service.bank_entries.failure_entries import FAILED
from service.store import approvals, bank_failures, custodians, ids, registry, rows
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.notices import institution_told
from service.store.tables import BankFailure, CustodyAccount, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

TOLD: Final = "BANK_FAILED"
_UNSENT: Final = (
    AccountKind.PAYOUT_IN_TRANSIT,
    AccountKind.REFUND_PAYABLE,
    AccountKind.REFUND_IN_TRANSIT,
    AccountKind.PORTING_IN_TRANSIT,
)
_LESSONS: Final = (AccountKind.LESSON_PENDING, AccountKind.LESSON_DISPUTED)


@dataclass(frozen=True, slots=True)
class Declaring:
    """Ask for an account to be declared failed; `failure` and `bank_entry` are new ids."""

    journal: int
    target: UUID
    failed_on: date
    document_hash: str
    approval: UUID
    failure: UUID
    bank_entry: UUID
    key: str | None


async def find_accounts(
    connection: AsyncConnection, caller: Context, asked: Sequence[Declaring]
) -> list[Declaring | Refusal]:
    """Find the custody accounts in the caller's scope."""
    return await registry.find_seen(
        connection, caller, asked, CustodyAccount, CustodyAccountUnknown
    )


async def load_asked(unit: Unit, asked: Sequence[Declaring]) -> None:
    """Lock the institutions and accounts."""
    await _lock(unit, {item.target for item in asked})


async def read_asked(unit: Unit, asked: Sequence[Declaring]) -> None:
    """Read what the accounts hold and owe."""
    await _read(unit, {item.target for item in asked})


def decide_request(facts: Facts, asked: Declaring) -> Decision:
    """Let it wait for the second regulator, judged as it would be now."""
    account = _account(facts, asked.target)
    if asked.failed_on > facts.moment.today:
        raise DateInFuture(failed_on=asked.failed_on.isoformat())
    balance = _lost(facts, account)
    payload = {
        "institution_id": ids.public("ins", facts.journal, account.institution_id),
        "custody_account_id": ids.public("cus", facts.journal, asked.target),
        "failure_id": ids.public("bkf", facts.journal, asked.failure),
        "receipt_id": ids.public("bke", facts.journal, asked.bank_entry),
        "failed_on": asked.failed_on.isoformat(),
        "document_hash": asked.document_hash,
        "amount": str(balance),
    }
    wanted = Wanted(asked.approval, payload, account.institution_id, asked.key)
    return approvals.requested(facts, DECLARE, wanted)


async def load_declared(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the institutions and accounts."""
    await _lock(unit, {_uuid("cus", p, "custody_account_id") for p in payloads})


async def read_declared(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what the accounts hold and owe."""
    await _read(unit, {_uuid("cus", p, "custody_account_id") for p in payloads})


def decide_declare(facts: Facts, payload: Payload) -> Decision:
    """Claim the whole balance from the failed bank, and close the account (E51).

    Refused in order: `CustodyAccountInvalid`, `AlreadyExists`, `LessonsUnsettled`,
    `LiabilityOutstanding` (orders not ended, refunds not taken back), `AmountZero`.
    """
    account = _account(facts, _uuid("cus", payload, "custody_account_id"))
    balance = _lost(facts, account)
    failed_on = date.fromisoformat(str(payload["failed_on"]))
    row = _row(facts, account, payload, balance, failed_on)
    booked = decide_entry(facts, _fact(account, payload, balance, failed_on))
    return Decision(
        answer=bank_failures.answer_of(facts.journal, row),
        transactions=booked.transactions,
        changes=(
            *booked.changes,
            Insert(BankFailure, row),
            Update(CustodyAccount, (account.custody_account_id,), {"state": "CLOSED"}),
            institution_told(
                facts,
                base=row.failure_id,
                kind=TOLD,
                subject=row.failure_id,
                institution=account.institution_id,
            ),
        ),
        shows={"due_from_bank": place_of(account).lost_with(custodians.bank_id(account.bank_code))},
    )


DECLARE: Final = approvals.approvable(
    Approvable(
        "declare_bank_failure",
        frozenset({"regulator"}),
        load_declared,
        decide_declare,
        read_declared,
        kind=ActKind.BANK_FAILURE,
        title=("认定托管银行倒闭", "Declare that a custody account's bank failed"),
        consequence=(
            "账户余额全部转为对该银行的债权,专户关闭",
            "The whole balance becomes a claim on the bank, and the account is closed",
        ),
    )
)
REQUEST_FAILURE: Final[UseCase[Declaring, Declaring]] = UseCase(
    "request_bank_failure", find_accounts, load_asked, decide_request, read_asked
)


def _lost(facts: Facts, account: Record) -> Money:
    custody = account.custody_account_id
    if account.purpose != "CUSTODY":
        raise CustodyAccountInvalid(purpose=account.purpose)
    if facts.by(BankFailure, ("custody_account_id",), custody) is not None:
        raise AlreadyExists(object="bank_failure")
    lessons = Money.from_fen(facts.total(custody, _LESSONS))
    if lessons:
        raise LessonsUnsettled(pending=str(lessons))
    unsent = Money.from_fen(facts.total(custody, _UNSENT))
    if unsent:
        raise LiabilityOutstanding(outstanding=str(unsent))
    balance = facts.book.balance(place_of(account).bank)
    if not balance:
        raise AmountZero
    return balance


def _fact(account: Record, payload: Payload, balance: Money, failed_on: date) -> EntryFact:
    return EntryFact(
        bank_entry=_uuid("bke", payload, "receipt_id"),
        custody_account=account.custody_account_id,
        bank_ref=f"FAILED:{payload['failure_id']}",  # no bank's own: nobody knew the id before
        direction="DBIT",
        kind=FAILED,
        amount=balance,
        book_on=failed_on,
        value_on=failed_on,
        payment_code=None,
        order=None,
        payer_name=None,
        payer_account=None,
        purpose=None,
    )


def _row(
    facts: Facts, account: Record, payload: Payload, balance: Money, failed_on: date
) -> Record:
    named: dict[str, Any] = {
        "failure_id": _uuid("bkf", payload, "failure_id"),
        "institution_id": account.institution_id,
        "custody_account_id": account.custody_account_id,
        "bank_code": account.bank_code,
        "failed_on": failed_on,
        "document_hash": payload["document_hash"],
        "balance_fen": balance.fen,
        "paid_fen": 0,
        "lost_fen": 0,
        "target_custody_account_id": None,
        "state": bank_failures.OPEN,
        "closed_on": None,
        "seq": facts.moment.next_seq,
    }
    return Record(named)


async def _lock(unit: Unit, accounts: set[UUID]) -> None:
    known = await unit.read_keys(CustodyAccount, accounts)
    await unit.lock(Institution, {row.institution_id for row in known}, share=True)
    await unit.lock(CustodyAccount, accounts)


async def _read(unit: Unit, accounts: set[UUID]) -> None:
    journal = unit.facts.journal
    await unit.read(BankFailure, rows.keyed(BankFailure, journal, accounts, "custody_account_id"))
    await unit.custody_totals(accounts)
    places = [_account(unit.facts, custody) for custody in accounts]
    await unit.balances(
        books
        for row in places
        for books in (
            place_of(row).bank,
            place_of(row).lost_with(custodians.bank_id(row.bank_code)),
        )
    )


def _account(facts: Facts, custody: UUID) -> Record:
    row = facts.get(CustodyAccount, custody)
    assert row is not None, "the custody account was found and locked"
    return row


def _uuid(prefix: str, payload: Payload, key: str) -> UUID:
    return ids.parse(prefix, str(payload[key]))[1]
