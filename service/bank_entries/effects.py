"""What a bank entry becomes: every kind by its direction and name, each in a module of its group.

A bank fact is never refused. A credit that cannot be what it says is a payment nobody could match,
in suspense; a debit that cannot be posted yet is kept and tried again.
"""

from collections.abc import Sequence
from typing import Final

from service.bank_entries import (
    batch_entries,
    chargeback_entries,
    collection_entries,
    court_entries,
    deposit_entries,
    error_entries,
    failure_entries,
    interest_entries,
    order_entries,
    own_money,
    payments,
    recovery_entries,
    transfer_entries,
)
from service.bank_entries.facts import Effect, EntryFact, Kind, kept
from service.store.facts import Facts, Record

KINDS: Final = {
    (kind.direction, kind.name): kind
    for kind in (
        *payments.KINDS,
        *own_money.KINDS,
        *order_entries.KINDS,
        *batch_entries.KINDS,
        *deposit_entries.KINDS,
        *error_entries.KINDS,
        *failure_entries.KINDS,
        *chargeback_entries.KINDS,
        *collection_entries.KINDS,
        *court_entries.KINDS,
        *interest_entries.KINDS,
        *recovery_entries.KINDS,
        *transfer_entries.KINDS,
    )
}


def kind_of(fact: EntryFact) -> Kind:
    """Return the kind of an entry."""
    return KINDS[(fact.direction, fact.kind)]


def by_kind(facts: Sequence[EntryFact]) -> list[tuple[Kind, list[EntryFact]]]:
    """Group entries by kind, in their order."""
    groups: dict[tuple[str, str], list[EntryFact]] = {}
    for fact in facts:
        groups.setdefault((fact.direction, fact.kind), []).append(fact)
    return [(KINDS[named], group) for named, group in groups.items()]


def effect_of(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Say what an entry becomes by its kind."""
    effect = kind_of(fact).effect(facts, fact, account)
    if effect is not None:
        return effect
    if fact.direction == "DBIT":
        return kept(fact, account)
    return payments.payment(facts, fact, account)
