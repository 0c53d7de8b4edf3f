"""Use cases of reconciliation: custody accounts against their bank, on demand and by the night."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import CustodyAccountUnknown, DateInFuture, Refusal
from service.store import payout_reads, reconciling
from service.store.break_changes import Steps
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.reconciliation_reads import answer_of
from service.store.reconciling import Wanted
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Reconcile a custody account for a day; `reconciliation` is the new id."""

    journal: int
    reconciliation: UUID
    custody_account: UUID
    day: date
    cause: str = "ON_DEMAND"


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """A custody account in the caller's scope, and what is wanted of it."""

    wanted: Wanted
    institution: UUID


async def find_accounts(
    connection: AsyncConnection, caller: Context, commands: Sequence[Reconcile]
) -> list[FoundAccount | Refusal]:
    """Find the custody accounts in the caller's scope."""
    seen = await payout_reads.custody_accounts(
        connection, caller, commands[0].journal, {each.custody_account for each in commands}
    )
    return [
        FoundAccount(
            Wanted(each.reconciliation, each.custody_account, each.day, each.cause),
            seen[each.custody_account].institution_id,
        )
        if each.custody_account in seen
        else CustodyAccountUnknown()
        for each in commands
    ]


async def load_accounts(unit: Unit, found: Sequence[FoundAccount]) -> None:
    """Lock the accounts and read all that is compared, before the head is taken."""
    await reconciling.load(
        unit, [item.wanted for item in found], {item.institution for item in found}
    )


async def read_accounts(unit: Unit, found: Sequence[FoundAccount]) -> None:
    """Read what stands open of the accounts."""
    await reconciling.read(unit, [item.wanted for item in found])


def decide_reconcile(facts: Facts, found: FoundAccount) -> Decision:
    """Reconcile an account, for today or a day before. Raises `DateInFuture`."""
    wanted = found.wanted
    if wanted.day > facts.moment.today:
        raise DateInFuture(day=wanted.day.isoformat())
    steps = Steps(facts)
    row = reconciling.reconcile(steps, wanted)
    return Decision(
        answer=answer_of(facts.journal, row),
        transactions=tuple(steps.transactions),
        changes=tuple(steps.changes),
    )


RECONCILE: Final[UseCase[Reconcile, FoundAccount]] = UseCase(
    "reconcile", find_accounts, load_accounts, decide_reconcile, read_accounts
)
