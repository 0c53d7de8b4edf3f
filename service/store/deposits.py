"""Risk deposits (风险保证金) as rules judge them: what stands, what is on its way, what must be.

`read_deposits` runs under the head; `deposit_of` and `account_deposit` then say what stands after
each decision of the batch. What is required is the price of every open enrolment whose fee the
institution holds itself, one charge being one cycle (I-26); new ones of the batch count at once.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from ledger.money import ZERO, Money
from ledger.rules import deposits
from ledger.rules.deposits import RiskDeposit
from service.store import rows
from service.store.facts import Facts, Record
from service.store.lesson_reads import business_today
from service.store.tables import CustodyAccount, Enrolment, PaymentOrder
from service.store.transfers import DEPOSIT_DRAW, OPEN, TRANSFER
from service.store.unit import Unit

HELD_OPEN: Final = frozenset({"AWAITING_PAYMENT", "ACTIVE"})
"""States of an enrolment whose fee the deposit stands for."""

_REQUIRED: Final = text(
    """
    SELECT enrolment.institution_id, CAST(sum(enrolment.price_fen) AS bigint) AS fen
    FROM escrow.custody_account AS account
    JOIN escrow.enrolment ON enrolment.journal_id = :journal
     AND enrolment.institution_id = account.institution_id
     AND enrolment.custody_account_id = account.custody_account_id
     AND enrolment.state IN ('AWAITING_PAYMENT', 'ACTIVE')
    WHERE account.journal_id = :journal AND account.institution_id = ANY(:institutions)
      AND account.purpose = 'DEPOSIT'
    GROUP BY enrolment.institution_id
    """
).bindparams(bindparam("institutions", type_=ARRAY(Uuid)))

_BACKING: Final = text(
    """
    SELECT DISTINCT ON (account.institution_id) account.institution_id, account.custody_account_id
    FROM escrow.custody_account AS account
    JOIN escrow.agreement AS signed ON signed.journal_id = :journal
     AND signed.institution_id = account.institution_id AND signed.bank_code = account.bank_code
     AND signed.mode = 'RISK_DEPOSIT' AND signed.valid_from <= :today
     AND (signed.valid_to IS NULL OR signed.valid_to >= :today)
    WHERE account.journal_id = :journal AND account.institution_id = ANY(:institutions)
      AND account.purpose = 'DEPOSIT' AND account.state = 'ACTIVE'
    ORDER BY account.institution_id, account.custody_account_id
    """
).bindparams(bindparam("institutions", type_=ARRAY(Uuid)), bindparam("today", type_=Date))

_LEAVING: Final = (AccountKind.PAYOUT_IN_TRANSIT, AccountKind.REFUND_IN_TRANSIT)


async def read_deposits(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Read the accounts of institutions, their totals, draws on their way, and what is required."""
    facts, wanted = unit.facts, sorted(set(institutions))
    accounts = await unit.read(
        CustodyAccount, rows.keyed(CustodyAccount, facts.journal, wanted, "institution_id")
    )
    kept = {row.custody_account_id for row in accounts if row.purpose == "DEPOSIT"}
    await unit.custody_totals({row.custody_account_id for row in accounts})
    source = rows.table_of(PaymentOrder)
    draws = (
        select(source)
        .where(
            source.c.journal_id == facts.journal,
            source.c.custody_account_id.in_(sorted(kept)),
            source.c.kind == TRANSFER,
            source.c.purpose == DEPOSIT_DRAW,
            source.c.state.in_([*sorted(OPEN), "EXECUTED"]),
            source.c.arrived_entry_id.is_(None),
        )
        .order_by(source.c.order_id)
    )
    await unit.read(PaymentOrder, draws)
    required = await unit.query(_REQUIRED, journal=facts.journal, institutions=wanted)
    facts.extra["deposit_required"] = {row["institution_id"]: row["fen"] for row in required}
    facts.extra["deposit_since"] = facts.moment.next_seq


