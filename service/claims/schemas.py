"""The JSON contract of claims."""

from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from ledger.money import Money
from ledger.refunds import RefundReason
from service.claims.use_cases import (
    AddEvidence,
    AgreeClaim,
    ContestClaim,
    DecideClaim,
    Evidence,
    FileClaim,
)
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    Amount,
    CodeText,
    Day,
    EnrolmentId,
    Instant,
    Page,
    SignedAmount,
    Text,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a document, in lower-case hexadecimal."""

Reason = Literal["COOLING_OFF", "BEFORE_START", "CONSUMER", "INSTITUTION", "LAW_ENFORCEMENT"]
ContestReason = Literal[
    "LESSONS_DELIVERED", "NOT_OUR_FAULT", "MATERIALS_SUPPLIED", "TERMS_DIFFER", "ALREADY_REFUNDED"
]
ClaimState = Literal[
    "FILED", "AGREED", "CONTESTED", "DECIDED", "APPROVED", "PAID", "WITHDRAWN", "DISMISSED"
]
EVIDENCE: Final = {
    "kind": "CONTRACT",
    "document_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
Lessons = Annotated[int, Field(strict=True, ge=1, le=10_000)]


class EvidenceIn(WireIn):
    """A document by its hash; the document itself stays with whoever has it."""

    model_config = examples(EVIDENCE)

    kind: CodeText
    document_hash: Digest

    def fact(self) -> Evidence:
        """Make the use case's evidence of it."""
        return Evidence(self.kind, self.document_hash)


Documents = Annotated[list[EvidenceIn], Field(max_length=50)]


def documents(given: list[EvidenceIn]) -> tuple[Evidence, ...]:
    """Make the use cases' evidence of what was sent."""
    return tuple(document.fact() for document in given)


class ClaimIn(WireIn):
    """A claim (退费申请): why, and whether on everything that is left or on some lessons."""

    model_config = examples(
        {
            "enrolment_id": example_id("enr"),
            "reason": "CONSUMER",
            "evidence": [EVIDENCE],
            "note": "搬家，不再上课",
        },
        {
            "enrolment_id": example_id("enr"),
            "reason": "CONSUMER",
            "scope": "PARTIAL",
            "lessons_given_up": 10,
        },
    )

    enrolment_id: EnrolmentId
    reason: Reason
    scope: Literal["WHOLE", "PARTIAL"] = "WHOLE"
    lessons_given_up: Lessons | None = Field(
        default=None, description="PARTIAL only: paid lessons; at least one stays"
    )
    service_stopped_on: Day | None = Field(
        default=None, description="First day without service; today unless said otherwise"
    )
    evidence: Documents = Field(default_factory=list)
    note: Text | None = None

    @model_validator(mode="after")
    def _says_how_many(self) -> Self:
        if (self.scope == "PARTIAL") is (self.lessons_given_up is None):
            raise ValueError("a partial claim says how many lessons are given up")
        return self

    def facts(self, command: Command, party: str) -> FileClaim:
        """Make the use case's command of it."""
        journal, enrolment = ids.parse("enr", self.enrolment_id)
        return FileClaim(
            journal=journal,
            target=enrolment,
            claim=command.new_id(),
            party=party,
            reason=RefundReason(self.reason),
            scope=self.scope,
            lessons_given_up=self.lessons_given_up,
            service_stopped_on=self.service_stopped_on,
            evidence=documents(self.evidence),
            note=self.note,
        )


class AgreementIn(WireIn):
    """The institution agrees; materials at actual cost, as itemised, with proof."""

    model_config = examples({}, {"materials": "80.00", "evidence": [EVIDENCE]})

    materials: Amount = "0.00"
    evidence: Documents = Field(default_factory=list)

    def facts(self, command: Command, journal: int, claim: UUID) -> AgreeClaim:
        """Make the use case's command of it."""
        return AgreeClaim(
            journal, claim, command.new_id(), Money.of(self.materials), documents(self.evidence)
        )


class ContestIn(WireIn):
    """The institution contests, with proof: who withholds records loses the point."""

    model_config = examples({"reason": "LESSONS_DELIVERED", "evidence": [EVIDENCE]})

    reason: ContestReason
    evidence: Annotated[list[EvidenceIn], Field(min_length=1, max_length=50)]
    materials: Amount = "0.00"

    def facts(self, command: Command, journal: int, claim: UUID) -> ContestClaim:
        """Make the use case's command of it."""
        return ContestClaim(
            journal,
            claim,
            command.new_id(),
            self.reason,
            documents(self.evidence),
            Money.of(self.materials),
        )


