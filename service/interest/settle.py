"""Interest of contracts that ended (E35): to the students' payers, or to the institution.

The supervision agreement says which; a refunded contract's interest is always the student's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import InstitutionFrozen, Refusal, WrongState
from ledger.rules import interest as rules
from ledger.rules.debts import Debt
from ledger.rules.interest import ResidualInterest
from ledger.rules.places import place_of
from service.store import ids, refund_payers, rows
from service.store.context import Context
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Record
from service.store.refund_payers import PayerShare
from service.store.tables import Agreement, CustodyAccount, Enrolment, Institution, Refund
from service.store.transact import UseCase
from service.store.unit import Unit

ENDED: Final = frozenset({"COMPLETED", "REFUNDED", "PORTED"})
FROZEN: Final = frozenset({"FROZEN", "WINDING_DOWN"})
SOURCE: Final = "INTEREST"


@dataclass(frozen=True, slots=True)
class SettleInterest:
    """Settle what interest an ended enrolment still has; a sweep found it."""

    enrolment: UUID


async def find_ended(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[SettleInterest]
) -> list[SettleInterest | Refusal]:
    """Take the enrolments as the sweep found them."""
    return list(commands)


async def load_ended(unit: Unit, commands: Sequence[SettleInterest]) -> None:
    """Lock the enrolments, behind their institutions and accounts, and read the agreements."""
    journal = unit.facts.journal
    wanted = {command.enrolment for command in commands}
    named = await unit.read(Enrolment, rows.keyed(Enrolment, journal, wanted, "enrolment_id"))
    institutions = {row.institution_id for row in named}
    await unit.lock(Institution, institutions, share=True)
    await unit.lock(CustodyAccount, {row.custody_account_id for row in named}, share=True)
    await unit.lock(Enrolment, wanted)
    await unit.read(Agreement, rows.keyed(Agreement, journal, institutions, "institution_id"))


async def read_ended(unit: Unit, commands: Sequence[SettleInterest]) -> None:
    """Read balances, payers, and the books of the refunds there would be."""
    enrolments = [_enrolment(unit.facts, command) for command in commands]
    contracts = [contract_of(row) for row in enrolments]
    await unit.balances(
        account
        for contract in contracts
        for account in (contract.interest, contract.payable, contract.legacy, contract.diversion)
    )
    await refund_payers.read_payers(unit, enrolments)
    await unit.balances(
        place_of(contract_of(row)).refund_payable(refund)
        for row in enrolments
        for refund in _refunds(unit.facts, row)[1]
    )


def decide_settle(facts: Facts, command: SettleInterest) -> Decision:
    """Settle an ended contract's interest; nothing left is answered as done before.

    Raises `WrongState` for a contract that goes on, `InstitutionFrozen`.
    """
    row = _enrolment(facts, command)
    contract = contract_of(row)
    amount = facts.book.balance(contract.interest)
    answer = {"enrolment_id": ids.public("enr", facts.journal, row.enrolment_id)}
    if not amount:
        return Decision(answer=answer | {"interest": "0.00"}, duplicate=True)
    if row.state not in ENDED:
        raise WrongState(object="enrolment", state=row.state)
    institution = facts.get(Institution, row.institution_id)
    if institution is None or institution.state in FROZEN:
        raise InstitutionFrozen
    answer |= {"interest": str(amount)}
    if _whose(facts, row) is ResidualInterest.TO_INSTITUTION:
        settled = rules.interest_settled_to_institution(
            contract, amount=amount, unfunded=_unfunded(facts, row)
        )
        return Decision(answer=answer, transactions=(settled,), shows={"earned": contract.payable})
    shares, refund_ids = _refunds(facts, row)
    settled = rules.interest_settled_to_student(
        contract,
        refunds=[(refund, share.amount) for refund, share in zip(refund_ids, shares, strict=True)],
    )
    return Decision(
        answer=answer,
        transactions=(settled,),
        changes=refund_payers.new_refunds(
            facts,
            source=SOURCE,
            source_id=row.enrolment_id,
            enrolment=row,
            shares=shares,
            refund_ids=refund_ids,
        ),
    )


SETTLE: Final[UseCase[SettleInterest, SettleInterest]] = UseCase(
    "settle_interest", find_ended, load_ended, decide_settle, read_ended
)


def _enrolment(facts: Facts, command: SettleInterest) -> Record:
    row = facts.get(Enrolment, command.enrolment)
    assert row is not None, "the enrolment was locked"
    return row


def _whose(facts: Facts, row: Record) -> ResidualInterest:
    """Return whose it is, by the agreement in force with the account's bank."""
    account = facts.get(CustodyAccount, row.custody_account_id)
    assert account is not None, "the custody account was locked"
    today = facts.moment.today
    if row.state == "COMPLETED":
        for signed in facts.all(Agreement):
            in_force = signed.valid_from <= today and (
                signed.valid_to is None or today <= signed.valid_to
            )
            ours = (signed.institution_id, signed.bank_code) == (
                row.institution_id,
                account.bank_code,
            )
            if ours and in_force:
                return ResidualInterest(signed.residual_interest)
    return ResidualInterest.TO_STUDENT


def _unfunded(facts: Facts, row: Record) -> list[Debt]:
    contract = contract_of(row)
    return [
        Debt(account, facts.book.balance(account), row.contract_on)
        for account in (contract.legacy, contract.diversion)
        if facts.book.quantity(account)
    ]


def _refunds(facts: Facts, row: Record) -> tuple[Sequence[PayerShare], Sequence[UUID]]:
    """Part the interest over the payers; a later settlement's refunds have other ids."""
    amount: Money = facts.book.balance(contract_of(row).interest)
    shares = refund_payers.split_to_payers(facts, row.enrolment_id, amount)
    before = sum(
        1
        for known in facts.each_by(Refund, "enrolment_id", row.enrolment_id)
        if known.source == SOURCE
    )
    refund_ids = refund_payers.refund_ids(row.enrolment_id, shares, round_number=before + 1)
    return shares, refund_ids
