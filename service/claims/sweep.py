"""The sweep that takes an institution's silence for agreement, claim by claim."""

from typing import Final
from uuid import UUID

from sqlalchemy import select

from service.claims.use_cases import AGREE_BY_SILENCE, AgreeBySilence
from service.store import lesson_reads, rows
from service.store.context import Context
from service.store.tables import Claim
from service.store.transact import Mode, Request, Store

CHUNK: Final = 2_000
ACTOR: Final = "service.worker"


async def agree_silent(store: Store, journal: int) -> int:
    """Agree the claims whose last day to answer is over; return how many.

    The use case judges each anew: a frozen institution's stay as they are.
    """
    source = rows.table_of(Claim)
    done = 0
    after: UUID | None = None
    while True:
        async with store.reading(Context((journal,))) as connection:
            today = await lesson_reads.business_today(connection, journal)
            statement = select(source.c.claim_id).where(
                source.c.journal_id == journal,
                source.c.state == "FILED",
                source.c.answer_due_on < today,
            )
            if after is not None:
                statement = statement.where(source.c.claim_id > after)
            statement = statement.order_by(source.c.claim_id).limit(CHUNK)
            found = (await connection.scalars(statement)).all()
        if not found:
            return done
        after = found[-1]
        outcome = await store.transact(
            Request(
                use_case=AGREE_BY_SILENCE,
                commands=[AgreeBySilence(journal, claim) for claim in found],
                caller=Context((journal,)),
                actor=ACTOR,
                journal=journal,
                mode=Mode.INDEPENDENT,
            )
        )
        done += sum(1 for verdict in outcome.verdicts if verdict.refusal is None)
