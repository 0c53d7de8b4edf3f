"""Fences (隔离) by the verification: nothing leaves an account whose books broke a check of money.

A FENCE stops everything outgoing, refunds too. It is placed by the rule, by nobody in particular,
and lifted like any restraint: one regulator asks, another agrees. An account that the verification
has fenced already is not fenced again.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from service.store import ids, restraint_reads
from service.store.context import Context
from service.store.facts import Decision, Facts, Record
from service.store.tables import Restraint
from service.store.transact import Mode, Request, Store, UseCase
from service.store.unit import Unit
from service.supervision.use_cases import (
    FoundTarget,
    Placing,
    decide_place,
    find_targets,
    load_targets,
    read_targets,
)

ACTOR: Final = "service.verify"
CAUSE: Final = "VERIFICATION"


async def place_fences(store: Store, journal: int, accounts: Iterable[UUID], at_ms: int) -> int:
    """Fence custody accounts of one journal; return on how many a fence was not standing yet.

    Raises the first refusal, once the others are fenced.
    """
    placings = [
        Placing(journal, ids.new_id(at_ms), "CUSTODY_ACCOUNT", account, "FENCE", CAUSE)
        for account in sorted(set(accounts))
    ]
    if not placings:
        return 0
    outcome = await store.transact(
        Request(
            use_case=FENCE,
            commands=placings,
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
        )
    )
    for verdict in outcome.verdicts:
        if verdict.refusal is not None:
            raise verdict.refusal
    return sum(not verdict.duplicate for verdict in outcome.verdicts)


async def _read(unit: Unit, found: Sequence[FoundTarget]) -> None:
    await read_targets(unit, found)
    await unit.restraints({item.placing.target for item in found})


def _decide(facts: Facts, found: FoundTarget) -> Decision:
    """Put the fence in force, unless one by the verification stands."""
    standing = next(
        (
            row
            for row in facts.all(Restraint)
            if row.target_id == found.placing.target
            and (row.kind, row.cause, row.to_seq) == ("FENCE", CAUSE, None)
        ),
        None,
    )
    if standing is not None:
        answer = restraint_reads.answer_of(facts.journal, Record(standing))
        return Decision(answer=answer, duplicate=True)
    return decide_place(facts, found)


FENCE: Final = UseCase("fence_account", find_targets, load_targets, _decide, _read)
