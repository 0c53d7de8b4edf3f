"""What stands behind an enrolment in one custody account, and what keeps it there (E43)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from ledger.accounts import Account, AccountKind, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refusals import (
    AccountFenced,
    AmountZero,
    CustodyAccountInvalid,
    HoldExceeded,
    WrongState,
)
from ledger.rules import backings as rules
from ledger.rules import claims
from ledger.rules.backings import Backing, Unsettled
from service.store import backing_moves, rows, standing
from service.store.claim_progress import claim_open, open_claims
from service.store.contracts import contract_of, place_of
from service.store.custody_positions import in_time_of, position_of, read_in_time
from service.store.facts import Facts, Record
from service.store.tables import (
    BankEntry,
    CustodyAccount,
    Enrolment,
    Institution,
    Porting,
    Refund,
    Restraint,
)
from service.store.unit import Unit

_ENDED = frozenset({"COMPLETED", "REFUNDED", "PORTED"})
_ON_THEIR_WAY = ("CHOSEN", "INSTRUCTED", "SENT")
_UNITS = (Reason.PAID, Reason.GIFT)


@dataclass(frozen=True, slots=True)
class Ends:
    """The enrolment, where its money stands, and the custody account it is to go to."""

    enrolment: UUID
    institution: UUID
    source: UUID
    target: UUID


async def lock_ends(unit: Unit, ends: Sequence[Ends]) -> None:
    """Lock the institutions and accounts as they stand, then the enrolments to be changed."""
    await unit.lock(Institution, {end.institution for end in ends}, share=True)
    accounts = {custody for end in ends for custody in (end.source, end.target)}
    await unit.lock(CustodyAccount, accounts, share=True)
    await unit.lock(Enrolment, {end.enrolment for end in ends})


async def read_ends(unit: Unit, ends: Sequence[Ends]) -> None:
    """Read under the head what moves, what keeps it, and what others have in the same account."""
    facts, wanted = unit.facts, {end.enrolment for end in ends}
    await unit.restraints({t for end in ends for t in (end.enrolment, end.institution, end.source)})
    await open_claims(unit, wanted)
    await unit.read(Refund, rows.keyed(Refund, facts.journal, wanted, "enrolment_id"))
    porting, entry = rows.table_of(Porting), rows.table_of(BankEntry)
    carried = rows.keyed(Porting, facts.journal, wanted, "enrolment_id")
    await unit.read(Porting, carried.where(porting.c.state.in_(_ON_THEIR_WAY)))
    await unit.read(
        BankEntry,
        select(entry).where(
            entry.c.journal_id == facts.journal,
            entry.c.enrolment_id.in_(sorted(wanted)),
            entry.c.direction == "PEND",
        ),
    )
    sources = {end.source for end in ends}
    await unit.custody_totals(sources)
    await read_in_time(unit, sources)
    await unit.balances(account for end in ends for account in _books(facts, end))


def require_movable(facts: Facts, ends: Ends) -> Backing:
    """Return what moves, the whole enrolment as it stands in the account it leaves.

    Refused in order: `WrongState` (of the enrolment), `CustodyAccountInvalid`, `InstitutionFrozen`,
    `EnrolmentBlocked`, `AccountFenced`, `LessonsUnsettled`, `PayoutNotCovered` where more is
    owed on it than stands on it, `AmountZero`, what `rules.require_movable` refuses, and
    `HoldExceeded`.
    """
    enrolment = _enrolment(facts, ends)
    _require_ends(facts, enrolment, ends)
    standing.require_answerable(facts, ends.institution)
    standing.require_unblocked(facts, ends.enrolment)
    if standing.restrained(facts, ends.source, "FENCE"):
        raise AccountFenced
    backing = _backing(facts, _here(facts, ends))
    if not backing.prepaid + backing.interest and not any(backing.granted.values()):
        raise AmountZero
    position = position_of(facts, ends.source)
    room = rules.room_to_move(backing, position, in_time=in_time_of(facts, ends.source))
    target = place_of(_account(facts, ends.target))
    rules.require_movable(backing, target, unsettled=_unsettled(facts, ends, backing), room=room)
    held = total(
        [
            Money.from_fen(row.amount_fen or 0)
            for row in facts.all(Restraint)
            if row.kind == "HOLD" and row.target_id == ends.source and row.to_seq is None
        ]
    )
    if backing.funded > max(room - held, ZERO):
        raise HoldExceeded(held=str(held), amount=str(backing.funded))
    return backing


def _require_ends(facts: Facts, enrolment: Record, ends: Ends) -> None:
    """An enrolment goes on where it moves to; what came to the old account later may follow it."""
    follows = enrolment.custody_account_id != ends.source
    if enrolment.state not in ({"ACTIVE"} | _ENDED if follows else {"ACTIVE"}):
        raise WrongState(object="enrolment", state=enrolment.state)
    target = _account(facts, ends.target)
    if follows and enrolment.custody_account_id != ends.target:
        raise CustodyAccountInvalid
    if target.state != "ACTIVE" or target.purpose != "CUSTODY":
        raise CustodyAccountInvalid(state=target.state, purpose=target.purpose)


def _backing(facts: Facts, contract: Contract) -> Backing:
    book = facts.book
    claims.require_settled(book.balance(contract.pending), book.balance(contract.disputed))
    prepaid, interest = book.balance(contract.prepaid), book.balance(contract.interest)
    legacy, diversion = book.balance(contract.legacy), book.balance(contract.diversion)
    rules.require_backed(prepaid + interest, legacy + diversion)
    return Backing(
        contract=contract,
        prepaid=prepaid,
        interest=interest,
        legacy=legacy,
        diversion=diversion,
        granted={r: book.quantity(contract.units_granted(r)) for r in _UNITS},
        taken={r: book.quantity(contract.units_consumed(r)) for r in _UNITS},
    )


def _unsettled(facts: Facts, ends: Ends, backing: Backing) -> Unsettled:
    contract, book = backing.contract, facts.book
    refunds = facts.each_by(Refund, "enrolment_id", ends.enrolment)
    portings = facts.each_by(Porting, "enrolment_id", ends.enrolment)
    return Unsettled(
        claim=claim_open(facts, ends.enrolment) is not None,
        refunds=Money.from_fen(
            sum(r.payable_fen + r.in_transit_fen + r.returned_fen for r in refunds)
        ),
        porting=Money.from_fen(sum(1 for _ in portings)),
        captured=_captured(facts, ends),
        held=book.balance(contract.held),
    )


def _captured(facts: Facts, ends: Ends) -> Money:
    """Return what may stand in this enrolment and not yet in the bank: no more than A3 and A4."""
    told = sum(
        entry.amount_fen - entry.suspense_fen
        for entry in facts.each_by(BankEntry, "enrolment_id", ends.enrolment)
    )
    kinds = (AccountKind.CHANNEL_CLEARING, AccountKind.CASH_UNDEPOSITED)
    return Money.from_fen(min(told, facts.total(ends.source, kinds)))


def _books(facts: Facts, ends: Ends) -> list[Account]:
    here = _here(facts, ends)
    there = rules.moved_to(here, ends.target)
    return [
        *backing_moves.books_of(here),
        *backing_moves.books_of(there),
        here.pending,
        here.disputed,
        here.held,
    ]


def _here(facts: Facts, ends: Ends) -> Contract:
    return rules.moved_to(contract_of(_enrolment(facts, ends)), ends.source)


def _enrolment(facts: Facts, ends: Ends) -> Record:
    row = facts.get(Enrolment, ends.enrolment)
    assert row is not None, "the enrolment was found and locked"
    return row


def _account(facts: Facts, custody: UUID) -> Record:
    row = facts.get(CustodyAccount, custody)
    assert row is not None, "the custody account was found and locked"
    return row
