"""An API description whose examples name what there is: ids of the asked world in place of ours.

Only examples change, never what the description promises.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.campaigns.populated import ID

OF_PARAMETER: Final[Mapping[str, str]] = {
    "account_id": "acc",
    "approval_id": "apr",
    "asset_id": "ast",
    "break_id": "brk",
    "claim_id": "clm",
    "client_id": "cli",
    "course_id": "crs",
    "court_order_id": "cto",
    "custody_account_id": "cus",
    "device_id": "dev",
    "enrolment_id": "enr",
    "entitlement_id": "ent",
    "failure_id": "bkf",
    "institution_id": "ins",
    "interest_id": "int",
    "lease_id": "lse",
    "lesson_id": "lsn",
    "link_id": "lnk",
    "move_id": "bkm",
    "objection_id": "obj",
    "offer_id": "ofr",
    "order_id": "ord",
    "pack_id": "pck",
    "party_id": "pty",
    "person_id": "prs",
    "plan_id": "pln",
    "porting_id": "ptg",
    "proposal_id": "rpp",
    "receipt_id": "bke",
    "reconciliation_id": "rec",
    "ref": "bke",
    "refund_id": "rfd",
    "request_id": "srq",
    "restraint_id": "rst",
    "statement_file_id": "stf",
    "transaction_id": "txn",
    "wind_down_id": "wdn",
}
"""The prefix of what a path or query parameter names."""
AT_MOST: Final = 3
"""Examples of one parameter."""


def grounded(
    document: Mapping[str, Any], known: Mapping[str, list[str]], plain: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return a copy of a description with known ids, by prefix, in all its examples.

    `plain` holds what parameters without ids may be.
    """
    made: dict[str, Any] = copy.deepcopy(dict(document))
    for operations in made["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                values = _values(parameter["name"], known, plain)
                if values:
                    parameter["examples"] = {str(n): {"value": v} for n, v in enumerate(values)}
    for schema in made["components"]["schemas"].values():
        if "examples" in schema:
            schema["examples"] = json.loads(_named(json.dumps(schema["examples"]), known))
    return made


def _values(
    name: str, known: Mapping[str, list[str]], plain: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    found = known.get(OF_PARAMETER.get(name, ""), [])
    return (plain.get(name) or found)[:AT_MOST]


def _named(text: str, known: Mapping[str, list[str]]) -> str:
    return ID.sub(lambda match: known.get(match[1], [match[0]])[0], text)
