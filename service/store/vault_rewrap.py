"""Wrapping data keys anew by the newest key-encryption key; the blobs are not touched.

A batch is a transaction of its own. What is wrapped by the newest generation is not looked for
again, so it can be stopped at any time and goes on where it was, while the service runs.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import LargeBinary, Table, bindparam, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.store import reference, rows
from service.store.context import Context
from service.store.tables import PersonSecret, Ticket, VaultKey
from service.store.transact import writing
from service.store.vault_rows import SEALINGS, Sealing, vault_of

AT_ONCE: Final = 500
STATEMENT_TIMEOUT: Final = "60s"
_OF_NO_JOURNAL: Final = 0

_SECRET: Final = Sealing("person_secret", ("totp",), "person_id", "person_id")
WRAPPED: Final[Mapping[Table, Sealing]] = {
    **SEALINGS,
    rows.table_of(PersonSecret): _SECRET,
    rows.table_of(Ticket): _SECRET,
}
"""Every table with wrapped keys, and what each is bound to."""

_GENERATION: Final = "get_byte(wrapped_key, 1) * 256 + get_byte(wrapped_key, 2)"


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How far it is: keys of one table of one journal wrapped anew since the start."""

    journal: int
    table: str
    keys: int


async def counts(engine: AsyncEngine) -> dict[int, int]:
    """Return how many data keys each generation wraps."""
    found: dict[int, int] = {}
    for journal in await _journals(engine):
        async with writing(engine) as connection:
            await Context.writer(journal).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
            for source in WRAPPED:
                statement = (
                    f"SELECT {_GENERATION} AS generation, count(*) AS keys"  # noqa: S608 - ours
                    f" FROM {source.fullname} WHERE journal_id = :journal"
                    " AND wrapped_key IS NOT NULL GROUP BY 1"
                )
                for row in await connection.execute(text(statement), {"journal": journal}):
                    found[row.generation] = found.get(row.generation, 0) + row.keys
    return found


async def rewrapping(engine: AsyncEngine) -> AsyncGenerator[Rewrapped, None]:
    """Wrap everything by the newest generation, telling how far it is after every batch.

    Raises `Unopened` for a key that none of the given generations unwraps.
    """
    for journal in await _journals(engine):
        for source, sealing in WRAPPED.items():
            done, taken = 0, AT_ONCE
            while taken == AT_ONCE:
                async with writing(engine) as connection:
                    taken = await _batch(connection, journal, source, sealing)
                done += taken
                if taken:
                    yield Rewrapped(journal, source.name, done)


async def retire(connection: AsyncConnection, number: int, at: Any) -> None:  # noqa: ANN401 - instant
    """Note that a generation wraps nothing any more and is not needed at a start."""
    source = rows.table_of(VaultKey)
    await connection.execute(
        update(source).where(source.c.generation == number).values(retired_at=at)
    )


async def _journals(engine: AsyncEngine) -> tuple[int, ...]:
    async with engine.connect() as connection:
        return (_OF_NO_JOURNAL, *await reference.journals_in(connection, ""))


async def _batch(connection: AsyncConnection, journal: int, source: Table, sealing: Sealing) -> int:
    """Wrap the next keys anew; return how many."""
    await Context.writer(journal).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
    vault = vault_of(connection)
    names = sorted({sealing.subject, sealing.key})
    found = await connection.execute(
        text(
            f"SELECT {', '.join(names)}, substring(sealed FOR 1) AS suite, wrapped_key"  # noqa: S608
            f" FROM {source.fullname} WHERE journal_id = :journal AND wrapped_key IS NOT NULL"
            f" AND {_GENERATION} <> :current LIMIT :most FOR NO KEY UPDATE SKIP LOCKED"
        ),
        {"journal": journal, "current": vault.ring.current.number, "most": AT_ONCE},
    )
    old, new = [], []
    for row in map(dict, found.mappings()):
        old.append(row["wrapped_key"])
        new.append(vault.rewrapped(sealing.place(row), row["suite"], row["wrapped_key"]))
    if old:
        statement = text(
            f"UPDATE {source.fullname} AS held SET wrapped_key = given.new"  # noqa: S608 - ours
            " FROM unnest(:old, :new) AS given(old, new)"
            " WHERE held.journal_id = :journal AND held.wrapped_key = given.old"
        ).bindparams(*(bindparam(name, type_=ARRAY(LargeBinary)) for name in ("old", "new")))
        await connection.execute(statement, {"journal": journal, "old": old, "new": new})
    return len(old)
