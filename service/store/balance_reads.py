"""Balances as supervisors ask for them: roll-ups at a position, and coverage without netting.

Every figure is one index probe a (unit, kind, reason), now or as of then. A shortfall is worked
out for each custody account by itself; only accounts that have any of A3 to A8 can have one
(I-19), so a division's totals read accounts only where its own roll-ups show any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Integer, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import coverage
from ledger.accounts import AccountKind, Reason
from ledger.coverage import Coverage
from ledger.money import total
from service.store import coverage_reads
from service.store.balance_units import EXPOSED, Custody, UnitKey, custodies
from service.store.positions import Positions
from service.store.unit import ACTIVE_ENROLMENTS, rollup_slots

Slot = tuple[str, str]
"""Account kind (or ACTIVE_ENROLMENTS) and reason, "" for none."""
Slots = Mapping[Slot, int]
"""Balances of one unit in fen (or lessons)."""

_AT: Final = text(
    """
    SELECT unit.ord, slot.kind, slot.reason, last.balance
    FROM unnest(:journals, :types, :units, :seqs)
         WITH ORDINALITY AS unit(journal_id, unit_type, unit_id, seq, ord)
    CROSS JOIN unnest(:kinds, :reasons) AS slot(kind, reason)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = unit.journal_id AND rollup.unit_type = unit.unit_type
          AND rollup.unit_id = unit.unit_id AND rollup.kind = slot.kind
          AND rollup.reason = slot.reason AND rollup.seq <= unit.seq
        ORDER BY rollup.seq DESC LIMIT 1) AS last
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)),
    bindparam("types", type_=ARRAY(Text)),
    bindparam("units", type_=ARRAY(Text)),
    bindparam("seqs", type_=ARRAY(BigInteger)),
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("reasons", type_=ARRAY(Text)),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One line of an answer: the units that add up to it, and how many stand in it.

    `custodies` are its custody accounts, None where areas are asked for: theirs are looked up only
    when something may be missing. `known` says whether all of them may be relied on.
    """

    units: tuple[UnitKey, ...]
    institutions: int
    custody_accounts: int
    known: bool
    custodies: tuple[Custody, ...] | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scope holds and owes, how many enrolments that is for, and how far it is covered."""

    slots: Slots
    active_enrolments: int
    coverage: Coverage

    def quantity(self, *kinds: AccountKind, reason: Reason | None = None) -> int:
        """Sum over account kinds, optionally of one reason, in fen or lessons."""
        return sum(
            quantity
            for (kind, why), quantity in self.slots.items()
            if kind in kinds and (reason is None or why == reason.value)
        )


async def figures(
    connection: AsyncConnection,
    scopes: Sequence[Scope],
    positions: Positions,
    units: Mapping[UnitKey, Slots],
) -> list[Figures]:
    """Work out the figures of scopes from the balances of their units.

    Two more statements where anything may be missing, none where not.
    """
    slots = dict(units)
    wholes = [_summed(slots, scope.units) for scope in scopes]
    exposed = [scope for scope, whole in zip(scopes, wholes, strict=True) if _is_exposed(whole)]
    within = await _exposed(connection, exposed, positions)
    parts = list(dict.fromkeys(each.unit for held in within.values() for each in held))
    slots |= await unit_balances(connection, parts, positions)
    return [
        _figures(scope, whole, [slots[each.unit] for each in within.get(scope, ())])
        for scope, whole in zip(scopes, wholes, strict=True)
    ]


async def unit_balances(
    connection: AsyncConnection, units: Sequence[UnitKey], positions: Positions
) -> dict[UnitKey, Slots]:
    """Read the balances of units at a position, by account kind and reason."""
    kinds, reasons = rollup_slots()
    slots: dict[UnitKey, dict[Slot, int]] = {unit: {} for unit in units}
    if not units:
        return {}
    found = await connection.execute(
        _AT,
        {
            "journals": [unit.journal for unit in units],
            "types": [unit.unit_type for unit in units],
            "units": [unit.unit_id for unit in units],
            "seqs": [positions.seq(unit.journal) for unit in units],
            "kinds": [*kinds, ACTIVE_ENROLMENTS],
            "reasons": [*reasons, ""],
        },
    )
    for row in found:
        slots[units[row.ord - 1]][row.kind, row.reason] = row.balance
    return dict(slots)


async def closings_known(
    connection: AsyncConnection, custodies: Sequence[Custody], positions: Positions
) -> dict[Custody, bool]:
    """Tell of each custody account whether its balance may be relied on at a position.

    One that never held or owed anything cannot be wrong.
    """
    known = dict.fromkeys(custodies, True)
    for position in positions.at:
        used = {each.custody: each for each in custodies if each.journal == position.journal}
        used = {custody: each for custody, each in used.items() if each.used}
        if not used:
            continue
        found = await coverage_reads.coverage_known(
            connection, position.journal, used, on=positions.as_of, seq=position.seq
        )
        known.update({used[custody]: is_known for custody, is_known in found.items()})
    return known


async def _exposed(
    connection: AsyncConnection, scopes: Sequence[Scope], positions: Positions
) -> dict[Scope, list[Custody]]:
    """Return the custody accounts of each scope in which something may be missing (I-19)."""
    if not scopes:
        return {}
    held: list[Custody] = []
    if any(scope.custodies is None for scope in scopes):
        held = await custodies(connection, positions)
    found: dict[Scope, list[Custody]] = {}
    for scope in scopes:
        units = frozenset(scope.units)
        accounts = scope.custodies
        if accounts is None:
            accounts = tuple(each for each in held if each.area.unit in units)
        found[scope] = [each for each in accounts if each.exposed]
    return found


def is_used(slots: Slots) -> bool:
    """Tell whether a unit ever held or owed any money."""
    return (AccountKind.CUSTODY_BANK, "") in slots or (AccountKind.STUDENT_PREPAID, "") in slots


def _is_exposed(slots: Slots) -> bool:
    return any(quantity for (kind, _), quantity in slots.items() if kind in EXPOSED)


def _summed(slots: Mapping[UnitKey, Slots], units: Sequence[UnitKey]) -> Slots:
    summed: dict[Slot, int] = {}
    for unit in units:
        for slot, quantity in slots[unit].items():
            summed[slot] = summed.get(slot, 0) + quantity
    return summed


def _figures(scope: Scope, whole: Slots, exposed: Sequence[Slots]) -> Figures:
    short = [coverage.coverage(position_of(slots), known=scope.known) for slots in exposed]
    position = position_of(whole)
    return Figures(
        slots=whole,
        active_enrolments=whole.get((ACTIVE_ENROLMENTS, ""), 0),
        coverage=Coverage(
            requirement=coverage.requirement(position),
            resource=coverage.resource(position),
            shortfall=total([part.shortfall for part in short]),
            hard_shortfall=total([part.hard_shortfall for part in short]),
            known=scope.known,
        ),
    )


def position_of(slots: Slots) -> coverage.Position:
    """Make the ledger's coverage position from balances by kind and reason."""
    balances: dict[AccountKind, int] = {}
    for (kind, _), quantity in slots.items():
        if kind != ACTIVE_ENROLMENTS:
            of = AccountKind(kind)
            balances[of] = balances.get(of, 0) + quantity
    legacy = slots.get((AccountKind.DUE_FROM_INSTITUTION.value, Reason.LEGACY.value), 0)
    return coverage.Position(balances, legacy)
