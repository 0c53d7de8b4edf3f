"""Before the vault is used: are these the keys this database was sealed with?

Each generation leaves a check value in the database, which tells it from any other key and
nothing of itself. So a wrong key is noticed at the start, and never seals what nobody can open.
"""

import hmac
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.tables import VaultKey
from service.store.vault import Vault
from service.store.vault_keys import VaultKeysMissing


async def require_own_keys(connection: AsyncConnection, vault: Vault, at: datetime) -> None:
    """Refuse keys other than the database's; a generation seen first is written down.

    Raises `VaultKeysMissing` for a generation or index key that is another, and for one that is
    not given though data keys may still be wrapped by it.
    """
    # Two processes that start together on a new database write it down once.
    await connection.execute(text(f"LOCK TABLE {_TABLE.fullname} IN SHARE ROW EXCLUSIVE MODE"))
    known = {row["generation"]: row for row in await rows.fetch(connection, select(_TABLE))}
    given = vault.ring.generations
    for number in sorted(given.keys() | known.keys()):
        row = known.get(number)
        if number not in given:
            if row is not None and row["retired_at"] is None:
                raise VaultKeysMissing(f"the key kek-{number:05d} of this database is not given")
            continue
        sealed, index = vault.check_of(number)
        if any(not hmac.compare_digest(index, other["index_check"]) for other in known.values()):
            raise VaultKeysMissing("the index key is not the one of this database")
        if row is None:
            await _write_down(connection, vault, number, at)
        elif not hmac.compare_digest(sealed, row["check_value"]):
            raise VaultKeysMissing(f"the key kek-{number:05d} is not the one of this database")


async def _write_down(connection: AsyncConnection, vault: Vault, number: int, at: datetime) -> None:
    sealed, index = vault.check_of(number)
    await connection.execute(
        insert(_TABLE).values(
            generation=number,
            suite=vault.ring.generations[number].suite.name,
            check_value=sealed,
            index_check=index,
            added_at=at,
            retired_at=None,
        )
    )


_TABLE = rows.table_of(VaultKey)
