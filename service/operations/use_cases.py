"""Use cases of operations: look up what stands under a caller's own key, changing nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from service.identity.callers import Caller
from service.store import answers
from service.store.answers import Standing
from service.store.approval_shown import as_it_stands
from service.store.context import Context
from service.store.transact import Outcome, Store

REFERENCE = 0
"""The journal number under which keys of reference data stand."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a key at an instant: outcomes by journal, or that one is on its way."""

    at: datetime
    standing: Sequence[Standing]
    running: bool


async def outcome_of(store: Store, caller: Caller, key: str) -> Known:
    """Look a key up in every journal of its caller; only the caller's own answers are seen."""
    # Asked first: what ends in between is then found below.
    running = store.is_running(caller.id, key)
    journals = (*caller.journals, REFERENCE)
    async with store.reading(Context(journals, caller=caller.id)) as connection:
        at = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
        standing = await answers.standing(connection, journals, caller.id, key)
    return Known(at, [await _as_of_now(store, each) for each in standing], running)


async def _as_of_now(store: Store, standing: Standing) -> Standing:
    """Show a command that waits for a second person as it stands now, as its own replay does."""
    answer = standing.verdicts[0].answer
    if len(standing.verdicts) != 1 or not str((answer or {}).get("id", "")).startswith("apr_"):
        return standing
    current = await as_it_stands(store, standing.journal, Outcome(standing.verdicts))
    return standing._replace(verdicts=current.verdicts)
