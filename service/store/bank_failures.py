"""Failed banks (托管银行倒闭, E51): what students still have at one, and what was paid since."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules import backings
from ledger.rules.backings import Backing
from ledger.rules.bank_failures import Stake
from ledger.rules.places import Place, place_at
from service.store import custodians, ids
from service.store.backing_moves import books_of
from service.store.contracts import contract_of
from service.store.facts import Facts, Record
from service.store.tables import BankFailure, CustodyAccount, Enrolment
from service.store.unit import Unit

OPEN: Final = "OPEN"
CLOSED: Final = "CLOSED"
_AT_STAKE: Final = "failed_enrolments"
_UNITS: Final = (Reason.PAID, Reason.GIFT)

_STANDING: Final = text(
    """
    SELECT DISTINCT account.custody_account_id, account.owner_id
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE account.journal_id = :journal AND account.custody_account_id = ANY(:custodies)
      AND account.kind IN ('STUDENT_PREPAID', 'STUDENT_INTEREST') AND head.balance_after > 0
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))
"""Enrolments with money of their own in these custody accounts."""


async def lock_failures(unit: Unit, wanted: Iterable[UUID]) -> list[Record]:
    """Lock the enrolments that failed banks still owe, then the failures themselves."""
    named = set(wanted)
    await unit.lock(Enrolment, await find_at_stake(unit, named))
    return await unit.lock(BankFailure, named)


async def find_at_stake(unit: Unit, wanted: Iterable[UUID]) -> set[UUID]:
    """Find the enrolments that failed banks still owe, for who locks them among others."""
    named = await unit.read_keys(BankFailure, wanted)
    accounts = {row.custody_account_id for row in named}
    if not accounts:
        return set()
    found = await unit.query(_STANDING, journal=unit.facts.journal, custodies=sorted(accounts))
    await unit.read_keys(CustodyAccount, accounts)
    at_stake: dict[UUID, set[UUID]] = unit.facts.extra.setdefault(_AT_STAKE, {})
    for row in found:
        at_stake.setdefault(row["custody_account_id"], set()).add(row["owner_id"])
    return {row["owner_id"] for row in found}


def place_of_failure(failure: Record) -> Place:
    """Return the institution's books at the failed bank."""
    return place_at(failure.institution_id, failure.custody_account_id)


def bank_of(failure: Record) -> UUID:
    """Return the failed bank as an account owner."""
    return custodians.bank_id(failure.bank_code)


def accounts_of(facts: Facts, failure: Record, target: UUID | None) -> list[Account]:
    """Return what a payment or loss reads or touches: the claim, and enrolments on both sides."""
    books = [place_of_failure(failure).lost_with(bank_of(failure))]
    for contract in _contracts(facts, failure):
        books += books_of(contract)
        if target is not None:
            books += books_of(backings.moved_to(contract, target))
    return books


def stakes_of(facts: Facts, failure: Record) -> Sequence[Stake]:
    """Return what each student still has at the failed bank, none that has nothing."""
    stakes: list[Stake] = []
    for contract in _contracts(facts, failure):
        backing = _backing(facts, contract)
        if backing.prepaid + backing.interest:
            row = enrolment_of(facts, contract.enrolment)
            stakes.append(Stake(backing, row.contract_on, row.contract_number))
    return stakes


def enrolment_of(facts: Facts, enrolment: UUID) -> Record:
    """Return an enrolment that was locked with the failure."""
    row = facts.get(Enrolment, enrolment)
    assert row is not None, "the enrolment was locked before the failure"
    return row


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a failure."""
    target = row.target_custody_account_id
    amounts = ("balance", "paid", "lost")
    return {
        "id": ids.public("bkf", journal, row.failure_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "bank": row.bank_code,
        "failed_on": row.failed_on.isoformat(),
        **{name: str(Money.from_fen(row[f"{name}_fen"])) for name in amounts},
        "target_custody_account_id": (
            None if target is None else ids.public("cus", journal, target)
        ),
        "state": row.state,
        "closed_on": None if row.closed_on is None else row.closed_on.isoformat(),
    }


def _contracts(facts: Facts, failure: Record) -> list[Contract]:
    custody = failure.custody_account_id
    at_stake: dict[UUID, set[UUID]] = facts.extra.get(_AT_STAKE, {})
    return [
        backings.moved_to(contract_of(enrolment_of(facts, enrolment)), custody)
        for enrolment in sorted(at_stake.get(custody, set()))
    ]


def _backing(facts: Facts, contract: Contract) -> Backing:
    book = facts.book
    return Backing(
        contract=contract,
        prepaid=book.balance(contract.prepaid),
        interest=book.balance(contract.interest),
        legacy=book.balance(contract.legacy),
        diversion=book.balance(contract.diversion),
        granted={r: book.quantity(contract.units_granted(r)) for r in _UNITS},
        taken={r: book.quantity(contract.units_consumed(r)) for r in _UNITS},
    )
