"""Whether callers still stand: asked again in the unit of work that acts on their word.

Who was revoked no longer does, be it a person, a client, or somebody of whom every token that was
handed out was. Whose token merely expired, who logged out, or who proves themselves without a
token, does.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

_FALLEN: Final = text(
    """
    SELECT caller_id FROM escrow.access_token WHERE caller_id = ANY(:callers)
    GROUP BY caller_id HAVING bool_and(revoked_at IS NOT NULL AND kind = 'SERVICE')
    UNION SELECT escrow.fallen_callers(:callers)
    """
).bindparams(bindparam("callers", type_=ARRAY(Text)))


async def fallen(connection: AsyncConnection, callers: Iterable[str]) -> frozenset[str]:
    """Return those of the callers who stand no longer."""
    found = await connection.execute(_FALLEN, {"callers": sorted(set(callers))})
    return frozenset(found.scalars())
