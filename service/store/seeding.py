"""Loading `seeds/` into the reference tables: divisions, calendar, rule packs, banks.

Loading again changes nothing but what the seeds have newly learnt: a division abolished since, a
year whose official notice has come. Days an operator corrected in an official year stay; a rule
pack's version, once loaded, is never edited.
"""

import csv
import importlib
import json
from collections.abc import Iterable
from datetime import date, datetime
from types import ModuleType
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import rule_packs
from ledger.policy import RulePack
from service import paths
from service.store import custodians
from service.store.reference import lock_reference
from service.store.rows import table_of
from service.store.tables import Adcode, CalendarDay, CalendarYear, RulePackVersion

YEARS_AHEAD: Final = 3
_ROWS_AT_ONCE: Final = 2_000
_SATURDAY: Final = 5


class RulePackEdited(ValueError):  # noqa: N818 - says what is wrong with the seeds
    """A rule pack's version stands with other content; it needs a new version number."""


async def load_seeds(connection: AsyncConnection, *, at: datetime) -> None:
    """Load everything; the caller's transaction commits. Raises `RulePackEdited`."""
    await lock_reference(connection)
    await load_adcodes(connection)
    await load_calendar(connection)
    for code in module("rule_packs").codes():
        await load_rule_pack(connection, module("rule_packs").text_of(code), at=at)
    await load_banks(connection)


def module(name: str) -> ModuleType:
    """Import a module of the seeds; in an installed wheel they travel inside the package."""
    packaged = paths.seeds_dir().name == "_seeds"
    return importlib.import_module(f"{'service._seeds' if packaged else 'seeds'}.{name}")


async def load_adcodes(connection: AsyncConnection) -> None:
    """Load the divisions (GB/T 2260) with the time each was in force and what followed it."""
    with (paths.seeds_dir() / "adcodes.csv").open(encoding="utf-8", newline="") as opened:
        rows = [
            {
                "code": row["code"],
                "name": row["name"],
                "valid_from": date.fromisoformat(row["valid_from"]),
                "valid_to": date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
                "successor": row["successor"] or None,
            }
            for row in csv.DictReader(opened)
        ]
    source = table_of(Adcode)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        statement = upsert(source).values(rows[start : start + _ROWS_AT_ONCE])
        fresh = statement.excluded
        columns = ("name", "valid_from", "valid_to", "successor")
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[source.c.code], set_={name: fresh[name] for name in columns}
            )
        )


async def load_calendar(connection: AsyncConnection) -> None:
    """Load the working days of every year with a notice, and estimates for the years after."""
    calendar = module("calendar")
    first, last = min(calendar.OFFICIAL_YEARS), max(calendar.OFFICIAL_YEARS) + YEARS_AHEAD
    seed = calendar.calendar_of(range(first, last + 1))
    official = await _official_years(connection)
    wanted = {year for year in range(first, last + 1) if year not in official}
    days = [
        {"day": day.on, "working": day.working, "source": day.source}
        for day in seed.days
        if day.on.year in wanted
    ]
    days += await _withdrawn_days(connection, wanted, {day["day"] for day in days})
    await _put_days(connection, days)
    years = table_of(CalendarYear)
    rows = [{"year": y, "provisional": y in seed.provisional_years} for y in sorted(wanted)]
    if rows:
        statement = upsert(years).values(rows)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[years.c.year],
                set_={"provisional": statement.excluded.provisional},
            )
        )


async def load_rule_pack(connection: AsyncConnection, content: str, *, at: datetime) -> RulePack:
    """Keep a rule pack's version for ever; raises `RulePackEdited`, `RulePackInvalid`.

    A pack that its level has changed since is that level's own: what comes with us is left out.
    """
    pack = rule_packs.parse(content)
    source = table_of(RulePackVersion)
    changed = await connection.scalar(
        select(source.c.version).where(
            source.c.code == pack.code,
            source.c.version <= pack.version,
            source.c.proposal_id.is_not(None),
        )
    )
    if changed is not None:
        return pack
    statement = upsert(source).values(
        code=pack.code, version=pack.version, content=content, loaded_at=at
    )
    await connection.execute(statement.on_conflict_do_nothing())
    standing = await connection.scalar(
        select(source.c.content).where(source.c.code == pack.code, source.c.version == pack.version)
    )
    if rule_packs.parse(standing or "") != pack:
        raise RulePackEdited(pack.label)
    return pack


async def load_banks(connection: AsyncConnection) -> None:
    """Load the custodian banks; a bank that stands is left as it is."""
    document = (paths.seeds_dir() / "banks.json").read_text(encoding="utf-8")
    for bank in json.loads(document):
        await custodians.add_bank(
            connection, bank["code"], name=bank["name"], name_en=bank["name_en"]
        )


async def _official_years(connection: AsyncConnection) -> set[int]:
    source = table_of(CalendarYear)
    found = await connection.scalars(select(source.c.year).where(~source.c.provisional))
    return set(found)


async def _withdrawn_days(
    connection: AsyncConnection, years: Iterable[int], kept: set[date]
) -> list[dict[str, Any]]:
    """Exceptions that were only estimated and are not in the notice: ordinary days again."""
    source = table_of(CalendarDay)
    found = (await connection.execute(select(source.c.day, source.c.source))).all()
    years = set(years)
    return [
        {"day": row.day, "working": row.day.weekday() < _SATURDAY, "source": row.source}
        for row in found
        if row.day.year in years and row.day not in kept
    ]


async def _put_days(connection: AsyncConnection, days: list[dict[str, Any]]) -> None:
    if not days:
        return
    source = table_of(CalendarDay)
    statement = upsert(source).values(days)
    fresh = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[source.c.day], set_={"working": fresh.working, "source": fresh.source}
        )
    )
