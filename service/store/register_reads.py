"""The register of a wind-down (债权登记) as the ledger has it: who is owed what, and how funded.

One pass over the accounts that an institution's custody accounts tag gives every enrolment's L1,
L11, A5[LEGACY] and A5[DIVERSION]; entitlements and objections are read by their rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, select, text

from ledger.accounts import AccountKind, Reason
from ledger.money import Money
from service.store import ids, rows
from service.store.facts import Record
from service.store.tables import Entitlement, Objection
from service.store.unit import Unit

CLAIMED: Final = (AccountKind.STUDENT_PREPAID, AccountKind.STUDENT_INTEREST)
UNFUNDED: Final = (Reason.LEGACY, Reason.DIVERSION)

_STANDING: Final = text(
    """
    SELECT account.owner_id, account.custody_account_id, account.kind, account.reason,
           head.balance_after
    FROM (
        SELECT kind, owner_id, custody_account_id, reason, account_id FROM escrow.account
        WHERE journal_id = :journal AND custody_account_id = ANY(:custodies)
          AND (kind = ANY(:kinds)
               OR (kind = 'DUE_FROM_INSTITUTION' AND reason IN ('LEGACY', 'DIVERSION')))
        OFFSET 0) AS account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE head.balance_after > 0
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)), bindparam("kinds", type_=ARRAY(Text)))


_INTEREST: Final = text(
    "SELECT owner_id FROM escrow.account WHERE journal_id = :journal"
    " AND kind = 'STUDENT_INTEREST' AND custody_account_id = ANY(:custodies)"
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))


@dataclass(slots=True)
class Standing:
    """What stands on one enrolment, in fen: L1 and L11 claimed, A5 of this very contract."""

    custody: UUID
    claimed_fen: int = 0
    unfunded_fen: int = 0


async def standings(unit: Unit, custodies: Iterable[UUID]) -> dict[UUID, Standing]:
    """Return what stands on each enrolment in these custody accounts, by enrolment."""
    found: dict[UUID, Standing] = {}
    for row in await unit.query(
        _STANDING,
        journal=unit.facts.journal,
        custodies=sorted(set(custodies)),
        kinds=[kind.value for kind in CLAIMED],
    ):
        standing = found.setdefault(row["owner_id"], Standing(row["custody_account_id"]))
        if row["kind"] == AccountKind.DUE_FROM_INSTITUTION.value:
            standing.unfunded_fen += row["balance_after"]
        else:
            standing.claimed_fen += row["balance_after"]
    return found


async def interest_owners(unit: Unit, custodies: Iterable[UUID]) -> set[UUID]:
    """Return the enrolments with interest of their own (L11) in these custody accounts."""
    found = await unit.query(
        _INTEREST, journal=unit.facts.journal, custodies=sorted(set(custodies))
    )
    return {row["owner_id"] for row in found}


async def objections_open(unit: Unit, wind_down: UUID) -> int:
    """Count the objections of a case that nobody has decided."""
    source = rows.table_of(Objection)
    (row,) = await unit.query(
        select(func.count().label("waiting")).where(
            source.c.journal_id == unit.facts.journal,
            source.c.wind_down_id == wind_down,
            source.c.state == "FILED",
        )
    )
    return int(row["waiting"])


async def last_number(unit: Unit, wind_down: UUID) -> int:
    """Return the highest register number of a case."""
    source = rows.table_of(Entitlement)
    (row,) = await unit.query(
        select(func.max(source.c.register_number).label("last")).where(
            source.c.journal_id == unit.facts.journal, source.c.wind_down_id == wind_down
        )
    )
    return int(row["last"] or 0)


def entitlement_answer(journal: int, row: Record) -> dict[str, Any]:
    """Tell an entitlement: its number, what is claimed, what was paid on it."""
    return {
        "id": ids.public("ent", journal, row.entitlement_id),
        "wind_down_id": ids.public("wdn", journal, row.wind_down_id),
        "enrolment_id": ids.public("enr", journal, row.enrolment_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "register_number": row.register_number,
        "contract_number": row.contract_number,
        "contract_on": row.contract_on.isoformat(),
        "state": row.state,
        "late": row.late,
        **{
            name: str(Money.from_fen(row[f"{name}_fen"]))
            for name in ("claimed", "unfunded", "dividend", "residual", "written_off")
        },
    }


def objection_answer(journal: int, row: Record) -> dict[str, Any]:
    """Tell an objection by codes and amounts; its note stays where personal data rests."""
    entitlement, decided = row.entitlement_id, row.decided_fen
    return {
        "id": ids.public("obj", journal, row.objection_id),
        "wind_down_id": ids.public("wdn", journal, row.wind_down_id),
        "entitlement_id": None if entitlement is None else ids.public("ent", journal, entitlement),
        "kind": row.kind,
        "contract_number": row.contract_number,
        "contract_on": None if row.contract_on is None else row.contract_on.isoformat(),
        "asked": str(Money.from_fen(row.asked_fen)),
        "document_hash": row.document_hash,
        "filed_at": row.filed_at.isoformat(),
        "state": row.state,
        "decided": None if decided is None else str(Money.from_fen(decided)),
        "decision_reason": row.decision_reason,
        "decided_on": None if row.decided_on is None else row.decided_on.isoformat(),
    }
