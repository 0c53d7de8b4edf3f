"""Guardian and student of a contract: parties that are known, or written down with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger.refusals import PartyUnknown
from service.store import rows
from service.store.facts import Change, Facts
from service.store.parties import NewParty, PartyKind, party_added
from service.store.tables import Party
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Person:
    """A party by its id; `new` says what to write down when it is not known yet.

    `payee` is the account to write down with a new guardian, for refunds of money that no bank
    entry brought.
    """

    party: UUID
    kind: PartyKind
    new: NewParty | None = None
    payee: NewParty | None = None


@dataclass(frozen=True, slots=True)
class People:
    """Who contracts (the guardian, 监护人) and who learns (the student)."""

    guardian: Person
    student: Person

    @property
    def both(self) -> tuple[Person, Person]:
        """Guardian and student."""
        return self.guardian, self.student


async def read_people(unit: Unit, people: Sequence[People], also: Iterable[UUID]) -> None:
    """Read the parties that commands name, and others by id."""
    named = {person.party for pair in people for person in pair.both if person.new is None}
    wanted = named | set(also)
    if wanted:
        await unit.read(Party, rows.keyed(Party, unit.facts.journal, wanted, "party_id"))


def require_known(facts: Facts, people: People, institution: UUID) -> None:
    """Refuse a party that is not there, is of another kind or another institution's.

    Raises `PartyUnknown`: to the institution they are all the same.
    """
    for person in people.both:
        if person.new is not None:
            continue
        row = facts.get(Party, person.party)
        if (
            row is None
            or row.kind != person.kind.value
            or row.institution_id not in {None, institution}
        ):
            raise PartyUnknown


def added(people: People, institution: UUID, at: datetime) -> tuple[Change, ...]:
    """Write down the people who are new; a guardian's account is not the institution's to read."""
    known = [
        party_added(person.new, institution=institution, at=at)
        for person in people.both
        if person.new is not None
    ]
    accounts = [
        party_added(person.payee, institution=None, at=at)
        for person in people.both
        if person.payee is not None
    ]
    return (*known, *accounts)


def is_same(facts: Facts, person: Person, standing: UUID) -> bool:
    """Tell whether a command means the party that stands in a contract."""
    if person.new is None:
        return person.party == standing
    row = facts.get(Party, standing)
    return row is not None and (row.name, row.phone) == (person.new.name, person.new.phone)
