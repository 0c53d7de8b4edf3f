"""Balances as supervisors ask for them: roll-ups at a position, and coverage without netting.

Every figure is one index probe a (unit, kind, reason), now or as of then. A shortfall is worked
out for each custody account by itself; only accounts that ever had any of A3 to A8 can have one
(I-19), so a division's totals do not read every account in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Integer, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import coverage
from ledger.accounts import AccountKind, Reason
from ledger.coverage import Coverage
from ledger.money import total
from service.store import coverage_reads
from service.store.balance_units import Custody, UnitKey
from service.store.positions import Positions
from service.store.unit import rollup_slots

Slots = Mapping[tuple[AccountKind, str], int]
"""Balances of one unit in fen (or lessons) by account kind and reason ("" for none)."""

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

_INSTITUTIONS: Final = text(
    """
    SELECT stood.journal_id, stood.institution_id, stood.area, stood.department
    FROM unnest(:journals, :seqs) AS prefix(journal_id, seq)
    JOIN escrow.institution AS held
      ON held.journal_id = prefix.journal_id
     AND (held.registered_on < :day OR held.seq <= prefix.seq)
    JOIN escrow.institution_area AS stood
      ON stood.journal_id = held.journal_id AND stood.institution_id = held.institution_id
     AND stood.valid_from <= :day AND (stood.valid_to IS NULL OR stood.valid_to >= :day)
    WHERE CAST(:institution AS uuid) IS NULL OR held.institution_id = :institution
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)),
    bindparam("seqs", type_=ARRAY(BigInteger)),
    bindparam("institution", type_=Uuid),
)

_ACTIVE: Final = text(
    """
    SELECT paid.journal_id, paid.institution_id, paid.custody_account_id, count(*) AS enrolments
    FROM unnest(:journals, :seqs) AS prefix(journal_id, seq)
    JOIN escrow.account AS paid
      ON paid.journal_id = prefix.journal_id AND paid.kind = 'STUDENT_PREPAID'
    JOIN escrow.account AS granted
      ON granted.journal_id = paid.journal_id AND granted.kind = 'LESSON_UNITS_GRANTED'
     AND granted.owner_id = paid.owner_id AND granted.reason = 'PAID'
    CROSS JOIN LATERAL (
        SELECT 1 FROM escrow.entry
        WHERE entry.journal_id = paid.journal_id AND entry.account_id = paid.account_id
          AND entry.seq <= prefix.seq LIMIT 1) AS received
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = granted.journal_id AND entry.account_id = granted.account_id
          AND entry.seq <= prefix.seq
        ORDER BY entry.seq DESC LIMIT 1) AS remaining
    WHERE remaining.balance_after > 0
      AND (CAST(:institution AS uuid) IS NULL OR paid.institution_id = :institution)
    GROUP BY paid.journal_id, paid.institution_id, paid.custody_account_id
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)),
    bindparam("seqs", type_=ARRAY(BigInteger)),
    bindparam("institution", type_=Uuid),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One line of an answer: the units that add up to it, and its custody accounts."""

    units: tuple[UnitKey, ...]
    custodies: tuple[Custody, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scope holds and owes, and how far that is covered."""

    slots: Slots
    coverage: Coverage

    def quantity(self, *kinds: AccountKind, reason: Reason | None = None) -> int:
        """Sum over account kinds, optionally of one reason, in fen or lessons."""
        return sum(
            quantity
            for (kind, why), quantity in self.slots.items()
            if kind in kinds and (reason is None or why == reason.value)
        )


async def figures(
    connection: AsyncConnection, scopes: Sequence[Scope], positions: Positions
) -> list[Figures]:
    """Read the figures of several scopes in three statements, whatever their number."""
    units = list(dict.fromkeys(unit for scope in scopes for unit in scope.units))
    custodies = list(dict.fromkeys(each for scope in scopes for each in scope.custodies))
    exposed = [each.unit for each in custodies if each.exposed]
    slots = await unit_balances(connection, list(dict.fromkeys([*units, *exposed])), positions)
    known = await closings_known(connection, custodies, positions)
    return [_figures(scope, slots, known) for scope in scopes]


async def unit_balances(
    connection: AsyncConnection, units: Sequence[UnitKey], positions: Positions
) -> dict[UnitKey, Slots]:
    """Read the balances of units at a position, by account kind and reason."""
    kinds, reasons = rollup_slots()
    found = await connection.execute(
        _AT,
        {
            "journals": [unit.journal for unit in units],
            "types": [unit.unit_type for unit in units],
            "units": [unit.unit_id for unit in units],
            "seqs": [positions.seq(unit.journal) for unit in units],
            "kinds": kinds,
            "reasons": reasons,
        },
    )
    slots: dict[UnitKey, dict[tuple[AccountKind, str], int]] = {unit: {} for unit in units}
    for row in found:
        slots[units[row.ord - 1]][AccountKind(row.kind), row.reason] = row.balance
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


@dataclass(frozen=True, slots=True)
class Stood:
    """Where an institution stood."""

    journal: int
    institution: UUID
    path: str
    department: str


async def institutions(
    connection: AsyncConnection, positions: Positions, institution: UUID | None = None
) -> list[Stood]:
    """Return where each institution registered by these positions stood, or this one."""
    asked = {**_prefixes(positions), "day": positions.as_of, "institution": institution}
    found = await connection.execute(_INSTITUTIONS, asked)
    return [Stood(row.journal_id, row.institution_id, row.area, row.department) for row in found]


async def active_enrolments(
    connection: AsyncConnection, positions: Positions, institution: UUID | None = None
) -> dict[tuple[int, UUID, UUID], int]:
    """Count the enrolments with money received and lessons left.

    By journal, institution and custody account; of one institution where it is given.
    """
    asked = {**_prefixes(positions), "institution": institution}
    return {
        (row.journal_id, row.institution_id, row.custody_account_id): row.enrolments
        for row in await connection.execute(_ACTIVE, asked)
    }


def _prefixes(positions: Positions) -> dict[str, list[int]]:
    return {
        "journals": [position.journal for position in positions.at],
        "seqs": [position.seq for position in positions.at],
    }


def _figures(
    scope: Scope, slots: Mapping[UnitKey, Slots], known: Mapping[Custody, bool]
) -> Figures:
    summed: dict[tuple[AccountKind, str], int] = {}
    for unit in scope.units:
        for slot, quantity in slots[unit].items():
            summed[slot] = summed.get(slot, 0) + quantity
    short = [
        coverage.coverage(position_of(slots[each.unit]), known=known[each])
        for each in scope.custodies
        if each.exposed
    ]
    whole = position_of(summed)
    return Figures(
        slots=summed,
        coverage=Coverage(
            requirement=coverage.requirement(whole),
            resource=coverage.resource(whole),
            shortfall=total([part.shortfall for part in short]),
            hard_shortfall=total([part.hard_shortfall for part in short]),
            known=all(known[each] for each in scope.custodies),
        ),
    )


def position_of(slots: Slots) -> coverage.Position:
    """Make the ledger's coverage position from balances by kind and reason."""
    balances: dict[AccountKind, int] = {}
    for (kind, _), quantity in slots.items():
        balances[kind] = balances.get(kind, 0) + quantity
    legacy = slots.get((AccountKind.DUE_FROM_INSTITUTION, Reason.LEGACY.value), 0)
    return coverage.Position(balances, legacy)
