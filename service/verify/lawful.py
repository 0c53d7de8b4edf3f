"""Which moves of an institution's money are lawful (I-16, I-23), by each transaction."""

from collections.abc import Iterator
from typing import Final

from ledger.accounts import AccountKind
from ledger.transactions import Transaction, TransactionKind, Transfer

_K = TransactionKind
_EARNED: Final = AccountKind.INSTITUTION_PAYABLE
_LEAVING: Final = AccountKind.PAYOUT_IN_TRANSIT
_OWN: Final = AccountKind.INSTITUTION_OWN_FUNDS

_RELEASING: Final = (_K.LESSON_CONFIRMED, _K.DISPUTE_REJECTED)
_COME_BACK: Final = (
    _K.PAYOUT_REJECTED,
    _K.PAYOUT_CANCELLED,
    _K.PAYOUT_RETURNED,
    _K.PAYOUT_REVERSED,
)
_SHARED: Final = {
    (_K.REFUND_APPROVED, AccountKind.STUDENT_PREPAID),  # the share of a contract that ended (E23)
    (_K.INTEREST_SETTLED, AccountKind.STUDENT_INTEREST),  # where the agreement says so (E35)
}
_INSTRUCTING: Final = {
    (_K.PAYOUT_INSTRUCTED, _EARNED),
    (_K.SURPLUS_INSTRUCTED, _OWN),
    (_K.DEPOSIT_RELEASE_INSTRUCTED, AccountKind.RISK_DEPOSIT_HELD),
}
_WAITING: Final = (AccountKind.LESSON_PENDING, AccountKind.LESSON_DISPUTED)
_SOURCE: Final = (AccountKind.PAYOUT_IN_TRANSIT, AccountKind.CUSTODY_BANK)


def unlawful_moves(transaction: Transaction) -> Iterator[tuple[str, str]]:
    """Yield by which check, and how, a transaction breaks the rules of L4, L5 and L16."""
    for transfer in transaction.transfers:
        if transfer.debit.kind is _OWN and transfer.credit.kind is _EARNED:
            yield "I-23", "own funds became earned money"
            continue
        why = _unlawful(transaction.kind, transfer)
        if why is not None:
            yield "I-16", why


def _unlawful(kind: TransactionKind, transfer: Transfer) -> str | None:
    debit, credit = transfer.debit.kind, transfer.credit.kind
    if credit is _EARNED and not (
        (kind in _RELEASING and debit in _WAITING)
        or (kind in _COME_BACK and debit in _SOURCE)
        or (kind, debit) in _SHARED
    ):
        return "earned without a confirmation"
    if credit is _LEAVING and (kind, debit) not in _INSTRUCTING:
        return "a payout of what was not earned"
    if debit is _LEAVING and kind not in (*_COME_BACK, _K.PAYOUT_EXECUTED):
        return "a payout ended without its own rule"
    if kind is _K.TRANSACTION_REVERSED and {debit, credit} & {_EARNED, _LEAVING}:
        return "a reversal by hand of what was earned or paid"
    return None
