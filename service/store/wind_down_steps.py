"""The states of a wind-down (清算), and the one way from each to the next.

FROZEN → OPENED → LESSONS_SETTLED → REGISTER_PUBLISHED → SET_OFF → DEPOSIT_DRAWN → PLANNED →
APPROVED → POSTED → PAYING → RESIDUAL → CLOSED; FROZEN → LIFTED. The row remembers each step with
its transaction, date and person, so that its timeline is read without searching the journal.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from ledger.chain import canonical_json
from ledger.refusals import WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import rows
from service.store.facts import Facts, Record, Update
from service.store.tables import Institution, WindDown
from service.store.unit import Unit

ORDER: Final = (
    "FROZEN",
    "OPENED",
    "LESSONS_SETTLED",
    "REGISTER_PUBLISHED",
    "SET_OFF",
    "DEPOSIT_DRAWN",
    "PLANNED",
    "APPROVED",
    "POSTED",
    "PAYING",
    "RESIDUAL",
    "CLOSED",
)
"""Every state in its order, without LIFTED."""

ENDED: Final = frozenset({"CLOSED", "LIFTED"})


def step_of(facts: Facts, state: str, *, at: int = 0) -> list[Any]:
    """Write down one step: state, sequence number, date, person.

    `at` counts the transactions of the same decision that stand before the one that says so.
    """
    moment = facts.moment
    return [state, moment.next_seq + at, moment.today.isoformat(), moment.actor]


def first_step(facts: Facts, *, at: int = 0) -> str:
    """Begin a timeline with FROZEN."""
    return canonical_json([step_of(facts, "FROZEN", at=at)])


def steps_of(row: Record) -> list[list[Any]]:
    """Read a case's timeline."""
    steps: list[list[Any]] = json.loads(row.steps)
    return steps


def advanced(  # noqa: PLR0913 - a step and what it says
    facts: Facts,
    row: Record,
    state: str,
    *,
    at: int = 0,
    reason: str | None = None,
    named: Mapping[str, str] | None = None,
    **values: Any,  # noqa: ANN401 - columns
) -> tuple[Transaction, Update]:
    """Move a locked case to a state: the transaction that says so and the row's change.

    `at` is the transaction's place in the decision, `named` are further references of it, `values`
    further columns. The caller has checked that the state is reached from where the case is.
    """
    said = Transaction(
        TransactionKind.WIND_DOWN_ADVANCED,
        references={
            "wind_down": str(row.wind_down_id),
            "institution": str(row.institution_id),
            "before": row.state,
            "after": state,
            **(named or {}),
        },
        reason=reason,
    )
    steps = canonical_json([*steps_of(row), step_of(facts, state, at=at)])
    changed = {"state": state, "steps": steps, "seq": facts.moment.next_seq + at, **values}
    return said, Update(WindDown, (row.wind_down_id,), changed)


def require_state(row: Record, *states: str) -> None:
    """Refuse a command on a case that is not in one of these states: `WrongState`."""
    if row.state not in states:
        raise WrongState(object="wind_down", state=row.state)


def case_of(facts: Facts, wind_down: UUID) -> Record:
    """Return a case that was found and locked."""
    row = facts.get(WindDown, wind_down)
    assert row is not None, "the wind-down was found and locked"
    return row


async def lock_cases(
    unit: Unit, wind_downs: Iterable[UUID], *, share: bool = False, institutions: bool = False
) -> list[Record]:
    """Lock institutions and then their cases; return the cases.

    FOR SHARE (`share`) where the case only has to stand as it is; `institutions` where the
    institutions are changed as well.
    """
    wanted = set(wind_downs)
    source = rows.table_of(WindDown)
    keys = rows.keyed(WindDown, unit.facts.journal, wanted, "wind_down_id")
    found = await unit.query(keys.with_only_columns(source.c.institution_id))
    concerned = {row["institution_id"] for row in found}
    await unit.lock(Institution, concerned, share=not institutions)
    return await unit.lock(WindDown, wanted, share=share)
