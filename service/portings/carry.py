"""Use case of carrying a placement: its posted dividend goes to the receiving institution (E44).

The dividend buys whole lessons at the offer's price, with the bonus on top; what is less than a
lesson comes back to the student there. Where the receiver may no longer take students, or the
dividend buys no lesson, the dividend is paid in money after all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money, total
from ledger.refusals import Refusal, WrongState
from ledger.rules import portings as rules
from service.portings.answers import answer_of
from service.portings.end import PAID_OUT, place_freed, withdrawn
from service.store import rows, standing
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.placements import lessons_for
from service.store.porting_orders import lock_portings, porting_moved, porting_order
from service.store.tables import (
    CustodyAccount,
    Entitlement,
    Institution,
    PlacementOffer,
    Porting,
    Refund,
)
from service.store.transact import UseCase
from service.store.unit import Unit

DIVIDEND: Final = "DIVIDEND"


@dataclass(frozen=True, slots=True)
class CarryPlacement:
    """Carry one placement, under the ids that its order and its new enrolment may get."""

    journal: int
    porting: UUID
    order: UUID
    enrolment: UUID


async def find_carried(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[CarryPlacement]
) -> list[CarryPlacement | Refusal]:
    """Take the placements as the sweep found them."""
    return list(commands)


async def load_carried(unit: Unit, commands: Sequence[CarryPlacement]) -> None:
    """Lock institutions and accounts, shared, then enrolments, refunds, portings and offers."""
    source, journal = rows.table_of(Porting), unit.facts.journal
    wanted = {command.porting for command in commands}
    ends = await unit.query(
        rows.keyed(Porting, journal, wanted, "porting_id").with_only_columns(
            source.c.institution_id,
            source.c.to_institution_id,
            source.c.custody_account_id,
            source.c.entitlement_id,
            source.c.offer_id,
        )
    )
    both = {row[name] for row in ends for name in ("institution_id", "to_institution_id")}
    await unit.lock(Institution, both, share=True)
    await unit.lock(CustodyAccount, {row["custody_account_id"] for row in ends}, share=True)
    await lock_portings(unit, wanted)
    await unit.lock(PlacementOffer, {row["offer_id"] for row in ends} - {None})
    entitlements = {row["entitlement_id"] for row in ends} - {None}
    await unit.read(Entitlement, rows.keyed(Entitlement, journal, entitlements, "entitlement_id"))


async def read_carried(unit: Unit, _commands: Sequence[CarryPlacement]) -> None:
    """Read restraints on the receiving institutions and the balances of the dividends."""
    facts = unit.facts
    known = list(facts.all(Porting))
    await unit.restraints({porting.to_institution_id for porting in known})
    await unit.balances(
        account
        for porting in known
        for account in (
            place_of(porting).porting_in_transit(porting.porting_id),
            *(place_of(porting).refund_payable(r.refund_id) for r in _dividends(facts, porting)),
        )
    )


def decide_carry(facts: Facts, command: CarryPlacement) -> Decision:
    """Set the dividend aside and order the bank to pay it on; or give the placement up.

    Raises `WrongState` when it is not chosen any more, or nothing has been posted.
    """
    porting = facts.get(Porting, command.porting)
    assert porting is not None, "the porting was locked"
    if porting.state != "CHOSEN":
        raise WrongState(object="porting", state=porting.state)
    entitlement = facts.get(Entitlement, porting.entitlement_id)
    if entitlement is None or entitlement.state not in PAID_OUT:
        raise WrongState(object="entitlement", state=getattr(entitlement, "state", "NONE"))
    dividends = {
        refund.refund_id: Money.from_fen(refund.payable_fen)
        for refund in _dividends(facts, porting)
    }
    amount = total([*dividends.values()])
    offer = facts.get(PlacementOffer, porting.offer_id)
    assert offer is not None, "the offer was locked"
    lessons, bonus = lessons_for(amount.fen, offer.lesson_fen, offer.bonus_percent)
    obstacle = "DIVIDEND_TOO_SMALL" if lessons == 0 else _obstacle(facts, porting)
    if obstacle is not None:
        return Decision(
            answer=answer_of(facts.journal, Record({**porting, "state": "FAILED"})),
            transactions=(withdrawn(porting, obstacle),),
            changes=(porting_moved(porting, "FAILED"), *place_freed(facts, porting)),
        )
    values = {
        "amount_fen": amount.fen,
        "granted_lessons": lessons,
        "granted_gift": bonus,
        "worth_fen": lessons * offer.lesson_fen,
        "to_enrolment_id": command.enrolment,
        "order_id": command.order,
    }
    now = Record({**porting, **values, "state": "INSTRUCTED"})
    account = facts.get(CustodyAccount, porting.custody_account_id)
    assert account is not None, "the custody account was locked"
    set_aside = rules.placement_instructed(
        place_of(porting), porting=porting.porting_id, dividends=dividends
    )
    return Decision(
        answer=answer_of(facts.journal, now),
        transactions=(set_aside,),
        changes=(
            porting_moved(porting, "INSTRUCTED", **values),
            porting_order(facts, now, order=command.order, account=account),
            *(_in_transit(refund) for refund in _dividends(facts, porting)),
        ),
    )


CARRY: Final = UseCase[CarryPlacement, CarryPlacement](
    "carry_placement", find_carried, load_carried, decide_carry, read_carried
)


def _dividends(facts: Facts, porting: Record) -> list[Record]:
    """Return the dividend's refunds of which nothing has gone out or come back."""
    return [
        refund
        for refund in facts.each_by(Refund, "source_id", porting.entitlement_id)
        if refund.source == DIVIDEND
        and refund.payable_fen > 0
        and refund.in_transit_fen + refund.returned_fen == 0
    ]


def _obstacle(facts: Facts, porting: Record) -> str | None:
    """Name what keeps the receiving institution from taking a student now."""
    try:
        standing.require_enrolling(facts, porting.to_institution_id)
    except Refusal as refusal:
        return refusal.code.upper()
    return None


def _in_transit(refund: Record) -> Update:
    values = {"payable_fen": 0, "in_transit_fen": refund.payable_fen, "waiting_for": None}
    return Update(Refund, (refund.refund_id,), values)
