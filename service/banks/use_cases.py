"""Use cases of banks: enter a bank in the registry, open an institution's custody account there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    AgreementMissing,
    AlreadyExists,
    BankNotSelected,
    DateInFuture,
    InstitutionUnknown,
    Refusal,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import custodians, ids, registry, rows
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record, Update, Verdict
from service.store.tables import Agreement, CustodyAccount, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

OPEN: Final = frozenset({"REGISTERED", "LICENSED", "ENROLMENT_SUSPENDED", "SUSPENDED"})
"""States in which an institution may have an account opened."""


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account to register, as bank and institution agreed it."""

    journal: int
    target: UUID
    account: UUID
    bank: str
    purpose: str
    account_name: str
    account_number: str
    is_default: bool
    opened_on: date | None


async def add_bank(connection: AsyncConnection, code: str, name: str, name_en: str) -> Verdict:
    """Enter a bank; its code with another name is `AlreadyExists`."""
    standing = await custodians.bank_by_code(connection, code)
    if standing is None:
        await custodians.add_bank(connection, code, name=name, name_en=name_en)
    elif (standing.name, standing.name_en) != (name, name_en):
        raise AlreadyExists(bank=code)
    answer = {"code": code, "name": name, "name_en": name_en}
    return Verdict(answer=answer, duplicate=standing is not None)


async def find_institutions(
    connection: AsyncConnection, caller: Context, commands: Sequence[OpenAccount]
) -> list[OpenAccount | Refusal]:
    """Find the institutions in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Institution, InstitutionUnknown)


async def load_accounts(unit: Unit, commands: Sequence[OpenAccount]) -> None:
    """Lock the institutions and their accounts; read their agreements and selected banks."""
    institutions = await unit.lock(Institution, (c.target for c in commands))
    found = [row.institution_id for row in institutions]
    await unit.lock(CustodyAccount, found, column="institution_id")
    source = rows.table_of(Agreement)
    statement = select(source).where(
        source.c.journal_id == unit.facts.journal, source.c.institution_id.in_(found)
    )
    await unit.read(Agreement, statement)
    unit.facts.extra["selected"] = await custodians.selected(
        unit.connection, unit.facts.journal, {row.jurisdiction_code for row in institutions}
    )


async def read_numbers(unit: Unit, commands: Sequence[OpenAccount]) -> None:
    """Read the accounts that have these numbers, whoever's they are."""
    pairs = {(command.bank, command.account_number) for command in commands}
    await unit.read_pairs(CustodyAccount, pairs, ("bank_code", "account_number"))


def decide_account(facts: Facts, command: OpenAccount) -> Decision:
    """Open an account under an agreement in force at a selected bank; the first is the default."""
    institution = facts.get(Institution, command.target)
    assert institution is not None, "the institution was found and locked"
    standing = facts.by(
        CustodyAccount, ("bank_code", "account_number"), command.bank, command.account_number
    )
    if standing is not None:
        same = (standing.institution_id, standing.purpose) == (command.target, command.purpose)
        if not same:
            raise AlreadyExists(bank=command.bank)
        return Decision(answer=answer_of(facts.journal, standing), duplicate=True)
    if institution.state not in OPEN:
        raise WrongState(state=institution.state)
    opened_on = command.opened_on or facts.moment.today
    if opened_on > facts.moment.today:
        raise DateInFuture(opened_on=opened_on.isoformat())
    if (institution.jurisdiction_code, command.bank) not in facts.extra["selected"]:
        raise BankNotSelected(bank=command.bank)
    if not _agreed(facts, command):
        raise AgreementMissing(bank=command.bank)
    return _opened(facts, command, opened_on)


def _agreed(facts: Facts, command: OpenAccount) -> bool:
    today = facts.moment.today
    return any(
        agreement.valid_from <= today
        and (agreement.valid_to is None or today <= agreement.valid_to)
        for agreement in facts.all(Agreement)
        if (agreement.institution_id, agreement.bank_code) == (command.target, command.bank)
    )


def _opened(facts: Facts, command: OpenAccount, opened_on: date) -> Decision:
    defaults = [
        row
        for row in facts.all(CustodyAccount)
        if row.institution_id == command.target and row.is_default
    ]
    custody = command.purpose == "CUSTODY"
    is_default = custody and (command.is_default or not defaults)
    values = {
        "custody_account_id": command.account,
        "institution_id": command.target,
        "bank_code": command.bank,
        "purpose": command.purpose,
        "account_name": command.account_name,
        "account_number": command.account_number,
        "is_default": is_default,
        "state": "ACTIVE",
        "opened_on": opened_on,
        "seq": facts.moment.next_seq,
    }
    replaced: list[Change] = [
        Update(CustodyAccount, (row.custody_account_id,), {"is_default": False})
        for row in defaults
        if is_default
    ]
    said = Transaction(
        TransactionKind.CUSTODY_ACCOUNT_OPENED,
        references={
            "institution": str(command.target),
            "custody": str(command.account),
            "bank": command.bank,
            "purpose": command.purpose,
        },
    )
    return Decision(
        answer=answer_of(facts.journal, Record(values)),
        transactions=(said,),
        changes=(*replaced, Insert(CustodyAccount, values)),
    )


def answer_of(journal: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what a custody account is."""
    return {
        "id": ids.public("cus", journal, row["custody_account_id"]),
        "institution_id": ids.public("ins", journal, row["institution_id"]),
        "bank": row["bank_code"],
        "purpose": row["purpose"],
        "account_name": row["account_name"],
        "account_number": row["account_number"],
        "is_default": row["is_default"],
        "state": row["state"],
        "opened_on": row["opened_on"].isoformat(),
    }


OPEN_ACCOUNT: Final[UseCase[OpenAccount, OpenAccount]] = UseCase(
    "open_custody_account", find_institutions, load_accounts, decide_account, read_numbers
)
