"""A deposit account, what may stand in it, and contracts whose fee the institution holds."""

from uuid import UUID

from hypothesis import strategies as st

from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import deposits
from ledger.rules.deposits import RiskDeposit
from ledger.rules.places import Place
from tests.ledger.rules.facts import ENTRY, ORDER, SCHOOL, balances

KEPT = Place(institution=SCHOOL, custody=UUID(int=9), deposit=True)
ON_ITS_WAY = KEPT.transfer_in_transit(ORDER)
PROOF = "ab" * 32
CLAIM = UUID(int=77)

risk_deposits = st.builds(
    RiskDeposit,
    held=balances,
    in_bank=balances,
    required=balances,
    arriving=balances,
    leaving=balances,
    ordered=balances,
)


def held_contract(number: int, price: Money) -> Contract:
    """Return a contract whose fee the institution holds itself."""
    return Contract(UUID(int=number), SCHOOL, KEPT.custody, price, 10)


def deposit(held: str, required: str, *, in_bank: str | None = None) -> RiskDeposit:
    """Return a deposit with nothing on its way."""
    return RiskDeposit(
        held=Money.of(held), in_bank=Money.of(in_bank or held), required=Money.of(required)
    )


def book_with_deposit(lodged: str, fees: list[str]) -> tuple[Book, list[Contract]]:
    """Lodge a deposit and recognize fees that the institution holds."""
    book, contracts = Book(), []
    if Money.of(lodged):
        book.post(
            deposits.deposit_lodged(KEPT, bank_entry=ENTRY, amount=Money.of(lodged), debts=())
        )
    for number, fee in enumerate(fees, start=1):
        contract = held_contract(number, Money.of(fee))
        contracts.append(contract)
        book.post(
            deposits.fee_held_by_institution(
                contract, proof=PROOF, amount=contract.price, received_before=ZERO
            )
        )
    return book, contracts
