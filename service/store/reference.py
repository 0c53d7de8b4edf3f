"""Reference data that all journals share: jurisdictions, rule packs, calendar.

A jurisdiction (辖区) is a division in force or a functional zone below one. Its path is the scope
prefix: the code without trailing "00" pairs, a zone's parent path + "~" + its code, and nothing for
the nation; so Chongqing is "50" and holds districts 5001xx and counties 5002xx alike. These tables
have no row-level security; the functions run in the caller's transaction and never commit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, bindparam, insert, literal, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import chain
from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.parameters import Department
from ledger.policy import RulePack
from ledger.refusals import (
    AdcodeNotInForce,
    AlreadyExists,
    BankUnknown,
    JurisdictionUnknown,
    PolicyMissing,
)
from service.store import custodians, rule_pack_rows
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import (
    Adcode,
    Jurisdiction,
)

NATION: Final = ("100000", "000000")
"""Codes of the whole nation; their path is empty."""

REFERENCE_LOCK: Final = 4_711_003
_FULL_CODE: Final = 6
_KNOWN_YEARS: Final = range(2000, 2100)

_OPEN_JOURNAL: Final = text("SELECT escrow.open_journal(:journal, :genesis, :at, :day)")
_JOURNAL_OF: Final = text(
    "SELECT journal_id FROM escrow.jurisdiction"
    " WHERE journal_id IS NOT NULL AND (path = :path OR starts_with(:path,"
    " path || CASE WHEN length(path) < 6 THEN '' ELSE '~' END))"
    " ORDER BY length(path) DESC LIMIT 1"
)
_OFFSET_OF: Final = text(
    "SELECT clock_timestamp() AS clock, (SELECT head.clock_offset_us"
    " FROM escrow.jurisdiction AS node JOIN escrow.journal_head AS head USING (journal_id)"
    " WHERE starts_with(:path, node.path) ORDER BY length(node.path) DESC LIMIT 1) AS offset_us"
)
_SCOPE_PATHS: Final = text("SELECT escrow.scope_paths(:path)")
_NODES: Final = text(
    """
    SELECT node.* FROM escrow.jurisdiction AS node
    WHERE :path = '' OR EXISTS (
        SELECT 1 FROM unnest(escrow.scope_paths(:path)) AS scope
        WHERE node.path = scope OR starts_with(node.path,
              scope || CASE WHEN length(scope) < 6 THEN '' ELSE '~' END))
    ORDER BY node.path
    """
).bindparams(bindparam("path", type_=Text))
_PACK: Final = text(
    "SELECT code, version, content FROM escrow.rule_pack_version"
    " WHERE code = :code ORDER BY version DESC LIMIT 1"
)
_CALENDAR: Final = text(
    "SELECT day, working, NULL::int AS official_year FROM escrow.calendar_day"
    " WHERE day BETWEEN :first AND :last UNION ALL"
    " SELECT NULL, NULL, year FROM escrow.calendar_year WHERE NOT provisional"
)


@dataclass(frozen=True, slots=True)
class NewJurisdiction:
    """A jurisdiction to add; `journal` is the number of its own journal, None when it has none.

    `parent` is needed for a functional zone only; `banks` are the custodians selected (遴选).
    """

    code: str
    name: str
    rule_pack: str
    journal: int | None = None
    parent: str | None = None
    departments: tuple[str, ...] = tuple(Department)
    banks: tuple[str, ...] = ()

    @property
    def is_zone(self) -> bool:
        """Tell a functional zone (功能区) from a division with an adcode."""
        return not self.code.isdigit()


def scope_path(code: str) -> str:
    """Return the scope prefix of a division's code: 500000 is "50", 510500 "5105"."""
    if code in NATION:
        return ""
    while code.endswith("00"):
        code = code[:-2]
    return code


def zone_path(parent_path: str, code: str) -> str:
    """Return the scope prefix of a functional zone below a parent."""
    return f"{parent_path}~{code}"


