"""Parties (当事人): the only place where names, phones and account numbers are written.

Everything else refers to a party by its opaque id. A party is never changed: another account or
another phone is another party, so what an old reference meant can still be read.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from service.store.facts import Insert
from service.store.tables import Party


class PartyKind(StrEnum):
    """What a party is to the service."""

    GUARDIAN = "GUARDIAN"
    STUDENT = "STUDENT"
    PAYER = "PAYER"
    SETTLEMENT = "SETTLEMENT"
    PAYEE = "PAYEE"
    NOTARY = "NOTARY"


@dataclass(frozen=True, slots=True)
class NewParty:
    """A person or payee to write down; its id was made at the edge."""

    party: UUID
    kind: PartyKind
    name: str | None = None
    phone: str | None = None
    account_number: str | None = None
    bank_name: str | None = None

    def __repr__(self) -> str:
        """Say which party it is and nothing about it, wherever it may be printed or logged."""
        return f"NewParty({self.party})"


def guardian_payee(guardian: UUID) -> UUID:
    """Return the id of the payee account written down with a guardian, when there is one."""
    return uuid5(guardian, "payee")


def party_added(new: NewParty, *, institution: UUID | None, at: datetime) -> Insert:
    """Write a party down; `institution` is the one that may read it, None for none."""
    return Insert(
        Party,
        {
            "party_id": new.party,
            "institution_id": institution,
            "kind": new.kind.value,
            "name": new.name,
            "phone": new.phone,
            "account_number": new.account_number,
            "bank_name": new.bank_name,
            "added_at": at,
            "restricted_at": None,
        },
    )
