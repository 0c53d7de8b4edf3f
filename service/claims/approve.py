"""Approving a claim that is agreed or decided (E23, E56): priced, parted over payers, posted.

Nothing is priced while lessons wait for confirmation or a ruling. Above a limit, of one refund or
of a day's, a second person approves. A refund of zero ends the contract and leaves nothing to pay.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from ledger.accounts import Reason
from ledger.four_eyes import ActKind
from ledger.parameters import Category
from ledger.refunds import Price
from ledger.refusals import WrongState
from ledger.rules import claims as rules
from ledger.rules.claims import RefundPart
from ledger.rules.places import place_of
from ledger.transactions import Transaction
from service.claims import pricing
from service.claims.answer import tell_guardian, tell_institution
from service.claims.found import (
    Found,
    answer_of,
    find_claims,
    lock,
    read_priced,
    require_not_frozen,
    require_state,
    rows_of,
)
from service.store import approval_acts, approvals, claim_reads, ids, refund_payers, standing
from service.store.approval_acts import Deed
from service.store.approvals import Approvable, Payload, Wanted
from service.store.claim_progress import CLAIM, paid_values
from service.store.contracts import contract_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.refund_payers import PayerShare
from service.store.tables import Claim, Enrolment
from service.store.transact import UseCase
from service.store.unit import Unit

_PAYEES: Final = "refund_payee_keys"


@dataclass(frozen=True, slots=True)
class ApproveClaim:
    """A regulator lets an agreed or decided claim be paid; `approval` is for a second person."""

    journal: int
    target: UUID
    approval: UUID | None = None
    key: str | None = None


async def _read(unit: Unit, found: Sequence[Found[ApproveClaim]]) -> None:
    await read_priced(unit, found)
    facts = unit.facts
    enrolments = list(facts.all(Enrolment))
    await refund_payers.read_payers(unit, enrolments)
    for item in found:
        claim, enrolment = rows_of(facts, item)
        contract = contract_of(enrolment)
        most = facts.book.balance(contract.prepaid) + facts.book.balance(contract.interest)
        # Whoever gets a part of less gets one of all as well: newest receipts come first.
        shares = refund_payers.split_to_payers(facts, contract.enrolment, most)
        refunds = refund_payers.refund_ids(claim.claim_id, shares)
        await unit.balances(place_of(contract).refund_payable(refund) for refund in refunds)
    facts.extra[_PAYEES] = {row.enrolment_id: _payee(unit, row) for row in enrolments}
    await approval_acts.read_limits(
        unit,
        ActKind.REFUND,
        institutions={row.institution_id for row in enrolments},
        payees=facts.extra[_PAYEES].values(),
    )


def _payee(unit: Unit, enrolment: Record) -> UUID:
    """Tell payees apart by the account they paid from, by its blind index; else by guardian."""
    account = refund_payers.newest_account(unit.facts, enrolment.enrolment_id)
    if account is None:
        guardian: UUID = enrolment.guardian_id
        return guardian
    return approval_acts.payee_of_account(unit.connection, account)


def _decide(facts: Facts, found: Found[ApproveClaim]) -> Decision:
    claim, enrolment = rows_of(facts, found)
    decision, price = _approved(facts, claim, enrolment)
    amount = price.refund + price.interest
    deed = Deed(
        ActKind.REFUND,
        amount,
        enrolment.institution_id,
        Category(enrolment.category),
        payee=facts.extra[_PAYEES][enrolment.enrolment_id],
    )
    crossing = approval_acts.crossing_of(facts, deed)
    if crossing is None:
        alone = approval_acts.decided_alone(facts, deed)
        return replace(decision, changes=(*decision.changes, alone))
    command, journal = found.command, facts.journal
    assert command.approval is not None, "the edge made the approval's id"
    payload = {
        "claim_id": ids.public("clm", journal, claim.claim_id),
        "enrolment_id": ids.public("enr", journal, claim.enrolment_id),
        "institution_id": ids.public("ins", journal, claim.institution_id),
        "amount": str(amount),
    }
    wanted = Wanted(command.approval, payload, claim.institution_id, command.key, crossing)
    return approvals.requested(facts, APPROVED, wanted)


async def _load_payloads(unit: Unit, payloads: Sequence[Payload]) -> None:
    await lock(unit, [_found(payload) for payload in payloads])


async def _read_payloads(unit: Unit, payloads: Sequence[Payload]) -> None:
    await _read(unit, [_found(payload) for payload in payloads])


def _decide_payload(facts: Facts, payload: Payload) -> Decision:
    """Approve as two people agreed: the same amount, or not at all."""
    claim, enrolment = rows_of(facts, _found(payload))
    decision, price = _approved(facts, claim, enrolment)
    if str(price.refund + price.interest) != payload["amount"]:
        raise WrongState(object="claim", state="AMOUNT_CHANGED")
    return decision


def _approved(facts: Facts, claim: Record, enrolment: Record) -> tuple[Decision, Price]:
    require_ready(facts, claim, enrolment)
    if facts.book.quantity(contract_of(enrolment).held):
        raise WrongState(object="enrolment", state="HELD_BY_INSTITUTION")
    price = pricing.price_of(facts, enrolment, claim)
    enrolment_id = enrolment.enrolment_id
    amount = price.refund + price.interest
    shares = refund_payers.split_to_payers(facts, enrolment_id, amount)
    refunds = refund_payers.refund_ids(claim.claim_id, shares)
    made = refund_payers.new_refunds(
        facts,
        source=CLAIM,
        source_id=claim.claim_id,
        enrolment=enrolment,
        shares=shares,
        refund_ids=refunds,
    )
    values: dict[str, Any] = {
        **pricing.priced_values(price),
        "state": "APPROVED",
        "approved_on": facts.moment.today,
        "seq": facts.moment.next_seq,
    } | ({} if made else paid_values(facts))
    parts = [RefundPart(r, share.amount) for r, share in zip(refunds, shares, strict=True)]
    posted, ended = _posted(facts, claim, enrolment, price, parts)
    approved = Record({**claim, **values})
    contract = contract_of(enrolment)
    decision = Decision(
        answer={
            **answer_of(facts.journal, approved),
            "price": pricing.price_answer(approved),
            "enrolment_state": ended.get("state", enrolment.state),
            "refunds": [_refund(facts.journal, r, s) for r, s in zip(refunds, shares, strict=True)],
        },
        transactions=(posted,),
        changes=(
            Update(Claim, (claim.claim_id,), values),
            Update(Enrolment, (enrolment_id,), ended),
            *made,
            *_told(facts, claim),
        ),
        shows={"prepaid": contract.prepaid, "interest": contract.interest},
    )
    return decision, price


def require_ready(facts: Facts, claim: Record, enrolment: Record) -> None:
    """Refuse for state, then restraints: unsettled lessons come before anything is priced."""
    require_state(claim, "AGREED", "DECIDED")
    if enrolment.state != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment.state)
    contract, book = contract_of(enrolment), facts.book
    rules.require_settled(book.balance(contract.pending), book.balance(contract.disputed))
    require_not_frozen(facts, claim.institution_id)
    standing.require_not_restrained(facts, enrolment.enrolment_id)


def _posted(
    facts: Facts, claim: Record, enrolment: Record, price: Price, parts: Sequence[RefundPart]
) -> tuple[Transaction, dict[str, Any]]:
    """Post E23, or E56 with the schedule that goes on; return what becomes of the enrolment."""
    contract = contract_of(enrolment)
    units = claim_reads.units_left(facts, contract)
    if claim.scope != pricing.PARTIAL:
        ended = rules.refund_approved(
            contract,
            claim=claim.claim_id,
            price=price,
            parts=parts,
            unfunded=claim_reads.unfunded_of(facts, enrolment, contract),
            units=units,
        )
        return ended, {"state": "REFUNDED"}
    cut = rules.schedule_rebased(
        contract,
        claim=claim.claim_id,
        price=price,
        parts=parts,
        lessons_given_up=claim.lessons_given_up,
    )
    goes_on = rules.rebased(
        contract,
        left=facts.book.balance(contract.prepaid) - price.refund,
        lessons_paid=units[Reason.PAID] - claim.lessons_given_up,
        lessons_gift=units[Reason.GIFT],
    )
    return cut, {
        "schedule_version": enrolment.schedule_version + 1,
        "schedule_fen": goes_on.price.fen,
        "schedule_paid": goes_on.lessons_paid,
        "schedule_gift": goes_on.lessons_gift,
        "schedule_confirmed": 0,
    }


def _told(facts: Facts, claim: Record) -> tuple[Change, ...]:
    return tell_guardian(facts, claim, "APPROVED"), tell_institution(facts, claim, "APPROVED")


def _refund(journal: int, refund: UUID, share: PayerShare) -> dict[str, Any]:
    return {
        "id": ids.public("rfd", journal, refund),
        "amount": str(share.amount),
        "waiting_for": "PAYEE" if share.payee_party_id is None else None,
    }


def _found(payload: Payload) -> Found[ApproveClaim]:
    journal, claim = ids.parse("clm", payload["claim_id"])
    return Found(
        ApproveClaim(journal, claim),
        ids.parse("enr", payload["enrolment_id"])[1],
        ids.parse("ins", payload["institution_id"])[1],
        claim,
    )


APPROVED: Final = approvals.approvable(
    Approvable(
        "approve_claim",
        frozenset({"regulator"}),
        _load_payloads,
        _decide_payload,
        _read_payloads,
        kind=ActKind.REFUND,
        title=("核准退费", "Approve a refund"),
    )
)
APPROVE: Final = UseCase("approve_claim", find_claims, lock, _decide, _read)
