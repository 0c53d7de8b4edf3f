"""Roll-ups recomputed: the sums of the accounts in each unit, compared at the end of every batch.

Transactions of one batch share their recorded instant. Where an institution stood is what the
registry says now, walked back through the transactions that moved it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ledger.accounts import Account, AccountKind, Reason
from ledger.transactions import Transaction, TransactionKind
from service.store.unit import ACTIVE_ENROLMENTS, turned_active
from service.verify.report import Report
from service.verify.snapshot import Row, Snapshot

Slot = tuple[str, str, str, str]
"""(unit type, unit, kind, reason), as the table keys a roll-up."""

_OWN: Final = AccountKind.INSTITUTION_OWN_FUNDS.value
_DUE: Final = AccountKind.DUE_FROM_INSTITUTION.value
_GAPS: Final = {("CUSTODY_ACCOUNT", _OWN), ("CUSTODY_ACCOUNT", _DUE)}

_STAND: Final = (
    "SELECT institution_id, area || '/' || department AS area FROM escrow.institution"
    " WHERE journal_id = $1"
)
_MOVES: Final = (
    "SELECT seq, refs::jsonb ->> 'institution' AS institution, refs::jsonb ->> 'before' AS before"
    " FROM escrow.journal_transaction WHERE journal_id = $1 AND kind = 'INSTITUTION_MOVED'"
    " AND seq > $2"
    " ORDER BY seq DESC"
)


class Rollups:
    """The running sums of every unit of a journal."""

    def __init__(self, journal: int, report: Report, areas: Mapping[str, str]) -> None:
        """Begin with the areas that institutions stood in at the start."""
        self.journal = journal
        self.report = report
        self.sums: dict[Slot, int] = {}
        self.stored: dict[Slot, int] = {}
        self._areas = dict(areas)
        self._keys: dict[int, tuple[Slot, Slot, str, str, str]] = {}
        self._kinds: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._changed: dict[int, int] = {}
        self._counted: dict[Slot, int] = {}
        self._moves: list[tuple[str, str, str]] = []
        self._waiting: dict[int, list[Row]] = {}
        self._flushed = 0

    def open(self, row: Row) -> None:
        """Take in the sum of a unit where the replay begins later than the journal."""
        slot = _slot_of(row)
        self.sums[slot] = row["balance"]
        if slot[0] == "INSTITUTION":
            self._kinds[slot[1]].add(slot[2:])

    def load(self, stored: Mapping[int, list[Row]]) -> None:
        """Take in stored roll-ups by the sequence number they say."""
        self._waiting.update(stored)

    def add(self, number: int, account: Account, amount: int, after: int) -> None:
        """Count one entry of the running batch; `after` is the account's balance after it."""
        if number not in self._keys:
            kind, reason = account.kind.value, str(account.reason or "")
            owner = str(account.institution)
            self._keys[number] = (
                ("INSTITUTION", owner, kind, reason),
                ("CUSTODY_ACCOUNT", str(account.custody), kind, reason),
                owner,
                kind,
                reason,
            )
        self._changed[number] = self._changed.get(number, 0) + amount
        turned = turned_active(account, amount, after)
        if turned:
            owner = str(account.institution)
            for unit in (("INSTITUTION", owner), ("CUSTODY_ACCOUNT", str(account.custody))):
                slot = (*unit, ACTIVE_ENROLMENTS, "")
                self._counted[slot] = self._counted.get(slot, 0) + turned

    def note_move(self, transaction: Transaction) -> None:
        """Keep in mind that the running batch moves an institution to another area."""
        if transaction.kind is TransactionKind.INSTITUTION_MOVED:
            refs = transaction.references
            self._moves.append((refs["institution"], refs["before"], refs["after"]))

    def flush(self, seq: int) -> None:
        """End the running batch at `seq` and compare its roll-ups with those stored there."""
        deltas: dict[Slot, int] = defaultdict(int)
        for institution, before, after in self._moves:
            for kind, reason in self._kinds[institution]:
                balance = self.sums[("INSTITUTION", institution, kind, reason)]
                deltas["AREA", before, kind, reason] -= balance
                deltas["AREA", after, kind, reason] += balance
            self._areas[institution] = after
        for number, amount in self._changed.items():
            own, custody, owner, kind, reason = self._keys[number]
            deltas[own] += amount
            deltas[custody] += amount
            deltas["AREA", self._areas.get(owner, "?"), kind, reason] += amount
            self._kinds[owner].add((kind, reason))
        for slot, turned in self._counted.items():
            deltas[slot] += turned
            unit_type, unit, kind, reason = slot
            if unit_type == "INSTITUTION":
                deltas["AREA", self._areas.get(unit, "?"), kind, reason] += turned
                self._kinds[unit].add((kind, reason))
        self._counted.clear()
        self._changed.clear()
        self._moves.clear()
        for slot, delta in deltas.items():
            self.sums[slot] = self.sums.get(slot, 0) + delta
        self._compare(seq, deltas, self._waiting.pop(seq, ()))
        self._check_own_funds(seq, deltas)
        self._flushed = seq

    def drop_passed(self) -> None:
        """Report stored roll-ups at positions that ended no batch and were passed by."""
        for seq in [seq for seq in self._waiting if seq < self._flushed]:
            for row in self._waiting.pop(seq):
                self._broken(seq, _slot_of(row), row["balance"], None)

    def finish(self, stand: Mapping[str, str]) -> None:
        """Report what is left over, and institutions that stand elsewhere than they were moved."""
        for seq, rows in self._waiting.items():
            for row in rows:
                self._broken(seq, _slot_of(row), row["balance"], None)
        for institution, area in self._areas.items():
            row = stand.get(institution)
            if row != area:
                self.report.broken(
                    "V-30", self.journal, institution=institution, area=area, row=row
                )

    def _compare(self, seq: int, touched: Iterable[Slot], stored: Iterable[Row]) -> None:
        held = {_slot_of(row): row["balance"] for row in stored}
        self.stored.update(held)
        for slot in touched:
            balance = held.pop(slot, None)
            if balance != self.sums[slot]:
                self._broken(seq, slot, balance, self.sums[slot])
        for slot, balance in held.items():
            self._broken(seq, slot, balance, None)

    def _check_own_funds(self, seq: int, touched: Iterable[Slot]) -> None:
        """See that own funds and a gap never stand side by side in one custody account (I-25)."""
        for custody in {slot[1] for slot in touched if slot[:1] + slot[2:3] in _GAPS}:
            own = self.sums.get(("CUSTODY_ACCOUNT", custody, _OWN, ""), 0)
            due = sum(
                self.sums.get(("CUSTODY_ACCOUNT", custody, _DUE, reason), 0) for reason in Reason
            )
            if own and due:
                at = {"custody_account_id": custody, "own_funds_fen": own, "due_fen": due}
                self.report.broken("I-25", self.journal, seq=seq, **at)

    def _broken(self, seq: int, slot: Slot, stored: Any, recomputed: int | None) -> None:  # noqa: ANN401
        self.report.broken(
            "V-04", self.journal, seq=seq, rollup=list(slot), stored=stored, recomputed=recomputed
        )


async def standing_areas(snapshot: Snapshot, journal: int) -> dict[str, str]:
    """Return the area each institution stands in now, as the registry has it."""
    rows = await snapshot.rows(_STAND, journal)
    return {str(row["institution_id"]): row["area"] for row in rows}


async def first_areas(
    snapshot: Snapshot, journal: int, stand: Mapping[str, str], *, after: int = 0
) -> dict[str, str]:
    """Walk the areas of now back through every move, to those of the beginning or of a position."""
    areas = dict(stand)
    for row in await snapshot.rows(_MOVES, journal, after):
        if row["institution"] is not None and row["before"] is not None:
            areas[row["institution"]] = row["before"]
    return areas


def _slot_of(row: Row) -> Slot:
    return (row["unit_type"], row["unit_id"], row["kind"], row["reason"])
