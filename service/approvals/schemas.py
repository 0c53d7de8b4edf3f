"""The JSON contract of approvals."""

from typing import Annotated

from pydantic import StringConstraints

from service.web.approval import EXAMPLE, ApprovalOut
from service.web.wire import CodeText, Page, WireIn, WireOut

Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]


class ApproveIn(WireIn):
    """Approve exactly what was read: `payload_hash` covers the payload and the words."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"payload_hash": EXAMPLE["payload_hash"]}]}
    }

    payload_hash: Sha256


class DeclineIn(WireIn):
    """Decline, with a reason code."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"reason": "UNPROVEN"}]}
    }

    reason: CodeText


class ApprovalCounts(WireOut):
    """How many approvals wait: all, those that the caller may decide, and by kind."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "pending": 3,
                    "waiting_for_me": 2,
                    "by_kind": {"CORRECTION": 1, "REFUND": 2},
                }
            ]
        }
    }

    pending: int
    waiting_for_me: int
    by_kind: dict[str, int]


class ApprovalPage(Page[ApprovalOut]):
    """A page of approvals."""
