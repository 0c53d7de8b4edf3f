"""What stands behind a payout: earned money, debts made good first, room, holds and restraints.

The same facts decide an order, a settlement sweep and the answer to "why was it stopped".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.coverage import payout_room
from ledger.money import ZERO, Money, total
from ledger.refusals import (
    AccountFenced,
    InstitutionFrozen,
    PayoutStopped,
    Refusal,
    WrongState,
)
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.payouts import debts_made_good
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store.contracts import debts_of, place_of, read_debts
from service.store.custody_positions import in_time_of, position_of, read_in_time
from service.store.facts import Facts, Record
from service.store.tables import CustodyAccount, Institution, Restraint
from service.store.unit import Unit

FROZEN: Final = frozenset({"FROZEN", "WINDING_DOWN"})
GONE: Final = frozenset({"DEREGISTERED"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What one custody account could pay out now.

    `earned` (L4) and `own_funds` (L16) are what is left once `recovery` has made debts good; `room`
    is what coverage leaves before holds (I-22), `held` what holds keep back of it.
    """

    place: Place
    earned: Money
    own_funds: Money
    debts: tuple[Debt, ...]
    recovery: tuple[Transaction, ...]
    room: Money
    held: Money
    restraints: tuple[Record, ...]
    stops: tuple[Refusal, ...]

    @property
    def available(self) -> Money:
        """Room after holds."""
        return max(self.room - self.held, ZERO)


async def read_standing(
    unit: Unit, accounts: Iterable[Record], orders: Mapping[UUID, Sequence[UUID]]
) -> None:
    """Read under the head what `standing_of` needs; `orders` are new order ids by account."""
    known = list(accounts)
    places = [place_of(account) for account in known]
    await read_debts(unit, (place.custody for place in places))
    await unit.custody_totals(place.custody for place in places)
    await read_in_time(unit, (place.custody for place in places))
    await unit.restraints({t for place in places for t in (place.institution, place.custody)})
    wanted: list[Account] = []
    for place in places:
        wanted += [place.bank, place.payable, place.own_funds, place.due(Reason.CLAWBACK)]
        wanted += [place.payout_in_transit(order) for order in orders.get(place.custody, ())]
    await unit.balances(wanted)


def standing_of(facts: Facts, account: Record) -> Standing:
    """Return what a custody account could pay out, and why it may not."""
    place = place_of(account)
    earned, own = facts.book.balance(place.payable), facts.book.balance(place.own_funds)
    debts = debts_of(facts, place.custody)
    recovery = _recovery(place, earned=earned, own_funds=own, debts=debts)
    taken = {place.payable: 0, place.own_funds: 0}
    for transaction in recovery:
        for source, effect in transaction.effects().items():
            if source in taken:
                taken[source] += effect
    restraints = _restraints(facts, place)
    return Standing(
        place=place,
        earned=earned + Money.from_fen(taken[place.payable]),
        own_funds=own + Money.from_fen(taken[place.own_funds]),
        debts=tuple(debts),
        recovery=recovery,
        room=payout_room(
            position_of(facts, place.custody), in_time=in_time_of(facts, place.custody)
        ),
        held=total([Money.from_fen(r.amount_fen or 0) for r in restraints if r.kind == "HOLD"]),
        restraints=restraints,
        stops=tuple(_stops(facts, account, restraints)),
    )


def _recovery(
    place: Place, *, earned: Money, own_funds: Money, debts: Sequence[Debt]
) -> tuple[Transaction, ...]:
    """Make good first: any debt from own funds (E57), then CLAWBACK from what was earned (E29)."""
    posted: list[Transaction] = []
    if own_funds and owed(debts):
        posted.append(own_funds_applied(place, own_funds=own_funds, debts=debts))
    closed = dict(make_good(debts, own_funds)[0])
    clawback = [
        Debt(debt.account, debt.amount - closed.get(debt.account, ZERO))
        for debt in debts
        if debt.account.reason is Reason.CLAWBACK
    ]
    if earned and owed(clawback):
        posted.append(debts_made_good(place, own_funds=ZERO, payable=earned, debts=clawback))
    return tuple(posted)


def _restraints(facts: Facts, place: Place) -> tuple[Record, ...]:
    return tuple(
        row
        for row in facts.all(Restraint)
        if row.to_seq is None and row.target_id in (place.institution, place.custody)
    )


def _stops(facts: Facts, account: Record, restraints: Sequence[Record]) -> Iterable[Refusal]:
    """Say why nothing may leave, in the documented order: state, then restraint."""
    institution = facts.get(Institution, account.institution_id)
    assert institution is not None, "the institution was locked"
    held = facts.get(CustodyAccount, account.custody_account_id)
    assert held is not None, "the custody account was locked"
    kinds = {row.kind for row in restraints}
    if institution.state in GONE:
        yield WrongState(object="institution", state=institution.state)
    if held.state != "ACTIVE" or held.purpose != "CUSTODY":
        yield WrongState(object="custody_account", state=held.state, purpose=held.purpose)
    if "PAYOUT_STOP" in kinds:
        yield PayoutStopped()
    if institution.state in FROZEN or "FREEZE" in kinds:
        yield InstitutionFrozen()
    if "FENCE" in kinds:
        yield AccountFenced()
