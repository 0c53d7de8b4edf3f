"""Links by the contract itself: its number, its payment code and the student's name on it.

Where the phone just proved is the contract's too the link stands at once; else somebody who knows
the family confirms it, the phone on the contract is told, and payees rest for 72 hours after.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.refusals import ContractNotProved
from ledger.transactions import TransactionKind
from service.identity import limits
from service.identity.limits import Ceiling, CostClass
from service.store import guardian_links as links
from service.store import notices, reference, rows
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.tables import Enrolment, GuardianLink, Party
from service.store.transact import Store, UseCase, writing
from service.store.unit import Unit

PER_PARENT: Final = Ceiling(10, 3_600, 5)
PER_CONTRACT: Final = Ceiling(10, 86_400, 10)
"""Tries by one parent, and at one contract by everybody."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a parent reads off their contract: the name as its blind index, the code as printed."""

    contract_number: str
    payment_code: str
    name_index: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskByContract:
    """Link a parent to the guardian of a contract that was proved; `link` is the new id."""

    journal: int
    link: UUID
    parent: UUID
    enrolment: UUID
    phone_index: bytes = field(repr=False)
    name_index: bytes = field(repr=False)


async def spend(engine: AsyncEngine, *, parent: UUID, code_index: bytes) -> None:
    """Count a try, right or wrong, before it is looked at; raises `RateLimited`."""
    subjects = ((f"proof:{parent.hex}", PER_PARENT), (f"proved:{code_index.hex()}", PER_CONTRACT))
    async with writing(engine) as connection:
        for subject, ceiling in subjects:
            await limits.spend(
                connection, subject=subject, cost_class=CostClass.CODE, ceiling=ceiling
            )


async def contract_of(store: Store, proof: Proof) -> Record:
    """Find the one contract in any journal that fits; raises `ContractNotProved` whatever fails."""
    async with store.engine.connect() as connection:
        journals = await reference.journals_in(connection, "")
    async with store.reading(Context(journals)) as connection:
        found = await links.contracts_by_code(connection, journals, proof.payment_code)
    fitting = [row for row in found if _fits(row, proof)]
    if len(fitting) != 1:
        raise ContractNotProved
    return fitting[0]


def _fits(row: Record, proof: Proof) -> bool:
    """Compare both, whatever the first says: how long it takes tells nothing."""
    number = hmac.compare_digest(row.contract_number.encode(), proof.contract_number.encode())
    name = hmac.compare_digest(row.name_index or b"", proof.name_index)
    return number and name


async def _find(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[AskByContract]
) -> Sequence[AskByContract]:
    return commands


async def _load(unit: Unit, found: Sequence[AskByContract]) -> None:
    locked = await unit.lock(Enrolment, {command.enrolment for command in found}, share=True)
    parties = {row.guardian_id for row in locked} | {row.student_id for row in locked}
    await unit.read(Party, rows.keyed(Party, unit.facts.journal, parties, "party_id"))
    await notices.read_reachable(unit, {row.guardian_id for row in locked})


async def _read(unit: Unit, _found: Sequence[AskByContract]) -> None:
    guardians = {row.guardian_id for row in unit.facts.all(Enrolment)}
    await links.read_of_parties(unit, guardians)


def _decide(facts: Facts, command: AskByContract) -> Decision:
    enrolment = facts.get(Enrolment, command.enrolment)
    assert enrolment is not None, "the enrolment was locked"
    guardian = facts.get(Party, enrolment.guardian_id)
    student = facts.get(Party, enrolment.student_id)
    if guardian is None or student is None or student.name_index != command.name_index:
        raise ContractNotProved
    same_phone = guardian.phone_index == command.phone_index
    before = next(
        (row for row in links.live_links(facts, guardian.party_id) if _is_of(row, command)), None
    )
    if before is not None and not (before.state == links.INVITED or _may_stand(before, same_phone)):
        return Decision(answer=links.answer_of(facts.journal, before), duplicate=True)
    if before is not None:
        values = links.activated(facts)
        change = Update(GuardianLink, (before.link_id,), values)
        return _made(facts, command, Record({**before, **values}), change)
    row = links.added(
        facts,
        {
            "link_id": command.link,
            "parent_id": command.parent,
            "party_id": guardian.party_id,
            "institution_id": guardian.institution_id,
            "proof": links.BY_CONTRACT,
            "state": links.ACTIVE if same_phone else links.WAITING,
        },
    )
    return _made(facts, command, row, links.insert_of(row))


def _is_of(row: Record, command: AskByContract) -> bool:
    return bool(row.parent_id == command.parent)


def _may_stand(row: Record, same_phone: bool) -> bool:  # noqa: FBT001 - what is known of it
    return same_phone and row.state == links.WAITING


def _made(facts: Facts, command: AskByContract, row: Record, change: Change) -> Decision:
    """Write the link, and tell the phone on the contract of one that waits."""
    waits = row.state == links.WAITING
    kind = TransactionKind.GUARDIAN_LINK_ASKED if waits else TransactionKind.GUARDIAN_LINKED
    changes = [change]
    if waits:
        about = {"base": command.link, "kind": "GUARDIAN_LINK_ASKED", "subject": row.link_id}
        place = {"institution": row.institution_id}
        changes.append(notices.guardian_told(facts, **about, **place, guardian=row.party_id))
        changes.append(notices.institution_told(facts, **about, **place))
    return Decision(
        answer=links.answer_of(facts.journal, row),
        transactions=(links.fact(kind, row, links.BY_CONTRACT),),
        changes=tuple(changes),
    )


ASK_BY_CONTRACT: Final = UseCase[AskByContract, AskByContract](
    "ask_by_contract", _find, _load, _decide, _read
)
