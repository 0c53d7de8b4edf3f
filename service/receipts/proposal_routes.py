"""The route of proposals: whose a receipt in suspense may be."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from pydantic import Field

from ledger.refusals import ReceiptUnknown
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.receipts import proposals
from service.store import ids, receipt_proposals, registry
from service.store.tables import BankEntry
from service.store.transact import Store
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing
from service.web.wire import Amount, WireOut, example_id, yuan


class ProposalOut(WireOut):
    """A contract that the receipt may be for."""

    enrolment_id: str
    due: Amount = Field(description="What is still to be paid on it")
    score: int = Field(description="How much speaks for it; more is better, nothing is certain")
    reasons: list[str] = Field(
        description="PAYMENT_CODE, PAYMENT_CODE_ALIKE (one slip away), PAYER_ACCOUNT (it paid for"
        " this guardian before), PAYER_NAME, NAMED_IN_PURPOSE, AMOUNT_DUE"
    )


class ProposalsOut(WireOut):
    """Whose a receipt may be, the likeliest first, and what it may be twice."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "receipt_id": example_id("bke"),
                    "suspense": "4999.99",
                    "suspense_reason": "UNKNOWN_ENROLMENT",
                    "items": [
                        {
                            "enrolment_id": example_id("enr"),
                            "due": "4999.99",
                            "score": 60,
                            "reasons": ["PAYMENT_CODE_ALIKE", "AMOUNT_DUE"],
                        }
                    ],
                    "similar_receipt_ids": [],
                }
            ]
        }
    }

    receipt_id: str
    suspense: Amount
    suspense_reason: str | None = None
    items: list[ProposalOut]
    similar_receipt_ids: list[str] = Field(
        description="Other receipts of the same amount and payer, at most two days apart: look"
        " whether this money came before"
    )


@get(
    "/receipts/{receipt_id:str}/proposals",
    operation_id="proposeMatches",
    summary="Propose whose a receipt in suspense may be",
    opt=policy(Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=refusing(ReceiptUnknown),
)
async def propose_matches(
    receipt_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> ProposalsOut:
    """Propose contracts with reasons; a person matches, and nothing is matched by itself."""
    journal, entry = object_id("bke", receipt_id, ReceiptUnknown)
    async with store.reading(caller.context) as connection:
        found = await registry.seen(connection, caller.context, BankEntry, journal, [entry])
        if entry not in found:
            raise ReceiptUnknown
        row = found[entry]
        known = await receipt_proposals.known_of(connection, row)
    held = row.suspense_fen
    proposed = proposals.proposed(known, code=row.payment_code, held_fen=held) if held else []
    return ProposalsOut(
        receipt_id=ids.public("bke", journal, entry),
        suspense=yuan(held),
        suspense_reason=row.suspense_reason,
        items=[
            ProposalOut(
                enrolment_id=ids.public("enr", journal, proposal.enrolment),
                due=yuan(proposal.due_fen),
                score=proposal.score,
                reasons=list(proposal.reasons),
            )
            for proposal in proposed
        ],
        similar_receipt_ids=[ids.public("bke", journal, alike) for alike in known.alike],
    )
