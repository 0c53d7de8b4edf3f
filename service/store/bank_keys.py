"""Banks' keys in the registry: read by scope, locked to be revoked with all that hangs on them."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ARRAY, Integer, Text, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.facts import Record
from service.store.reference import within
from service.store.tables import BankKey, Jurisdiction
from service.store.unit import Unit

KEYS_MAX: Final = 500

_LANES: Final = text(
    "SELECT DISTINCT hashtext(kid) AS lane FROM unnest(:kids) AS kid ORDER BY 1"
).bindparams(bindparam("kids", type_=ARRAY(Text)))
# The other side of escrow.spend_nonces(): waits for units of work that rely on a key, and lets
# none in between.
_QUEUE: Final = text(
    "SELECT pg_advisory_xact_lock(4711, lane) FROM unnest(:lanes) AS lane"
).bindparams(bindparam("lanes", type_=ARRAY(Integer)))
_FAMILY: Final = text(
    """
    WITH RECURSIVE family AS (
        SELECT kid FROM escrow.bank_key WHERE kid = ANY (:kids)
        UNION
        SELECT child.kid FROM escrow.bank_key AS child JOIN family ON child.parent_kid = family.kid
    )
    SELECT kid FROM family ORDER BY kid
    """
).bindparams(bindparam("kids", type_=ARRAY(Text)))


async def seen(
    connection: AsyncConnection, *, path: str, bank: str | None, kid: str | None = None
) -> Sequence[Record]:
    """Return the keys of a subtree's jurisdictions, newest first; only `bank`'s if one is given."""
    source, home = rows.table_of(BankKey), rows.table_of(Jurisdiction)
    statement = (
        select(source)
        .join(home, home.c.code == source.c.jurisdiction_code)
        .where(within(home.c.path, path))
        .order_by(source.c.not_before.desc(), source.c.kid)
        .limit(KEYS_MAX)
    )
    if bank is not None:
        statement = statement.where(source.c.bank_code == bank)
    if kid is not None:
        statement = statement.where(source.c.kid == kid)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def read(unit: Unit, kids: Iterable[str]) -> None:
    """Take in keys that are read and not changed."""
    source = rows.table_of(BankKey)
    wanted = sorted(set(kids))
    statement = select(source).where(source.c.kid.in_(wanted)).order_by(source.c.kid)
    await unit.lock_where(BankKey, statement, share=True)


async def lock_families(unit: Unit, kids: Iterable[str]) -> None:
    """Lock keys and those whose registration they signed, and so on, to be revoked together."""
    family = [row["kid"] for row in await unit.query(_FAMILY, kids=sorted(set(kids)))]
    lanes = [row["lane"] for row in await unit.query(_LANES, kids=family)]
    await unit.query(_QUEUE, lanes=lanes)
    source = rows.table_of(BankKey)
    statement = select(source).where(source.c.kid.in_(family)).order_by(source.c.kid)
    await unit.lock_where(BankKey, statement)
