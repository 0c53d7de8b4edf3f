"""Who gets a refund back: the payers of an enrolment, newest receipt first (I-28, I-29).

A payer is a receipt: a bank entry that was credited to the enrolment, wholly or in part, at once or
out of suspense. Each payer gets back at most what came from there and has not gone back yet. What
nobody's receipt brought (legacy, diversion, cash, a bank that named no payer) goes to the guardian,
whose payee account must be registered first, unless an earlier refund or the contract has one.

Ids are not made here by chance: a refund's id follows from what it is owed for, a payer's party
from the receipt. So `decide` stays pure, and nothing is paid twice under two names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import TextClause

from ledger.money import Money
from service.store import driver, refund_payer_sql, rows, vault_rows
from service.store.facts import Facts, Insert, Record
from service.store.parties import NewParty, PartyKind, guardian_payee, party_added
from service.store.tables import BankNarrative, Enrolment, Party, Refund
from service.store.unit import Unit

_PAYERS: Final = "refund_payers"


@dataclass(frozen=True, slots=True)
class PayerShare:
    """What goes back on one receipt; to the guardian when `receipt_entry_id` is None.

    `payee_party_id` is None while nobody is known whom the guardian's part could be paid to.
    """

    receipt_entry_id: UUID | None
    payee_party_id: UUID | None
    amount: Money


@dataclass(frozen=True, slots=True)
class _Paid:
    receipt: UUID
    fen: int
    payer_name: str | None
    payer_account: str


@dataclass(frozen=True, slots=True)
class _Registered:
    party: UUID
    hold_until: date | None


@dataclass(frozen=True, slots=True)
class _Payers:
    """By enrolment what was paid, newest first; by guardian the account that was registered.

    `standing` are the parties of payers that were written down before, `stated` the accounts that
    were with contracts, by guardian.
    """

    paid: dict[UUID, tuple[_Paid, ...]] = field(default_factory=dict)
    registered: dict[UUID, _Registered] = field(default_factory=dict)
    standing: set[UUID] = field(default_factory=set)
    stated: dict[UUID, UUID] = field(default_factory=dict)


async def read_payers(unit: Unit, enrolments: Iterable[Record], *, shown: bool = True) -> None:
    """Read who paid these enrolments and what has gone back; runs under the head, set-based.

    `shown` says that somebody may be told who the payees are, so that they are opened.
    """
    known = {row["enrolment_id"]: row for row in enrolments}
    journal, wanted = unit.facts.journal, sorted(known)
    if not wanted:
        return
    await unit.read(Refund, rows.keyed(Refund, journal, wanted, "enrolment_id"))
    paid = await _paid(unit, known)
    payees = [payer_party(each.receipt) for every in paid.values() for each in every]
    guardians = list({row["guardian_id"] for row in known.values()})
    stated = {guardian: guardian_payee(guardian) for guardian in guardians}
    standing = await _standing(unit, [*payees, *stated.values()], shown=shown)
    found = await unit.query(refund_payer_sql.REGISTERED, journal=journal, guardians=guardians)
    before: _Payers = unit.facts.extra.setdefault(_PAYERS, _Payers())
    before.paid.update(paid)
    before.standing.update(standing.intersection(payees))
    before.stated.update({who: party for who, party in stated.items() if party in standing})
    before.registered.update(
        {r["guardian_id"]: _Registered(r["payee_party_id"], r["payee_hold_until"]) for r in found}
    )


def split_to_payers(facts: Facts, enrolment_id: UUID, amount: Money) -> list[PayerShare]:
    """Part a refund of this enrolment over its payers, newest receipt first.

    Each gets at most what came from there and has not gone back; the rest is the guardian's. The
    shares sum to `amount`; none is zero.
    """
    payers: _Payers = facts.extra[_PAYERS]
    shares: list[PayerShare] = []
    rest = amount.fen
    known = payers.paid.get(enrolment_id, ())
    back = _gone_back(facts, enrolment_id) if known else {}
    for paid in known:
        part = min(rest, max(paid.fen - back.get(paid.receipt, 0), 0))
        if part:
            party = payer_party(paid.receipt)
            shares.append(PayerShare(paid.receipt, party, Money.from_fen(part)))
            rest -= part
    if rest:
        row = facts.get(Enrolment, enrolment_id)
        assert row is not None, "the enrolment was locked"
        account = _account_of(facts, row["guardian_id"])
        shares.append(PayerShare(None, account, Money.from_fen(rest)))
    return shares


def newest_account(facts: Facts, enrolment_id: UUID) -> str | None:
    """Return the account that an enrolment's newest payer paid from, None when none is known."""
    payers: _Payers = facts.extra[_PAYERS]
    paid = payers.paid.get(enrolment_id)
    return paid[0].payer_account if paid else None