def within(column: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """Condition: the path in `column` lies in the subtree of `path`."""
    if not path:
        return true()
    if len(path) < _FULL_CODE:
        return column.startswith(path)
    return or_(column == literal(path), column.startswith(f"{path}~"))


def in_areas(path: str, areas: Sequence[str] | None) -> bool:
    """Tell whether a path lies in one of these subtrees; None does not narrow."""
    return areas is None or any(is_within(path, scope) for scope in areas)


def is_within(path: str, scope: str) -> bool:
    """Tell whether a path lies in the subtree of another."""
    if not scope or path == scope:
        return True
    return path.startswith(scope if len(scope) < _FULL_CODE else f"{scope}~")


async def add_jurisdiction(
    connection: AsyncConnection, new: NewJurisdiction, *, at: datetime
) -> Record:
    """Add a node and, where it has one, open its journal with its partitions; return the row.

    Adding the same again returns what stands. Raises `BankUnknown`, `JurisdictionUnknown` (the
    parent), `AlreadyExists` (code, journal number or place taken), `PolicyMissing` (no such rule
    pack), `AdcodeNotInForce`.
    """
    await lock_reference(connection)
    standing = await jurisdiction(connection, new.code)
    row = await checked(connection, new, on=shanghai_date(at))
    if standing is not None:
        return standing
    if new.journal is not None:
        await connection.execute(
            _OPEN_JOURNAL,
            {
                "journal": new.journal,
                "genesis": chain.genesis(new.journal),
                "at": at,
                "day": shanghai_date(at),
            },
        )
    await connection.execute(insert(table_of(Jurisdiction)).values(**row, added_at=at))
    for bank in new.banks:
        await custodians.select_bank(connection, new.code, bank, on=shanghai_date(at))
    return Record({**row, "added_at": at})


async def checked(connection: AsyncConnection, new: NewJurisdiction, *, on: date) -> dict[str, Any]:
    """Return the row a new node would have; refuses as `add_jurisdiction` documents."""
    parent = None if new.parent is None else await jurisdiction(connection, new.parent)
    if (
        new.parent is not None
        and parent is None
        and not await _in_force(connection, new.parent, on)
    ):
        raise JurisdictionUnknown(code=new.parent)
    if new.is_zone and new.parent is None:
        raise JurisdictionUnknown(code=new.code)
    for bank in new.banks:
        if await custodians.bank_by_code(connection, bank) is None:
            raise BankUnknown(bank=bank)
    path = scope_path(new.code)
    if new.is_zone:
        above = scope_path(str(new.parent)) if parent is None else parent.path
        path = zone_path(above, new.code)
    row = {
        "code": new.code,
        "name": new.name,
        "parent_code": new.parent,
        "path": path,
        "journal_id": new.journal,
        "departments": chain.canonical_json(list(new.departments)),
        "rule_pack": new.rule_pack,
    }
    if await _stands(connection, row):
        return row
    if await pack_by_code(connection, new.rule_pack) is None:
        raise PolicyMissing(pack=new.rule_pack)
    if not new.is_zone and path and not await _in_force(connection, new.code, on):
        raise AdcodeNotInForce(code=new.code, on=on.isoformat())
    return row


async def lock_reference(connection: AsyncConnection) -> None:
    """Let one transaction at a time write reference data."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": REFERENCE_LOCK})


async def jurisdiction(connection: AsyncConnection, code: str) -> Record | None:
    """Return a node by its code."""
    source = table_of(Jurisdiction)
    return await _one(connection, select(source).where(source.c.code == code))


async def jurisdiction_of(connection: AsyncConnection, journal: int) -> Record | None:
    """Return the node whose own journal this is."""
    source = table_of(Jurisdiction)
    return await _one(connection, select(source).where(source.c.journal_id == journal))


async def jurisdictions(connection: AsyncConnection, path: str = "") -> Sequence[Record]:
    """Return the nodes in the subtree of `path` and of what it succeeded, in order of path."""
    found = await connection.execute(_NODES, {"path": path})
    return [Record(row) for row in found.mappings()]


async def scope_paths(connection: AsyncConnection, path: str) -> tuple[str, ...]:
    """Return a path and those of abolished codes that it succeeded."""
    return tuple((await connection.execute(_SCOPE_PATHS, {"path": path})).scalar_one())


async def journals_in(connection: AsyncConnection, path: str) -> tuple[int, ...]:
    """Return the journals of the subtree of `path`, in order."""
    found = {row.journal_id for row in await jurisdictions(connection, path)}
    return tuple(sorted(found - {None}))


async def journal_of(connection: AsyncConnection, path: str) -> int | None:
    """Return the journal a node's institutions belong to: its own, or the nearest above it."""
    found: int | None = await connection.scalar(_JOURNAL_OF, {"path": path})
    return found


async def today(connection: AsyncConnection, path: str) -> date:
    """Return the business date of a node's journal; the clock's where it has none."""
    row = (await connection.execute(_OFFSET_OF, {"path": path})).mappings().one()
    moved = row["clock"] + timedelta(microseconds=row["offset_us"] or 0)
    return shanghai_date(moved)


async def rule_pack(connection: AsyncConnection, journal: int) -> RulePack:
    """Return the rules a journal judges by today; raises `PolicyMissing` without any.

    They are the newest version in force of the pack it has, and for the days before it had that
    pack those of the one before.
    """
    found = await rule_pack_rows.rules_of_journal(connection, journal)
    if found is None:
        raise PolicyMissing(journal=journal)
    return found


async def pack_by_code(connection: AsyncConnection, code: str) -> RulePack | None:
    """Return the newest version of a rule pack by its code."""
    row = (await connection.execute(_PACK, {"code": code})).mappings().one_or_none()
    return (
        None if row is None else rule_pack_rows.parsed(row["code"], row["version"], row["content"])
    )


async def calendar(
    connection: AsyncConnection, first: date = date.min, last: date = date.max
) -> WorkingCalendar:
    """Return the working calendar, all of it or from one day to another.

    Every year that is not known to be official is provisional.
    """
    found = await connection.execute(_CALENDAR, {"first": first, "last": last})
    rows = [dict(row) for row in found.mappings()]
    official = {row["official_year"] for row in rows}
    return WorkingCalendar(
        exceptions={row["day"]: row["working"] for row in rows if row["day"] is not None},
        provisional_years=frozenset(year for year in _KNOWN_YEARS if year not in official),
    )


def departments_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the competent departments of a jurisdiction's row."""
    return tuple(json.loads(row["departments"]))


async def _one(connection: AsyncConnection, statement: Any) -> Record | None:  # noqa: ANN401
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else Record(row)


async def _in_force(connection: AsyncConnection, code: str, on: date) -> bool:
    if code in NATION:
        return True
    source = table_of(Adcode)
    found = await connection.scalar(
        select(source.c.code).where(
            source.c.code == code,
            source.c.valid_from <= on,
            or_(source.c.valid_to.is_(None), source.c.valid_to >= on),
        )
    )
    return found is not None


async def _stands(connection: AsyncConnection, row: Mapping[str, Any]) -> bool:
    """Tell whether this very node stands; refuse a code, journal or place that another has.

    A path is a prefix: zones A1 and A12 below one parent would see into each other.
    """
    stands = False
    for other in await jurisdictions(connection):
        if other.code == row["code"]:
            stands = all(other[name] == value for name, value in row.items())
            if not stands:
                raise AlreadyExists(code=other.code)
            continue
        if row["journal_id"] is not None and other.journal_id == row["journal_id"]:
            raise AlreadyExists(journal=other.journal_id)
        shorter, longer = sorted((other.path, str(row["path"])), key=len)
        beyond = longer.removeprefix(shorter) if longer.startswith(shorter) else "~"
        if not beyond or ("~" in shorter and not beyond.startswith("~")):
            raise AlreadyExists(code=other.code)
    return stands
