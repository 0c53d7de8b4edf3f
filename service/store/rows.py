"""Set-based reads, locks and writes of rows: one statement for a batch, never one per row."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Select, Table, Text, any_, cast, func, literal, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.facts import Change, Insert

_BETWEEN: Final = "\x1f"
_MANY_A_FIRST: Final = 4
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def table_of(described: type[Any]) -> Table:
    """Return the Core table behind a declarative description."""
    source = described.__table__
    assert isinstance(source, Table), "a description maps one table"
    return source


def keyed(table: type[Any], journal: int, keys: Iterable[Any], column: str) -> Select[Any]:
    """Select a journal's rows whose `column` is among `keys`, ordered by key."""
    source = table_of(table)
    chosen = source.c[column]
    wanted = _array(chosen, sorted(set(keys)))
    return (
        select(source)
        .where(source.c.journal_id == journal, chosen == func.any(wanted))
        .order_by(chosen, *(c for c in source.primary_key if c.key != "journal_id"))
    )


def paired(
    table: type[Any], journal: int, pairs: Iterable[tuple[Any, ...]], columns: Sequence[str]
) -> Select[Any]:
    """Select a journal's rows whose `columns` (ids and codes) together are among `pairs`.

    An index narrows by the first column, one hashed list decides: with no join there is none that
    a planner, knowing nothing yet of a table that has just grown, could turn into a scan per pair.
    """
    source = table_of(table)
    wanted = sorted(set(pairs))
    first = source.c[columns[0]]
    parts = (cast(source.c[name], Text()) for name in columns)
    key = func.concat_ws(literal(_BETWEEN, Text()), *parts)
    keys = [_BETWEEN.join(map(str, pair)) for pair in wanted]
    firsts = sorted({pair[0] for pair in wanted})
    statement = select(source).where(
        source.c.journal_id == journal,
        first == func.any(_array(first, firsts)),
        key == any_(cast(keys, ARRAY(Text()))),
    )
    if len(firsts) * _MANY_A_FIRST > len(wanted):
        return statement
    # Many pairs share a first column (a busy account's bank references): the others narrow too.
    others = [(source.c[name], i) for i, name in enumerate(columns) if i > 0]
    return statement.where(
        *(c == func.any(_array(c, sorted({pair[i] for pair in wanted}))) for c, i in others)
    )


async def fetch(connection: AsyncConnection, statement: Select[Any]) -> Sequence[Mapping[str, Any]]:
    """Run a select and return its rows as mappings."""
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def write(connection: AsyncConnection, journal: int, changes: Sequence[Change]) -> None:
    """Write the changes of a batch: per table one INSERT for new rows, one UPDATE a column set.

    Reference tables, which have no journal in their key, are written as they are. Several changes
    of one row are folded into one. Tables are written in the order in which they
    first appear, rows in order of first change.
    """
    inserts: dict[type[Any], dict[tuple[Any, ...], dict[str, Any]]] = {}
    updates: dict[type[Any], dict[tuple[Any, ...], dict[str, Any]]] = {}
    for change in changes:
        names = key_columns(change.table)
        if isinstance(change, Insert):
            key = tuple(change.values[name] for name in names)
            inserts.setdefault(change.table, {})[key] = dict(change.values)
            continue
        fresh = inserts.get(change.table, {}).get(change.key)
        if fresh is not None:
            fresh.update(change.values)
        else:
            updates.setdefault(change.table, {}).setdefault(change.key, {}).update(change.values)
    for table, rows in inserts.items():
        await _insert(connection, table_of(table), journal, list(rows.values()))
    for table, keyed_rows in updates.items():
        by_columns: dict[tuple[str, ...], list[tuple[tuple[Any, ...], dict[str, Any]]]] = {}
        for key, values in keyed_rows.items():
            by_columns.setdefault(tuple(sorted(values)), []).append((key, values))
        for columns, entries in by_columns.items():
            await _update(connection, table, journal, columns, entries)


def key_columns(table: type[Any]) -> tuple[str, ...]:
    """Names of a table's primary key columns after the journal."""
    return _key_names(table_of(table))


async def _insert(
    connection: AsyncConnection, table: Table, journal: int, rows: Sequence[Mapping[str, Any]]
) -> None:
    kept = "journal_id" in table.primary_key.columns
    columns = [c for c in table.c if not kept or c.key != "journal_id"]
    # What no row says anything about keeps the table's own default.
    columns = [c for c in columns if c.server_default is None or any(c.key in r for r in rows)]
    names = ", ".join(c.name for c in columns)
    arrays = ", ".join(f"CAST(:c{i} AS {array_type(c)})" for i, c in enumerate(columns))
    statement = (
        f"INSERT INTO {table.fullname} ({'journal_id, ' if kept else ''}{names})"  # noqa: S608 - ours
        f" SELECT {':journal, ' if kept else ''}given.* FROM unnest({arrays}) AS given"
    )
    parameters: dict[str, Any] = {
        f"c{i}": [row.get(c.key) for row in rows] for i, c in enumerate(columns)
    }
    await connection.execute(text(statement), parameters | ({"journal": journal} if kept else {}))


async def _update(
    connection: AsyncConnection,
    table: type[Any],
    journal: int,
    columns: Sequence[str],
    entries: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]],
) -> None:
    source = table_of(table)
    keys = key_columns(table)
    names = [f"k{i}" for i in range(len(keys))] + [f"v{i}" for i in range(len(columns))]
    types = [array_type(source.c[n]) for n in (*keys, *columns)]
    arrays = ", ".join(f"CAST(:{n} AS {t})" for n, t in zip(names, types, strict=True))
    sets = ", ".join(f"{column} = given.v{i}" for i, column in enumerate(columns))
    matches = " AND ".join(f"held.{key} = given.k{i}" for i, key in enumerate(keys))
    kept = "journal_id" in source.primary_key.columns
    statement = (
        f"UPDATE {source.fullname} AS held SET {sets}"  # noqa: S608 - names of our own tables
        f" FROM unnest({arrays}) AS given({', '.join(names)})"
        f" WHERE {'held.journal_id = :journal AND ' if kept else ''}{matches}"
        f" AND held.{keys[0]} = ANY(CAST(:k0 AS {types[0]}))"
    )
    parameters: dict[str, Any] = {"journal": journal} if kept else {}
    for i in range(len(keys)):
        parameters[f"k{i}"] = [key[i] for key, _ in entries]
    for i, column in enumerate(columns):
        parameters[f"v{i}"] = [values[column] for _, values in entries]
    # A nested loop over a table that has just grown would read it once for every row of the batch.
    await connection.execute(text("SELECT set_config('enable_nestloop', 'off', true)"))
    result = await connection.execute(text(statement), parameters)
    assert result.rowcount == len(entries), "every updated row was locked by this unit of work"


def array_type(column: Column[Any]) -> str:
    """Name of the PostgreSQL array type for a column."""
    return f"{column.type.compile(dialect=_DIALECT)}[]".replace(' COLLATE "C"', "")


def _array(column: Column[Any], values: Sequence[Any]) -> Any:  # noqa: ANN401 - a SQL expression
    plain = Text() if isinstance(column.type, Text) else column.type
    return cast(list(values), ARRAY(plain))


@cache
def _key_names(source: Table) -> tuple[str, ...]:
    """Asked once for every change of a batch."""
    return tuple(c.key for c in source.primary_key if c.key != "journal_id")
