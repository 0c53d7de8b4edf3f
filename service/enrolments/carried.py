"""Contracts with money missing: from before custody (E01), or collected outside it (体外收费, E36).

Both are exempt from caps and need no rule pack or course: the price is the remaining value, the
lessons those that remain. The shortfall is visible from the first day, and own funds cover it at
once where there are any (E57).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refusals import (
    AmountZero,
    CustodyAccountInvalid,
    DateInFuture,
    InstitutionFrozen,
    InstitutionUnknown,
    Refusal,
    WrongState,
)
from ledger.rules import enrolments as rules
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.enrolments import contracts
from service.enrolments.people import People, added, require_known
from service.store import registry, standing
from service.store.context import Context
from service.store.contracts import contract_of, place_of
from service.store.facts import Decision, Facts, Insert, Record
from service.store.gaps import with_own_funds
from service.store.tables import CustodyAccount, Enrolment, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

LEGACY: Final = "LEGACY"
DIVERSION: Final = "DIVERSION"
GONE: Final = frozenset({"EXITED", "DEREGISTERED"})
NO_PACK: Final = "none"


@dataclass(frozen=True, slots=True)
class CarriedContract:
    """A contract with what remains of it; `custody` None means the institution's default."""

    journal: int
    enrolment: UUID
    institution: UUID
    custody: UUID | None
    origin: str
    contract_number: str
    people: People
    category: str
    subject: str
    value: Money
    lessons_paid: int
    lessons_gift: int
    gift_in_schedule: bool
    absence_counts: bool
    contract_on: date
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class FoundInstitution:
    """A command with the custody account that is to back the contract, if there is one."""

    command: CarriedContract
    custody: UUID | None


async def _find(
    connection: AsyncConnection, caller: Context, commands: Sequence[CarriedContract]
) -> list[FoundInstitution | Refusal]:
    journal = commands[0].journal
    wanted = {command.institution for command in commands if command.journal == journal}
    seen = await registry.seen(connection, caller, Institution, journal, wanted)
    defaults = await registry.default_accounts(connection, journal, seen)
    return [
        FoundInstitution(command, command.custody or defaults.get(command.institution))
        if command.journal == journal and command.institution in seen
        else InstitutionUnknown()
        for command in commands
    ]


async def _load(unit: Unit, found: Sequence[FoundInstitution]) -> None:
    await unit.lock(Institution, {item.command.institution for item in found}, share=True)
    await unit.lock(
        CustodyAccount, {item.custody for item in found if item.custody is not None}, share=True
    )


async def _read(unit: Unit, found: Sequence[FoundInstitution]) -> None:
    await unit.restraints({item.command.institution for item in found})
    await contracts.read_standing(
        unit, [(item.command.institution, item.command) for item in found]
    )
    await unit.balances([account for item in found for account in _touched(item)])


def _touched(found: FoundInstitution) -> list[Account]:
    if found.custody is None:
        return []
    place = Place(institution=found.command.institution, custody=found.custody)
    contract = Contract(
        enrolment=found.command.enrolment,
        institution=found.command.institution,
        custody=found.custody,
        price=found.command.value,
        lessons_paid=found.command.lessons_paid,
    )
    accounts = [contract.prepaid, contract.legacy, contract.diversion, place.own_funds]
    for reason in (Reason.PAID, Reason.GIFT):
        accounts += [contract.units_contracted(reason), contract.units_granted(reason)]
    return accounts


def _decide(facts: Facts, found: FoundInstitution) -> Decision:
    command = found.command
    stated = _stated(command)
    again = contracts.asked_again(facts, command, command.institution, stated)
    if again is not None:
        return again
    require_known(facts, command.people, command.institution)
    _require_institution(facts, command)
    if not command.value:
        raise AmountZero
    if command.contract_on > facts.moment.today:
        raise DateInFuture(field="contract_on", date=command.contract_on.isoformat())
    _require_account(facts, found)
    row = contracts.row_of(
        facts, command, institution=command.institution, custody=found.custody, stated=stated
    )
    contract = contract_of(Record(row))
    return Decision(
        answer=contracts.answer_of(facts.journal, row),
        transactions=_transactions(facts, contract, place_of(Record(row)), command.origin),
        changes=(
            *added(command.people, command.institution, facts.moment.now),
            Insert(Enrolment, row),
        ),
        shows={
            "prepaid": contract.prepaid,
            "due_from_institution": contract.legacy
            if command.origin == LEGACY
            else contract.diversion,
        },
    )


def _transactions(
    facts: Facts, contract: Contract, place: Place, origin: str
) -> tuple[Transaction, ...]:
    if origin == LEGACY:
        return with_own_funds(facts, place, rules.legacy_onboarded(contract))
    discovered = rules.diversion_discovered(contract, amount=contract.price, received_before=ZERO)
    return (rules.enrolment_opened(contract), *with_own_funds(facts, place, discovered))


def _stated(command: CarriedContract) -> dict[str, Any]:
    return {
        "course_id": None,
        "template_version": None,
        "origin": command.origin,
        "category": command.category,
        "subject": command.subject,
        "price_fen": command.value.fen,
        "lessons_paid": command.lessons_paid,
        "lessons_gift": command.lessons_gift,
        "gift_in_schedule": command.gift_in_schedule,
        "absence_counts": command.absence_counts,
        "list_lesson_fen": None,
        "materials_fen": 0,
        "time_card": False,
        "contract_on": command.contract_on,
        "charged_on": command.contract_on,
        "starts_on": command.starts_on,
        "ends_on": command.ends_on,
        "lapses_on": None,
        "received_fen": command.value.fen,
        "state": "ACTIVE",
        "policy_version": NO_PACK,
    }


def _require_institution(facts: Facts, command: CarriedContract) -> None:
    """Refuse an institution that is gone; a frozen one declares no more contracts of its own."""
    row = facts.get(Institution, command.institution)
    assert row is not None, "the institution was locked"
    if row.state in GONE:
        raise WrongState(object="institution", state=row.state)
    frozen = row.state in standing.FROZEN or standing.restrained(
        facts, command.institution, "FREEZE"
    )
    if frozen and command.origin == LEGACY:
        raise InstitutionFrozen


def _require_account(facts: Facts, found: FoundInstitution) -> None:
    account = None if found.custody is None else facts.get(CustodyAccount, found.custody)
    if (
        account is None
        or account.institution_id != found.command.institution
        or account.state != "ACTIVE"
        or account.purpose != "CUSTODY"
    ):
        raise CustodyAccountInvalid


TAKE_ON: Final = UseCase("take_on_contract", _find, _load, _decide, _read)
