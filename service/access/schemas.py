"""People and clients on the wire, for those who administer them."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from ledger.refusals import RequestInvalid
from service.access.add_person import Detail
from service.access.standing import Standing
from service.identity.callers import Duty, Role
from service.store import ids
from service.web.approval import EXAMPLE as APPROVAL
from service.web.approval import ApprovalOut
from service.web.wire import (
    IdOf,
    Instant,
    InstitutionId,
    Label,
    WireIn,
    WireOut,
    example_id,
    examples,
)

PersonId = Annotated[str, IdOf("prs")]
DeviceId = Annotated[str, IdOf("dev")]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z~-]{2,32}$")]
DutyName = Literal[
    "owner",
    "finance",
    "academic",
    "teacher",
    "officer",
    "observer",
    "task_force",
    "security",
    "system",
    "support",
]
Duties = Annotated[list[DutyName], Field(max_length=10)]
Departments = Annotated[list[Label], Field(min_length=1, max_length=10)]
LoginName = Annotated[
    str, StringConstraints(strict=True, min_length=3, max_length=254, pattern=r"^[!-~]+$")
]

_DUTY_EXAMPLE: Final = {"duties": ["finance"]}
_PERSON: Final[dict[str, Any]] = {
    "id": example_id("prs"),
    "role": "institution",
    "jurisdiction": "500106",
    "departments": None,
    "institution_id": example_id("ins"),
    **_DUTY_EXAMPLE,
    "state": "INVITED",
    "added_by": example_id("prs"),
    "added_at": "2026-03-02T09:30:00+00:00",
}
_INVITATION: Final[dict[str, Any]] = {
    "token": "esi_N3dYv0bZkq2m8s1c7u5x9w4t6r0p2a3e5g7h9j1k3l5",
    "expires_at": "2026-03-09T09:30:00+00:00",
}


class StandingIn(WireIn):
    """What somebody is to see and do."""

    role: Literal["regulator", "institution", "operator", "auditor"]
    jurisdiction: Code | None = Field(
        default=None, description="Code whose subtree is the scope; an institution's is its own"
    )
    departments: Departments | None = Field(
        default=None, description="Competent departments of a regulator; all unless given"
    )
    institution_id: InstitutionId | None = Field(
        default=None, description="Of an institution's people; an owner's own unless given"
    )
    duties: Duties = Field(default_factory=list, description="At least one where a role has any")

    def standing(self) -> tuple[Standing, int | None]:
        """Return it with the journal that the institution's id names."""
        journal, institution = (None, None)
        if self.institution_id is not None:
            journal, institution = ids.parse("ins", self.institution_id)
        elif self.jurisdiction is None and self.role != "institution":
            raise RequestInvalid(reason="jurisdiction_needed", pointer="/jurisdiction")
        return Standing(
            Role(self.role),
            self.jurisdiction or "",
            None if self.departments is None else tuple(self.departments),
            institution,
            frozenset(Duty(duty) for duty in self.duties),
        ), journal


class PersonIn(StandingIn):
    """A person to invite; who it is goes to the vault alone."""

    model_config = examples(
        {
            "role": "institution",
            "institution_id": example_id("ins"),
            **_DUTY_EXAMPLE,
            "name": "李会计",
            "login": "li@qiming.example",
            "phone": "13800005678",
        }
    )

    name: Label
    login: LoginName = Field(description="Name to log in with, such as an e-mail address")
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 -]{5,20}$")] | None = None
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[!-~]+@[!-~]+$")] | None = (
        None
    )

    def detail(self) -> Detail:
        """Return who it is."""
        return Detail(self.name, self.login, self.phone, self.email)


class InvitationOut(WireOut):
    """What a person is invited with: shown this once, to be handed over in person."""

    token: str
    expires_at: Instant | None = Field(
        default=None, description="None while a second person has to approve: a week from then"
    )


class PersonOut(WireOut):
    """A person with access; its name is masked."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {"examples": [{**_PERSON, "invitation": _INVITATION}]}
    }

    id: PersonId
    role: str
    jurisdiction: str
    departments: list[str] | None = None
    institution_id: InstitutionId | None = None
    duties: list[str]
    state: str = Field(description="PROPOSED, INVITED, ACTIVE or REVOKED")
    name: str | None = Field(default=None, description="Masked, such as 李*计")
    added_by: str
    added_at: Instant
    activated_at: Instant | None = None
    revoked_at: Instant | None = None
    invitation: InvitationOut | None = None
    transaction_id: str | None = None


class PersonPage(WireOut):
    """A page of people in order of id."""

    items: list[PersonOut]
    next_cursor: str | None = None


class PersonAwaitedOut(ApprovalOut):
    """A person's invitation that waits for a second operator."""

    model_config = ApprovalOut.model_config | {
        "json_schema_extra": {"examples": [{**APPROVAL, "invitation": {"token": "esi_N3dYv0…"}}]}
    }

    invitation: InvitationOut | None = None


class DutiesIn(WireIn):
    """Other duties for a person."""

    model_config = examples(_DUTY_EXAMPLE)

    duties: Duties


class DeviceOut(WireOut):
    """A device that a person logged in on."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "id": example_id("dev"),
                    "label": "Chrome, Windows",
                    "first_seen_at": "2026-03-02T09:30:00+00:00",
                    "last_seen_at": "2026-03-02T10:05:00+00:00",
                    "signed_in": True,
                    "session_expires_at": "2026-03-02T17:30:00+00:00",
                    "current": True,
                }
            ]
        }
    }

    id: DeviceId
    label: str
    first_seen_at: Instant
    last_seen_at: Instant
    signed_in: bool
    session_expires_at: Instant | None = None
    current: bool = False


class DevicePage(WireOut):
    """The devices a person is known on, last seen first."""

    items: list[DeviceOut]
