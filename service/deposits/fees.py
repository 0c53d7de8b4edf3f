"""Fees that an institution takes itself under a risk deposit (E39): reported with their receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import (
    AmountZero,
    CustodyAccountInvalid,
    EnrolmentUnknown,
    InstitutionFrozen,
    Refusal,
    WrongState,
)
from ledger.rules.deposits import fee_held_by_institution
from ledger.rules.receipts import still_due
from service.store import ids, registry, rows
from service.store.context import Context
from service.store.contracts import contract_of, received_change
from service.store.facts import Decision, Facts, Record
from service.store.standing import FROZEN, restrained
from service.store.tables import CustodyAccount, Enrolment, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

TAKING_MONEY: Final = frozenset({"AWAITING_PAYMENT", "ACTIVE"})


@dataclass(frozen=True, slots=True)
class ReportFee:
    """The institution took `amount` of an enrolment's price; `proof` is its receipt's hash."""

    journal: int
    target: UUID
    amount: Money
    proof: str


async def find_enrolments(
    connection: AsyncConnection, caller: Context, reports: Sequence[ReportFee]
) -> list[ReportFee | Refusal]:
    """Find the enrolments in the caller's scope."""
    return await registry.find_seen(connection, caller, reports, Enrolment, EnrolmentUnknown)


async def load_enrolments(unit: Unit, reports: Sequence[ReportFee]) -> None:
    """Lock the enrolments, behind their institutions and accounts."""
    wanted = {report.target for report in reports}
    named = await unit.read(
        Enrolment, rows.keyed(Enrolment, unit.facts.journal, wanted, "enrolment_id")
    )
    await unit.lock(Institution, {row.institution_id for row in named}, share=True)
    await unit.lock(CustodyAccount, {row.custody_account_id for row in named}, share=True)
    await unit.lock(Enrolment, wanted)


async def read_enrolments(unit: Unit, _reports: Sequence[ReportFee]) -> None:
    """Read the balances a fee touches, and what restrains the institutions."""
    known = list(unit.facts.all(Enrolment))
    await unit.restraints({row.institution_id for row in known})
    await unit.balances(
        account for row in known for account in (contract_of(row).held, contract_of(row).prepaid)
    )


def decide_fee(facts: Facts, report: ReportFee) -> Decision:
    """Recognize the fee: what the institution holds of it, and what the student may still take.

    Raises `WrongState` for an enrolment that takes no money or another amount than the whole of
    what is due, `InstitutionFrozen`, `AmountZero`, and `CustodyAccountInvalid` where a custody
    account backs it.
    """
    row = facts.get(Enrolment, report.target)
    assert row is not None, "the enrolment was locked"
    institution = facts.get(Institution, row.institution_id)
    assert institution is not None, "the institution was locked"
    due = still_due(contract_of(row), Money.from_fen(row.received_fen))
    if row.state not in TAKING_MONEY or report.amount != due:
        # A part of a price would have nobody to go back to when the enrolment lapses.
        raise WrongState(object="enrolment", state=row.state, due=str(due))
    if institution.state in FROZEN or restrained(facts, row.institution_id, "FREEZE"):
        raise InstitutionFrozen
    if not report.amount:
        raise AmountZero
    account = facts.get(CustodyAccount, row.custody_account_id)
    if account is None or account.purpose != "DEPOSIT":
        raise CustodyAccountInvalid(purpose="DEPOSIT")
    change = received_change(row, report.amount)
    contract = contract_of(row)
    posted = fee_held_by_institution(
        contract,
        proof=report.proof,
        amount=report.amount,
        received_before=Money.from_fen(row.received_fen),
    )
    return Decision(
        answer=_answer(facts.journal, Record({**row, **change.values})),
        transactions=(posted,),
        changes=(change,),
        shows={"prepaid": contract.prepaid, "held_by_institution": contract.held},
    )


REPORT_FEE: Final[UseCase[ReportFee, ReportFee]] = UseCase(
    "report_held_fee", find_enrolments, load_enrolments, decide_fee, read_enrolments
)


def _answer(journal: int, row: Record) -> dict[str, Any]:
    return {
        "enrolment_id": ids.public("enr", journal, row.enrolment_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "price": str(Money.from_fen(row.price_fen)),
        "received": str(Money.from_fen(row.received_fen)),
        "state": row.state,
    }
