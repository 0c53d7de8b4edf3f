"""One row of every table that belongs to a journal, for each of two schools in two journals.

Rows are made from the tables' own descriptions, so a new table is planted without anybody
remembering it. They are written by the superuser and are no true journal.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    LargeBinary,
    Table,
    Text,
    Uuid,
    insert,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import ids
from service.store.tables import Base, Pii
from tests.fixtures.service import fresh_id

_ALLOWED: Final = re.compile(r"(\w+) IN \('(\w+)'")
_NOON: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)

TABLES: Final[dict[str, Table]] = {
    table.fullname: table
    for metadata in (Base.metadata, Pii.metadata)
    for table in metadata.sorted_tables
    if "journal_id" in table.primary_key.columns
}
"""Every table whose rows belong to a journal."""


@dataclass(frozen=True)
class School:
    """Who one planted set of rows belongs to."""

    journal: int
    name: str
    institution: UUID
    bank: str
    guardian: UUID
    custody: UUID
    enrolment: UUID
    account_id: int

    @classmethod
    def new(cls, journal: int, name: str, bank: str, account_id: int) -> "School":
        """Make a school of its own."""
        made = [fresh_id() for _ in range(4)]
        return cls(journal, name, made[0], bank, made[1], made[2], made[3], account_id)

    @property
    def payee(self) -> UUID:
        """The party that its payment orders pay."""
        return ids.derived(self.institution, "payee")

    @property
    def home(self) -> str:
        """The jurisdiction whose journal it is in."""
        return f"90000{self.journal}"

    @property
    def label(self) -> tuple[int, str]:
        """How this school's rows are told apart."""
        return self.journal, self.name


async def plant(connection: AsyncConnection, school: School) -> dict[str, list[tuple[Any, ...]]]:
    """Write a school's rows as superuser; return the keys written, by table."""
    await connection.execute(text("SET LOCAL session_replication_role = replica"))
    keys: dict[str, list[tuple[Any, ...]]] = {}
    for name, table in TABLES.items():
        if name == "escrow.journal_head":  # made with the journal itself
            keys[name] = [(school.journal,)]
            continue
        for row in _rows(name, table, school):
            await connection.execute(insert(table).values(row))
            keys.setdefault(name, []).append(tuple(row[c.key] for c in table.primary_key))
    return keys


def _rows(name: str, table: Table, school: School) -> Iterator[dict[str, Any]]:
    row = _row(table, school)
    if name == "escrow.rollup":
        units = {
            "INSTITUTION": str(school.institution),
            "CUSTODY_ACCOUNT": str(school.custody),
            "AREA": f"500106/{school.name}",
        }
        yield from (row | {"unit_type": kind, "unit_id": unit} for kind, unit in units.items())
    elif name == "pii.party":
        yield row | {"party_id": school.guardian, "kind": "GUARDIAN"}
        yield row | {"party_id": school.payee, "kind": "SETTLEMENT"}
    elif name in {"pii.party_version", "pii.unmask_grant"}:
        yield row | {"party_id": school.guardian}
    else:
        yield row | _whole(name, school)


def _whole(name: str, school: School) -> dict[str, Any]:
    """Say of some tables how their columns belong together, as their checks and policies ask."""
    fen, parts = school.account_id, ("in_transit", "returned", "paid", "lodged", "taken_back")
    about = {
        "institution": str(school.institution),
        "custody": str(school.custody),
        "enrolment": str(school.enrolment),
    }
    staff = {"role": "institution", "jurisdiction_code": school.home, "departments": None}
    wholes: dict[str, dict[str, Any]] = {
        "escrow.journal_transaction": {"refs": json.dumps(about), "transfers": "[]"},
        "escrow.client": staff,
        "escrow.person": staff,
        "escrow.client_credential": {
            "kind": "SECRET",
            "public_key": None,
            "not_after": _NOON + timedelta(days=1),
        },
        "escrow.payment_order": {
            "kind": "EARNED",
            "target_custody_account_id": None,
            "payee_party_id": school.payee,
        },
        "escrow.order_lease": {"expires_at": _NOON + timedelta(hours=1)},
        "escrow.refund": {f"{part}_fen": 0 for part in parts} | {"payable_fen": fen},
        "escrow.distribution_plan": {"distributed_fen": fen, "residual_fen": 0},
        "escrow.guardian_link": {"granted_by": None},
        "escrow.statement_file": {"reason": None, "matched": 0, "posted": 0}
        | {"contradicted": 0, "lines_done": 0},
        "escrow.reconciliation_break": {"closed_at": None, "closed_seq": None, "level": 0}
        | {"bank_ref": None, "differs": None},
        "escrow.top_up_demand": {"ended_at": None, "ended_seq": None},
        "escrow.plan_share": {"dividend_fen": fen, "tier_two_fen": 0, "residual_fen": 0},
    }
    return wholes.get(name, {})


def _row(table: Table, school: School) -> dict[str, Any]:
    """Fill every column: what says whose it is from the school, the rest by its type."""
    number = school.account_id
    owned: dict[str, Any] = {
        "journal_id": school.journal,
        "institution_id": school.institution,
        "bank_code": school.bank,
        "guardian_id": school.guardian,
        "recipient_id": school.guardian,
        "party_id": school.guardian,
        "custody_account_id": school.custody,
        "enrolment_id": school.enrolment,
        "owner_id": school.enrolment,
        "client_id": ids.derived(school.institution, "client"),
        "person_id": ids.derived(school.institution, "person"),
        "account_id": school.account_id,
        "starts_at": _NOON - timedelta(hours=1),
        "day": date(2026, 3, 2) + timedelta(days=number),
    }
    allowed = {
        column: value
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
        for column, value in _ALLOWED.findall(str(constraint.sqltext))
    }
    return {c.key: (owned | allowed).get(c.key, _filled(c, number)) for c in table.columns}


def _filled(column: Column[Any], number: int) -> Any:
    if isinstance(column.type, Uuid):
        return fresh_id()
    if isinstance(column.type, Text):
        return f"{column.key}-{number}"
    for kind, value in (
        (Boolean, False),
        (DateTime, _NOON),
        (Date, date(2026, 3, 2)),
        (LargeBinary, bytes([number]) * 32),
    ):
        if isinstance(column.type, kind):
            return value
    return number
