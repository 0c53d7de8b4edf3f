"""Everything that is kept about a guardian, as they may take it with them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from service.store import ids, masks, rows
from service.store.context import Context
from service.store.paper_reads import narrow, widen
from service.store.parties import guardian_payee
from service.store.tables import (
    BankEntry,
    BankNarrative,
    Claim,
    ClaimEvidence,
    ClaimNote,
    Course,
    DataRequest,
    Enrolment,
    Entitlement,
    Institution,
    Lesson,
    Notice,
    Objection,
    Party,
    PartyVersion,
    Refund,
    UnmaskGrant,
)

Told = dict[str, Any]

_PREFIXES: Final = {
    "party_id": "pty",
    "guardian_id": "pty",
    "student_id": "pty",
    "payee_party_id": "pty",
    "recipient_id": "pty",
    "enrolment_id": "enr",
    "institution_id": "ins",
    "custody_account_id": "cus",
    "course_id": "crs",
    "lesson_id": "lsn",
    "claim_id": "clm",
    "refund_id": "rfd",
    "notice_id": "ntc",
    "bank_entry_id": "bke",
    "receipt_entry_id": "bke",
    "objection_id": "obj",
    "entitlement_id": "ent",
    "wind_down_id": "wdn",
    "grant_id": "umk",
    "request_id": "drq",
}
_LEFT_OUT: Final = frozenset(
    {"journal_id", "seq", "sealed", "wrapped_key", "breakdown", "schedule_version"}
)
_BY_GUARDIAN: Final[Mapping[str, tuple[type[Any], str]]] = {
    "contracts": (Enrolment, "guardian_id"),
    "lessons": (Lesson, "guardian_id"),
    "claims": (Claim, "guardian_id"),
    "evidence": (ClaimEvidence, "guardian_id"),
    "notes": (ClaimNote, "guardian_id"),
    "refunds": (Refund, "guardian_id"),
    "objections": (Objection, "guardian_id"),
    "entitlements": (Entitlement, "guardian_id"),
    "notices": (Notice, "recipient_id"),
    "requests": (DataRequest, "guardian_id"),
}


async def of_guardian(
    connection: AsyncConnection, caller: Context, journal: int, guardian: UUID
) -> Told:
    """Return everything about one of the caller's guardians, as plain JSON.

    What a bank told of a payer is masked: it may be anybody's account.
    """
    await widen(connection, journal)
    told: Told = {}
    kept: dict[str, Sequence[Mapping[str, Any]]] = {}
    for name, (table, column) in _BY_GUARDIAN.items():
        kept[name] = await _listed(connection, table, journal, column, [guardian])
        told[name] = [plain(journal, row) for row in kept[name]]
    people = _people(guardian, kept)
    told["people"] = [
        plain(journal, row) for row in await _listed(connection, Party, journal, "party_id", people)
    ]
    for name, table in (("earlier", PartyVersion), ("readings", UnmaskGrant)):
        found = await _listed(connection, table, journal, "party_id", people)
        told[name] = [plain(journal, row) for row in found]
    told["receipts"] = await _receipts(connection, journal, kept["contracts"])
    for name, table, column in (
        ("institutions", Institution, "institution_id"),
        ("courses", Course, "course_id"),
    ):
        wanted = [row[column] for row in kept["contracts"] if row[column] is not None]
        found = await _listed(connection, table, journal, column, wanted)
        told[name] = [
            {"id": ids.public(_PREFIXES[column], journal, row[column]), "name": row["name"]}
            for row in found
        ]
    await narrow(connection, caller)
    return told


def plain(journal: int, row: Mapping[str, Any]) -> Told:
    """Write a row as it is told: public ids, yuan, and nothing of how it is kept."""
    told: Told = {}
    for name, value in row.items():
        if name in _LEFT_OUT or name.endswith("_index") or isinstance(value, bytes):
            continue
        if name.endswith("_fen"):
            told[name.removesuffix("_fen")] = None if value is None else _yuan(value)
        elif isinstance(value, UUID):
            prefix = _PREFIXES.get(name)
            told[name] = value.hex if prefix is None else ids.public(prefix, journal, value)
        elif isinstance(value, datetime | date):
            told[name] = value.isoformat()
        else:
            told[name] = value
    return told


async def _receipts(
    connection: AsyncConnection, journal: int, contracts: Sequence[Mapping[str, Any]]
) -> list[Told]:
    wanted = [row["enrolment_id"] for row in contracts]
    entries = await _listed(connection, BankEntry, journal, "enrolment_id", wanted)
    keys = [row["bank_entry_id"] for row in entries]
    told = {
        row["bank_entry_id"]: row
        for row in await _listed(connection, BankNarrative, journal, "bank_entry_id", keys)
    }
    return [
        {
            "receipt_id": ids.public("bke", journal, row["bank_entry_id"]),
            "contract_id": ids.public("enr", journal, row["enrolment_id"]),
            "book_on": row["book_on"].isoformat(),
            "amount": _yuan(row["amount_fen"]),
            "payer": _masked(told.get(row["bank_entry_id"])),
        }
        for row in entries
    ]


def _masked(told: Mapping[str, Any] | None) -> Told:
    if told is None:
        return {"name": "", "account": ""}
    return {
        "name": masks.name(told["payer_name"]),
        "account": masks.account(told["payer_account"]),
    }


def _people(guardian: UUID, kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[UUID]:
    """Whom the guardian's data speaks of: themselves, their students, accounts they named."""
    found = {guardian, guardian_payee(guardian)}
    found |= {row["student_id"] for row in kept["contracts"]}
    found |= {row["student_id"] for row in kept["objections"] if row["student_id"] is not None}
    found |= {
        row["payee_party_id"]
        for row in kept["refunds"]
        if row["payee_party_id"] is not None and row["receipt_entry_id"] is None
    }
    return sorted(found)


async def _listed(
    connection: AsyncConnection,
    table: type[Any],
    journal: int,
    column: str,
    wanted: Sequence[UUID],
) -> Sequence[Mapping[str, Any]]:
    if not wanted:
        return []
    statement = rows.keyed(table, journal, wanted, column)
    return await rows.fetch_opened(connection, table, statement)


def _yuan(fen: int) -> str:
    return f"-{Money.from_fen(-fen)}" if fen < 0 else str(Money.from_fen(fen))
