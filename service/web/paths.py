"""Ids in paths and queries: an id that cannot be one is answered like one that is not there."""

from uuid import UUID

from ledger.refusals import Refusal
from service.store import ids


def object_id(prefix: str, text: str, unknown: type[Refusal]) -> tuple[int, UUID]:
    """Read an id from a path into (journal, UUID); raises `unknown` for anything else."""
    try:
        return ids.parse(prefix, text)
    except ValueError:
        raise unknown from None
