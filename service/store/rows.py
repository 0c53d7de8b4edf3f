"""Set-based reads, locks and writes of rows: one statement for a batch, never one per row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Column, Select, Table, Text, any_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import driver, statements, vault_rows
from service.store.facts import Change, Insert, Record, keys_of
from service.store.sheets import Rows
from service.store.statements import BETWEEN

_MANY_A_FIRST: Final = 4
STAGED: Final = 128
"""Rows above which they are copied to a table of the session, and inserted from there."""
FEW: Final = 16
"""Rows or commands in a list whose statements are not worth a plan of their own."""


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
    key = func.concat_ws(literal(BETWEEN, Text()), *parts)
    keys = [BETWEEN.join(map(str, pair)) for pair in wanted]
    firsts = sorted({pair[0] for pair in wanted})
    statement = select(source).where(
        source.c.journal_id == journal,
        first == func.any(_array(first, firsts)),
        key == any_(cast(keys, ARRAY(Text()))),
    )
    if len(wanted) > FEW and len(firsts) * _MANY_A_FIRST > len(wanted):
        return statement
    # Of few pairs, and where many share a first column (a busy account's bank references), the
    # others narrow too.
    others = [(source.c[name], i) for i, name in enumerate(columns) if i > 0]
    return statement.where(
        *(c == func.any(_array(c, sorted({pair[i] for pair in wanted}))) for c, i in others)
    )


async def of_pairs(
    connection: AsyncConnection,
    table: type[Any],
    journal: int,
    wanted: set[tuple[Any, ...]],
    columns: Sequence[str],
) -> list[Record]:
    """Read a journal's rows whose `columns` (ids and codes) together are among `wanted`.

    Never in a time that grows with what stands under a first column, such as all that a custody
    account ever received. Many pairs of a business key are a probe each. Of few, and where many
    share a first column, each column narrows, and what was not wanted is left out here: with no
    join there is none that a plan, kept from when the table was small, could make a scan per pair.
    Else an index narrows by the first column, and one hashed list decides.
    """
    listed, source, named = list(wanted), table_of(table), tuple(columns)
    firsts = list({pair[0] for pair in listed})
    if len(listed) > FEW and statements.is_unique(source, named):
        statement = statements.probing(source, named)
        return await driver.records(
            connection, statement, journal, *map(list, zip(*listed, strict=True))
        )
    if len(listed) > FEW and len(firsts) * _MANY_A_FIRST > len(listed):
        keys = [BETWEEN.join(map(str, pair)) for pair in listed]
        statement = statements.paired(source, named)
        return await driver.records(connection, statement, journal, firsts, keys)
    others = [list({pair[i] for pair in listed}) for i in range(1, len(columns))]
    statement = statements.each_among(source, named)
    found = await driver.records(connection, statement, journal, firsts, *others)
    return [row for row in found if tuple([row[name] for name in columns]) in wanted]


async def fetch(connection: AsyncConnection, statement: Any, **values: Any) -> list[Record]:  # noqa: ANN401
    """Run any read and return its rows by name; sealed ones stay sealed."""
    found = await connection.execute(statement, values)
    names = tuple(found.keys())
    return [Record(zip(names, row, strict=True)) for row in found]


async def fetch_opened(
    connection: AsyncConnection, table: type[Any], statement: Select[Any]
) -> Sequence[Mapping[str, Any]]:
    """Run a select of a table's rows and return them with their personal data in plain."""
    return vault_rows.opened(connection, table, await fetch(connection, statement))


