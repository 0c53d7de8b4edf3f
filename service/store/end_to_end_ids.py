"""End-to-end ids: how a payment order is named in a bank's own systems.

At most 35 characters, of capitals and digits only: payment systems turn letters into capitals and
have no underscore. It is the order's public id written so; either form is read back.
"""

import unicodedata
from typing import Final
from uuid import UUID

from service.store import ids

_PREFIX: Final = "ord"


def written(journal: int, order: UUID) -> str:
    """Write an order's end-to-end id: "ORD" and 29 letters or digits."""
    return ids.public(_PREFIX, journal, order).replace("_", "").upper()


def order_named(text: str) -> tuple[int, UUID] | None:
    """Read (journal, order) from an end-to-end id in either form; None for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("_", "").lower()
    if not plain.startswith(_PREFIX):
        return None
    try:
        return ids.parse(_PREFIX, f"{_PREFIX}_{plain.removeprefix(_PREFIX)}")
    except ValueError:
        return None
