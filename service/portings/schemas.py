"""The JSON contract of portings and placement offers."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from service.web.wire import (
    Amount,
    CourseId,
    Day,
    EnrolmentId,
    IdOf,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
OfferId = Annotated[str, IdOf("ofr")]
Lessons = Annotated[int, Field(strict=True, ge=1, le=10_000)]


class PortingIn(WireIn):
    """A parent's consent that the rest of an enrolment goes on at another institution."""

    model_config = examples(
        {
            "enrolment_id": example_id("enr"),
            "to_course_id": example_id("crs"),
            "lessons": 20,
            "consent_hash": "ab" * 32,
        }
    )

    enrolment_id: EnrolmentId
    to_course_id: CourseId
    lessons: Lessons = Field(description="The least lessons that the other course must give")
    consent_hash: Sha256 = Field(description="SHA-256 of the signed consent (家长同意书)")


class AcceptIn(WireIn):
    """What the receiving institution grants for the amount that comes."""

    model_config = examples({"amount": "2500.00", "lessons": 20})

    amount: Amount = Field(description="The amount as it was read; refused when it has changed")
    lessons: Lessons


class PortingOut(WireOut):
    """A porting (转课): from where, to where, how much, and how far it is."""

    id: str
    kind: Literal["LIVE", "PLACEMENT"]
    enrolment_id: str
    entitlement_id: str | None = None
    offer_id: str | None = None
    institution_id: str
    to_institution_id: str
    to_custody_account_id: str
    to_course_id: str
    to_enrolment_id: str | None = Field(default=None, description="Where the lessons go on")
    amount: Amount = Field(description="What is carried; of a placement once its plan is posted")
    worth: Amount = Field(description="What the lessons there are worth; the rest is refunded")
    lessons: int
    lessons_gift: int
    order_id: str | None = None
    state: Literal["CHOSEN", "INSTRUCTED", "SENT", "ARRIVED", "FAILED", "WITHDRAWN"]
    chosen_on: Day
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class PortingPage(Page[PortingOut]):
    """A page of portings."""


class OfferIn(WireIn):
    """What a receiving institution offers to the students of a wind-down."""

    model_config = examples(
        {
            "course_id": example_id("crs"),
            "lesson_price": "95.00",
            "bonus_percent": 10,
            "places": 30,
            "valid_until": "2026-09-30",
        }
    )

    course_id: CourseId
    lesson_price: Amount = Field(description="What one lesson costs of the dividend")
    bonus_percent: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 0
    places: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    valid_until: Day


class PricedOut(WireOut):
    """What an offer gives one entitlement at the dividend of one plan."""

    entitlement_id: str
    register_number: int
    plan_id: str
    basis: str
    plan_state: str
    dividend: Amount
    lessons: int
    lessons_gift: int
    rest: Amount = Field(description="What is less than a lesson, and comes back in money")


class OfferOut(WireOut):
    """A placement offer (接收要约)."""

    id: str
    wind_down_id: str
    receiving_institution_id: str
    course_id: str
    subject: str
    lesson_price: Amount
    bonus_percent: int
    places: int
    places_left: int
    valid_until: Day
    state: Literal["OPEN", "WITHDRAWN", "ENDED"]
    offered_on: Day
    priced: list[PricedOut] = Field(
        default_factory=list, description="For a parent: the own entitlements under each plan"
    )
    transaction_id: str | None = None


class OffersOut(WireOut):
    """The offers to the students of a wind-down."""

    items: list[OfferOut]


class ChooseIn(WireIn):
    """Take an offer instead of the dividend in money."""

    model_config = examples({"offer_id": example_id("ofr"), "consent_hash": "ab" * 32})

    offer_id: OfferId
    consent_hash: Sha256 = Field(description="SHA-256 of the signed consent (家长同意书)")
