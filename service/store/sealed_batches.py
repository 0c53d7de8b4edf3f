"""A batch on paper: the rows that append it to the journal, worked out before any is written.

Nothing here waits for the database, which can be at work on other rows in the meantime.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from ledger import chain
from ledger.accounts import Account
from ledger.book import Entry
from ledger.forms import Filled
from ledger.transactions import Transaction
from service.store.unit import Unit

Numbers = tuple[int, ...]
"""Numbers of the accounts of a transaction's entries."""


class Posted(NamedTuple):
    """A transaction the Book accepted, with its entries, waiting to be sealed."""

    seq: int
    transaction: Transaction | Filled
    entries: Sequence[Entry]
    idempotency_key: str | None
    policy_version: str | None
    actor: str | None = None


class Sealed(NamedTuple):
    """A batch as it is appended: new accounts, transactions with their hashes, entries."""

    batch: Sequence[Posted]
    next_account_id: int
    accounts: list[tuple[Any, ...]]
    transactions: Sequence[tuple[Any, ...]]
    entries: Sequence[tuple[int, int, int, int, int]]


def seal(unit: Unit, batch: Sequence[Posted]) -> Sealed:
    """Number the accounts that a batch uses first, and chain it after the head."""
    head = unit.head
    assert head is not None, "the head is locked before anything is sealed"
    next_account_id, fresh, numbers = _numbered(unit, batch, head.next_account_id)
    return Sealed(
        batch,
        next_account_id,
        fresh,
        _sealed(unit, batch, numbers, head.hash, head.next_account_id),
        _entry_rows(unit.facts.journal, batch, numbers),
    )


def sealed_fields(row: Mapping[str, Any]) -> list[chain.Field]:
    """Every stored field of a transaction in the order in which the chain covers it."""
    return [
        row["journal_id"],
        row["seq"],
        row["kind"],
        row["transfers"],
        row["opened"],
        row["refs"],
        row["actor"],
        row["reason"],
        row["policy_version"],
        row["effective_on"].isoformat(),
        instant_text(row["recorded_at"]),
        row["idempotency_key"],
    ]


def instant_text(instant: datetime) -> str:
    """Write an instant as the chain covers it: microseconds since 1970, which no zone changes."""
    return str(round(instant.timestamp() * 1_000_000))


def _numbered(
    unit: Unit, batch: Sequence[Posted], next_id: int
) -> tuple[int, list[tuple[Any, ...]], list[Numbers]]:
    """Number the accounts this batch uses first.

    Return the next number, the rows of new accounts, and for each transaction the numbers of its
    entries' accounts.
    """
    fresh: list[tuple[Any, ...]] = []
    known, numbers = unit.account_ids, list[Numbers]()
    alike: dict[int, Numbers] = {}  # What fills in a form for one owner has one tuple of accounts.
    for posted in batch:
        filled = posted.transaction.accounts if type(posted.transaction) is Filled else None
        if filled is not None and id(filled) in alike:
            numbers.append(alike[id(filled)])
            continue
        for account, _, _ in posted.entries:
            if account not in known:
                assert account.institution is not None, "an account stands in somebody's books"
                known[account] = next_id
                fresh.append(_account_row(next_id, account))
                next_id += 1
        own = tuple([known[account] for account, _, _ in posted.entries])
        numbers.append(own)
        if filled is not None:
            alike[id(filled)] = own
    return next_id, fresh, numbers


def _account_row(number: int, account: Account) -> tuple[Any, ...]:
    """Return the columns of an account in their order, without the journal."""
    return (
        number,
        account.kind,
        account.owner,
        account.custody,
        account.reason or "",
        account.institution,
        account.unit,
    )


def _sealed(
    unit: Unit,
    batch: Sequence[Posted],
    numbers: Sequence[Numbers],
    previous: bytes,
    first_new: int,
) -> list[tuple[Any, ...]]:
    """Chain the batch after `previous`: rows in the order of the table's columns, the hash last.

    `first_new` is the lowest number of an account that this batch opened. The encoding is that of
    `sealed_fields`, in which most fields are those of the transaction before.
    """
    moment, ids, seen = unit.facts.moment, unit.account_ids, set[int]()
    texts, encode, forms = _Encoded(), chain.encode_field, dict[Numbers, str]()
    journal = encode(moment.journal)
    recorded = texts[instant_text(moment.now)]
    effective = texts[moment.today.isoformat()]
    sealed: list[tuple[Any, ...]] = []
    for (seq, transaction, entries, key, policy, actor), own in zip(batch, numbers, strict=True):
        opened: list[str] = []
        if own and max(own) >= first_new:
            for number, (account, _, _) in zip(own, entries, strict=True):
                if number >= first_new and number not in seen:
                    seen.add(number)
                    opened.append(_opened(number, account))
        kind, reason, by = transaction.kind.value, transaction.reason, actor or moment.actor
        if type(transaction) is Filled:
            form = forms.get(own)
            if form is None:
                form = forms[own] = _moves_form(own)
            transfers = form % transaction.quantities
        else:
            moves = [f"[{ids[debit]},{ids[credit]},{q}]" for debit, credit, q in transaction.moves]
            transfers = f"[{','.join(moves)}]"
        references = transaction.written_references
        accounts = f"[{','.join(opened)}]" if opened else "[]"
        framed = (
            journal,
            encode(seq),
            texts[kind],
            encode(transfers),
            encode(accounts) if opened else texts["[]"],
            encode(references),
            texts[by],
            texts[reason],
            texts[policy],
            effective,
            recorded,
            texts[key],
        )
        digest = chain.digest_of(previous, b"".join(framed))
        sealed.append(
            (
                moment.journal,
                seq,
                kind,
                transfers,
                accounts,
                references,
                by,
                reason,
                policy,
                moment.today,
                moment.now,
                key,
                previous,
                digest,
            )
        )
        previous = digest
    return sealed


def _moves_form(numbers: Numbers) -> str:
    """Write the transfers of a form between accounts of these numbers, with a blank for each."""
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return f"[{','.join([f'[{debit},{credit},%d]' for debit, credit in pairs])}]"


def _opened(number: int, account: Account) -> str:
    """Write an account as canonical JSON: names in order, and only numbers, ids and codes."""
    return (
        f'{{"account_id":{number},"custody_account_id":"{account.custody}",'
        f'"institution_id":"{account.institution}","kind":"{account.kind}",'
        f'"owner_id":"{account.owner}","reason":"{account.reason or ""}","unit":"{account.unit}"}}'
    )


class _Encoded(dict[str | None, bytes]):
    """Encodings of fields that the transactions of a batch have in common."""

    def __missing__(self, field: str | None) -> bytes:
        encoded = self[field] = chain.encode_field(field)
        return encoded


def _entry_rows(
    journal: int, batch: Sequence[Posted], numbers: Sequence[Numbers]
) -> list[tuple[int, int, int, int, int]]:
    """Rows of the entry table in the order of its key: an index grows cheapest where it stands."""
    entries = [
        (journal, number, posted.seq, amount, after)
        for posted, own in zip(batch, numbers, strict=True)
        for number, (_, amount, after) in zip(own, posted.entries, strict=True)
    ]
    entries.sort(key=itemgetter(1))  # Of one account they stand in the order of the journal.
    return entries
