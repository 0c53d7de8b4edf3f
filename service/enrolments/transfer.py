"""Handing remaining lessons to another student of the same institution (转让, E58).

The guardian says to whom, with a document in which both sides consent; the institution is told, on
which the transfer takes effect. The receiving enrolment is paid at once by what the giving one
holds; it is no charge, so no cap is judged again, and it keeps what is not funded of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.refusals import (
    EnrolmentUnknown,
    InstitutionFrozen,
    NoSlotLeft,
    NothingToRefund,
    Refusal,
    WrongState,
)
from ledger.rules import claims as rules
from service.enrolments.people import People, added, read_people, require_known
from service.store import claim_reads, ids, registry, rows, standing
from service.store.claim_progress import open_claims
from service.store.context import Context
from service.store.contracts import FIRST_SCHEDULE, contract_of
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.notices import guardian_told, institution_told, read_reachable
from service.store.ported_enrolments import codes_of, free_code
from service.store.tables import Enrolment, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

TRANSFERRED: Final = "ENROLMENT_TRANSFERRED"
_UNITS: Final = (Reason.PAID, Reason.GIFT)


@dataclass(frozen=True, slots=True)
class TransferLessons:
    """What is left of `target` goes to other people; `receiver` is the new enrolment's id."""

    journal: int
    target: UUID
    receiver: UUID
    people: People
    consent_hash: str


@dataclass(frozen=True, slots=True)
class FoundGiver:
    """A command with the institution of its enrolment."""

    command: TransferLessons
    institution: UUID
    custody: UUID

    @property
    def receiver(self) -> Contract:
        """The receiving contract, as far as its accounts go."""
        return Contract(self.command.receiver, self.institution, self.custody, Money.of("0.00"), 1)


async def _find(
    connection: AsyncConnection, caller: Context, commands: Sequence[TransferLessons]
) -> list[FoundGiver | Refusal]:
    journal = commands[0].journal
    wanted = {command.target for command in commands if command.journal == journal}
    seen = await registry.seen(connection, caller, Enrolment, journal, wanted)

    def found(command: TransferLessons) -> FoundGiver | Refusal:
        row = seen.get(command.target) if command.journal == journal else None
        if row is None:
            return EnrolmentUnknown()
        return FoundGiver(command, row.institution_id, row.custody_account_id)

    return [found(command) for command in commands]


async def _load(unit: Unit, found: Sequence[FoundGiver]) -> None:
    await unit.lock(Institution, {item.institution for item in found}, share=True)
    await unit.lock(Enrolment, {item.command.target for item in found})


async def _read(unit: Unit, found: Sequence[FoundGiver]) -> None:
    facts = unit.facts
    givers = list(facts.all(Enrolment))
    targets = {row.enrolment_id for row in givers}
    await unit.restraints({item.institution for item in found} | targets)
    await open_claims(unit, targets)
    await read_people(unit, [item.command.people for item in found], ())
    codes = {code for item in found for code in codes_of(item.command.receiver)}
    await unit.read(Enrolment, rows.keyed(Enrolment, facts.journal, codes, "payment_code"))
    guardians = [item.command.people.guardian for item in found]
    await read_reachable(unit, {person.party for person in guardians if person.new is None})
    facts.extra["reachable"] |= {
        person.party for person in guardians if person.new is not None and person.new.phone
    }
    await unit.balances(
        [account for row in givers for account in claim_reads.accounts_of(row)]
        + [account for item in found for account in _received(item.receiver)]
    )


def _received(contract: Contract) -> list[Account]:
    units = [
        account
        for reason in _UNITS
        for account in (contract.units_contracted(reason), contract.units_granted(reason))
    ]
    return [contract.prepaid, contract.interest, contract.legacy, contract.diversion, *units]


