"""End-to-end ids: how a payment order is named in a bank's own systems.

At most 35 characters, of capitals and digits only: payment systems turn letters into capitals and
have no underscore. It is the order's public id written so; either form is read back.
"""

import unicodedata
from typing import Final
from uuid import UUID

from service.store import ids

ORDER: Final = "ord"
LEASE: Final = "lse"


def written(journal: int, named: UUID, prefix: str = ORDER) -> str:
    """Write an order's end-to-end id: "ORD" and 29 letters or digits; a lease's begins "LSE"."""
    return ids.public(prefix, journal, named).replace("_", "").upper()


def order_named(text: str) -> tuple[int, UUID] | None:
    """Read (journal, order) from an end-to-end id in either form; None for anything else."""
    return named_in(text, ORDER)


def named_in(text: str, prefix: str) -> tuple[int, UUID] | None:
    """Read (journal, id) from what `written` wrote, or from a public id; None for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("_", "").lower()
    if not plain.startswith(prefix):
        return None
    try:
        return ids.parse(prefix, f"{prefix}_{plain.removeprefix(prefix)}")
    except ValueError:
        return None
