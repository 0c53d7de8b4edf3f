"""Wire shapes of parents' logins and of their links to guardians."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from service.identity import one_time_codes
from service.web.wire import Instant, Label, Page, Reference, WireIn, WireOut, example_id, examples

SECRET: Final = "esd_3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 - an example

Phone = Annotated[
    str, StringConstraints(strict=True, max_length=32), AfterValidator(one_time_codes.e164)
]
"""A mobile number of the mainland, with or without +86; kept as E.164."""
RequestId = Annotated[str, StringConstraints(strict=True, pattern=r"^otc_[a-z2-7]{29}$")]
DeviceId = Annotated[str, StringConstraints(strict=True, pattern=r"^dev_[a-z2-7]{29}$")]
DeviceSecret = Annotated[
    str, StringConstraints(strict=True, min_length=43, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
]
OneTimeCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{6}$")]


class CodeRequestIn(WireIn):
    """Whose phone to send a code to; a device that logged in before shows its secret again."""

    model_config = examples({"phone": "+8613800005678"})

    phone: Phone
    device_secret: DeviceSecret | None = None


class CodeRequestOut(WireOut):
    """A code is on its way if it can be; the same answer for every number."""

    request_id: str = Field(examples=[example_id("otc")])
    device_secret: str = Field(
        description="Known to this device alone: keep it as one keeps a password",
        examples=[SECRET],
    )
    expires_at: Instant


class ParentLoginIn(WireIn):
    """The code as it came, for the request it was sent for, from the device that asked."""

    model_config = examples(
        {
            "request_id": example_id("otc"),
            "device_secret": SECRET,
            "code": "042617",
            "device": "phone",
        }
    )

    request_id: RequestId
    device_secret: DeviceSecret
    code: OneTimeCode
    device: Label = Field(default="app", description="How the device is shown in one's own list")


class ParentRenewalIn(WireIn):
    """A device that is known opens its next session."""

    model_config = examples({"device_id": example_id("dev"), "device_secret": SECRET})

    device_id: DeviceId
    device_secret: DeviceSecret


class ParentSessionOut(WireOut):
    """A session: a bearer token for a working day at most, and what it opens."""

    token: str = Field(examples=["esk_…"])
    expires_at: Instant
    device_id: str = Field(examples=[example_id("dev")])
    links: int = Field(description="Guardians of contracts that this parent now sees through")


class ParentDeviceOut(WireOut):
    """A device that can open sessions for this parent."""

    id: str = Field(examples=[example_id("dev")])
    device: str
    first_seen_at: Instant
    last_seen_at: Instant


class ParentOut(WireOut):
    """A parent as they see themselves: the masked phone and their devices."""

    id: str = Field(examples=[example_id("prn")])
    phone: str = Field(examples=["138****5678"])
    devices: list[ParentDeviceOut]


class ContractProofIn(WireIn):
    """What is printed on the contract (合同编号, 缴费码, 学员姓名)."""

    model_config = examples(
        {"contract_number": "QM-1", "payment_code": "TE23456789AA", "student_name": "张小三"}
    )

    contract_number: Reference
    payment_code: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=32)]
    student_name: Label


class GrantIn(WireIn):
    """The phone of a second guardian (第二监护人)."""

    model_config = examples({"phone": "+8613900001234"})

    phone: Phone


LinkState = Literal["ACTIVE", "WAITING", "INVITED", "DECLINED", "REVOKED"]
EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("gdl"),
    "guardian_id": example_id("pty"),
    "institution_id": example_id("ins"),
    "proof": "PHONE",
    "state": "ACTIVE",
    "phone": "138****5678",
    "granted_by": None,
    "asked_at": "2026-03-02T09:30:00+00:00",
    "linked_at": "2026-03-02T09:30:00+00:00",
    "payee_from": "2026-03-05T09:30:00+00:00",
    "ended_at": None,
}


class GuardianLinkOut(WireOut):
    """A parent's standing as guardian of one institution's contracts, and how it was proved."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    guardian_id: str
    institution_id: str
    proof: Literal["PHONE", "CONTRACT", "GRANT"]
    state: LinkState
    phone: str | None = Field(default=None, description="The parent's, masked")
    granted_by: str | None = Field(default=None, description="The link of who let them in")
    asked_at: Instant
    linked_at: Instant | None = None
    payee_from: Instant | None = Field(
        default=None, description="From when this parent may change where money goes"
    )
    ended_at: Instant | None = None
    transaction_id: str | None = None


class GuardianLinkPage(Page[GuardianLinkOut]):
    """A page of links."""


class FoundContractsOut(WireOut):
    """How many guardians of contracts a parent sees through now."""

    links: int


class ShortMessageOut(WireOut):
    """A message as a phone would show it."""

    template: str
    values: dict[str, str]
    at: Instant


class ShortMessagesIn(WireIn):
    """Whose messages to show."""

    model_config = examples({"phone": "+8613800005678"})

    phone: Phone


class ShortMessagesOut(WireOut):
    """The latest messages to a phone, newest first."""

    items: list[ShortMessageOut]
