"""Use cases of deposits: what stands against what the formula requires, told at once (I-26)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from service.deposits.found import find_institutions, lock_institutions
from service.store import ids
from service.store.deposits import account_deposit, deposit_accounts, deposit_of, read_deposits
from service.store.facts import Decision, Facts, Record
from service.store.transact import UseCase
from service.store.unit import Unit

NO_DEPOSIT: Final = "NONE"
"""The status of an institution without a deposit account."""


@dataclass(frozen=True, slots=True)
class ShowDeposit:
    """Ask what stands of an institution's deposit."""

    journal: int
    target: UUID


async def load_shown(unit: Unit, commands: Sequence[ShowDeposit]) -> None:
    """Lock the institutions and their accounts, shared."""
    await lock_institutions(unit, {command.target for command in commands})


async def read_shown(unit: Unit, commands: Sequence[ShowDeposit]) -> None:
    """Read the deposits."""
    await read_deposits(unit, {command.target for command in commands})


def decide_shown(facts: Facts, command: ShowDeposit) -> Decision:
    """Tell what stands; posts nothing."""
    return Decision(answer=answer_of(facts, command.target))


def answer_of(facts: Facts, institution: UUID) -> dict[str, Any]:
    """Tell of a deposit: held, required, status, surplus, and each of its accounts."""
    accounts = deposit_accounts(facts, institution)
    deposit = deposit_of(facts, institution)
    return {
        "institution_id": ids.public("ins", facts.journal, institution),
        "status": deposit.status.value if accounts or deposit.required else NO_DEPOSIT,
        "held": str(deposit.held),
        "in_bank": str(deposit.in_bank),
        "counted": str(deposit.counted),
        "required": str(deposit.required),
        "surplus": str(deposit.surplus),
        "missing": str(deposit.missing),
        "arriving": str(deposit.arriving),
        "drawable": str(deposit.drawable),
        "releasable": str(deposit.releasable),
        "accounts": [_account(facts, row) for row in accounts],
    }


def _account(facts: Facts, row: Record) -> dict[str, str]:
    part = account_deposit(facts, row)
    return {
        "custody_account_id": ids.public("cus", facts.journal, row.custody_account_id),
        "bank": row.bank_code,
        "held": str(part.held),
        "in_bank": str(part.in_bank),
        "drawable": str(part.drawable),
    }


SHOW: Final[UseCase[ShowDeposit, ShowDeposit]] = UseCase(
    "show_deposit", find_institutions, load_shown, decide_shown, read_shown
)
