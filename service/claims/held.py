"""A claim on a fee that the institution holds itself (E39): it pays, and proves that it did.

Nothing goes through custody, so there is no refund to instruct: the regulator sees the bank's proof
and the contract ends with the fee that was held of it.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger.refusals import WrongState
from ledger.rules.deposits import held_refund_paid
from service.claims import pricing
from service.claims.answer import tell_guardian, tell_institution
from service.claims.approve import require_ready
from service.claims.found import Found, answer_of, find_claims, lock, read_priced, rows_of
from service.store import claim_reads
from service.store.claim_progress import paid_values
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import Claim, Enrolment
from service.store.transact import UseCase


@dataclass(frozen=True, slots=True)
class PayHeldClaim:
    """A regulator has seen the bank's `proof`, by its hash, that the institution paid a claim."""

    journal: int
    target: UUID
    proof: str


def _decide(facts: Facts, found: Found[PayHeldClaim]) -> Decision:
    claim, enrolment = rows_of(facts, found)
    contract = contract_of(enrolment)
    if claim.state == "PAID":
        return Decision(answer=answer_of(facts.journal, claim), duplicate=True)
    require_ready(facts, claim, enrolment)
    if not facts.book.quantity(contract.held):
        raise WrongState(object="enrolment", state="IN_CUSTODY")
    if claim.scope == pricing.PARTIAL:
        raise WrongState(object="claim", state=pricing.PARTIAL)
    price = pricing.price_of(facts, enrolment, claim)
    values: dict[str, Any] = {
        **pricing.priced_values(price),
        **paid_values(facts),
        "approved_on": facts.moment.today,
    }
    paid = Record({**claim, **values})
    return Decision(
        answer={
            **answer_of(facts.journal, paid),
            "price": pricing.price_answer(paid),
            "enrolment_state": "REFUNDED",
            "refunds": [],
        },
        transactions=(
            held_refund_paid(
                contract,
                claim=claim.claim_id,
                proof=found.command.proof,
                refund=price.refund,
                institution=price.institution_share,
                units=claim_reads.units_left(facts, contract),
            ),
        ),
        changes=(
            Update(Claim, (claim.claim_id,), values),
            Update(Enrolment, (enrolment.enrolment_id,), {"state": "REFUNDED"}),
            tell_guardian(facts, claim, "PAID"),
            tell_institution(facts, claim, "PAID"),
        ),
        shows={"prepaid": contract.prepaid, "held_by_institution": contract.held},
    )


PAY_HELD: Final = UseCase("pay_held_claim", find_claims, lock, _decide, read_priced)
