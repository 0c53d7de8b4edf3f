"""Binary COPY into a journal's own leaves of the sealed tables: the cheapest way to append.

COPY FROM is refused under row-level security, which stands on the parents; the leaves carry none,
and the application role may do nothing there but insert. COPY runs on the driver's connection, so
it is only used once the transaction has begun: outside of one it would commit by itself.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.driver import driver_of
from service.store.rows import table_of


async def copy_into(
    connection: AsyncConnection, table: type[Any], journal: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Append rows, in the order of the table's columns, to the journal's leaf of a sealed table.

    Raises the driver's own faults.
    """
    if not rows:
        return
    source = table_of(table)
    await driver_of(connection).copy_records_to_table(
        f"{source.name}_{journal}",
        schema_name=source.schema,
        columns=[column.name for column in source.c],
        records=rows,
    )
