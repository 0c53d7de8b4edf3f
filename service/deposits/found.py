"""What every command on a deposit shares: the institution in scope, its accounts, its standing."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import (
    AccountFenced,
    CustodyAccountInvalid,
    InstitutionUnknown,
    Refusal,
    WrongState,
)
from service.store import ids, registry, rows
from service.store.context import Context
from service.store.deposits import account_deposit, deposit_accounts
from service.store.facts import Facts, Record
from service.store.standing import restrained
from service.store.tables import CustodyAccount, Institution
from service.store.unit import Unit

GONE: Final = frozenset({"DEREGISTERED"})


class OnDeposit(Protocol):
    """A command on the deposit of one institution."""

    @property
    def journal(self) -> int:
        """The journal of its books."""
        ...

    @property
    def target(self) -> UUID:
        """The institution."""
        ...


C = TypeVar("C", bound=OnDeposit)


async def find_institutions(
    connection: AsyncConnection, caller: Context, commands: Sequence[C]
) -> list[C | Refusal]:
    """Find the institutions in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Institution, InstitutionUnknown)


async def lock_institutions(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Lock institutions and their accounts FOR SHARE: a deposit's moves change neither."""
    wanted = set(institutions)
    await unit.lock(Institution, wanted, share=True)
    accounts = rows.keyed(CustodyAccount, unit.facts.journal, wanted, "institution_id")
    await unit.lock_where(CustodyAccount, accounts.order_by("custody_account_id"), share=True)


def institution_of(facts: Facts, institution: UUID) -> Record:
    """Return the locked institution; raises `WrongState` for one that is gone."""
    row = facts.get(Institution, institution)
    assert row is not None, "the institution was locked"
    if row.state in GONE:
        raise WrongState(object="institution", state=row.state)
    return row


def deposit_account(facts: Facts, institution: UUID, named: UUID | None) -> Record:
    """Return the deposit account that is named, or else the one that holds most.

    Raises `CustodyAccountInvalid` when there is none, `WrongState` for a closed one and
    `AccountFenced`.
    """
    accounts = deposit_accounts(facts, institution)
    if named is not None:
        accounts = [row for row in accounts if row.custody_account_id == named]
    if not accounts:
        raise CustodyAccountInvalid(purpose="DEPOSIT")
    account = max(accounts, key=lambda row: account_deposit(facts, row).drawable)
    if account.state != "ACTIVE":
        raise WrongState(object="custody_account", state=account.state)
    if restrained(facts, account.custody_account_id, "FENCE"):
        raise AccountFenced
    return account


def uuid_of(prefix: str, payload: Any, name: str) -> UUID:  # noqa: ANN401 - JSON
    """Read an id out of an approval's payload."""
    return ids.parse(prefix, payload[name])[1]


def money_of(payload: Any) -> Money:  # noqa: ANN401 - JSON
    """Read the amount out of an approval's payload."""
    return Money.of(payload["amount"])
