"""Reading rule packs: every pack, and one with its values, versions and jurisdictions."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import rule_packs
from ledger.parameter_rules import RULES
from ledger.policy import PolicyValue
from ledger.refusals import RulePackUnknown
from service.store import rule_pack_proposals, rule_pack_rows
from service.store.facts import Record
from service.store.rule_pack_proposals import ProposalFilter


async def listed(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Tell of the newest version of every pack, in order of code."""
    newest = await rule_pack_rows.newest_packs(connection)
    nodes = await rule_pack_rows.nodes_with(connection, [row.code for row in newest])
    given = await rule_pack_rows.assignments(connection, [node.code for node in nodes])
    return [
        {
            "code": row.code,
            "version": row.version,
            "jurisdiction": rule_pack_rows.pack_of(row).jurisdiction,
            "effective_on": row.effective_on,
            "jurisdictions": _having(row.code, nodes, given),
        }
        for row in newest
    ]


async def pack(
    connection: AsyncConnection, code: str, version: int | None, *, with_people: bool
) -> dict[str, Any]:
    """Tell of a version of a pack, the newest unless named; `with_people` names makers, checkers.

    Raises `RulePackUnknown`.
    """
    held = await rule_pack_rows.versions(connection, code)
    chosen = next((row for row in held if version in (None, row.version)), None)
    if chosen is None:
        raise RulePackUnknown(pack=code)
    found = rule_pack_rows.pack_of(chosen)
    nodes = await rule_pack_rows.nodes_with(connection, [code])
    given = await rule_pack_rows.assignments(connection, [node.code for node in nodes])
    made_of = {
        row.proposal_id: row
        for row in await rule_pack_proposals.proposals(connection, ProposalFilter(state="APPROVED"))
    }
    return {
        "code": code,
        "version": chosen.version,
        "jurisdiction": found.jurisdiction,
        "effective_on": chosen.effective_on,
        "values": [_value(value) for value in sorted(found.values, key=_order)],
        "versions": [
            _version(row, made_of.get(row.proposal_id), with_people=with_people) for row in held
        ],
        "jurisdictions": _having(code, nodes, given),
        "assignments": [
            {
                "jurisdiction": row.jurisdiction_code,
                "from_on": row.from_on,
                "proposal_id": rule_pack_proposals.public_id(row.proposal_id),
            }
            for row in given
            if row.rule_pack == code
        ],
    }


def _having(code: str, nodes: Sequence[Record], given: Sequence[Record]) -> list[str]:
    """The jurisdictions that began with a pack or were given it."""
    assigned = {row.jurisdiction_code for row in given if row.rule_pack == code}
    return [node.code for node in nodes if node.rule_pack == code or node.code in assigned]


def _value(value: PolicyValue) -> dict[str, Any]:
    rule = RULES[value.parameter.name]
    return {
        "parameter": value.parameter.name,
        "zh": rule.zh,
        "en": rule.en,
        "unit": rule.unit.value,
        "stricter": rule.stricter.value,
        "value": rule_packs.rendered(value)["value"],
        "scope": None if value.scope is None else value.scope.value,
        "effective_from": value.effective_from,
        "effective_to": value.effective_to,
        "source": value.source,
    }


def _order(value: PolicyValue) -> tuple[str, str, Any]:
    return value.parameter.name, value.scope or "", value.effective_from


def _version(row: Record, made_of: Record | None, *, with_people: bool) -> Mapping[str, Any]:
    people = made_of if with_people else None
    proposal = row.proposal_id
    return {
        "version": row.version,
        "effective_on": row.effective_on,
        "made_at": row.loaded_at,
        "proposal_id": None if proposal is None else rule_pack_proposals.public_id(proposal),
        "proposed_by": None if people is None else people.maker,
        "approved_by": None if people is None else people.checker,
        "document_id": None if made_of is None else made_of.document_id,
    }
