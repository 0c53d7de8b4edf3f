"""Payees (I-29): refunds go to whoever paid or was agreed on, institutions are paid where they say.

The party of a receipt's payer and the payee named with a contract follow from ids, and every change
of a payee or of a settlement account is a transaction; so what a row says now can be asked of each
position. Where an institution was paid before its first change is known from the orders alone: they
must agree. Who a party is stands sealed, and is not asked here.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from service.store import ids
from service.store.parties import guardian_payee
from service.store.refund_payers import payer_party
from service.verify.report import Report
from service.verify.snapshot import Row, Snapshot

CODE: Final = "I-29"

_CHANGED: Final = """
    SELECT sealed.seq, coalesce(sealed.refs::jsonb ->> 'refund',
               sealed.refs::jsonb ->> 'institution')::uuid AS subject_id,
           coalesce(sealed.refs::jsonb ->> 'payee',
               sealed.refs::jsonb ->> 'party')::uuid AS party_id, refund.guardian_id
    FROM escrow.journal_transaction AS sealed
    LEFT JOIN escrow.refund ON refund.journal_id = sealed.journal_id
     AND refund.refund_id = (sealed.refs::jsonb ->> 'refund')::uuid
    WHERE sealed.journal_id = $1 AND (sealed.kind = 'PAYEE_CHANGED'
      OR (sealed.kind = 'INSTITUTION_CHANGED' AND sealed.reason = 'SETTLEMENT_ACCOUNT_CHANGED'))
    ORDER BY sealed.seq"""
"""Every change of a refund's payee, and of where an institution is paid."""

_AGREED: Final = """
    SELECT payload::jsonb -> 'payload' ->> 'order_id' AS public,
           payload::jsonb -> 'payload' ->> 'payee_party_id' AS party
    FROM escrow.approval WHERE journal_id = $1 AND state = 'EXECUTED'
      AND payload::jsonb -> 'payload' ->> 'order_id' IS NOT NULL
      AND payload::jsonb -> 'payload' ->> 'payee_party_id' IS NOT NULL"""
"""Whom two people agreed that an order pays: a notary, a payer whose money was in suspense."""

_REFUNDS: Final = """
    SELECT refund_id, payee_party_id, receipt_entry_id, guardian_id FROM escrow.refund
    WHERE journal_id = $1"""

_INSTITUTIONS: Final = """
    SELECT institution_id, settlement_party_id FROM escrow.institution WHERE journal_id = $1"""

_ORDERS: Final = """
    SELECT ordered.order_id, ordered.kind, ordered.payee_party_id, ordered.institution_id,
           sealed.seq, refund.refund_id, refund.receipt_entry_id, refund.guardian_id,
           refund.payee_party_id AS refund_payee
    FROM escrow.payment_order AS ordered
    JOIN (SELECT seq, (refs::jsonb ->> 'order')::uuid AS order_id
          FROM escrow.journal_transaction
          WHERE journal_id = $1 AND kind IN ('REFUND_INSTRUCTED', 'REFUND_REISSUED',
                'PAYOUT_INSTRUCTED', 'SURPLUS_INSTRUCTED', 'DEPOSIT_RELEASE_INSTRUCTED',
                'SUSPENSE_RETURN_INSTRUCTED')) AS sealed ON sealed.order_id = ordered.order_id
    LEFT JOIN escrow.refund ON refund.journal_id = ordered.journal_id
     AND refund.refund_id = ordered.refund_id
    WHERE ordered.journal_id = $1 AND ordered.payee_party_id IS NOT NULL
    ORDER BY sealed.seq"""
"""Every order that pays a party, with the position at which it was made."""


