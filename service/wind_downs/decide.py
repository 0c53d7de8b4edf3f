"""Deciding objections: what a parent proved is posted by its own rule, never by a free entry.

A higher amount is money the institution kept off the account (E36). A missing contract is taken on
as legacy (E01) or diverted (E36) and gets the next number. Nothing is lowered here: that lessons
were held must be proved lesson by lesson, and the register is made when they are all settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.money import ZERO, Money
from ledger.refusals import (
    AmountZero,
    CustodyAccountInvalid,
    EvidenceMissing,
    ObjectionUnknown,
    Refusal,
    WrongState,
)
from ledger.rules import enrolments as enrolment_rules
from ledger.rules import payouts, registers
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from ledger.rules.places import place_of as place_behind
from ledger.transactions import Transaction, TransactionKind
from service.store import notices, ported_enrolments, register_reads, registry, rows
from service.store.context import Context
from service.store.contracts import contract_of
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.gaps import with_own_funds
from service.store.tables import CustodyAccount, Enrolment, Entitlement, Objection, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import case_of, lock_cases, require_state
from service.wind_downs.admit import (
    LEGACY,
    Admission,
    contract_behind,
    enrolment_key,
    enrolment_row,
)
from service.wind_downs.object import MISSING, UNPLANNED
from service.wind_downs.register import IN_WIND_DOWN, entitlement_key, entitlement_row

UPHELD: Final = "UPHELD"
REJECTED: Final = "REJECTED"


@dataclass(frozen=True, slots=True)
class DecideObjection:
    """The task force's decision; an upheld one says the amount now owed in full."""

    journal: int
    target: UUID
    decision: str
    reason: str
    amount: Money | None = None
    admission: Admission | None = None


