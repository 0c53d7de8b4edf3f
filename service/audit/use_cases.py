"""Use cases of the audit trail: reading it, which is recorded before anything is shown."""

from dataclasses import replace
from datetime import date

from ledger import chain
from ledger.refusals import AuditRowUnknown
from service.identity.callers import Caller
from service.store import audit, audit_reads
from service.store.audit import Attempt, Kind, Noted
from service.store.audit_reads import Segment, TrailFilter
from service.store.context import Context
from service.store.facts import Record
from service.store.transact import Store
from service.web.journals import journal_named

SEQ_MAX = 2**63 - 1


def eyes(caller: Caller) -> Context:
    """Return what a reader of the trail sees with: who has the nation sees chain 0 whole.

    Others see in chain 0 what concerns their own journals.
    """
    if caller.path:
        return caller.context
    return replace(caller.context, journals=(audit.APART, *caller.journals))


async def chain_named(store: Store, caller: Caller, code: str | None, *, apart: bool) -> int:
    """Return the chain that is asked for: a jurisdiction's, or chain 0."""
    if apart:
        return audit.APART
    return await journal_named(store, caller, code)


async def listed(  # noqa: PLR0913 - who reads what of which chain
    store: Store,
    caller: Caller,
    attempt: Attempt,
    journal: int,
    wanted: TrailFilter,
    *,
    before: int | None,
    limit: int,
) -> list[Record]:
    """Return a page of a chain, newest first; that it was read is recorded first."""
    await _note(store, caller, attempt, journal, wanted.narrowing)
    async with store.reading(eyes(caller)) as connection:
        return await audit_reads.page(connection, journal, wanted, before=before, limit=limit)


async def row(store: Store, caller: Caller, attempt: Attempt, journal: int, seq: int) -> Record:
    """Return one row; raises `AuditRowUnknown` where the caller sees none."""
    if not 0 < seq <= SEQ_MAX:
        raise AuditRowUnknown
    async with store.reading(eyes(caller)) as connection:
        found = await audit_reads.row(connection, journal, seq)
    if found is None:
        raise AuditRowUnknown
    await _note(store, caller, attempt, journal, {"seq": str(seq)})
    return found


async def segment(
    store: Store, caller: Caller, attempt: Attempt, journal: int, day: date
) -> Segment:
    """Return a day of a chain that the caller sees whole."""
    if journal == audit.APART and caller.path:
        raise AuditRowUnknown
    await _note(store, caller, attempt, journal, {"day": day.isoformat()})
    async with store.reading(eyes(caller)) as connection:
        return await audit_reads.segment(connection, journal, day)


async def _note(
    store: Store, caller: Caller, attempt: Attempt, journal: int, asked: dict[str, str]
) -> None:
    await store.trail.note(
        Noted(
            Kind.READ,
            caller.id,
            attempt,
            outcome="done",
            details=chain.canonical_json({"asked": asked}),
            purpose="AUDIT",
            in_journal=None if journal == audit.APART else journal,
        )
    )
