"""Forms (凭证模板): what a posting rule posts, asked once and filled in for many facts alike.

A rule is asked about one sample contract. What it answers is the form: its kind, its reason, which
account each transfer debits and credits. To fill it in, the enrolment's own accounts take the
places of the sample's, and quantities and ids are written into it; nothing else can differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from ledger import chain
from ledger.accounts import Account, Side, Unit
from ledger.money import Money
from ledger.transactions import Transaction, TransactionKind, Transfer

_BLANK: Final = "%s"


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A transaction with blanks: transfers between the places of `accounts`, two for each.

    Place 2k is debited by transfer k and place 2k + 1 credited; no account has two places. Where
    `is_own` is set, an enrolment has an account of its own in that place. `blanks` are the names of
    the references that are filled in, in the order of their names.
    """

    kind: TransactionKind
    reason: str | None
    accounts: tuple[Account, ...]
    is_own: tuple[bool, ...]
    signs: tuple[int, ...]
    """1 where a transfer makes the account in this place grow, else -1."""
    blanks: tuple[str, ...]
    references: str
    """The references as canonical JSON, with a blank for each id that is filled in."""

    @classmethod
    def of(cls, sample: Transaction, *, owner: UUID, blanks: Sequence[str]) -> "Form":
        """Make the form of a sample transaction about an enrolment (`owner`)."""
        accounts: list[Account] = []
        signs: list[int] = []
        for transfer in sample.transfers:
            accounts += (transfer.debit, transfer.credit)
            signs += (
                1 if transfer.debit.side is Side.DEBIT else -1,
                1 if transfer.credit.side is Side.CREDIT else -1,
            )
        assert len(set(accounts)) == len(accounts), "an account has one place"
        fixed = {n: text for n, text in sample.references.items() if n not in blanks}
        assert len(fixed) + len(blanks) == len(sample.references), "a blank is a reference"
        assert "%" not in "".join(fixed.values()), "what is fixed are ids and codes"
        written = chain.canonical_texts(fixed | dict.fromkeys(blanks, _BLANK))
        return cls(
            sample.kind,
            sample.reason,
            tuple(accounts),
            tuple(account.owner == owner for account in accounts),
            tuple(signs),
            tuple(sorted(blanks)),
            written,
        )

    def accounts_of(self, enrolment: UUID) -> tuple[Account, ...]:
        """Return the accounts in the form's places for an enrolment."""
        return tuple(
            [
                account.of_another(enrolment) if own else account
                for account, own in zip(self.accounts, self.is_own, strict=True)
            ]
        )


class Filled(NamedTuple):
    """A form filled in: the accounts in its places, fen or lessons by transfer, ids by blank."""

    form: Form
    accounts: tuple[Account, ...]
    quantities: tuple[int, ...]
    ids: tuple[UUID | int, ...]

    @property
    def kind(self) -> TransactionKind:
        """What the transaction says happened."""
        return self.form.kind

    @property
    def reason(self) -> str | None:
        """Why, as a code."""
        return self.form.reason

    @property
    def moves(self) -> list[tuple[Account, Account, int]]:
        """Debit account, credit account and quantity of each transfer."""
        accounts = self.accounts
        return list(zip(accounts[::2], accounts[1::2], self.quantities, strict=True))

    @property
    def written_references(self) -> str:
        """The references as canonical JSON."""
        return self.form.references % self.ids

    def transaction(self, references: Mapping[str, str]) -> Transaction:
        """Return the transaction it stands for; `references` are those of the sample."""
        named = dict(references) | {
            name: str(filled) for name, filled in zip(self.form.blanks, self.ids, strict=True)
        }
        return Transaction(
            self.form.kind,
            tuple(
                Transfer(d, c, Money.from_fen(q) if d.unit is Unit.CNY else q)
                for d, c, q in self.moves
            ),
            named,
            self.form.reason,
        )
