"""Which rule releases a lesson: the fee in custody is released, a fee held elsewhere just ends."""

from collections.abc import Sequence
from uuid import UUID

from ledger.entitlement import Contract
from ledger.rules import deposits, lessons
from ledger.rules.debts import Debt
from ledger.transactions import Transaction
from service.store.facts import Facts


def lesson_released(  # noqa: PLR0913 - a lesson, its slot and what is owed on its contract
    facts: Facts,
    contract: Contract,
    *,
    lesson: UUID,
    slot: int,
    unfunded: Sequence[Debt],
    disputed: bool = False,
) -> Transaction:
    """Release a lesson that is confirmed, or `disputed` and ruled to have been held.

    E14 and E15 out of custody; E39 where the institution holds the fee itself (A7 above zero).
    """
    assert contract.held in facts.loaded, "what the institution holds was read"
    if facts.book.quantity(contract.held):
        return deposits.held_lesson_confirmed(contract, lesson=lesson, slot=slot, disputed=disputed)
    rule = lessons.dispute_rejected if disputed else lessons.lesson_confirmed
    return rule(contract, lesson=lesson, slot=slot, unfunded=unfunded)
