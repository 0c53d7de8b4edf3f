"""Figures on rows (R-05): each is the balance that the replayed Book has for its owner.

Nothing here asks the entries: what is compared is what the transactions alone say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.accounts import AccountKind
from ledger.book import Book
from service.verify.report import Report
from service.verify.snapshot import Snapshot

_K: Final = AccountKind
CODE: Final = "R-05"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure by its name, the balances it repeats, and the query of (owner, fen or lessons)."""

    name: str
    kinds: tuple[AccountKind, ...]
    query: str


FIGURES: Final = (
    Figure(
        "refund.payable_fen",
        (_K.REFUND_PAYABLE,),
        "SELECT refund_id AS owner, payable_fen AS held FROM escrow.refund WHERE journal_id = $1",
    ),
    Figure(
        "refund.returned_fen",
        (_K.RETURNED_REFUND_HELD,),
        "SELECT refund_id AS owner, returned_fen AS held FROM escrow.refund WHERE journal_id = $1",
    ),
    Figure(
        "payment_order.amount_fen",
        (_K.PAYOUT_IN_TRANSIT, _K.REFUND_IN_TRANSIT),
        """SELECT order_id AS owner, CASE WHEN state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN')
                  THEN amount_fen ELSE 0 END AS held
        FROM escrow.payment_order
        WHERE journal_id = $1 AND kind NOT IN ('TRANSFER', 'PORTING')""",
    ),
    Figure(
        "payment_order.amount_fen of what is between two accounts",
        (_K.BANK_TRANSFER_IN_TRANSIT,),
        """SELECT order_id AS owner, CASE WHEN state = 'EXECUTED' AND arrived_entry_id IS NULL
                  THEN amount_fen ELSE 0 END AS held
        FROM escrow.payment_order
        WHERE journal_id = $1 AND kind IN ('TRANSFER', 'PORTING')""",
    ),
    Figure(
        "interest_credit.amount_fen not allocated",
        (_K.INTEREST_UNALLOCATED,),
        """SELECT custody_account_id AS owner, sum(amount_fen - allocated_fen)::bigint AS held
        FROM escrow.interest_credit WHERE journal_id = $1 GROUP BY custody_account_id""",
    ),
    Figure(
        "bank_entry.suspense_fen",
        (_K.SUSPENSE_RECEIPT,),
        """SELECT bank_entry_id AS owner, suspense_fen AS held FROM escrow.bank_entry
        WHERE journal_id = $1""",
    ),
    Figure(
        "entitlement.residual_fen",
        (_K.RESIDUAL_CLAIM,),
        """SELECT entitlement_id AS owner, residual_fen AS held FROM escrow.entitlement
        WHERE journal_id = $1
        UNION ALL
        SELECT loss_id AS owner, prepaid_fen + interest_fen AS held FROM escrow.bank_loss
        WHERE journal_id = $1""",
    ),
    Figure(
        "porting.amount_fen",
        (_K.PORTING_IN_TRANSIT,),
        """SELECT porting_id AS owner, CASE WHEN state IN ('INSTRUCTED', 'SENT')
                  THEN amount_fen ELSE 0 END AS held
        FROM escrow.porting WHERE journal_id = $1""",
    ),
    Figure(
        "lesson.value_fen of what is recorded",
        (_K.LESSON_PENDING,),
        """SELECT enrolment_id AS owner, sum(value_fen)::bigint AS held FROM escrow.lesson
        WHERE journal_id = $1 AND state = 'RECORDED' GROUP BY enrolment_id""",
    ),
    Figure(
        "lesson.value_fen of what is disputed",
        (_K.LESSON_DISPUTED,),
        """SELECT enrolment_id AS owner, sum(value_fen)::bigint AS held FROM escrow.lesson
        WHERE journal_id = $1 AND state = 'DISPUTED' GROUP BY enrolment_id""",
    ),
    Figure(
        "enrolment.lessons_confirmed",
        (_K.LESSON_UNITS_CONSUMED,),
        """SELECT enrolment_id AS owner, lessons_confirmed AS held FROM escrow.enrolment
        WHERE journal_id = $1""",
    ),
)


async def check(snapshot: Snapshot, journal: int, book: Book, report: Report) -> None:
    """Compare every figure of a journal's rows with the Book at the journal's head."""
    try:
        async with snapshot.attempt():
            await _check(snapshot, journal, book, report)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], f"journal {journal}: {error!r}"[:300])


async def _check(snapshot: Snapshot, journal: int, book: Book, report: Report) -> None:
    balances = _by_owner(book, {kind for figure in FIGURES for kind in figure.kinds})
    for figure in FIGURES:
        expected: dict[UUID, int] = {}
        for kind in figure.kinds:
            for owner, quantity in balances[kind].items():
                expected[owner] = expected.get(owner, 0) + quantity
        stream = await snapshot.stream(figure.query, journal)
        while rows := await stream.chunk():
            for row in rows:
                owner, held = row["owner"], row["held"] or 0
                _compare(journal, figure, owner, (held, expected.pop(owner, 0)), report)
        for owner, quantity in expected.items():
            _compare(journal, figure, owner, (0, quantity), report)


def _compare(
    journal: int, figure: Figure, owner: UUID, stored: tuple[int, int], report: Report
) -> None:
    held, recomputed = stored
    if held != recomputed:
        report.broken(
            CODE, journal, figure=figure.name, owner_id=owner, stored=held, recomputed=recomputed
        )


def _by_owner(book: Book, kinds: Iterable[AccountKind]) -> dict[AccountKind, dict[UUID, int]]:
    """Sum the Book's balances of some kinds by owner; zero balances are left out."""
    found: dict[AccountKind, dict[UUID, int]] = {kind: {} for kind in kinds}
    for account in book.accounts():
        quantity = book.quantity(account)
        if quantity and (owners := found.get(account.kind)) is not None:
            owners[account.owner] = owners.get(account.owner, 0) + quantity
    return found
