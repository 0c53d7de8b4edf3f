"""The JSON contract of rule packs and their proposals."""

from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from ledger import rule_packs
from ledger.policy import PolicyValue
from ledger.refusals import ParameterInvalid
from ledger.rule_packs import RulePackInvalid
from service.parameters.use_cases import Assign, Decide, Propose
from service.store import ids
from service.web.approval import WordsOut
from service.web.command import Command
from service.web.wire import CodeText, Day, Instant, Label, Reference, WireIn, WireOut, examples

PackCode = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$"),
]
Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]

VALUE_EXAMPLE: Final[dict[str, Any]] = {
    "parameter": "amount_cap",
    "value": "4000.00",
    "source": "渝教监管〔2026〕3号 第五条",
}
PROPOSAL_EXAMPLE: Final[dict[str, Any]] = {
    "id": ids.public("rpp", 0, UUID("01956f2e-8c00-7000-8000-000000000001")),
    "action": "CHANGE",
    "rule_pack": "chongqing-500106",
    "base_version": 3,
    "derived_from": None,
    "jurisdiction": "500106",
    "effective_on": "2026-04-01",
    "values": [VALUE_EXAMPLE | {"from": "2026-04-01"}],
    "reason": "LOCAL_MEASURE",
    "document_id": "YJJG-2026-3",
    "words": [
        {
            "zh": "chongqing-500106@4 单次收费上限:自 2026-04-01 起,"
            "由 5000.00 元(人民币伍仟元整) 改为 4000.00 元(人民币肆仟元整)",
            "en": "chongqing-500106@4 Cap of one charge: from 2026-04-01,"
            " CNY 4000.00 instead of CNY 5000.00",
        }
    ],
    "refused": None,
    "payload_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "state": "PENDING",
    "maker": "regulator-li",
    "checker": None,
    "proposed_at": "2026-03-02T01:30:00+00:00",
    "expires_at": "2026-03-16T01:30:00+00:00",
    "decided_at": None,
    "decision": None,
    "version": None,
}
_PACK_EXAMPLE: Final[dict[str, Any]] = {
    "code": "chongqing-500106",
    "version": 3,
    "jurisdiction": "500106",
    "effective_on": None,
    "jurisdictions": ["500106"],
}


class ValueIn(WireIn):
    """A value that is to hold from a day on, to its end where it has one; else for good."""

    model_config = examples(VALUE_EXAMPLE)

    parameter: Reference
    value: Any = Field(
        description="An amount as a string, a whole number, true or false, a time as HH:MM,"
        " or a table of guide prices",
        examples=["4000.00"],
    )
    from_on: Day | None = Field(default=None, description="The proposal's day, unless given")
    to_on: Day | None = Field(default=None, description="The last day; then what held before")
    scope: Literal["subject", "non_subject"] | None = None
    source: Label = Field(description="Article of the document it comes from")


class ProposalIn(WireIn):
    """A change of a rule pack from a day on; with `derived_from` the first version of a new one."""

    model_config = examples(
        {
            "values": [VALUE_EXAMPLE],
            "effective_on": "2026-04-01",
            "reason": "LOCAL_MEASURE",
            "document_id": "YJJG-2026-3",
        }
    )

    values: Annotated[list[ValueIn], Field(min_length=1, max_length=100)]
    effective_on: Day
    reason: CodeText
    document_id: Reference = Field(description="The document that is the legal basis")
    derived_from: PackCode | None = None
    jurisdiction: Reference | None = Field(
        default=None, description="Of a new pack: the code of the level that says its rules"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.derived_from is None) is not (self.jurisdiction is None):
            raise ValueError("a new pack has an origin and a jurisdiction")
        return self

    def facts(self, command: Command, code: str) -> Propose:
        """Make the use case's command of it; raises `ParameterInvalid`."""
        return Propose(
            command.new_id(),
            code,
            tuple(self._value(value) for value in self.values),
            self.effective_on,
            self.reason,
            self.document_id,
            self.derived_from,
            self.jurisdiction,
        )

    def _value(self, value: ValueIn) -> PolicyValue:
        written = {
            "parameter": value.parameter,
            "value": value.value,
            "from": (value.from_on or self.effective_on).isoformat(),
            "source": value.source,
        }
        if value.to_on is not None:
            written["to"] = value.to_on.isoformat()
        if value.scope is not None:
            written["scope"] = value.scope
        try:
            return rule_packs.value_of(written)
        except RulePackInvalid:
            raise ParameterInvalid(parameter=value.parameter, reason="unreadable") from None