async def find_objections(
    connection: AsyncConnection, caller: Context, commands: Sequence[DecideObjection]
) -> list[DecideObjection | Refusal]:
    """Find the objections in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Objection, ObjectionUnknown)


async def load_objections(unit: Unit, commands: Sequence[DecideObjection]) -> None:
    """Lock case, accounts, the enrolment and entitlement objected to, and the objection."""
    wanted = {command.target for command in commands}
    found = await unit.read(
        Objection, rows.keyed(Objection, unit.facts.journal, wanted, "objection_id")
    )
    await lock_cases(unit, {row.wind_down_id for row in found})
    institutions = {row.institution_id for row in found}
    await unit.lock(CustodyAccount, institutions, column="institution_id", share=True)
    await unit.lock(Enrolment, {row.enrolment_id for row in found if row.enrolment_id is not None})
    await unit.lock(Entitlement, {r.entitlement_id for r in found if r.entitlement_id is not None})
    await unit.lock(Objection, wanted)
    await notices.read_reachable(unit, {row.guardian_id for row in found})


async def read_objections(unit: Unit, commands: Sequence[DecideObjection]) -> None:
    """Read the balances behind each, and where the next number and payment code would stand."""
    facts = unit.facts
    accounts: list[Account] = []
    numbers: dict[UUID, int] = {}
    for command in commands:
        row = _objection(facts, command)
        contract = contract_behind(facts, row, amount=command.amount, admission=command.admission)
        if contract is not None:
            place = place_behind(contract)
            accounts += [contract.prepaid, contract.legacy, contract.diversion]
            accounts += [place.own_funds, place.payable]
            for reason in (Reason.PAID, Reason.GIFT):
                accounts += [contract.units_contracted(reason), contract.units_granted(reason)]
        numbers[row.wind_down_id] = await register_reads.last_number(unit, row.wind_down_id)
        if row.kind == MISSING:
            codes = ported_enrolments.codes_of(enrolment_key(row))
            await unit.read(Enrolment, rows.keyed(Enrolment, facts.journal, codes, "payment_code"))
            pair = (row.institution_id, row.contract_number)
            await unit.read_pairs(Enrolment, {pair}, ("institution_id", "contract_number"))
    facts.extra["numbers"] = numbers
    await unit.balances(accounts)


def decide_objection(facts: Facts, command: DecideObjection) -> Decision:
    """Uphold or reject an objection.

    Raises `WrongState`, `AmountZero` (no more than the register has), `EvidenceMissing` (less), and
    `CustodyAccountInvalid` where no account could back a missing contract.
    """
    row = _objection(facts, command)
    case = case_of(facts, row.wind_down_id)
    require_state(case, *UNPLANNED)
    if row.state != "FILED":
        raise WrongState(object="objection", state=row.state)
    if command.decision == REJECTED:
        return _rejected(facts, row, command)
    if row.kind == MISSING:
        return _admitted(facts, case, row, command)
    return _raised(facts, case, row, command)


def _rejected(facts: Facts, row: Record, command: DecideObjection) -> Decision:
    changes: tuple[Change, ...] = ()
    if row.entitlement_id is not None:
        values = {"state": "REGISTERED", "seq": facts.moment.next_seq}
        changes = (Update(Entitlement, (row.entitlement_id,), values),)
    return _decided(facts, row, command, (), changes)


def _raised(facts: Facts, case: Record, row: Record, command: DecideObjection) -> Decision:
    entitlement = facts.get(Entitlement, row.entitlement_id)
    enrolment = facts.get(Enrolment, row.enrolment_id)
    assert entitlement is not None, "the entitlement was locked"
    assert enrolment is not None, "the enrolment was locked"
    amount = _amount(command)
    more = amount.fen - entitlement.claimed_fen
    if more < 0:
        raise EvidenceMissing(claimed=str(Money.from_fen(entitlement.claimed_fen)))
    if more == 0:
        raise AmountZero
    contract = contract_of(enrolment)
    opening = registers.entitlement_raised(contract, amount=Money.from_fen(more))
    debt = Debt(contract.diversion, Money.from_fen(more), enrolment.contract_on)
    covering, open_fen = _covered(facts, case, opening, debt)
    seq = facts.moment.next_seq
    changes = (
        Update(
            Enrolment,
            (enrolment.enrolment_id,),
            {"received_fen": enrolment.received_fen + more},
        ),
        Update(
            Entitlement,
            (entitlement.entitlement_id,),
            {
                "claimed_fen": amount.fen,
                "unfunded_fen": entitlement.unfunded_fen + open_fen,
                "state": "ADMITTED",
                "seq": seq,
            },
        ),
        Update(WindDown, (case.wind_down_id,), {"claimed_fen": case.claimed_fen + more}),
    )
    return _decided(facts, row, command, covering, changes, fen=amount.fen)


def _admitted(facts: Facts, case: Record, row: Record, command: DecideObjection) -> Decision:
    amount, admission = _amount(command), command.admission
    if admission is None:
        raise EvidenceMissing(field="admission")
    known = (row.institution_id, row.contract_number)
    if any((e.institution_id, e.contract_number) == known for e in facts.all(Enrolment)):
        raise WrongState(object="enrolment", state=IN_WIND_DOWN)
    contract = contract_behind(facts, row, amount=command.amount, admission=command.admission)
    if contract is None:
        raise CustodyAccountInvalid
    enrolment = Record(enrolment_row(facts, case, row, contract, admission))
    if admission.origin == LEGACY:
        opened: tuple[Transaction, ...] = ()
        opening = enrolment_rules.legacy_onboarded(contract)
        debt = contract.legacy
    else:
        opened = (enrolment_rules.enrolment_opened(contract),)
        opening = enrolment_rules.diversion_discovered(
            contract, amount=amount, received_before=ZERO
        )
        debt = contract.diversion
    covering, open_fen = _covered(facts, case, opening, Debt(debt, amount, row.contract_on))
    number = _next_number(facts, case)
    entitlement = entitlement_row(
        facts,
        case,
        enrolment,
        entitlement=entitlement_key(case, enrolment),
        number=number,
        claimed_fen=amount.fen,
        unfunded_fen=open_fen,
        late=True,
        notice=None,
    )
    totals = {
        "entitlements": case.entitlements + 1,
        "claimed_fen": case.claimed_fen + amount.fen,
    }
    changes = (
        Insert(Enrolment, dict(enrolment)),
        Insert(Entitlement, entitlement),
        Update(WindDown, (case.wind_down_id,), totals),
    )
    named = {
        "enrolment_id": enrolment.enrolment_id,
        "entitlement_id": entitlement["entitlement_id"],
    }
    return _decided(facts, row, command, (*opened, *covering), changes, fen=amount.fen, **named)


def _covered(
    facts: Facts, case: Record, opening: Transaction, debt: Debt
) -> tuple[tuple[Transaction, ...], int]:
    """Follow a new debt with own funds (E57) and, once set off, with what was earned (E48).

    Returns the transactions and what of the debt the contract still lacks by own funds alone: a
    set-off does not make a contract traced.
    """
    place = Place(institution=case.institution_id, custody=debt.account.custody)
    own, earned = facts.book.balance(place.own_funds), facts.book.balance(place.payable)
    posted = with_own_funds(facts, place, opening)
    left = debt.amount - min(debt.amount, own)
    if case.state == "REGISTER_PUBLISHED" or not left or not earned:
        return posted, left.fen
    rest = [replace(debt, amount=left)]
    return (
        *posted,
        payouts.debts_made_good(place, own_funds=ZERO, payable=earned, debts=rest),
    ), left.fen


def _decided(  # noqa: PLR0913 - a decision, its money and its rows
    facts: Facts,
    row: Record,
    command: DecideObjection,
    posted: tuple[Transaction, ...],
    changes: tuple[Change, ...],
    *,
    fen: int | None = None,
    **named: UUID,
) -> Decision:
    values: dict[str, Any] = {
        **named,
        "state": command.decision,
        "decided_fen": fen,
        "decision_reason": command.reason,
        "decided_by": facts.moment.actor,
        "decided_on": facts.moment.today,
        "seq": facts.moment.next_seq,
    }
    said = Transaction(
        TransactionKind.OBJECTION_DECIDED,
        references={
            "wind_down": str(row.wind_down_id),
            "institution": str(row.institution_id),
            "objection": str(row.objection_id),
            "decision": command.decision,
        },
        reason=command.reason,
    )
    told = notices.guardian_told(
        facts,
        base=row.objection_id,
        kind="OBJECTION_DECIDED",
        subject=row.objection_id,
        institution=row.institution_id,
        guardian=row.guardian_id,
    )
    return Decision(
        answer=register_reads.objection_answer(facts.journal, Record({**row, **values})),
        transactions=(*posted, said),
        changes=(*changes, Update(Objection, (row.objection_id,), values), told),
    )


def _next_number(facts: Facts, case: Record) -> int:
    numbers: dict[UUID, int] = facts.extra["numbers"]
    last = numbers[case.wind_down_id]
    for row in facts.all(Entitlement):
        if row.wind_down_id == case.wind_down_id:
            last = max(last, row.register_number)
    return last + 1


def _amount(command: DecideObjection) -> Money:
    if command.amount is None or not command.amount:
        raise AmountZero
    return command.amount


def _objection(facts: Facts, command: DecideObjection) -> Record:
    row = facts.get(Objection, command.target)
    assert row is not None, "the objection was found and locked"
    return row


DECIDE: Final[UseCase[DecideObjection, DecideObjection]] = UseCase(
    "decide_objection", find_objections, load_objections, decide_objection, read_objections
)
