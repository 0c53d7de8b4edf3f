"""Money in suspense (待核款): matched to an enrolment by hand, or sent back to its payer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.policy import Category
from ledger.refusals import (
    AccountFenced,
    CustodyAccountInvalid,
    EnrolmentUnknown,
    InstitutionFrozen,
    PayerUnknown,
    ReceiptUnknown,
    Refusal,
    WrongState,
)
from ledger.rules import suspense as rules
from ledger.rules.receipts import still_due
from service.bank_entries import suspected
from service.bank_entries.entries import answer_of
from service.bank_entries.payments import TAKING_MONEY
from service.store import approval_acts, approvals, ids, registry, rows, standing
from service.store.approval_acts import Deed
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import contract_of, place_of, received_change
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.order_steps import order_row
from service.store.parties import NewParty, PartyKind, party_added
from service.store.tables import (
    BankEntry,
    BankNarrative,
    CustodyAccount,
    Enrolment,
    Institution,
    PaymentOrder,
    Restraint,
)
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Match:
    """Match a receipt in suspense to an enrolment of the same custody account."""

    journal: int
    bank_entry: UUID
    enrolment: UUID
    approval: UUID
    key: str | None = None


@dataclass(frozen=True, slots=True)
class SendBack:
    """Send a receipt in suspense back; `order` and `party` are the ids of what it makes."""

    journal: int
    bank_entry: UUID
    order: UUID
    party: UUID


async def find_match(
    connection: AsyncConnection, caller: Context, commands: Sequence[Match]
) -> list[Match | Refusal]:
    """Find receipt and enrolment in the caller's scope."""
    found: list[Match | Refusal] = []
    for command in commands:
        entries = await registry.seen(
            connection, caller, BankEntry, command.journal, [command.bank_entry]
        )
        enrolments = await registry.seen(
            connection, caller, Enrolment, command.journal, [command.enrolment]
        )
        if not entries:
            found.append(ReceiptUnknown())
        else:
            found.append(command if enrolments else EnrolmentUnknown())
    return found


async def load_match(unit: Unit, commands: Sequence[Match]) -> None:
    """Lock the institutions as they stand, the enrolments, then the receipts."""
    wanted = {c.enrolment for c in commands}
    known = await unit.read(
        Enrolment, rows.keyed(Enrolment, unit.facts.journal, wanted, "enrolment_id")
    )
    await unit.lock(Institution, {row.institution_id for row in known}, share=True)
    await unit.lock(Enrolment, wanted)
    await unit.lock(BankEntry, (c.bank_entry for c in commands))


async def read_match(unit: Unit, commands: Sequence[Match]) -> None:
    """Read the limits of one person, and the balances of suspense and enrolments."""
    enrolments = [_pair(unit.facts, c)[1] for c in commands]
    await approval_acts.read_limits(
        unit,
        ActKind.SUSPENSE_MATCH,
        institutions={row.institution_id for row in enrolments},
        payees={row.guardian_id for row in enrolments},
    )
    named = {_pair(unit.facts, c)[0].custody_account_id for c in commands}
    await unit.read(
        CustodyAccount, rows.keyed(CustodyAccount, unit.facts.journal, named, "custody_account_id")
    )
    for command in commands:
        entry, enrolment = _pair(unit.facts, command)
        contract = contract_of(enrolment)
        await unit.balances([place_of(entry).suspense(command.bank_entry), contract.prepaid])


def decide_match(facts: Facts, command: Match) -> Decision:
    """Match at once up to the limits of one person; above one, wait for a second (I-45)."""
    decision = matched(facts, command)
    entry, enrolment = _pair(facts, command)
    deed = Deed(
        ActKind.SUSPENSE_MATCH,
        Money.from_fen(entry.suspense_fen),
        entry.institution_id,
        Category.OTHER,
        payee=enrolment.guardian_id,
    )
    crossing = approval_acts.crossing_of(facts, deed)
    if crossing is None:
        alone = approval_acts.decided_alone(facts, deed)
        return replace(decision, changes=(*decision.changes, alone))
    payload = {
        "receipt_id": ids.public("bke", facts.journal, command.bank_entry),
        "enrolment_id": ids.public("enr", facts.journal, command.enrolment),
        "amount": str(Money.from_fen(entry.suspense_fen)),
    }
    wanted = Wanted(command.approval, payload, entry.institution_id, command.key, crossing)
    return approvals.requested(facts, MATCH_APPROVED, wanted)


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock what an approved match names."""
    await load_match(unit, [_named(payload) for payload in payloads])


async def read_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read balances for an approved match."""
    await read_match(unit, [_named(payload) for payload in payloads])


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Match as the two people agreed, on the facts as they are now."""
    return matched(facts, _named(payload))


def matched(facts: Facts, command: Match) -> Decision:
    """Move what is due from suspense to the enrolment (E09); the excess stays.

    Never at a frozen institution: what stands in suspense there is its payer's and goes back.
    """
    entry, enrolment = _pair(facts, command)
    require_held(entry)
    if enrolment.state not in TAKING_MONEY:
        raise WrongState(object="enrolment", state=enrolment.state)
    institution = facts.get(Institution, enrolment.institution_id)
    if institution is None or institution.state in standing.FROZEN:
        raise InstitutionFrozen
    account = facts.get(CustodyAccount, entry.custody_account_id)
    another = enrolment.custody_account_id != entry.custody_account_id
    if another or account is None or account.purpose != "CUSTODY":
        raise CustodyAccountInvalid
    contract = contract_of(enrolment)
    received = Money.from_fen(enrolment.received_fen)
    held = Money.from_fen(entry.suspense_fen)
    due = min(held, still_due(contract, received))
    if not due:
        raise WrongState(object="enrolment", state="PAID")
    changed = {
        "suspense_fen": (held - due).fen,
        "enrolment_id": enrolment.enrolment_id,
        "outcome": "ENROLMENT" if due == held else "SUSPENSE",
    }
    return Decision(
        answer=answer_of(facts.journal, Record({**entry, **changed})),
        transactions=(
            rules.suspense_matched(
                contract, receipt=command.bank_entry, held=held, received_before=received
            ),
        ),
        changes=(
            received_change(enrolment, due),
            Update(BankEntry, (command.bank_entry,), changed),
        ),
        shows={"prepaid": contract.prepaid},
    )


async def find_return(
    connection: AsyncConnection, caller: Context, commands: Sequence[SendBack]
) -> list[SendBack | Refusal]:
    """Find the receipts in the caller's scope."""
    wanted = [command.bank_entry for command in commands]
    seen = await registry.seen(connection, caller, BankEntry, commands[0].journal, wanted)
    return [c if c.bank_entry in seen else ReceiptUnknown() for c in commands]