def _decide(facts: Facts, found: FoundGiver) -> Decision:
    command = found.command
    enrolment = facts.get(Enrolment, command.target)
    assert enrolment is not None, "the enrolment was locked"
    giver, book = contract_of(enrolment), facts.book
    _require_whole(facts, enrolment, giver)
    if book.quantity(giver.held):
        raise WrongState(object="enrolment", state="HELD_BY_INSTITUTION")
    require_known(facts, command.people, found.institution)
    amount, units = book.balance(giver.prepaid), claim_reads.units_left(facts, giver)
    if not amount:
        raise NothingToRefund
    if not units[Reason.PAID]:
        raise NoSlotLeft(lessons_left=0)
    row = _row(facts, found, enrolment, amount, units)
    moved = rules.lessons_transferred(
        giver,
        contract_of(Record(row)),
        amount=amount,
        interest=book.balance(giver.interest),
        unfunded=claim_reads.unfunded_of(facts, enrolment, giver),
        units=units,
    )
    moved = replace(moved, references={**moved.references, "consent": command.consent_hash})
    return Decision(
        answer={
            "from_enrolment_id": ids.public("enr", facts.journal, command.target),
            "to_enrolment_id": ids.public("enr", facts.journal, command.receiver),
            "state": "PORTED",
            "amount": str(amount),
            "interest": str(book.balance(giver.interest)),
            "lessons_paid": units[Reason.PAID],
            "lessons_gift": units[Reason.GIFT],
        },
        transactions=(moved,),
        changes=(
            *added(command.people, found.institution, facts.moment.now),
            Insert(Enrolment, row),
            Update(Enrolment, (command.target,), {"state": "PORTED"}),
            *_told(facts, found),
        ),
        shows={"prepaid": giver.prepaid},
    )


def _require_whole(facts: Facts, enrolment: Record, giver: Contract) -> None:
    """Refuse what is not simply there to be given: state first, then restraints."""
    if enrolment.state != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment.state)
    rules.require_settled(facts.book.balance(giver.pending), facts.book.balance(giver.disputed))
    institution = facts.get(Institution, enrolment.institution_id)
    assert institution is not None, "the institution was locked"
    frozen = standing.restrained(facts, enrolment.institution_id, "FREEZE")
    if institution.state in standing.FROZEN or frozen:
        raise InstitutionFrozen
    standing.require_unblocked(facts, enrolment.enrolment_id)


def _row(
    facts: Facts,
    found: FoundGiver,
    enrolment: Record,
    amount: Money,
    units: dict[Reason, int],
) -> dict[str, Any]:
    """Make the receiving row: what the giving one is, with what is left of it."""
    command, today = found.command, facts.moment.today
    code = free_code(facts, command.receiver)
    listed = enrolment.list_lesson_fen
    return {
        **{name: value for name, value in enrolment.items() if name != "journal_id"},
        "enrolment_id": command.receiver,
        "guardian_id": command.people.guardian.party,
        "student_id": command.people.student.party,
        "contract_number": f"TRF-{code}",
        "payment_code": code,
        "price_fen": amount.fen,
        "lessons_paid": units[Reason.PAID],
        "lessons_gift": units[Reason.GIFT],
        # As it was agreed at first: what is left has another ratio of paid and gift lessons.
        "list_lesson_fen": (
            enrolment.price_fen // enrolment.lessons_paid if listed is None else listed
        ),
        **FIRST_SCHEDULE,
        "charged_on": today,
        "starts_on": min(max(today, enrolment.starts_on), enrolment.ends_on),
        "lapses_on": None,
        "received_fen": amount.fen,
        "lessons_confirmed": 0,
        "state": "ACTIVE",
        "opened_at": facts.moment.now,
        "seq": facts.moment.next_seq,
    }


def _told(facts: Facts, found: FoundGiver) -> tuple[Change, ...]:
    receiver = found.command.receiver
    told: dict[str, Any] = {
        "base": receiver,
        "kind": TRANSFERRED,
        "subject": receiver,
        "institution": found.institution,
    }
    guardian = found.command.people.guardian.party
    return institution_told(facts, **told), guardian_told(facts, **told, guardian=guardian)


TRANSFER: Final = UseCase("transfer_lessons", _find, _load, _decide, _read)
