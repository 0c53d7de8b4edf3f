"""What a question about balances is about: areas, institutions and custody accounts.

An area (辖区) is a jurisdiction's path with a competent department, the leaf that roll-ups are
kept for; a division is all the areas below its path, in every journal there. Where an institution
stood at a date is told by its history, so a move does not rewrite the past.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Integer, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from service.store import reference
from service.store.positions import Positions

EXPOSED: Final = (
    AccountKind.CHANNEL_CLEARING,
    AccountKind.CASH_UNDEPOSITED,
    AccountKind.DUE_FROM_INSTITUTION,
    AccountKind.DUE_FROM_BANK,
    AccountKind.HELD_BY_INSTITUTION,
    AccountKind.BANK_TRANSFER_IN_TRANSIT,
)
"""A3 to A8: by I-19 nothing is missing in a custody account that has none of them."""

_ZONE: Final = "~"
_PAIR, _COUNTY = 2, 6
_MUNICIPALITIES: Final = ("11", "12", "31", "50")

_CUSTODIES: Final = text(
    """
    SELECT held.journal_id, held.custody_account_id, held.institution_id, held.bank_code,
           stood.area, stood.department,
           EXISTS (SELECT 1 FROM escrow.account AS owed
                   WHERE owed.journal_id = held.journal_id
                     AND owed.custody_account_id = held.custody_account_id
                     AND owed.kind IN ('CHANNEL_CLEARING', 'CASH_UNDEPOSITED',
                         'DUE_FROM_INSTITUTION', 'DUE_FROM_BANK', 'HELD_BY_INSTITUTION',
                         'BANK_TRANSFER_IN_TRANSIT')) AS exposed,
           EXISTS (SELECT 1 FROM escrow.rollup AS money
                   WHERE money.journal_id = held.journal_id
                     AND money.unit_type = 'CUSTODY_ACCOUNT'
                     AND money.unit_id = held.custody_account_id::text
                     AND money.kind IN ('CUSTODY_BANK', 'STUDENT_PREPAID') AND money.reason = ''
                     AND money.seq <= prefix.seq) AS used
    FROM unnest(:journals, :seqs) AS prefix(journal_id, seq)
    JOIN escrow.custody_account AS held ON held.journal_id = prefix.journal_id
    JOIN escrow.institution_area AS stood
      ON stood.journal_id = held.journal_id AND stood.institution_id = held.institution_id
     AND stood.valid_from <= :day AND (stood.valid_to IS NULL OR stood.valid_to >= :day)
    WHERE held.purpose = 'CUSTODY' AND held.opened_on <= :day
      AND (CAST(:institution AS uuid) IS NULL OR held.institution_id = :institution)
      AND (CAST(:custody AS uuid) IS NULL OR held.custody_account_id = :custody)
    ORDER BY held.journal_id, held.custody_account_id
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)),
    bindparam("seqs", type_=ARRAY(BigInteger)),
    bindparam("institution", type_=Uuid),
    bindparam("custody", type_=Uuid),
)


@dataclass(frozen=True, slots=True)
class Area:
    """A leaf of the roll-ups: a jurisdiction's path and a department, in the journal it is in."""

    journal: int
    path: str
    department: str

    @property
    def unit(self) -> "UnitKey":
        """The roll-up unit of this area."""
        return UnitKey(self.journal, "AREA", f"{self.path}/{self.department}")


@dataclass(frozen=True, slots=True)
class UnitKey:
    """One unit that balances are rolled up for: AREA, INSTITUTION or CUSTODY_ACCOUNT."""

    journal: int
    unit_type: str
    unit_id: str


@dataclass(frozen=True, slots=True)
class Custody:
    """A custody account, and where its institution stood.

    `exposed` says that something may be missing in it, `used` that it ever held or owed anything.
    """

    journal: int
    custody: UUID
    institution: UUID
    bank: str
    path: str
    department: str
    exposed: bool
    used: bool

    @property
    def unit(self) -> UnitKey:
        """The roll-up unit of this custody account."""
        return UnitKey(self.journal, "CUSTODY_ACCOUNT", str(self.custody))

    @property
    def area(self) -> Area:
        """The area its institution stood in."""
        return Area(self.journal, self.path, self.department)


async def areas(
    connection: AsyncConnection, path: str, departments: Iterable[str] | None = None
) -> list[Area]:
    """Return the areas below a path, of these departments or of all, in order of path."""
    nodes = await reference.jurisdictions(connection, path)
    journals = {node.path: node.journal_id for node in nodes if node.journal_id is not None}
    wanted = None if departments is None else set(departments)
    found: list[Area] = []
    nearest = {node.path: _nearest(journals, node.path) for node in nodes}
    above = None
    if None in nearest.values():
        above = await reference.journal_of(connection, path)
    for node in nodes:
        journal = nearest[node.path] or above
        if journal is None:
            continue
        competent = reference.departments_of(node)
        found += [
            Area(journal, node.path, department)
            for department in competent
            if wanted is None or department in wanted
        ]
    return found


async def custodies(
    connection: AsyncConnection,
    positions: Positions,
    *,
    institution: UUID | None = None,
    custody: UUID | None = None,
) -> list[Custody]:
    """Return the custody accounts opened by the date of these positions; no deposit accounts."""
    found = await connection.execute(
        _CUSTODIES,
        {
            "journals": [position.journal for position in positions.at],
            "seqs": [position.seq for position in positions.at],
            "day": positions.as_of,
            "institution": institution,
            "custody": custody,
        },
    )
    return [
        Custody(
            row.journal_id,
            row.custody_account_id,
            row.institution_id,
            row.bank_code,
            row.area,
            row.department,
            row.exposed,
            row.used,
        )
        for row in found
    ]


def covers(outer: str, inner: str) -> bool:
    """Tell whether the path `inner` lies in the subtree of `outer`."""
    if inner == outer or not outer:
        return True
    if len(outer) < _COUNTY:
        return inner.startswith(outer)
    return inner.startswith(f"{outer}{_ZONE}")


def child_of(parent: str, path: str) -> str:
    """Return the path of the parent's child that `path` lies in; the parent's own path is itself.

    Children of the nation are provinces, of a province its prefectures, of a municipality
    (直辖市) its districts and counties, of a county its functional zones.
    """
    if path == parent:
        return parent
    rest = path.removeprefix(parent)
    if rest.startswith(_ZONE):
        return parent + _ZONE + rest.split(_ZONE)[1]
    return path[: _COUNTY if parent in _MUNICIPALITIES else len(parent) + _PAIR]


def code_of(path: str) -> str:
    """Return the code of a division or zone from its path: "50" is 500000."""
    _, zone, code = path.rpartition(_ZONE)
    return code if zone else path.ljust(_COUNTY, "0") if path else reference.NATION[0]


def _nearest(journals: dict[str, int], path: str) -> int | None:
    """Journal of the node nearest above a path, itself included, among those known."""
    above: Sequence[str] = [each for each in journals if covers(each, path)]
    return journals[max(above, key=len)] if above else None
