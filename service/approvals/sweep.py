"""Closing approvals that waited too long: their commands never run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import approval_reads
from service.store.context import Context
from service.store.facts import Decision, Facts, Update
from service.store.tables import Approval
from service.store.transact import Mode, Request, Store, UseCase
from service.store.unit import Unit

CHUNK: Final = 2_000
ACTOR: Final = "service.approvals"


@dataclass(frozen=True, slots=True)
class Close:
    """Close an approval that nobody decided in time."""

    approval: UUID


async def find_due(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[Close]
) -> list[Close | Refusal]:
    """Take approvals as they were found to be due."""
    return list(commands)


async def load_due(unit: Unit, commands: Sequence[Close]) -> None:
    """Lock the approvals."""
    await unit.lock(Approval, {command.approval for command in commands})


def decide_close(facts: Facts, command: Close) -> Decision:
    """Close it and say so in the journal; raises `WrongState` when somebody decided meanwhile."""
    row, moment = facts.get(Approval, command.approval), facts.moment
    assert row is not None, "the approval was locked"
    if row.state != "PENDING" or row.expires_at > moment.now:
        raise WrongState(object="approval", state=row.state)
    closed = Transaction(
        TransactionKind.APPROVAL_EXPIRED,
        references={"approval": str(row.approval_id), "command": row.command},
    )
    values = {"state": "EXPIRED", "decided_at": moment.now}
    return Decision(
        answer={"state": "EXPIRED"},
        transactions=(closed,),
        changes=(Update(Approval, (row.approval_id,), values),),
    )


CLOSE_EXPIRED: Final[UseCase[Close, Close]] = UseCase(
    "close_expired_approvals", find_due, load_due, decide_close
)


async def close_expired(store: Store, journal: int) -> int:
    """Close what waited too long in a journal; shaped as the worker's other sweeps."""
    context, done = Context((journal,)), 0
    after: tuple[datetime, UUID] | None = None
    while True:
        async with store.reading(context) as connection:
            found = await approval_reads.expired(connection, journal, after=after, limit=CHUNK)
        if not found:
            return done
        after = (found[-1].expires_at, found[-1].approval_id)
        outcome = await store.transact(
            Request(
                use_case=CLOSE_EXPIRED,
                commands=[Close(row.approval_id) for row in found],
                caller=context,
                actor=ACTOR,
                journal=journal,
                mode=Mode.INDEPENDENT,
            )
        )
        done += sum(1 for verdict in outcome.verdicts if verdict.refusal is None)
