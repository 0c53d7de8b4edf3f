"""Facts for the rules' properties: one school in one custody account, its contracts and debts."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from ledger.transactions import Transaction

SCHOOL, CUSTODY, ENROLMENT, LESSON, ENTRY, RECEIPT, ORDER, BANK = (
    UUID(int=number) for number in range(1, 9)
)
PLACE = Place(institution=SCHOOL, custody=CUSTODY)
OTHER_PLACE = Place(institution=SCHOOL, custody=UUID(int=9))

amounts = st.integers(min_value=1, max_value=10**9).map(Money.from_fen)
balances = st.integers(min_value=0, max_value=10**9).map(Money.from_fen)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """Draw a contract of any price and lessons, worthless slots included."""
    return Contract(
        enrolment=ENROLMENT,
        institution=SCHOOL,
        custody=CUSTODY,
        price=Money.from_fen(draw(st.integers(0, 500_000))),
        lessons_paid=draw(st.integers(1, 60)),
        lessons_gift=draw(st.integers(0, 5)),
        gift_in_schedule=draw(st.booleans()),
    )


@st.composite
def slots(draw: st.DrawFn) -> tuple[Contract, int]:
    """Draw a contract and one of its slots."""
    contract = draw(contracts())
    return contract, draw(st.integers(1, contract.slots))


@st.composite
def debts(draw: st.DrawFn, *, place: Place = PLACE, minimum: int = 0) -> list[Debt]:
    """Draw debts of a place, of every reason, in any order."""
    general = (
        Reason.BANK_CHARGE,
        Reason.CLAWBACK,
        Reason.CHARGEBACK,
        Reason.COURT_DEDUCTION,
        Reason.CALLED,
    )
    found = [Debt(place.due(reason), draw(balances)) for reason in general if draw(st.booleans())]
    for number in range(draw(st.integers(0, 3))):
        contract = Contract(UUID(int=100 + number), SCHOOL, place.custody, Money.of("1.00"), 1)
        since = date(2021, 1, 1) + timedelta(days=draw(st.integers(0, 3)))
        found.append(Debt(contract.legacy, draw(balances), since))
        found.append(Debt(contract.diversion, draw(balances), since))
    if len(found) < minimum:
        found.append(Debt(place.due(Reason.BANK_CHARGE), draw(amounts)))
    return draw(st.permutations(found))


def effects(transaction: Transaction) -> dict[Account, int]:
    """Return what a transaction changes, in fen or lessons, accounts left as they were apart."""
    return {account: change for account, change in transaction.effects().items() if change}


def changes(*moves: tuple[Account, Money | int]) -> dict[Account, int]:
    """Write expected effects; what is zero is left out."""
    quantities = ((a, m.fen if isinstance(m, Money) else m) for a, m in moves)
    return {account: quantity for account, quantity in quantities if quantity}
