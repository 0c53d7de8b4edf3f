"""The JSON contract of approvals."""

from typing import Annotated

from pydantic import StringConstraints

from service.web.approval import EXAMPLE, ApprovalOut
from service.web.wire import CodeText, Page, WireIn

Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]


class ApproveIn(WireIn):
    """Approve exactly what was seen: `payload_hash` is the approval's."""

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


class ApprovalPage(Page[ApprovalOut]):
    """A page of approvals."""
