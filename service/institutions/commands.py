"""What can be asked about an institution: plain facts, made at the edge."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ledger.parameters import Category
from service.store.parties import NewParty


@dataclass(frozen=True, slots=True)
class Register:
    """Enter an institution in the register; `registered_on` None means today."""

    journal: int
    institution: UUID
    name: str
    jurisdiction_code: str
    category: Category
    department: str
    business_registration: str
    school_licence: str | None
    licence_valid_until: date | None
    responsible_officer: str | None
    registered_on: date | None
    settlement: NewParty | None


@dataclass(frozen=True, slots=True)
class License:
    """Give or renew a school licence (办学许可); `licensed_on` is the day it was granted."""

    journal: int
    target: UUID
    school_licence: str
    licensed_on: date
    valid_until: date
    version: int | None


@dataclass(frozen=True, slots=True)
class ChangeState:
    """Bring an institution into another state, for a reason that is a code."""

    journal: int
    target: UUID
    state: str
    reason: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """Put an institution under another jurisdiction of its journal, or another department."""

    journal: int
    target: UUID
    jurisdiction_code: str
    department: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class ChangeSettlement:
    """Pay the institution to another account once a second person agrees."""

    journal: int
    target: UUID
    approval: UUID
    settlement: NewParty
    version: int | None
    key: str | None


@dataclass(frozen=True, slots=True)
class SignAgreement:
    """Record a supervision agreement (监管协议) by the hash of its signed document."""

    journal: int
    target: UUID
    agreement: UUID
    bank: str
    mode: str
    release_basis: str
    settlement_cadence: str
    residual_interest: str
    document_hash: str
    valid_from: date
    valid_to: date | None
