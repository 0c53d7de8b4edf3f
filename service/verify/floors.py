"""What payouts leave behind (I-22), after every one of them and not only at the end of a batch.

Money that has not come in yet excuses students' claims however old it is: what is broken here is
broken by any reading of the rule.
"""

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from ledger.accounts import STUDENT_OWNED, AccountKind, Reason
from ledger.book import Entry
from ledger.transactions import TransactionKind

_K: Final = AccountKind
_PAYING: Final = (TransactionKind.PAYOUT_INSTRUCTED, TransactionKind.SURPLUS_INSTRUCTED)
_SIGNS: Final = {
    _K.CUSTODY_BANK: 1,
    _K.PAYOUT_IN_TRANSIT: -1,
    _K.INTEREST_UNALLOCATED: -1,
    _K.BANK_ERROR_CREDIT: -1,
}
"""What is in the bank, less what is leaving and what is nobody's yet."""

_COMING: Final = (_K.CHANNEL_CLEARING, _K.CASH_UNDEPOSITED, _K.BANK_TRANSFER_IN_TRANSIT)


class Floors:
    """Running sums of each custody account: in the bank, students' claims, money coming in."""

    def __init__(self) -> None:
        """Begin with nothing anywhere."""
        self._bank: dict[UUID, int] = {}
        self._students: dict[UUID, int] = {}
        self._coming: dict[UUID, int] = {}

    def take(self, entries: Iterable[Entry]) -> None:
        """Count the entries of one transaction."""
        for account, amount, _ in entries:
            kind, custody = account.kind, account.custody
            if (sign := _SIGNS.get(kind)) is not None:
                self._bank[custody] = self._bank.get(custody, 0) + sign * amount
            elif kind in STUDENT_OWNED:
                self._students[custody] = self._students.get(custody, 0) + amount
            elif kind in _COMING or account.reason is Reason.LEGACY:
                self._coming[custody] = self._coming.get(custody, 0) + amount

    def missing_after(
        self, kind: TransactionKind, entries: Iterable[Entry]
    ) -> Iterator[tuple[UUID, int]]:
        """Yield the custody accounts that a payout left with less than their floor, in fen."""
        if kind not in _PAYING:
            return
        for custody in {entry.account.custody for entry in entries}:
            left = self._bank.get(custody, 0)
            kept = self._students.get(custody, 0) - self._coming.get(custody, 0)
            if left < max(0, kept):
                yield custody, max(0, kept) - left
