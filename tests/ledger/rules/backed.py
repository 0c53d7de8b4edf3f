"""What stands of an enrolment in one custody account, drawn by Hypothesis, and its balances."""

from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules.backings import Backing
from tests.ledger.rules.facts import balances, contracts

lessons = st.fixed_dictionaries({Reason.PAID: st.integers(0, 60), Reason.GIFT: st.integers(0, 5)})


@st.composite
def stood(draw: st.DrawFn, *, cash: bool | None = None) -> Backing:
    """Draw what stands of an enrolment; `cash` says whether any of it is funded."""
    prepaid, interest = draw(balances), draw(balances)
    claim = prepaid.fen + interest.fen
    if cash is None:
        cash = draw(st.booleans())
    unfunded = draw(st.integers(0, max(claim - 1, 0))) if cash else claim
    legacy = draw(st.integers(0, unfunded))
    return Backing(
        contract=draw(contracts()),
        prepaid=prepaid,
        interest=interest,
        legacy=Money.from_fen(legacy),
        diversion=Money.from_fen(unfunded - legacy),
        granted=draw(lessons),
        taken=draw(lessons),
    )


def standing(contract: Contract, backing: Backing) -> dict[Account, int]:
    """Write the balances of a backing, in fen and lessons."""
    held: dict[Account, int] = {
        contract.prepaid: backing.prepaid.fen,
        contract.interest: backing.interest.fen,
        contract.legacy: backing.legacy.fen,
        contract.diversion: backing.diversion.fen,
    }
    for reason in (Reason.PAID, Reason.GIFT):
        granted, taken = backing.granted.get(reason, 0), backing.taken.get(reason, 0)
        held[contract.units_granted(reason)] = granted
        held[contract.units_consumed(reason)] = taken
        held[contract.units_contracted(reason)] = granted + taken
    return held
