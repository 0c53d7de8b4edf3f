"""Statements on the rows of a table, written once for the driver: $1 is the journal, then arrays.

Their text does not vary with the values, so the driver prepares each of them once a connection.
"""

from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

BETWEEN: Final = "\x1f"
"""Parts the values of several columns that are compared as one text."""
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@cache
def key_columns(source: Table) -> tuple[str, ...]:
    """Names of the primary key's columns after the journal."""
    return tuple(c.key for c in source.primary_key if c.key != "journal_id")


@cache
def has_journal(source: Table) -> bool:
    """Tell a table of the journals from one of reference data."""
    return "journal_id" in source.primary_key.columns


@cache
def defaulted(source: Table) -> tuple[str, ...]:
    """Names of the columns that the database fills where nothing is said about them."""
    return tuple(c.key for c in source.c if c.server_default is not None)


@cache
def keyed(source: Table, column: str) -> str:
    """Select the rows whose column is among $2, ordered by it and by key."""
    order = dict.fromkeys((column, *key_columns(source)))
    return (
        f"SELECT {_columns(source)} FROM {source.fullname}"  # noqa: S608 - names of our own tables
        f" WHERE journal_id = $1 AND {column} = ANY($2::{array_type(source.c[column])})"
        f" ORDER BY {', '.join(order)}"
    )


@cache
def keyed_one(source: Table) -> str:
    """Select the one row that a table has of a journal."""
    return f"SELECT {_columns(source)} FROM {source.fullname} WHERE journal_id = $1"  # noqa: S608


@cache
def paired(source: Table, columns: tuple[str, ...]) -> str:
    """Select the rows whose first column is among $2, and all of them, as one text, among $3."""
    parts = ", ".join(f"{name}::text" for name in columns)
    return (
        f"SELECT {_columns(source)} FROM {source.fullname}"  # noqa: S608 - names of our own tables
        f" WHERE journal_id = $1 AND {columns[0]} = ANY($2::{array_type(source.c[columns[0]])})"
        f" AND concat_ws(chr({ord(BETWEEN)}), {parts}) = ANY($3::text[])"
    )


@cache
def probing(source: Table, columns: tuple[str, ...]) -> str:
    """Select the rows of pairs given as an array a column, from $2 on: a probe each, and no join.

    OFFSET keeps the planner from making a join of it.
    """
    names = [f"k{i}" for i, _ in enumerate(columns)]
    arrays = ", ".join(f"${i}::{array_type(source.c[name])}" for i, name in enumerate(columns, 2))
    same = " AND ".join(f"{c} = given.{k}" for c, k in zip(columns, names, strict=True))
    return (
        f"SELECT found.* FROM unnest({arrays}) AS given({', '.join(names)})"  # noqa: S608
        f" CROSS JOIN LATERAL (SELECT {_columns(source)} FROM {source.fullname}"
        f" WHERE journal_id = $1 AND {same} OFFSET 0) AS found"
    )


@cache
def is_unique(source: Table, columns: tuple[str, ...]) -> bool:
    """Tell whether a journal holds no two rows with the same of these columns, by an index."""
    wanted = {"journal_id", *columns}
    return any(
        {column.name for column in constraint.columns} == wanted
        for constraint in source.constraints
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint)
    )


@cache
def each_among(source: Table, columns: tuple[str, ...]) -> str:
    """Select the rows of which each of these columns is among an array of its own, from $2 on."""
    among = (
        f"{name} = ANY(${i}::{array_type(source.c[name])})" for i, name in enumerate(columns, 2)
    )
    return (
        f"SELECT {_columns(source)} FROM {source.fullname}"  # noqa: S608 - names of our own tables
        f" WHERE journal_id = $1 AND {' AND '.join(among)}"
    )


@cache
def inserting(source: Table, unsaid: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Name the columns but those `unsaid`, and write the INSERT that takes an array of each."""
    kept = has_journal(source)
    columns = [c for c in source.c if c.key not in unsaid and not (kept and c.key == "journal_id")]
    names = ", ".join(c.name for c in columns)
    arrays = ", ".join(f"${i}::{array_type(c)}" for i, c in enumerate(columns, 2 if kept else 1))
    statement = (
        f"INSERT INTO {source.fullname} ({'journal_id, ' if kept else ''}{names})"  # noqa: S608
        f" SELECT {'$1::int, ' if kept else ''}given.* FROM unnest({arrays}) AS given"
    )
    return tuple(c.key for c in columns), statement


class Staging(NamedTuple):
    """A table of the session that takes rows by COPY, and what moves them where they belong."""

    name: str
    columns: tuple[str, ...]
    create: str
    insert: str


@cache
def staging(source: Table, unsaid: tuple[str, ...], apart: str = "") -> Staging:
    """Write how rows with all columns but those `unsaid` are staged; $1 is the journal.

    What is staged twice in one transaction is staged `apart`.
    """
    chosen = [c for c in source.c if c.key not in unsaid and c.key != "journal_id"]
    name = "_".join((f"staged{apart}", source.name, *(f"no_{column}" for column in unsaid)))
    typed = ", ".join(f"{c.name} {array_type(c).removesuffix('[]')}" for c in chosen)
    names = ", ".join(c.name for c in chosen)
    return Staging(
        name,
        tuple(c.key for c in chosen),
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({typed}) ON COMMIT DELETE ROWS",
        f"INSERT INTO {source.fullname} (journal_id, {names})"  # noqa: S608 - names of ours
        f" SELECT $1::int, {names} FROM pg_temp.{name}",
    )


@cache
def updating(source: Table, columns: tuple[str, ...]) -> str:
    """Write the UPDATE that takes arrays of the keys, then of the new values of these columns."""
    keys, kept = key_columns(source), has_journal(source)
    names = [f"k{i}" for i in range(len(keys))] + [f"v{i}" for i in range(len(columns))]
    types = [array_type(source.c[name]) for name in (*keys, *columns)]
    first = 2 if kept else 1
    arrays = ", ".join(f"${i}::{given}" for i, given in enumerate(types, first))
    sets = ", ".join(f"{column} = given.v{i}" for i, column in enumerate(columns))
    matches = " AND ".join(f"held.{key} = given.k{i}" for i, key in enumerate(keys))
    return (
        f"UPDATE {source.fullname} AS held SET {sets}"  # noqa: S608 - names of our own tables
        f" FROM unnest({arrays}) AS given({', '.join(names)})"
        f" WHERE {'held.journal_id = $1 AND ' if kept else ''}{matches}"
        f" AND held.{keys[0]} = ANY(${first}::{types[0]})"
    )


def array_type(column: Column[Any]) -> str:
    """Name of the PostgreSQL array type for a column."""
    return f"{column.type.compile(dialect=_DIALECT)}[]".replace(' COLLATE "C"', "")


def _columns(source: Table) -> str:
    return ", ".join(column.name for column in source.c)