class DecisionIn(WireIn):
    """A regulator's decision; UPHELD may name the reason that is true."""

    model_config = examples(
        {"decision": "UPHELD", "reason": "INSTITUTION"}, {"decision": "DISMISSED"}
    )

    decision: Literal["UPHELD", "DISMISSED"]
    reason: Reason | None = Field(default=None, description="As filed when left out")
    materials: Amount = Field(default="0.00", description="What the evidence proves of them")
    service_stopped_on: Day | None = None

    def facts(self, journal: int, claim: UUID) -> DecideClaim:
        """Make the use case's command of it."""
        return DecideClaim(
            journal,
            claim,
            self.decision,
            None if self.reason is None else RefundReason(self.reason),
            Money.of(self.materials),
            self.service_stopped_on,
        )


class HeldPaymentIn(WireIn):
    """The bank's proof that the institution paid a claim out of the fees it holds."""

    model_config = examples({"proof": "ab" * 32})

    proof: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the document"
    )


class AdditionIn(WireIn):
    """Documents, a note, or both, put before a claim."""

    model_config = examples({"evidence": [EVIDENCE]})

    evidence: Documents = Field(default_factory=list)
    note: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.evidence and self.note is None:
            raise ValueError("a document or a note")
        return self

    def facts(self, command: Command, journal: int, claim: UUID, party: str) -> AddEvidence:
        """Make the use case's command of it."""
        addition = command.new_id()
        return AddEvidence(journal, claim, addition, party, documents(self.evidence), self.note)


class StepOut(WireOut):
    """One line of a breakdown: what is added or taken, in both languages."""

    code: str
    zh: str
    en: str
    amount: SignedAmount


class PriceOut(WireOut):
    """A refund priced; the steps add up to what is paid."""

    reason: str
    basis: str
    article: str
    refund: Amount = Field(description="Principal back to the student (r)")
    interest: Amount = Field(description="The supervised account's interest, all the student's (i)")
    to_pay: Amount = Field(description="r + i")
    institution_share: Amount = Field(description="What delivered lessons are worth beyond (s)")
    steps: list[StepOut]


class QuoteOut(PriceOut):
    """What a claim would bring today."""

    unsettled: Amount = Field(
        description="Lessons that wait for confirmation or a ruling, counted here as not taken"
    )


class RefundPartOut(WireOut):
    """One payer's part of a refund, which waits for a payee's account where nobody is known."""

    id: str
    amount: Amount
    waiting_for: str | None


class RefundStandsOut(RefundPartOut):
    """One payer's part, and where it stands."""

    payable: Amount
    in_transit: Amount
    returned: Amount
    paid: Amount
    lodged: Amount
    taken_back: Amount
    paid_on: Day | None


class EvidenceOut(WireOut):
    """A document that was put before a claim."""

    id: str
    party: str
    kind: str
    document_hash: str
    added_at: Instant


class NoteOut(WireOut):
    """What somebody wrote; for the guardian and the regulator only."""

    party: str
    text: str
    written_at: Instant


class ClaimOut(WireOut):
    """A claim and how it stands; `price` is there once it is approved."""

    id: str
    enrolment_id: str
    institution_id: str
    guardian_id: str
    reason: str
    scope: str
    lessons_given_up: int | None
    state: ClaimState
    filed_on: Day
    service_stopped_on: Day | None
    answer_due_on: Day | None = Field(
        description="Last day to answer; silence agrees at 00:00 after it"
    )
    answer: str | None = Field(description="AGREED, CONTESTED or SILENCE")
    answered_on: Day | None
    contest_reason: str | None
    materials: Amount
    decision: str | None
    decided_on: Day | None
    day_count: str | None = Field(description="NATURAL or WORKING days")
    pay_due_on: Day | None = Field(description="Last day to pay; overdue from the day after")
    approved_on: Day | None
    paid_on: Day | None
    quote: QuoteOut | None = None
    price: PriceOut | None = None
    refunds: list[RefundPartOut] | None = None
    enrolment_state: str | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class ClaimListedOut(ClaimOut):
    """A claim in a list."""

    overdue: bool


class ClaimDetailOut(WireOut):
    """A claim with its price, evidence and refunds."""

    claim: ClaimListedOut
    evidence: list[EvidenceOut]
    notes: list[NoteOut]
    refunds: list[RefundStandsOut]


class ClaimPage(Page[ClaimListedOut]):
    """A page of claims."""