def guardian_share(facts: Facts, guardian: UUID, amount: Money) -> PayerShare:
    """Return what goes to a guardian whom `read_payers` has looked up, not on a receipt."""
    return PayerShare(None, _account_of(facts, guardian), amount)


def refund_ids(
    source_id: UUID, shares: Sequence[PayerShare], *, round_number: int = 1
) -> tuple[UUID, ...]:
    """Return the ids of the refunds of these shares, the same whenever asked.

    `round_number` tells apart later rounds of one source (a recovery on an entitlement).
    """
    return tuple(
        [
            uuid5(source_id, f"refund/{round_number}/{share.receipt_entry_id or 'guardian'}")
            for share in shares
        ]
    )


def payer_party(receipt: UUID) -> UUID:
    """Return the id of the party that a receipt's payer is written down as."""
    return uuid5(receipt, "payer")


def new_refunds(  # noqa: PLR0913 - what a refund is owed for, to whom, and under which ids
    facts: Facts,
    *,
    source: str,
    source_id: UUID,
    enrolment: Record,
    shares: Sequence[PayerShare],
    refund_ids: Sequence[UUID],
) -> tuple[Insert, ...]:
    """Make the rows of refunds, all payable, and the parties of payers not written down yet.

    `source` is CLAIM, DIVIDEND, RECOVERY or PORTING. The rule that credits each L6 is the caller's.
    """
    made: list[Insert] = []
    for share, refund in zip(shares, refund_ids, strict=True):
        made += _payer(facts, enrolment, share)
        made.append(Insert(Refund, _row(facts, (source, source_id), enrolment, share, refund)))
    return tuple(made)


async def _paid(unit: Unit, known: dict[UUID, Record]) -> dict[UUID, tuple[_Paid, ...]]:
    journal, wanted = unit.facts.journal, sorted(known)
    told: dict[UUID, list[dict[str, Any]]] = {}
    for row in await _named_by_bank(unit, refund_payer_sql.RECEIPTS, wanted):
        fen = row["amount_fen"] - row["suspense_fen"]
        told.setdefault(row["enrolment_id"], []).append({**row, "fen": fen})
    unclear = [e for e in wanted if _is_unclear(known[e], told.get(e, []))]
    for enrolment in unclear:
        told.pop(enrolment, None)
    if unclear:
        for row in await _named_by_bank(unit, refund_payer_sql.CREDITED, unclear):
            told.setdefault(row["enrolment_id"], []).append({**row, "fen": int(row["fen"])})
    gone = await unit.query(refund_payer_sql.CHARGED_BACK, journal=journal, enrolments=wanted)
    charged_back = {row["enrolment_id"]: row["fen"] for row in gone}
    return {e: _named(found, charged_back.get(e, 0)) for e, found in told.items()}


async def _standing(unit: Unit, parties: Sequence[UUID], *, shown: bool) -> set[UUID]:
    """Return those of these parties that were written down, and read them where they are shown."""
    if shown:
        wanted = rows.keyed(Party, unit.facts.journal, parties, "party_id")
        return {row["party_id"] for row in await unit.read(Party, wanted)}
    statement = "SELECT party_id FROM pii.party WHERE journal_id = $1 AND party_id = ANY($2)"
    found = await driver.fetch(unit.connection, statement, unit.facts.journal, parties)
    return {party for (party,) in found}


