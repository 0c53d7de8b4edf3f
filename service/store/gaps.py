"""Own funds that cover a gap at once (E57): whatever opens A5 is followed by it in its decision."""

from ledger.accounts import AccountKind
from ledger.money import Money
from ledger.rules import custody
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store.facts import Facts


def with_own_funds(facts: Facts, place: Place, opening: Transaction) -> tuple[Transaction, ...]:
    """Return a transaction that opens debts, followed by own funds covering them where there are.

    As E57 is posted whenever both are above zero, own funds here mean that no older debt stands.
    The balance of L16 is read before deciding.
    """
    own = facts.book.balance(place.own_funds)
    opened = [
        Debt(account, Money.from_fen(effect))
        for account, effect in opening.effects().items()
        if account.kind is AccountKind.DUE_FROM_INSTITUTION and effect > 0
    ]
    if not own or not opened:
        return (opening,)
    return (opening, custody.own_funds_applied(place, own_funds=own, debts=opened))
