"""From a pain.002 file to reports on orders: one for each order that a status stands for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import BodyTooLarge, OrderUnknown, RequestInvalid
from service.identity.callers import Caller
from service.payouts.pain001 import block_id
from service.payouts.pain002 import BlockStatus, PaymentStatus, Said, StatusReport
from service.payouts.reports import Report
from service.store import end_to_end_ids, order_leases
from service.store.facts import Record
from service.web.wire import BATCH_MAX


@dataclass(frozen=True, slots=True)
class Named:
    """A status and the order it stands for; None where it names none of this journal's."""

    said: Said
    end_to_end_id: str
    order: UUID | None


async def journal_and_lease(
    connection: AsyncConnection, caller: Caller, file: StatusReport
) -> tuple[int, UUID | None, list[Record]]:
    """Return the journal that a file speaks of, its lease where it names one, and its leases' rows.

    Raises `OrderUnknown` when neither the message it answers nor any payment is one of ours.
    """
    lease = end_to_end_ids.named_in(file.original_message_id, end_to_end_ids.LEASE)
    names = [payment.end_to_end_id for block in file.blocks for payment in block.payments]
    orders = (end_to_end_ids.order_named(name) for name in names)
    journal = next((found[0] for found in [lease, *orders] if found is not None), None)
    if journal is None or journal not in caller.journals:
        raise OrderUnknown
    if lease is None:
        return journal, None, []
    held = await order_leases.of_lease(connection, caller.context, journal, lease[1])
    return journal, lease[1], held


def named(file: StatusReport, journal: int, lease: UUID | None, held: list[Record]) -> list[Named]:
    """Return every status of a file with the order it stands for, in the file's order.

    A block or message without statuses of single payments stands for the orders that are still
    under its lease. Raises `RequestInvalid` for a file without any status, `BodyTooLarge` as soon
    as there are more than a batch has.
    """
    found = list(islice(_statuses(file, journal, lease, held), BATCH_MAX + 1))
    if len(found) > BATCH_MAX:
        raise BodyTooLarge(items_max=BATCH_MAX)
    if not found:
        raise RequestInvalid(reason="no_status")
    return found


def report_of(named_status: Named, file: StatusReport, journal: int, at: datetime) -> Report | None:
    """Return what a status says of its order; None when it says nothing we know, or of no order."""
    status, order = named_status.said.report, named_status.order
    if status is None or order is None:
        return None
    return Report(
        journal,
        order,
        status,
        named_status.said.reason or None,
        at,
        bank_status=named_status.said.status,
        message_id=file.message_id,
    )


def _statuses(
    file: StatusReport, journal: int, lease: UUID | None, held: list[Record]
) -> Iterator[Named]:
    by_block: dict[str, list[Record]] = {}
    if lease is not None:
        for row in held:
            by_block.setdefault(block_id(lease, row.custody_account_id), []).append(row)
    for block in file.blocks:
        for payment in block.payments:
            yield _payment(payment, block, file, journal)
        if not block.payments and (block.status or file.status):
            yield from _whole(_first(block, file), journal, by_block.get(block.block_id, []))
    if not file.blocks and file.status:
        yield from _whole(file, journal, held)


def _payment(payment: PaymentStatus, block: BlockStatus, file: StatusReport, journal: int) -> Named:
    found = end_to_end_ids.order_named(payment.end_to_end_id)
    order = None if found is None or found[0] != journal else found[1]
    return Named(_first(payment, block, file), payment.end_to_end_id, order)


def _whole(said: Said, journal: int, held: list[Record]) -> Iterator[Named]:
    for row in held:
        yield Named(said, end_to_end_ids.written(journal, row.order_id), row.order_id)


def _first(*levels: Said) -> Said:
    """Return the innermost level that has a status."""
    return next((said for said in levels if said.status), levels[0])