async def _named_by_bank(
    unit: Unit, statement: TextClause, enrolments: Sequence[UUID]
) -> Sequence[Mapping[str, Any]]:
    found = await unit.query(statement, journal=unit.facts.journal, enrolments=enrolments)
    return vault_rows.opened(unit.connection, BankNarrative, found)


def _is_unclear(enrolment: Record, found: Sequence[dict[str, Any]]) -> bool:
    """Tell whether the rows of receipts do not add up to what the enrolment received.

    A legacy contract came with its whole price and never takes a payment.
    """
    if enrolment["origin"] == "LEGACY" and not found:
        return False
    return bool(sum([row["fen"] for row in found]) != enrolment["received_fen"])


def _named(found: Sequence[dict[str, Any]], charged_back: int) -> tuple[_Paid, ...]:
    """Keep the receipts whose payer the bank named; a chargeback took from the newest first."""
    paid: list[_Paid] = []
    for row in found:
        taken = min(charged_back, row["fen"])
        charged_back -= taken
        if row["payer_account"] is not None and row["fen"] > taken:
            paid.append(
                _Paid(
                    row["bank_entry_id"],
                    row["fen"] - taken,
                    row["payer_name"],
                    row["payer_account"],
                )
            )
    return tuple(paid)


def _gone_back(facts: Facts, enrolment_id: UUID) -> dict[UUID, int]:
    back: dict[UUID, int] = {}
    for row in facts.each_by(Refund, "enrolment_id", enrolment_id):
        if row.receipt_entry_id is not None:
            fen = row.amount_fen - row.taken_back_fen
            back[row.receipt_entry_id] = back.get(row.receipt_entry_id, 0) + fen
    return back


def _account_of(facts: Facts, guardian: UUID) -> UUID | None:
    """Return the guardian's account: registered for an earlier refund, or with the contract."""
    payers: _Payers = facts.extra[_PAYERS]
    known = payers.registered.get(guardian)
    return payers.stated.get(guardian) if known is None else known.party


def _payer(facts: Facts, enrolment: Record, share: PayerShare) -> list[Insert]:
    if share.receipt_entry_id is None or share.payee_party_id is None:
        return []
    payers: _Payers = facts.extra[_PAYERS]
    if share.payee_party_id in payers.standing or facts.get(Party, share.payee_party_id):
        return []
    paid = next(
        each
        for each in payers.paid[enrolment.enrolment_id]
        if each.receipt == share.receipt_entry_id
    )
    party = NewParty(
        share.payee_party_id,
        PartyKind.PAYER,
        name=paid.payer_name,
        account_number=paid.payer_account,
    )
    return [party_added(party, institution=None, at=facts.moment.now)]


def _row(
    facts: Facts, owed_for: tuple[str, UUID], enrolment: Record, share: PayerShare, refund: UUID
) -> dict[str, Any]:
    source, source_id = owed_for
    payers: _Payers = facts.extra[_PAYERS]
    guardian = None
    if share.receipt_entry_id is None:
        guardian = payers.registered.get(enrolment["guardian_id"])
    moment, amount = facts.moment, share.amount.fen
    return {
        "refund_id": refund,
        "source": source,
        "source_id": source_id,
        "enrolment_id": enrolment["enrolment_id"],
        "institution_id": enrolment["institution_id"],
        "custody_account_id": enrolment["custody_account_id"],
        "guardian_id": enrolment["guardian_id"],
        "receipt_entry_id": share.receipt_entry_id,
        "payee_party_id": share.payee_party_id,
        "channel": None,
        "amount_fen": amount,
        "payable_fen": amount,
        "in_transit_fen": 0,
        "returned_fen": 0,
        "paid_fen": 0,
        "lodged_fen": 0,
        "taken_back_fen": 0,
        "waiting_for": "PAYEE" if share.payee_party_id is None else None,
        "payee_hold_until": None if guardian is None else guardian.hold_until,
        "returned_on": None,
        "created_on": moment.today,
        "paid_on": None,
        "seq": moment.next_seq,
    }