async def write(
    connection: AsyncConnection,
    journal: int,
    changes: Sequence[Change],
    *,
    as_is: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    """Write the changes of a batch: per table one INSERT for new rows, one UPDATE a column set.

    Reference tables, which have no journal in their key, are written as they are. Several changes
    of one row are folded into one. Tables are written in the order in which they
    first appear, rows in order of first change. Personal data is sealed on the way, unless
    the changes are to be written `as_is`. What is to be done `meanwhile`, and may be done more
    than once, is done while the server updates.
    """
    inserts: dict[type[Any], dict[tuple[Any, ...], Mapping[str, Any]]] = {}
    updates: dict[type[Any], dict[tuple[Any, ...], Mapping[str, Any]]] = {}
    for change in changes:
        table, values = change.table, change.values
        if isinstance(change, Insert):
            fresh = inserts.get(table)
            if fresh is None:
                fresh = inserts[table] = {}
            fresh[keys_of(table_of(table))(values)] = values
            continue
        key, made = change.key, inserts.get(table)
        folded = updates.setdefault(table, {}) if made is None or key not in made else made
        before = folded.get(key)
        folded[key] = values if before is None else {**before, **values}
    for table, rows in inserts.items():
        new: Sequence[Mapping[str, Any]] = list(rows.values())
        sealed = new if as_is else vault_rows.sealed(connection, table_of(table), new)
        await _insert(connection, table, journal, sealed)
    for table, changed in updates.items():
        by_columns: dict[tuple[str, ...], list[tuple[tuple[Any, ...], Mapping[str, Any]]]] = {}
        plain = as_is or not vault_rows.is_sealed(table_of(table))
        for key, said in changed.items():
            values = said
            if not plain:
                values = vault_rows.resealed(connection, table_of(table), key, said)
            by_columns.setdefault(tuple(sorted(values)), []).append((key, values))
        for entries in by_columns.values():
            await _update(connection, table, journal, entries, meanwhile)


async def insert(
    connection: AsyncConnection,
    journal: int,
    sheets: Sequence[Rows],
    *,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    """Insert rows that are tuples of all columns after the journal; personal data is sealed.

    Of many rows the next table's are sealed, and what else is to be done `meanwhile`, while the
    server inserts those of the one before.
    """
    sealed: list[Sequence[tuple[Any, ...]]] = []

    def seal_next() -> None:
        if len(sealed) < len(sheets):
            new = sheets[len(sealed)]
            sealed.append(vault_rows.sealed_tuples(connection, table_of(new.table), new.rows))

    def work_ahead() -> None:
        seal_next()
        if meanwhile is not None:
            meanwhile()

    for place, new in enumerate(sheets):
        if len(sealed) == place:
            seal_next()
        if new.rows:
            source = table_of(new.table)
            await _insert_tuples(connection, journal, source, sealed[place], work_ahead)


async def _insert_tuples(
    connection: AsyncConnection,
    journal: int,
    source: Table,
    sealed: Sequence[tuple[Any, ...]],
    meanwhile: Callable[[], None],
) -> None:
    if len(sealed) > STAGED:
        stage = statements.staging(source, (), "_rows")
        await _copy_staged(connection, journal, stage, sealed, meanwhile)
        return
    _, statement = statements.inserting(source, ())
    arrays = map(list, zip(*sealed, strict=True))
    await driver.execute(connection, statement, journal, *arrays)


def key_columns(table: type[Any]) -> tuple[str, ...]:
    """Names of a table's primary key columns after the journal."""
    return statements.key_columns(table_of(table))


async def _insert(
    connection: AsyncConnection,
    table: type[Any],
    journal: int,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    # What no row says anything about keeps the table's own default.
    source = table_of(table)
    defaulted = statements.defaulted(source)
    unsaid = tuple([name for name in defaulted if not any(name in row for row in rows)])
    if len(rows) > STAGED and statements.has_journal(source):
        await _insert_staged(connection, source, journal, unsaid, rows)
        return
    columns, statement = statements.inserting(source, unsaid)
    arrays = [[row.get(name) for row in rows] for name in columns]
    kept = (journal,) if statements.has_journal(source) else ()
    await driver.execute(connection, statement, *kept, *arrays)


async def _insert_staged(
    connection: AsyncConnection,
    source: Table,
    journal: int,
    unsaid: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Insert many rows: COPY, which row-level security refuses here, fills a table of the session.

    The driver looks at each element of an array several times, and at a row it copies once.
    """
    stage = statements.staging(source, unsaid)
    values_of = itemgetter(*stage.columns)
    await _copy_staged(connection, journal, stage, [values_of(row) for row in rows])


async def _copy_staged(
    connection: AsyncConnection,
    journal: int,
    stage: statements.Staging,
    records: Sequence[tuple[Any, ...]],
    meanwhile: Callable[[], None] | None = None,
) -> None:
    await driver.execute(connection, stage.create)
    await driver.driver_of(connection).copy_records_to_table(
        stage.name, schema_name="pg_temp", columns=stage.columns, records=records
    )
    await driver.execute(connection, stage.insert, journal, meanwhile=meanwhile)


async def _update(
    connection: AsyncConnection,
    table: type[Any],
    journal: int,
    entries: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]],
    meanwhile: Callable[[], None] | None,
) -> None:
    columns = tuple(sorted(entries[0][1]))
    keys = [[key[i] for key, _ in entries] for i in range(len(key_columns(table)))]
    arrays = [[values[column] for _, values in entries] for column in columns]
    if len(entries) > FEW:
        # A nested loop over a table that has just grown would read it once a row of the batch.
        await driver.fetch(connection, "SELECT set_config('enable_nestloop', 'off', true)")
    source = table_of(table)
    kept = (journal,) if statements.has_journal(source) else ()
    statement = statements.updating(source, columns)
    done = await driver.execute(connection, statement, *kept, *keys, *arrays, meanwhile=meanwhile)
    assert done == len(entries), "every updated row was locked by this unit of work"


def _array(column: Column[Any], values: Sequence[Any]) -> Any:  # noqa: ANN401 - a SQL expression
    plain = Text() if isinstance(column.type, Text) else column.type
    return cast(list(values), ARRAY(plain))
