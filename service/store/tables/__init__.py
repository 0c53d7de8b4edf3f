"""The tables, as descriptions only: Core select and insert, no relationships, no flush.

Every table that grows carries `journal_id` first in its primary and unique keys, so journals can
be spread over machines. Money is whole fen in bigint. Check constraints stand in
`__table_args__`, where Alembic sees them.
"""

from service.store.tables.base import Base, Pii
from service.store.tables.cases import (
    Approval,
    BankEntry,
    Lesson,
    Notice,
    PaymentOrder,
    Restraint,
    StatementDay,
)
from service.store.tables.claims import (
    Claim,
    ClaimEvidence,
    ClaimNote,
    InterestCredit,
    Refund,
)
from service.store.tables.journal import (
    AccountRow,
    ClosedDay,
    Entry,
    JournalHead,
    JournalTransaction,
    Reversal,
    Rollup,
    StoredAnswer,
)
from service.store.tables.personal import (
    BankNarrative,
    DataRequest,
    DestroyedKey,
    Party,
    PartyVersion,
    UnmaskGrant,
    VaultKey,
)
from service.store.tables.portings import PlacementOffer, Porting
from service.store.tables.reference import (
    AccessToken,
    Adcode,
    Bank,
    CalendarDay,
    CalendarYear,
    Jurisdiction,
    JurisdictionBank,
    RulePackVersion,
)
from service.store.tables.registry import (
    Agreement,
    Course,
    CustodyAccount,
    Enrolment,
    Institution,
    InstitutionArea,
)
from service.store.tables.wind_downs import (
    Asset,
    DistributionPlan,
    Entitlement,
    Objection,
    PlanShare,
    ResolutionPack,
    StatementRequest,
    WindDown,
)

__all__ = [
    "AccessToken",
    "AccountRow",
    "Adcode",
    "Agreement",
    "Approval",
    "Asset",
    "Bank",
    "BankEntry",
    "BankNarrative",
    "Base",
    "CalendarDay",
    "CalendarYear",
    "Claim",
    "ClaimEvidence",
    "ClaimNote",
    "ClosedDay",
    "Course",
    "CustodyAccount",
    "DataRequest",
    "DestroyedKey",
    "DistributionPlan",
    "Enrolment",
    "Entitlement",
    "Entry",
    "Institution",
    "InstitutionArea",
    "InterestCredit",
    "JournalHead",
    "JournalTransaction",
    "Jurisdiction",
    "JurisdictionBank",
    "Lesson",
    "Notice",
    "Objection",
    "Party",
    "PartyVersion",
    "PaymentOrder",
    "Pii",
    "PlacementOffer",
    "PlanShare",
    "Porting",
    "Refund",
    "ResolutionPack",
    "Restraint",
    "Reversal",
    "Rollup",
    "RulePackVersion",
    "StatementDay",
    "StatementRequest",
    "StoredAnswer",
    "UnmaskGrant",
    "VaultKey",
    "WindDown",
]
