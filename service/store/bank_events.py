"""Court orders on custody accounts (司法冻结、扣划): held at once as the bank notices them.

A freeze posts nothing: a HOLD of the amount keeps that much from leaving (E46), placed by rule and
lifted by two regulators. A deduction under the same document uses the hold up (E47).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger.money import Money
from ledger.refusals import AlreadyExists
from ledger.rules.court_orders import Hold, holds_left
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, rows
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.notices import institution_told
from service.store.tables import CourtOrder, Restraint
from service.store.unit import Unit

NOTICED: Final = "COURT_ORDER_NOTICED"
DEDUCTED: Final = "COURT_ORDER_DEDUCTED"
CAUSE: Final = "COURT_ORDER"
_KEY: Final = ("custody_account_id", "document_number")


@dataclass(frozen=True, slots=True)
class FreezeNoticed:
    """A court's freeze as a bank noticed it; `court_order` and `restraint` are new ids."""

    journal: int
    court_order: UUID
    restraint: UUID
    custody: UUID
    document_number: str
    amount: Money
    ordered_on: date
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class Noticed:
    """What a notice makes: its row, and what is posted and changed; nothing for a duplicate."""

    row: Record
    transactions: tuple[Transaction, ...] = ()
    changes: tuple[Change, ...] = ()
    duplicate: bool = False


async def lock_court_orders(unit: Unit, named: Iterable[tuple[UUID, str]]) -> None:
    """Lock the orders of these (custody account, document number), then the holds they placed."""
    wanted = set(named)
    if not wanted:
        return
    statement = rows.paired(CourtOrder, unit.facts.journal, wanted, _KEY)
    order = rows.table_of(CourtOrder).c.court_order_id
    found = await unit.lock_where(CourtOrder, statement.order_by(order))
    await unit.lock(Restraint, {row.restraint_id for row in found if row.restraint_id is not None})


async def read_court_orders(unit: Unit, named: Iterable[tuple[UUID, str]]) -> None:
    """Read under the head what was noticed while this unit waited for it."""
    await unit.read_pairs(CourtOrder, named, _KEY)


def court_order_of(facts: Facts, custody: UUID, document_number: str) -> Record | None:
    """Return the order of a document on a custody account, None when it was never noticed."""
    return facts.by(CourtOrder, _KEY, custody, document_number)


def freeze_noticed(facts: Facts, account: Record, noticed: FreezeNoticed) -> Noticed:
    """Hold what a court froze on a custody account, and tell its institution (E46).

    The same document again with the same content is a duplicate; raises `AlreadyExists` where it
    says another amount or day. `account` is the custody account's row; `read_court_orders` ran.
    """
    known = court_order_of(facts, noticed.custody, noticed.document_number)
    if known is not None and known.ordered_on is None:
        return _noticed_after(facts, account, known, noticed)
    if known is not None:
        said = (known.amount_fen, known.ordered_on, known.until_on)
        if said != (noticed.amount.fen, noticed.ordered_on, noticed.until_on):
            raise AlreadyExists(
                object="court_order", id=ids.public("cto", facts.journal, known.court_order_id)
            )
        return Noticed(known, duplicate=True)
    row = _order(facts, account, noticed.court_order, noticed.document_number)
    row |= {
        "amount_fen": noticed.amount.fen,
        "ordered_on": noticed.ordered_on,
        "until_on": noticed.until_on,
        "restraint_id": noticed.restraint,
        "state": "HELD",
    }
    from_seq = facts.moment.next_seq
    hold = _hold(facts, account, noticed.restraint, noticed.amount.fen, from_seq)
    return Noticed(
        row,
        (_held(row, hold), _said(TransactionKind.COURT_ORDER_NOTICED, row)),
        (Insert(CourtOrder, row), Insert(Restraint, hold), _told(facts, row, NOTICED)),
    )


def _noticed_after(facts: Facts, account: Record, known: Record, noticed: FreezeNoticed) -> Noticed:
    """Hold what a deduction that was told first has left of a freeze (I-39)."""
    left = noticed.amount.fen - known.deducted_fen
    values: dict[str, Any] = {
        "amount_fen": noticed.amount.fen,
        "ordered_on": noticed.ordered_on,
        "until_on": noticed.until_on,
        "restraint_id": noticed.restraint if left > 0 else None,
        "state": "HELD" if left > 0 else "DEDUCTED",
    }
    row = Record({**known, **values})
    told = _told(facts, row, NOTICED)
    noted = Update(CourtOrder, (known.court_order_id,), values)
    said = _said(TransactionKind.COURT_ORDER_NOTICED, row)
    if left <= 0:
        return Noticed(row, (said,), (noted, told))
    hold = _hold(facts, account, noticed.restraint, left, facts.moment.next_seq)
    return Noticed(row, (_held(row, hold), said), (noted, Insert(Restraint, hold), told))