class AssignmentIn(WireIn):
    """Give a jurisdiction this pack from a day on."""

    model_config = examples(
        {
            "jurisdiction": "500106",
            "from_on": "2026-04-01",
            "reason": "LOCAL_MEASURE",
            "document_id": "YJJG-2026-3",
        }
    )

    jurisdiction: Reference
    from_on: Day
    reason: CodeText
    document_id: Reference

    def facts(self, command: Command, code: str) -> Assign:
        """Make the use case's command of it."""
        return Assign(
            command.new_id(),
            code,
            self.jurisdiction,
            self.from_on,
            self.reason,
            self.document_id,
        )


class ApproveProposalIn(WireIn):
    """Approve exactly what was read: `payload_hash` covers the proposal and its words."""

    model_config = examples({"payload_hash": PROPOSAL_EXAMPLE["payload_hash"]})

    payload_hash: Sha256

    def facts(self, proposal: UUID) -> Decide:
        """Make the use case's command of it."""
        return Decide(proposal, payload_hash=self.payload_hash)


class EndProposalIn(WireIn):
    """Decline or withdraw, with a reason code."""

    model_config = examples({"reason": "UNFOUNDED"})

    reason: CodeText

    def facts(self, proposal: UUID) -> Decide:
        """Make the use case's command of it."""
        return Decide(proposal, reason=self.reason)


class ProposalOut(WireOut):
    """A change of rules that waits for, or had, its second person (规则提案)."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [PROPOSAL_EXAMPLE]}}

    id: str
    action: str = Field(description="CHANGE of a pack, or ASSIGN it to a jurisdiction")
    rule_pack: str
    base_version: int = Field(description="The version it changes; 0 for a new pack")
    derived_from: str | None = None
    jurisdiction: str
    effective_on: Day
    values: list[dict[str, Any]]
    reason: str
    document_id: str
    words: list[WordsOut] | None = Field(
        default=None, description="What would change, or what was read when it was approved"
    )
    refused: str | None = Field(
        default=None, description="Why it could not be carried out as things stand"
    )
    payload_hash: str = Field(
        description="SHA-256 over the proposal and the words of now, which the approver sends back"
    )
    state: str = Field(description="PENDING, APPROVED, DECLINED, WITHDRAWN or EXPIRED")
    maker: str
    checker: str | None = None
    proposed_at: Instant
    expires_at: Instant
    decided_at: Instant | None = None
    decision: str | None = None
    version: int | None = Field(default=None, description="The version that was made of it")


class ProposalsOut(WireOut):
    """Proposals, newest first, without their words."""

    items: list[ProposalOut]


class PackSummary(WireOut):
    """The newest version of a rule pack, and which jurisdictions have it."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [_PACK_EXAMPLE]}}

    code: str
    version: int
    jurisdiction: str | None = Field(default=None, description="The level that says its rules")
    effective_on: Day | None = Field(
        default=None, description="From when it is judged by; none of one that came with us"
    )
    jurisdictions: list[str]


class PacksOut(WireOut):
    """Every rule pack, in order of code."""

    items: list[PackSummary]


class PackValueOut(WireOut):
    """One value with what it is, from when to when it holds, and where it comes from."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "parameter": "amount_cap",
                    "zh": "单次收费上限",
                    "en": "Cap of one charge",
                    "unit": "CNY",
                    "stricter": "LOWER",
                    "value": "5000.00",
                    "scope": None,
                    "effective_from": "2021-10-21",
                    "effective_to": None,
                    "source": "教育部等六部门《关于加强校外培训机构预收费监管工作的通知》(2021)",
                }
            ]
        }
    }

    parameter: str
    zh: str
    en: str
    unit: str
    stricter: str = Field(description="Which way is the stricter one: LOWER, HIGHER or FREE")
    value: Any
    scope: str | None = None
    effective_from: Day
    effective_to: Day | None = None
    source: str


class VersionOut(WireOut):
    """A version of a pack: since when it is judged by, who proposed and who approved it."""

    version: int
    effective_on: Day | None = None
    made_at: Instant
    proposal_id: str | None = None
    proposed_by: str | None = None
    approved_by: str | None = None
    document_id: str | None = None


class AssignmentOut(WireOut):
    """From which day a jurisdiction has the pack."""

    jurisdiction: str
    from_on: Day
    proposal_id: str


class PackOut(WireOut):
    """A version of a rule pack (规则包) with all its values, and its history."""

    code: str
    version: int
    jurisdiction: str | None = None
    effective_on: Day | None = None
    values: list[PackValueOut]
    versions: list[VersionOut]
    jurisdictions: list[str]
    assignments: list[AssignmentOut]
