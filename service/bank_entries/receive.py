"""Use cases of bank entries: receive what the bank saw, and retry what had to be kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account
from ledger.money import ZERO
from ledger.parameters import AMOUNT_CAP
from ledger.policy import Category
from ledger.refusals import (
    AmountZero,
    CustodyAccountUnknown,
    DateInFuture,
    PolicyMissing,
    Refusal,
)
from service.bank_entries import plain_payments
from service.bank_entries.contradictions import read_contradictions
from service.bank_entries.effects import by_kind, kind_of
from service.bank_entries.entries import decide_entry, decide_kept
from service.bank_entries.facts import KEPT, EntryFact
from service.bank_entries.payments import payment_accounts
from service.bank_entries.restated import read_restated
from service.bank_entries.suspected import read_likes
from service.store import bank_failures, driver, reference
from service.store.context import Context
from service.store.contracts import read_debts
from service.store.facts import Decision, Facts
from service.store.tables import (
    BankEntry,
    BankEntryDetail,
    Course,
    CustodyAccount,
    Enrolment,
    Institution,
    PaymentOrder,
)
from service.store.transact import UseCase
from service.store.unit import Unit

_SEEN: Final = (
    "SELECT custody_account_id FROM escrow.custody_account"
    " WHERE custody_account_id = ANY($1::uuid[])"
)
# What arrives by an order waits for an entry of another account.
_ANY_KEPT: Final = (
    "SELECT 1 FROM escrow.bank_entry WHERE journal_id = $1 AND outcome = 'KEPT'"
    " AND (custody_account_id = ANY($2::uuid[]) OR kind = 'TRANSFER') LIMIT 1"
)
_NAMED: Final = (
    "SELECT enrolment_id FROM escrow.enrolment"
    " WHERE journal_id = $1 AND payment_code = ANY($2::text[])"
)


async def find_accounts(
    connection: AsyncConnection, _caller: Context, facts: Sequence[EntryFact]
) -> list[EntryFact | Refusal]:
    """Find each entry's custody account among those of the calling bank."""
    wanted = list({fact.custody_account for fact in facts})
    seen = {row[0] for row in await driver.fetch(connection, _SEEN, wanted)}
    return [fact if fact.custody_account in seen else CustodyAccountUnknown() for fact in facts]


