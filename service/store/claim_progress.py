"""Claims as other work meets them: the open ones that block, and the one a refund completes.

An enrolment has at most one open claim (I-28). A claim is PAID when every refund it was parted
into has reached its payer or lies with a notary; nothing else ends an APPROVED one.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import Text, literal_column

from ledger.refusals import EnrolmentBlocked
from service.store import backing_moves, rows
from service.store.facts import Change, Facts, Record, Update
from service.store.tables import Claim, Refund
from service.store.unit import Unit

OPEN: Final = frozenset({"FILED", "AGREED", "CONTESTED", "DECIDED", "APPROVED"})
"""States of a claim in which it blocks its enrolment."""

CLAIM: Final = "CLAIM"
_UNSETTLED: Final = ("payable_fen", "in_transit_fen", "returned_fen", "taken_back_fen")


async def open_claims(unit: Unit, enrolments: Iterable[UUID]) -> list[Record]:
    """Read the open claims of these enrolments, and their moves, for `require_no_claim`.

    Filing a claim locks its enrolment first, so under a lock of the enrolment they stand until the
    commit.
    """
    wanted = set(enrolments)
    if not wanted:
        return []
    source = rows.table_of(Claim)
    statement = rows.keyed(Claim, unit.facts.journal, wanted, "enrolment_id")
    await backing_moves.open_moves(unit, wanted)
    # Written out, so that the index of open claims serves it however it is planned.
    states = [literal_column(f"'{state}'", Text) for state in sorted(OPEN)]
    return await unit.read(Claim, statement.where(source.c.state.in_(states)))


def claim_open(facts: Facts, enrolment: UUID) -> Record | None:
    """Return the open claim of an enrolment whose claims were read, or None."""
    row = facts.by(Claim, ("enrolment_id",), enrolment)
    return row if row is not None and row.state in OPEN else None


def require_no_claim(facts: Facts, enrolment: UUID) -> None:
    """Refuse what an open claim blocks (I-17, I-28), or a move to another bank (E43).

    Raises `EnrolmentBlocked`.
    """
    if backing_moves.is_moving(facts, enrolment):
        raise EnrolmentBlocked(cause="backing")
    if claim_open(facts, enrolment) is not None:
        raise EnrolmentBlocked(cause="claim")


async def lock_claims(unit: Unit, claims: Iterable[UUID]) -> None:
    """Lock claims, then every refund they were parted into; `claim_paid_changes` needs both.

    Claims come after lessons and before payment orders in the order of locks.
    """
    wanted = set(claims)
    await unit.lock(Claim, wanted)
    await unit.lock(Refund, wanted, column="source_id")


def claim_paid_changes(facts: Facts, refund: Record) -> tuple[Change, ...]:
    """Return the change that makes a refund's claim PAID, if this was all that was missing.

    `refund` is the row as the decision leaves it. Nothing for a refund that no claim is behind.
    """
    if refund.source != CLAIM:
        return ()
    claim = facts.get(Claim, refund.source_id)
    assert claim is not None, "the claim was locked with its refunds"
    others = (
        row
        for row in facts.each_by(Refund, "source_id", claim.claim_id)
        if row.refund_id != refund.refund_id
    )
    if claim.state != "APPROVED" or not all(map(is_settled, (refund, *others))):
        return ()
    return (Update(Claim, (claim.claim_id,), paid_values(facts)),)


def is_settled(refund: Record) -> bool:
    """Tell whether nothing of a refund is left to pay."""
    return not any(refund[name] for name in _UNSETTLED)


def paid_values(facts: Facts) -> dict[str, object]:
    """Say that a claim is PAID, today."""
    moment = facts.moment
    return {"state": "PAID", "paid_on": moment.today, "seq": moment.next_seq}
