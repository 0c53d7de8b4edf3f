"""Personal data: nothing in plain, everything sealed opens, and blind indexes agree.

These checks need what the auditor has not: a login that sees the schema `pii`, and the keys.
Whoever gives neither has not asked for them: the report says so beside its own status,
which is about the rest (`not_checked`). Given, what stops them is incomplete, and never clean.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from service.store import rows
from service.store.context import Context
from service.store.tables import DestroyedKey
from service.store.vault import Unopened, Vault
from service.store.vault_rows import SEALINGS, Sealing
from service.verify.report import Report

CODES: Final = ("P-01", "P-02", "P-03")
AT_ONCE: Final = 2_000
STATEMENT_TIMEOUT: Final = "1h"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The way to personal data: the service's own login, and the vault that opens it."""

    url: str
    vault: Vault


async def run(given: PersonalData | None, journals: list[int], report: Report) -> None:
    """Check the sealed rows of these journals, where somebody gave the keys."""
    if given is None:
        report.not_checked(CODES, "no keys of the vault were given (ESCROW_KEYS)")
        return
    engine = create_async_engine(given.url, poolclass=NullPool)
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    try:
        for journal in journals:
            async with reading.connect() as connection:
                # A caller's eyes see less: nobody reads destroyed keys and people's secrets.
                await Context.writer(journal).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
                await _check_journal(connection, journal, given.vault, report)
        report.done(CODES)
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done(CODES, repr(error)[:300])
    finally:
        await engine.dispose()


async def _check_journal(
    connection: AsyncConnection, journal: int, vault: Vault, report: Report
) -> None:
    gone = rows.table_of(DestroyedKey)
    found = await connection.scalars(select(gone.c.subject_id).where(gone.c.journal_id == journal))
    destroyed = frozenset(found)
    for source, sealing in SEALINGS.items():
        async for row in _rows(connection, journal, source, sealing):
            _check_row(row, sealing, vault, destroyed, report)


async def _rows(
    connection: AsyncConnection, journal: int, source: Table, sealing: Sealing
) -> AsyncIterator[dict[str, Any]]:
    key, after = source.c[sealing.key], None
    while True:
        statement = select(source).where(source.c.journal_id == journal)
        if after is not None:
            statement = statement.where(key > after)
        chunk = await rows.fetch(connection, statement.order_by(key).limit(AT_ONCE))
        for row in chunk:
            yield dict(row)
        if len(chunk) < AT_ONCE:
            return
        after = chunk[-1][sealing.key]


def _check_row(
    row: Mapping[str, Any],
    sealing: Sealing,
    vault: Vault,
    destroyed: frozenset[UUID],
    report: Report,
) -> None:
    where = {"table": sealing.table, "row": row[sealing.key]}
    journal = row["journal_id"]
    if sealing.was_plain:
        for name in sealing.fields:
            if row[name] is not None:
                report.broken("P-01", journal, **where, column=name)
    try:
        fields = _opened(row, sealing, vault, destroyed)
    except Unopened as error:
        report.broken("P-02", journal, **where, why=str(error))
        return
    for column, expected in _beside(fields, sealing, vault).items():
        if row[column] != expected:
            report.broken("P-03", journal, **where, column=column)


def _opened(
    row: Mapping[str, Any], sealing: Sealing, vault: Vault, destroyed: frozenset[UUID]
) -> Mapping[str, str | None]:
    """Return what a row tells, nothing where its key was destroyed; raises `Unopened`."""
    blob, wrapped = row["sealed"], row["wrapped_key"]
    erased = row[sealing.subject] in destroyed
    if blob is None:
        if wrapped is not None:
            raise Unopened("a key without a blob")
        return {name: row.get(name) for name in sealing.fields}
    if wrapped is None:
        if not erased:
            raise Unopened("the key is gone, and nobody destroyed it")
        return {}
    if erased:
        raise Unopened("the key was destroyed, and is there")
    place = sealing.place(row)
    return vault.open(place.subject, place.table, blob, wrapped, place.row)


def _beside(
    fields: Mapping[str, str | None], sealing: Sealing, vault: Vault
) -> dict[str, bytes | bool | None]:
    """Return what stands beside a blob: its indexes and flags, none of them once it is erased."""
    found: dict[str, bytes | bool | None] = {}
    for column, (kind, name) in sealing.indexes.items():
        value = fields.get(name)
        found[column] = None if value is None else vault.blind(kind, value)
    if fields:
        for column, name in sealing.flags.items():
            found[column] = fields.get(name) is not None
    return found