@dataclass(slots=True)
class _Known:
    """What transactions and approvals say of payees, and what was seen of institutions' orders.

    `changes` are by refund or institution, oldest first: the position and the party from then on.
    """

    changes: dict[UUID, list[tuple[int, UUID]]] = field(default_factory=lambda: defaultdict(list))
    registered: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    agreed: dict[UUID, UUID] = field(default_factory=dict)
    settled: dict[UUID, UUID | None] = field(default_factory=dict)
    first_paid: dict[UUID, UUID] = field(default_factory=dict)

    def at(self, subject: UUID, seq: int | None = None) -> UUID | None:
        """Return the party of the last change before a position, or of all."""
        found = None
        for changed, party in self.changes.get(subject, ()):
            if seq is None or changed < seq:
                found = party
        return found

    def payees_of(self, refund: Row, seq: int | None = None) -> set[UUID | None]:
        """Return whom a refund could be paid to at a position: a change, its payer, a guardian."""
        if (changed := self.at(_id(refund["refund_id"]), seq)) is not None:
            return {changed}
        if refund["receipt_entry_id"] is not None:
            return {payer_party(_id(refund["receipt_entry_id"]))}
        guardian = _id(refund["guardian_id"])
        return {guardian_payee(guardian), *self.registered.get(guardian, ())}

    def settlement_of(self, order: Row) -> UUID | None:
        """Return where an institution was paid at an order's position, as far as rows tell."""
        institution = _id(order["institution_id"])
        if (changed := self.at(institution, order["seq"])) is not None:
            return changed
        if institution not in self.changes:
            return self.settled.get(institution)
        return self.first_paid.setdefault(institution, _id(order["payee_party_id"]))


async def check(snapshot: Snapshot, journal: int, report: Report) -> None:
    """I-29 over the payees of refunds, of institutions, and of every order that pays a party."""
    try:
        async with snapshot.attempt():
            known = await _known(snapshot, journal)
            await _check_refunds(snapshot, journal, known, report)
            _check_institutions(journal, known, report)
            await _check_orders(snapshot, journal, known, report)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], f"journal {journal}: {error!r}"[:300])


async def _known(snapshot: Snapshot, journal: int) -> _Known:
    known = _Known()
    for row in await snapshot.rows(_CHANGED, journal):
        party = _id(row["party_id"])
        known.changes[_id(row["subject_id"])].append((row["seq"], party))
        if row["guardian_id"] is not None:
            known.registered[_id(row["guardian_id"])].add(party)
    for row in await snapshot.rows(_AGREED, journal):
        order, party = ids.parse("ord", row["public"])[1], ids.parse("pty", row["party"])[1]
        known.agreed[_id(order)] = _id(party)
    for row in await snapshot.rows(_INSTITUTIONS, journal):
        party = row["settlement_party_id"]
        known.settled[_id(row["institution_id"])] = None if party is None else _id(party)
    return known


async def _check_refunds(snapshot: Snapshot, journal: int, known: _Known, report: Report) -> None:
    stream = await snapshot.stream(_REFUNDS, journal)
    while rows := await stream.chunk():
        for row in rows:
            payee = row["payee_party_id"]
            if payee is None:
                # Nobody is known yet whom it could be paid to.
                changed = known.at(_id(row["refund_id"])) is not None
                right = row["receipt_entry_id"] is None and not changed
            else:
                right = _id(payee) in known.payees_of(row)
            if not right:
                report.broken(CODE, journal, refund_id=row["refund_id"], payee=payee)


def _check_institutions(journal: int, known: _Known, report: Report) -> None:
    for institution, party in known.settled.items():
        if (changed := known.at(institution)) is not None and party != changed:
            told = {"settlement": party, "changed_to": changed}
            report.broken(CODE, journal, institution_id=institution, **told)


async def _check_orders(snapshot: Snapshot, journal: int, known: _Known, report: Report) -> None:
    stream = await snapshot.stream(_ORDERS, journal)
    while rows := await stream.chunk():
        for row in rows:
            payee = _id(row["payee_party_id"])
            if payee not in _payees(row, known):
                told = {"kind": row["kind"], "seq": row["seq"], "payee": payee}
                report.broken(CODE, journal, order_id=row["order_id"], **told)


def _payees(order: Row, known: _Known) -> set[UUID | None]:
    """Return whom an order may pay."""
    if order["kind"] in ("EARNED", "SURPLUS", "DEPOSIT"):
        return {known.settlement_of(order)}
    if order["kind"] == "REFUND" and order["refund_id"] is not None:
        if _id(order["refund_id"]) not in known.changes:
            return {_id(order["refund_payee"])} if order["refund_payee"] else set()
        return known.payees_of(order, order["seq"])
    payee = _id(order["payee_party_id"])
    return {known.agreed.get(_id(order["order_id"]), payee)}


def _id(value: UUID) -> UUID:
    """Return an id of ours: a driver's own kind is not equal to it in a set."""
    return UUID(int=value.int)
