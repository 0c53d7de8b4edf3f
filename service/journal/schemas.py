"""The JSON contract of the journal: transactions, their transfers and entries, accounts."""

from typing import Any, Final, Literal

from pydantic import Field

from ledger.accounts import CHART, AccountKind
from service.journal import use_cases
from service.journal.use_cases import Opened
from service.store import ids
from service.store.facts import Record
from service.web.wire import Amount, CodeText, Day, Instant, SignedAmount, WireIn, WireOut, yuan

EXAMPLE: Final[dict[str, Any]] = {
    "id": "txn_aaaqaaaaaaaaajq",
    "journal": 1,
    "seq": 42,
    "kind": "LESSON_CONFIRMED",
    "reason": None,
    "actor": "parent-8f3a2c11",
    "policy_version": None,
    "effective_on": "2026-03-07",
    "recorded_at": "2026-03-07T09:30:00.000001Z",
    "references": {"slot": "1"},
    "reversed_by": None,
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


class CorrectionIn(WireIn):
    """Ask for a transaction to be reversed (冲正)."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"reason": "WRONG_ENROLMENT"}]}
    }

    reason: CodeText


class TransactionOut(WireOut):
    """One transaction (凭证) as it was sealed."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    journal: int
    seq: int
    kind: str
    reason: str | None
    actor: str
    policy_version: str | None
    effective_on: Day
    recorded_at: Instant
    references: dict[str, str]
    reversed_by: str | None = Field(description="The transaction that reversed this one")
    hash: str = Field(description="SHA-256 over every stored field and the hash before")


class AccountRefOut(WireOut):
    """An account a transaction touched."""

    id: str
    kind: str
    code: str
    owner: str
    custody_account_id: str
    reason: str | None


class TransferOut(WireOut):
    """A move from the credit to the debit account (借贷)."""

    debit: AccountRefOut
    credit: AccountRefOut
    amount: Amount | int = Field(description="Yuan, or whole lessons")


class EntryOut(WireOut):
    """What a transaction changed in one account, and the balance after it."""

    account_id: str
    amount: SignedAmount | int
    balance_after: Amount | int


class TransactionDetailOut(TransactionOut):
    """One transaction with its transfers and entries, and its place in the chain."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                EXAMPLE
                | {"previous_hash": "00" * 32, "reverses": None, "transfers": [], "entries": []}
            ]
        }
    }

    previous_hash: str
    reverses: str | None = Field(description="The transaction that this one reverses")
    transfers: list[TransferOut]
    entries: list[EntryOut]


class TransactionPage(WireOut):
    """A page of transactions by position; a page can be short, or empty, before the end."""

    items: list[TransactionOut]
    next_cursor: str | None = None


class AccountDetailOut(AccountRefOut):
    """An account and its balance, now or as of then."""

    name: str
    name_zh: str
    unit: Literal["CNY", "LESSON"]
    institution_id: str
    balance: Amount | int
    as_of: Day
    known_at: Instant
    position: str


class AccountEntryOut(WireOut):
    """One entry of an account."""

    transaction_id: str
    seq: int
    kind: str
    effective_on: Day
    recorded_at: Instant
    references: dict[str, str]
    amount: SignedAmount | int
    balance_after: Amount | int


class AccountEntryPage(WireOut):
    """A page of an account's entries, oldest first."""

    items: list[AccountEntryOut]
    next_cursor: str | None = None


def transaction_fields(row: Record) -> dict[str, Any]:
    """Write a sealed row as the fields of a transaction."""
    journal, reversing = row.journal_id, row.reversing_seq
    return {
        "id": ids.public_transaction(journal, row.seq),
        "journal": journal,
        "seq": row.seq,
        "kind": row.kind,
        "reason": row.reason,
        "actor": row.actor,
        "policy_version": row.policy_version,
        "effective_on": row.effective_on,
        "recorded_at": row.recorded_at,
        "references": use_cases.references_of(journal, row.refs),
        "reversed_by": None if reversing is None else ids.public_transaction(journal, reversing),
        "hash": row.hash.hex(),
    }


def detail_of(opened: Opened) -> TransactionDetailOut:
    """Write one transaction in full."""
    sealed, journal = opened.sealed, opened.sealed.journal_id
    refs = {
        number: account_ref(journal, row, opened.banks) for number, row in opened.accounts.items()
    }
    reverses = opened.reverses
    return TransactionDetailOut(
        **transaction_fields(sealed),
        previous_hash=sealed.previous_hash.hex(),
        reverses=None if reverses is None else ids.public_transaction(journal, reverses),
        transfers=[
            TransferOut(
                debit=refs[debit],
                credit=refs[credit],
                amount=quantity(opened.accounts[debit], moved),
            )
            for debit, credit, moved in sealed.transfers
        ],
        entries=[
            EntryOut(
                account_id=ids.public_account(journal, entry.account_id),
                amount=quantity(opened.accounts[entry.account_id], entry.amount),
                balance_after=quantity(opened.accounts[entry.account_id], entry.balance_after),
            )
            for entry in opened.entries
        ],
    )


def account_ref(journal: int, row: Record, banks: Any) -> AccountRefOut:  # noqa: ANN401 - by id
    """Write an account as a transaction refers to it."""
    return AccountRefOut(
        id=ids.public_account(journal, row.account_id),
        kind=row.kind,
        code=CHART[AccountKind(row.kind)].code,
        owner=use_cases.owner_of(journal, row, banks),
        custody_account_id=ids.public("cus", journal, row.custody_account_id),
        reason=row.reason or None,
    )


def quantity(account: Record, amount: int) -> str | int:
    """Write a quantity of an account: yuan as a string, lessons as a number."""
    return yuan(amount) if CHART[AccountKind(account.kind)].unit.value == "CNY" else amount
