"""Use cases of court orders: a bank notices a freeze, and that the court let go of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    CourtOrderUnknown,
    CustodyAccountUnknown,
    DateInFuture,
    Refusal,
    WrongState,
)
from service.store import bank_events, registry
from service.store.bank_events import FreezeNoticed, Noticed
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.tables import CourtOrder, CustodyAccount, Institution
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Release:
    """The court let go of what it held."""

    journal: int
    court_order: UUID


async def find_accounts(
    connection: AsyncConnection, caller: Context, noticed: Sequence[FreezeNoticed]
) -> list[FreezeNoticed | Refusal]:
    """Find the custody accounts among those of the calling bank."""
    wanted = {item.custody for item in noticed}
    seen = await registry.seen(connection, caller, CustodyAccount, noticed[0].journal, wanted)
    return [item if item.custody in seen else CustodyAccountUnknown() for item in noticed]


async def load_freezes(unit: Unit, noticed: Sequence[FreezeNoticed]) -> None:
    """Lock the institutions and accounts as they stand, then what the documents did before."""
    accounts = await unit.read_keys(CustodyAccount, {item.custody for item in noticed})
    await unit.lock(Institution, {row.institution_id for row in accounts}, share=True)
    await unit.lock(CustodyAccount, {item.custody for item in noticed}, share=True)
    await bank_events.lock_court_orders(unit, _named(noticed))


async def read_freezes(unit: Unit, noticed: Sequence[FreezeNoticed]) -> None:
    """Read what was noticed meanwhile."""
    await bank_events.read_court_orders(unit, _named(noticed))


def decide_freeze(facts: Facts, noticed: FreezeNoticed) -> Decision:
    """Hold the amount at once (E46). Raises `DateInFuture`, and `AlreadyExists` for other content.

    A bank fact: nothing about the account or the institution refuses it.
    """
    if noticed.ordered_on > facts.moment.today:
        raise DateInFuture(ordered_on=noticed.ordered_on.isoformat())
    account = facts.get(CustodyAccount, noticed.custody)
    assert account is not None, "the custody account was found and locked"
    return _decided(facts, bank_events.freeze_noticed(facts, account, noticed))


async def find_orders(
    connection: AsyncConnection, caller: Context, releases: Sequence[Release]
) -> list[Release | Refusal]:
    """Find the orders among those of the calling bank."""
    wanted = {item.court_order for item in releases}
    seen = await registry.seen(connection, caller, CourtOrder, releases[0].journal, wanted)
    return [item if item.court_order in seen else CourtOrderUnknown() for item in releases]


async def load_orders(unit: Unit, releases: Sequence[Release]) -> None:
    """Lock the orders."""
    await unit.lock(CourtOrder, {item.court_order for item in releases})


def decide_release(facts: Facts, release: Release) -> Decision:
    """Note the release; said again it is a duplicate. Raises `WrongState` for one used up."""
    row = facts.get(CourtOrder, release.court_order)
    assert row is not None, "the court order was found and locked"
    if row.state == "RELEASED":
        return _decided(facts, Noticed(row, duplicate=True))
    if row.state != "HELD":
        raise WrongState(object="court_order", state=row.state)
    return _decided(facts, bank_events.released(facts, row))


NOTICE_FREEZE: Final[UseCase[FreezeNoticed, FreezeNoticed]] = UseCase(
    "notice_freeze", find_accounts, load_freezes, decide_freeze, read_freezes
)
RELEASE: Final[UseCase[Release, Release]] = UseCase(
    "release_court_order", find_orders, load_orders, decide_release
)


def _named(noticed: Sequence[FreezeNoticed]) -> set[tuple[UUID, str]]:
    return {(item.custody, item.document_number) for item in noticed}


def _decided(facts: Facts, done: Noticed) -> Decision:
    return Decision(
        answer=bank_events.answer_of(facts.journal, done.row),
        transactions=done.transactions,
        changes=done.changes,
        duplicate=done.duplicate,
    )
