"""Use case of a parent who chooses a placement instead of the dividend in money."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    EntitlementUnknown,
    OfferFull,
    OfferUnknown,
    Refusal,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.portings.answers import answer_of
from service.portings.end import PAID_OUT
from service.portings.offers import BEFORE_POSTING
from service.portings.standing import OPEN
from service.store import rows
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.porting_orders import PLACEMENT
from service.store.tables import Enrolment, Entitlement, PlacementOffer, Porting, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class ChooseOffer:
    """A parent takes an offer for one entitlement; the consent document is known by its hash."""

    journal: int
    porting: UUID
    entitlement: UUID
    offer: UUID
    consent_hash: str


@dataclass(frozen=True, slots=True)
class FoundChoice:
    """A choice, its case and the enrolment it is about."""

    command: ChooseOffer
    wind_down: UUID
    enrolment: UUID


async def find_choices(
    connection: AsyncConnection, _caller: Context, commands: Sequence[ChooseOffer]
) -> list[FoundChoice | Refusal]:
    """Find the parent's entitlements, and the offers made in the same case."""
    journal = commands[0].journal
    wanted = {command.entitlement for command in commands}
    entitlements = {
        row["entitlement_id"]: row
        for row in await rows.fetch(
            connection, rows.keyed(Entitlement, journal, wanted, "entitlement_id")
        )
    }
    offered = rows.keyed(PlacementOffer, journal, {c.offer for c in commands}, "offer_id")
    offers = {row["offer_id"]: row for row in await rows.fetch(connection, offered)}
    found: list[FoundChoice | Refusal] = []
    for command in commands:
        entitlement, offer = entitlements.get(command.entitlement), offers.get(command.offer)
        if entitlement is None:
            found.append(EntitlementUnknown())
        elif offer is None or offer["wind_down_id"] != entitlement["wind_down_id"]:
            found.append(OfferUnknown())
        else:
            found.append(
                FoundChoice(command, entitlement["wind_down_id"], entitlement["enrolment_id"])
            )
    return found


async def load_choices(unit: Unit, found: Sequence[FoundChoice]) -> None:
    """Lock the cases, shared, then the enrolments, the entitlements and the offers."""
    await unit.lock(WindDown, {each.wind_down for each in found}, share=True)
    await unit.lock(Enrolment, {each.enrolment for each in found}, share=True)
    await unit.lock(Entitlement, {each.command.entitlement for each in found})
    await unit.lock(PlacementOffer, {each.command.offer for each in found})


async def read_choices(unit: Unit, found: Sequence[FoundChoice]) -> None:
    """Read what was chosen for these entitlements already."""
    source = rows.table_of(Porting)
    await unit.read(
        Porting,
        select(source).where(
            source.c.journal_id == unit.facts.journal,
            source.c.entitlement_id.in_(sorted({each.command.entitlement for each in found})),
            source.c.state.in_(sorted(OPEN)),
        ),
    )


def decide_choice(facts: Facts, found: FoundChoice) -> Decision:
    """Take a place of the offer for this entitlement; its dividend will be carried there.

    Refused in order: `WrongState` (posted already, or another choice stands), `OfferFull`.
    """
    command = found.command
    case, entitlement = facts.get(WindDown, found.wind_down), _entitlement(facts, command)
    assert case is not None, "the case was locked"
    if case.state not in BEFORE_POSTING or entitlement.state in PAID_OUT:
        raise WrongState(object="wind_down", state=case.state)
    if any(
        row.entitlement_id == command.entitlement and row.state in OPEN
        for row in facts.all(Porting)
    ):
        raise WrongState(object="entitlement", state="CHOSEN")
    offer = facts.get(PlacementOffer, command.offer)
    assert offer is not None, "the offer was found and locked"
    ended = offer.state != "OPEN" or offer.valid_until < facts.moment.today
    if ended or offer.places_taken >= offer.places:
        raise OfferFull(places=offer.places)
    row = _row(facts, found, offer)
    return Decision(
        answer=answer_of(facts.journal, Record(row)),
        transactions=(_chosen(row),),
        changes=(
            Insert(Porting, row),
            Update(PlacementOffer, (offer.offer_id,), {"places_taken": offer.places_taken + 1}),
        ),
    )


CHOOSE: Final = UseCase[ChooseOffer, FoundChoice](
    "choose_offer", find_choices, load_choices, decide_choice, read_choices
)


def _entitlement(facts: Facts, command: ChooseOffer) -> Record:
    row = facts.get(Entitlement, command.entitlement)
    assert row is not None, "the entitlement was found and locked"
    return row


def _row(facts: Facts, found: FoundChoice, offer: Record) -> dict[str, Any]:
    command, moment = found.command, facts.moment
    entitlement = _entitlement(facts, command)
    enrolment = facts.get(Enrolment, found.enrolment)
    assert enrolment is not None, "the enrolment was locked"
    return {
        "porting_id": command.porting,
        "kind": PLACEMENT,
        "enrolment_id": found.enrolment,
        "entitlement_id": command.entitlement,
        "offer_id": offer.offer_id,
        "institution_id": entitlement.institution_id,
        "custody_account_id": entitlement.custody_account_id,
        "guardian_id": entitlement.guardian_id,
        "student_id": enrolment.student_id,
        "to_institution_id": offer.receiving_institution_id,
        "to_custody_account_id": offer.custody_account_id,
        "to_course_id": offer.course_id,
        "to_enrolment_id": None,
        "consent_hash": command.consent_hash,
        "amount_fen": 0,
        "granted_lessons": 0,
        "granted_gift": 0,
        "worth_fen": 0,
        "taken_paid": 0,
        "taken_gift": 0,
        "order_id": None,
        "state": "CHOSEN",
        "chosen_on": moment.today,
        "seq": moment.next_seq,
    }


def _chosen(row: dict[str, Any]) -> Transaction:
    return Transaction(
        TransactionKind.PLACEMENT_CHOSEN,
        references={
            "institution": str(row["institution_id"]),
            "custody": str(row["custody_account_id"]),
            "enrolment": str(row["enrolment_id"]),
            "entitlement": str(row["entitlement_id"]),
            "offer": str(row["offer_id"]),
            "porting": str(row["porting_id"]),
        },
    )
