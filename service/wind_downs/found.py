"""Commands on one case: found in the caller's scope, then locked after its institution."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal, WindDownUnknown
from service.store import registry
from service.store.context import Context
from service.store.facts import Facts, Record
from service.store.registry import P
from service.store.tables import Institution, WindDown


@dataclass(frozen=True, slots=True)
class CaseCommand:
    """A command that names nothing but its case; `approval` and `key` for what two decide."""

    journal: int
    target: UUID
    reason: str = "STEP"


async def find_cases(
    connection: AsyncConnection, caller: Context, commands: Sequence[P]
) -> list[P | Refusal]:
    """Find the cases in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, WindDown, WindDownUnknown)


def institution_of(facts: Facts, case: Record) -> Record:
    """Return the institution of a locked case."""
    row = facts.get(Institution, case.institution_id)
    assert row is not None, "the institution was locked with its case"
    return row
