"""Finding claims: in the caller's scope, then locked in order with their enrolments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import ClaimUnknown, EnrolmentUnknown, InstitutionFrozen, Refusal, WrongState
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import claim_reads, ids, registry, standing
from service.store.context import Context
from service.store.contracts import contract_of
from service.store.facts import Facts, Record
from service.store.notices import read_reachable, read_rules
from service.store.tables import Claim, Enrolment, Institution
from service.store.unit import Unit


class Placed(Protocol):
    """A command on one object of one journal."""

    @property
    def journal(self) -> int:
        """The journal the object's public id carries."""

    @property
    def target(self) -> UUID:
        """The claim, or the enrolment."""


C = TypeVar("C")
P = TypeVar("P", bound=Placed)


@dataclass(frozen=True, slots=True)
class Found(Generic[C]):
    """A command with the enrolment it is about, as the caller may see it; a claim once filed."""

    command: C
    enrolment: UUID
    institution: UUID
    claim: UUID | None = None


async def find_claims(
    connection: AsyncConnection, caller: Context, commands: Sequence[P]
) -> list[Found[P] | Refusal]:
    """Find each command's claim in the caller's scope; what is not there is `ClaimUnknown`."""
    journal = commands[0].journal
    seen = await registry.seen(connection, caller, Claim, journal, (c.target for c in commands))

    def found(command: P) -> Found[P] | Refusal:
        row = seen.get(command.target) if command.journal == journal else None
        if row is None:
            return ClaimUnknown()
        return Found(command, row.enrolment_id, row.institution_id, row.claim_id)

    return [found(command) for command in commands]


async def find_enrolments(
    connection: AsyncConnection, caller: Context, commands: Sequence[P]
) -> list[Found[P] | Refusal]:
    """Find each command's enrolment in the caller's scope, or `EnrolmentUnknown`."""
    journal = commands[0].journal
    targets = (c.target for c in commands)
    seen = await registry.seen(connection, caller, Enrolment, journal, targets)

    def found(command: P) -> Found[P] | Refusal:
        row = seen.get(command.target) if command.journal == journal else None
        if row is None:
            return EnrolmentUnknown()
        return Found(command, row.enrolment_id, row.institution_id)

    return [found(command) for command in commands]


async def lock(unit: Unit, found: Sequence[Found[Any]]) -> None:
    """Lock enrolments and claims, the institutions FOR SHARE, in the fixed order."""
    await unit.lock(Institution, {item.institution for item in found}, share=True)
    await unit.lock(Enrolment, {item.enrolment for item in found})
    await unit.lock(Claim, {item.claim for item in found if item.claim is not None})


async def read(unit: Unit, found: Sequence[Found[Any]]) -> None:
    """Read restraints, rules, calendar, and whom a sender reaches."""
    await unit.restraints({item.institution for item in found} | {item.enrolment for item in found})
    await read_rules(unit)
    await read_reachable(unit, {row.guardian_id for row in unit.facts.all(Enrolment)})


async def read_priced(unit: Unit, found: Sequence[Found[Any]]) -> None:
    """Read what `read` does and everything that the refunds are priced on."""
    await read(unit, found)
    await claim_reads.read_standing(unit, unit.facts.all(Enrolment))


def rows_of(facts: Facts, found: Found[Any]) -> tuple[Record, Record]:
    """Return the locked claim and its enrolment."""
    assert found.claim is not None, "the claim was found"
    claim = facts.get(Claim, found.claim)
    assert claim is not None, "the claim was locked"
    return claim, enrolment_of(facts, found)


def enrolment_of(facts: Facts, found: Found[Any]) -> Record:
    """Return the locked enrolment."""
    enrolment = facts.get(Enrolment, found.enrolment)
    assert enrolment is not None, "the enrolment was locked"
    return enrolment


def require_state(claim: Record, *allowed: str) -> None:
    """Refuse a step that this claim is not ready for: `WrongState`."""
    if claim.state not in allowed:
        raise WrongState(object="claim", state=claim.state)


def require_not_frozen(facts: Facts, institution: UUID) -> None:
    """Refuse while the institution is frozen: its claims go through the register then."""
    row = facts.get(Institution, institution)
    assert row is not None, "the institution was locked"
    if row.state in standing.FROZEN or standing.restrained(facts, institution, "FREEZE"):
        raise InstitutionFrozen


def said(
    kind: TransactionKind, enrolment: Record, claim: UUID, *, reason: str | None = None
) -> Transaction:
    """Say what became of a claim; no money moves."""
    named = references(contract_of(enrolment), claim=claim)
    return Transaction(kind, references=named, reason=reason)


def answer_of(journal: int, claim: Mapping[str, Any]) -> dict[str, Any]:
    """Tell a claim by ids, codes, dates and amounts; never what was written in it."""

    def day(name: str) -> str | None:
        return None if claim[name] is None else str(claim[name].isoformat())

    return {
        "id": ids.public("clm", journal, claim["claim_id"]),
        "enrolment_id": ids.public("enr", journal, claim["enrolment_id"]),
        "institution_id": ids.public("ins", journal, claim["institution_id"]),
        "guardian_id": ids.public("pty", journal, claim["guardian_id"]),
        "reason": claim["reason"],
        "scope": claim["scope"],
        "lessons_given_up": claim["lessons_given_up"],
        "state": claim["state"],
        "filed_on": day("filed_on"),
        "service_stopped_on": day("service_stopped_on"),
        "answer_due_on": day("answer_due_on"),
        "answer": claim["answer"],
        "answered_on": day("answered_on"),
        "contest_reason": claim["contest_reason"],
        "materials": str(Money.from_fen(claim["materials_fen"])),
        "decision": claim["decision"],
        "decided_on": day("decided_on"),
        "day_count": claim["day_count"],
        "pay_due_on": day("pay_due_on"),
        "approved_on": day("approved_on"),
        "paid_on": day("paid_on"),
    }