async def load_entries(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Lock what the entries name: institution, account, enrolments, orders and their receipts."""
    accounts = await unit.read_keys(CustodyAccount, {f.custody_account for f in facts})
    await unit.lock(Institution, (a.institution_id for a in accounts), share=True)
    await unit.lock(CustodyAccount, (a.custody_account_id for a in accounts), share=True)
    codes = {f.payment_code for f in facts if f.payment_code is not None}
    await _lock_at_stake(unit, facts, codes)
    enrolments = await unit.lock(Enrolment, codes, column="payment_code")
    courses = {e["course_id"] for e in enrolments}
    await unit.read_keys(Course, courses - {None})
    for kind, group in by_kind(facts):
        await kind.lock(unit, group)
    named = await unit.lock(PaymentOrder, (order for f in facts for order in f.orders))
    await unit.lock(BankEntry, (o.bank_entry_id for o in named if o.bank_entry_id is not None))


async def _lock_at_stake(unit: Unit, facts: Sequence[EntryFact], codes: set[str]) -> None:
    """Lock what failed banks still owe with what the codes name: all at once, in key order."""
    named = (f.detail.failure for f in facts if f.detail is not None)
    failures = {one for one in named if one is not None}
    staked = await bank_failures.find_at_stake(unit, failures) if failures else set()
    if staked:
        journal = unit.facts.journal
        coded = await driver.fetch(unit.connection, _NAMED, journal, list(codes))
        await unit.lock(Enrolment, staked | {row[0] for row in coded})


async def read_entries(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read entries of the same reference, balances and debts under the head."""
    await _read_books(unit, await _read_met(unit, facts))


async def _read_met(unit: Unit, facts: Sequence[EntryFact]) -> Sequence[EntryFact]:
    """Read entries of the same reference or money; return the entries as they may be posted."""
    await unit.read_pairs(
        BankEntry,
        {(f.custody_account, f.bank_ref) for f in facts},
        ("custody_account_id", "bank_ref"),
    )
    await read_contradictions(unit, facts)
    told = await read_restated(unit, facts)
    await read_likes(unit, facts)
    await _notice_kept(unit, {f.custody_account for f in facts})
    await _read_cap(unit)
    return told


async def read_received(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read what the entries meet, and part the plain payments from the others."""
    told = await _read_met(unit, facts)
    sheet, others = plain_payments.sorted_out(unit.facts, told)
    await _read_books(unit, others, sheet.accounts)
    unit.facts.sheet = sheet


async def _notice_kept(unit: Unit, custodies: set[UUID]) -> None:
    """Notice whether anything was kept that may be posted after these entries."""
    journal = unit.facts.journal
    if await driver.fetch(unit.connection, _ANY_KEPT, journal, list(custodies)):
        unit.facts.noticed.add(KEPT)


async def _read_books(
    unit: Unit, facts: Sequence[EntryFact], further: Sequence[Account] = ()
) -> None:
    """Read the balances that entries may touch, and those of `further` accounts."""
    known = unit.facts
    for kind, group in by_kind(facts):
        await kind.read(unit, group)
    accounts = list(further)
    owing: set[UUID] = set()
    for fact in facts:
        account = known.get(CustodyAccount, fact.custody_account)
        assert account is not None, "the custody account was found"
        kind = kind_of(fact)
        accounts += payment_accounts(known, fact, account)
        if kind.accounts is not payment_accounts:
            accounts += kind.accounts(known, fact, account)
        if kind.owes:
            owing.add(account.custody_account_id)
    await unit.balances(accounts)
    if owing:
        await read_debts(unit, owing)


async def _read_cap(unit: Unit) -> None:
    """Read the cap on one charge as it is today; without one nothing regular is matched."""
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    unit.facts.extra["policy_version"] = pack.label
    try:
        cap = pack.value(AMOUNT_CAP, on=unit.facts.moment.today, category=Category.OTHER)
    except PolicyMissing:
        cap = None
    unit.facts.extra["amount_cap"] = cap


def decide(facts: Facts, fact: EntryFact) -> Decision:
    """Refuse an entry or a part of nothing and a date after today, else post the entry."""
    if ZERO in (fact.amount, *(part.amount for part in fact.parts)):
        raise AmountZero
    if fact.book_on > facts.moment.today:
        raise DateInFuture(book_on=fact.book_on.isoformat())
    return decide_entry(facts, fact)


RECEIVE: UseCase[EntryFact, EntryFact] = UseCase(
    "receive", find_accounts, load_entries, decide, read_received, gathers=True
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept debit that may be posted now."""

    bank_entry: UUID
    fact: EntryFact


async def find_kept(
    _connection: AsyncConnection, _caller: Context, kept: Sequence[Kept]
) -> list[Kept | Refusal]:
    """Take kept entries as the sweep found them."""
    return list(kept)


async def load_kept(unit: Unit, kept: Sequence[Kept]) -> None:
    """Lock what the kept entries name, then the entries."""
    await load_entries(unit, [k.fact for k in kept])
    await unit.lock(BankEntry, (k.bank_entry for k in kept))
    await unit.read_keys(BankEntryDetail, (k.bank_entry for k in kept))


async def read_again(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read under the head what entries that stand need to become what their kind says."""
    await _read_cap(unit)
    await _read_books(unit, facts)


async def read_kept(unit: Unit, kept: Sequence[Kept]) -> None:
    """Read balances and debts under the head."""
    await _read_books(unit, [k.fact for k in kept])


def decide_retry(facts: Facts, kept: Kept) -> Decision:
    """Post a kept debit if the money is there now."""
    return decide_kept(facts, kept.bank_entry, kept.fact.parts)


RETRY: UseCase[Kept, Kept] = UseCase("retry", find_kept, load_kept, decide_retry, read_kept)