def deducted(  # noqa: PLR0913 - one deduction, and where its transactions stand
    facts: Facts,
    account: Record,
    *,
    bank_entry: UUID,
    document_number: str,
    amount: Money,
    at: int,
) -> Noticed:
    """Note what was taken under a court's document, and hold only what is left of it (E47).

    A document that was never noticed becomes an order of its own; the institution is told. `at`
    transactions of the same decision come before these.
    """
    known = court_order_of(facts, account.custody_account_id, document_number)
    if known is None:
        row = _order(facts, account, ids.derived(bank_entry, "court order"), document_number)
        row |= {
            "amount_fen": amount.fen,
            "deducted_fen": amount.fen,
            "ordered_on": None,
            "until_on": None,
            "restraint_id": None,
            "state": "DEDUCTED",
        }
        return Noticed(row, (), (Insert(CourtOrder, row), _told(facts, row, DEDUCTED, bank_entry)))
    posted, changes, restraint = _used_up(
        facts, account, known, bank_entry, amount, facts.moment.next_seq + at
    )
    taken = known.deducted_fen + amount.fen
    values: dict[str, Any] = {"deducted_fen": taken, "restraint_id": restraint}
    if known.ordered_on is None:
        values["amount_fen"] = taken
    if taken >= known.amount_fen:
        values["state"] = "DEDUCTED"
    row = Record({**known, **values})
    noted = Update(CourtOrder, (known.court_order_id,), values)
    return Noticed(row, posted, (noted, *changes, _told(facts, row, DEDUCTED, bank_entry)))


def released(facts: Facts, order: Record) -> Noticed:
    """Note that the court let go; the HOLD stands until two regulators lift it."""
    values = {"state": "RELEASED", "released_on": facts.moment.today}
    row = Record({**order, **values})
    noted = _said(TransactionKind.COURT_ORDER_RELEASED, row)
    return Noticed(row, (noted,), (Update(CourtOrder, (order.court_order_id,), values),))


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a court order."""
    held = row.restraint_id
    return {
        "id": ids.public("cto", journal, row.court_order_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "bank": row.bank_code,
        "document_number": row.document_number,
        "amount": str(Money.from_fen(row.amount_fen)),
        "deducted": str(Money.from_fen(row.deducted_fen)),
        "ordered_on": None if row.ordered_on is None else row.ordered_on.isoformat(),
        "until_on": None if row.until_on is None else row.until_on.isoformat(),
        "restraint_id": None if held is None else ids.public("rst", journal, held),
        "state": row.state,
        "released_on": None if row.released_on is None else row.released_on.isoformat(),
    }


def _used_up(  # noqa: PLR0913, PLR0917 - one deduction, and where it stands
    facts: Facts, account: Record, order: Record, bank_entry: UUID, amount: Money, seq: int
) -> tuple[tuple[Transaction, ...], tuple[Change, ...], UUID | None]:
    """End the hold of an order and place what is left of it, so that nothing counts twice."""
    hold = None if order.restraint_id is None else facts.get(Restraint, order.restraint_id)
    if hold is None or hold.to_seq is not None:
        return (), (), order.restraint_id
    moment = facts.moment
    standing = Hold(hold.restraint_id, Money.from_fen(hold.amount_fen))
    ended = {"to_seq": seq, "lifted_by": moment.actor}
    lifted = _noted(TransactionKind.RESTRAINT_LIFTED, hold, reason="DEDUCTED")
    changes: tuple[Change, ...] = (Update(Restraint, (hold.restraint_id,), ended),)
    left = holds_left([standing], deducted=amount)
    if not left:
        return (lifted,), changes, None
    again = _hold(facts, account, ids.derived(bank_entry, "hold"), left[0].amount.fen, seq + 1)
    return (lifted, _held(order, again)), (*changes, Insert(Restraint, again)), again.restraint_id


def _order(facts: Facts, account: Record, court_order: UUID, document_number: str) -> Record:
    moment = facts.moment
    return Record(
        court_order_id=court_order,
        institution_id=account.institution_id,
        custody_account_id=account.custody_account_id,
        bank_code=account.bank_code,
        document_number=document_number,
        deducted_fen=0,
        noticed_at=moment.now,
        released_on=None,
        seq=moment.next_seq,
    )


def _hold(facts: Facts, account: Record, restraint: UUID, fen: int, seq: int) -> Record:
    moment = facts.moment
    return Record(
        restraint_id=restraint,
        institution_id=account.institution_id,
        target_type="CUSTODY_ACCOUNT",
        target_id=account.custody_account_id,
        kind="HOLD",
        amount_fen=fen,
        cause=CAUSE,
        placed_by=moment.actor,
        placed_at=moment.now,
        from_seq=seq,
        to_seq=None,
        lifted_by=None,
    )


def _said(kind: TransactionKind, order: Record) -> Transaction:
    return Transaction(
        kind,
        references={
            "institution": str(order.institution_id),
            "custody": str(order.custody_account_id),
            "court_order": str(order.court_order_id),
        },
    )


def _held(order: Record, hold: Record) -> Transaction:
    noted = _noted(TransactionKind.RESTRAINT_PLACED, hold, reason=CAUSE)
    named = {**noted.references, "court_order": str(order.court_order_id)}
    return Transaction(noted.kind, references=named, reason=noted.reason)


def _noted(kind: TransactionKind, hold: Record, *, reason: str) -> Transaction:
    return Transaction(
        kind,
        references={
            "institution": str(hold.institution_id),
            "restraint": str(hold.restraint_id),
            "kind": hold.kind,
            "target": str(hold.target_id),
            "amount_fen": str(hold.amount_fen),
        },
        reason=reason,
    )


def _told(facts: Facts, order: Record, kind: str, base: UUID | None = None) -> Insert:
    return institution_told(
        facts,
        base=base or order.court_order_id,
        kind=kind,
        subject=order.court_order_id,
        institution=order.institution_id,
    )