async def backing_accounts(
    connection: AsyncConnection, journal: int, institutions: Iterable[UUID]
) -> dict[UUID, UUID]:
    """Return the deposit account of each institution that agreed on a risk deposit, in force now.

    It takes the place of a default custody account.
    """
    today = await business_today(connection, journal)
    found = await connection.execute(
        _BACKING,
        {"journal": journal, "institutions": sorted(set(institutions)), "today": today},
    )
    return {row.institution_id: row.custody_account_id for row in found}


def deposit_accounts(facts: Facts, institution: UUID) -> list[Record]:
    """Return an institution's deposit accounts, in order of id."""
    found = [
        row
        for row in facts.all(CustodyAccount)
        if row.institution_id == institution and row.purpose == "DEPOSIT"
    ]
    return sorted(found, key=lambda row: row.custody_account_id)


def deposit_of(facts: Facts, institution: UUID) -> RiskDeposit:
    """Return an institution's deposit over all its deposit accounts, against what is required."""
    parts = [account_deposit(facts, row) for row in deposit_accounts(facts, institution)]
    return RiskDeposit(
        held=_sum(part.held for part in parts),
        in_bank=_sum(part.in_bank for part in parts),
        required=required_of(facts, institution),
        arriving=_sum(part.arriving for part in parts),
        leaving=_sum(part.leaving for part in parts),
        ordered=_sum(part.ordered for part in parts),
    )


def account_deposit(facts: Facts, account: Record) -> RiskDeposit:
    """Return what stands in one deposit account; the requirement is the institution's, not its."""
    custody = account.custody_account_id
    ordered = sum(
        row.amount_fen
        for row in facts.all(PaymentOrder)
        if row.custody_account_id == custody and row.purpose == DEPOSIT_DRAW and row.state in OPEN
    )
    return RiskDeposit(
        held=_total(facts, custody, AccountKind.RISK_DEPOSIT_HELD),
        in_bank=_total(facts, custody, AccountKind.RISK_DEPOSIT_BANK),
        required=ZERO,
        arriving=_total(facts, custody, AccountKind.BANK_TRANSFER_IN_TRANSIT),
        leaving=_total(facts, custody, *_LEAVING),
        ordered=Money.from_fen(ordered),
    )


def gap_of(facts: Facts, custody: UUID) -> Money:
    """Return what an institution owes in a custody account beside draws on their way there."""
    coming = sum(
        row.amount_fen
        for row in facts.all(PaymentOrder)
        if row.target_custody_account_id == custody
        and row.purpose == DEPOSIT_DRAW
        and row.arrived_entry_id is None
        and row.state in OPEN | {"EXECUTED"}
    )
    owed = _total(facts, custody, AccountKind.DUE_FROM_INSTITUTION)
    return max(owed - Money.from_fen(coming), ZERO)


def required_of(facts: Facts, institution: UUID) -> Money:
    """Return what the formula requires, enrolments of this batch included."""
    before: dict[UUID, int] = facts.extra["deposit_required"]
    kept = {row.custody_account_id for row in deposit_accounts(facts, institution)}
    opened = sum(
        row.price_fen
        for row in facts.all(Enrolment)
        if row.custody_account_id in kept
        and row.seq >= facts.extra["deposit_since"]
        and row.state in HELD_OPEN
    )
    return Money.from_fen(before.get(institution, 0) + opened)


def owed_by(facts: Facts, institution: UUID) -> Money:
    """Return all that an institution owes (A5) over its accounts, whose totals were read."""
    return _sum(
        _total(facts, row.custody_account_id, AccountKind.DUE_FROM_INSTITUTION)
        for row in facts.all(CustodyAccount)
        if row.institution_id == institution
    )


def require_deposit_for(facts: Facts, institution: UUID, price: Money) -> None:
    """Refuse an enrolment that the deposit would not cover: raises `DepositBelow` (I-26)."""
    deposits.check_enrolment(deposit_of(facts, institution), price)


def _total(facts: Facts, custody: UUID, *kinds: AccountKind) -> Money:
    return Money.from_fen(facts.total(custody, kinds))


def _sum(amounts: Iterable[Money]) -> Money:
    return Money.from_fen(sum(amount.fen for amount in amounts))