async def load_return(unit: Unit, commands: Sequence[SendBack]) -> None:
    """Lock institution and account, then the receipts."""
    wanted = [command.bank_entry for command in commands]
    entries = await unit.read(
        BankEntry, rows.keyed(BankEntry, unit.facts.journal, wanted, "bank_entry_id")
    )
    await unit.lock(Institution, (e.institution_id for e in entries), share=True)
    await unit.lock(CustodyAccount, (e.custody_account_id for e in entries), share=True)
    await unit.lock(BankEntry, wanted)


async def read_return(unit: Unit, commands: Sequence[SendBack]) -> None:
    """Read suspense, restraints on the accounts, and whom the bank named as payer."""
    wanted = [command.bank_entry for command in commands]
    narrative = rows.table_of(BankNarrative)
    await unit.read(
        BankNarrative,
        select(narrative).where(
            narrative.c.journal_id == unit.facts.journal, narrative.c.bank_entry_id.in_(wanted)
        ),
    )
    accounts = []
    targets = set()
    for command in commands:
        entry = _entry(unit.facts, command.bank_entry)
        place = place_of(entry)
        targets.add(entry.custody_account_id)
        accounts += [
            place.suspense(command.bank_entry),
            place.refund_in_transit(command.order),
        ]
    await unit.restraints(targets)
    await unit.balances(accounts)


def decide_return(facts: Facts, command: SendBack) -> Decision:
    """Instruct the bank to send the money back to the account it came from (E10)."""
    entry = _entry(facts, command.bank_entry)
    require_held(entry)
    if any(
        r.kind == "FENCE" and r.target_id == entry.custody_account_id for r in facts.all(Restraint)
    ):
        raise AccountFenced
    told = facts.get(BankNarrative, command.bank_entry)
    if told is None or told.payer_account is None:
        raise PayerUnknown
    place, amount = place_of(entry), Money.from_fen(entry.suspense_fen)
    payer = NewParty(
        command.party, PartyKind.PAYER, name=told.payer_name, account_number=told.payer_account
    )
    moment = facts.moment
    return Decision(
        answer={
            "id": ids.public("ord", facts.journal, command.order),
            "receipt_id": ids.public("bke", facts.journal, command.bank_entry),
            "amount": str(amount),
            "state": "NEW",
        },
        transactions=(
            rules.suspense_return_instructed(
                place, receipt=command.bank_entry, order=command.order, amount=amount
            ),
        ),
        changes=(
            party_added(payer, institution=None, at=moment.now),
            Insert(
                PaymentOrder,
                order_row(
                    facts,
                    order=command.order,
                    source=entry,
                    kind="SUSPENSE_RETURN",
                    amount=amount,
                    payee_party_id=command.party,
                    bank_entry_id=command.bank_entry,
                ),
            ),
            Update(BankEntry, (command.bank_entry,), {"suspense_fen": 0, "outcome": "RETURNED"}),
        ),
        shows={"refund_in_transit": place.refund_in_transit(command.order)},
    )


def require_held(entry: Record) -> None:
    """Refuse what nothing of stands in suspense, or what may be the same money as another's."""
    if entry.suspense_fen == 0:
        raise WrongState(object="receipt", state=entry.outcome)
    suspected.require_judged(entry)


def _named(payload: Payload) -> Match:
    journal, entry = ids.parse("bke", str(payload["receipt_id"]))
    enrolment = ids.parse("enr", str(payload["enrolment_id"]))[1]
    return Match(journal, entry, enrolment, approval=entry)


def _entry(facts: Facts, bank_entry: UUID) -> Record:
    entry = facts.get(BankEntry, bank_entry)
    assert entry is not None, "the receipt was found and locked"
    return entry


def _pair(facts: Facts, command: Match) -> tuple[Record, Record]:
    enrolment = facts.get(Enrolment, command.enrolment)
    assert enrolment is not None, "the enrolment was found and locked"
    return _entry(facts, command.bank_entry), enrolment


MATCH_APPROVED: Final = approvals.approvable(
    Approvable(
        "match_receipt",
        frozenset({"operator", "regulator"}),
        load_approved,
        decide_approved,
        read_approved,
        kind=ActKind.SUSPENSE_MATCH,
        title=("待核款人工入账", "Match money in suspense by hand"),
    )
)
MATCH = UseCase[Match, Match]("match", find_match, load_match, decide_match, read_match)
RETURN = UseCase[SendBack, SendBack]("return", find_return, load_return, decide_return, read_return)
