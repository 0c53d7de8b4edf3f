"""Routes of placement offers in a wind-down: made, priced for each parent, withdrawn, chosen."""

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.money import Money
from ledger.refusals import (
    AmountZero,
    CourseNotFiled,
    CourseUnknown,
    CustodyAccountInvalid,
    EnrolmentStopped,
    EntitlementUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionFrozen,
    OfferFull,
    OfferUnknown,
    VerbForbidden,
    WindDownUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.portings import use_cases
from service.portings.answers import offer_answer
from service.portings.schemas import (
    ChooseIn,
    OfferIn,
    OfferOut,
    OffersOut,
    PortingOut,
)
from service.store import ids, placements
from service.store.facts import Record
from service.store.transact import Store
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing


@post(
    "/wind-downs/{wind_down_id:str}/offers",
    operation_id="makePlacementOffer",
    summary="Offer lessons to the students of a wind-down",
    opt=policy(Role.INSTITUTION, Role.REGULATOR, verb=Verb.PLACE_STUDENTS),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        WindDownUnknown,
        CourseUnknown,
        WrongState,
        InstitutionFrozen,
        EnrolmentStopped,
        CourseNotFiled,
        CustodyAccountInvalid,
        AmountZero,
        OfferFull,
    ),
)
async def make_placement_offer(
    wind_down_id: FromPath[str], data: JSONBody[OfferIn], command: NamedDependency[Command]
) -> Response[OfferOut]:
    """Tell what one lesson costs of a dividend, the bonus on top, and how many places there are.

    The regulator does so for an institution that told it.
    """
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    there, course = ids.parse("crs", data.course_id)
    if journal not in command.caller.journals:
        raise WindDownUnknown
    if there != journal:
        raise CourseUnknown
    made = use_cases.MakeOffer(
        journal,
        command.new_id(),
        wind_down,
        course,
        Money.of(data.lesson_price),
        data.bonus_percent,
        data.places,
        data.valid_until,
    )
    outcome = await command.run(use_cases.OFFER, [made], journal=journal)
    return command.answer(outcome, OfferOut)


@get(
    "/wind-downs/{wind_down_id:str}/offers",
    operation_id="listPlacementOffers",
    summary="List placement offers, priced for a parent",
    opt=policy(Role.PARENT, Role.INSTITUTION, *STAFF, verb=Verb.READ_CONTRACTS),
    responses=refusing(WindDownUnknown),
)
async def list_placement_offers(
    wind_down_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> OffersOut:
    """List the offers of a case; a parent sees what each gives at the dividend of each plan."""
    journal, wind_down = object_id("wdn", wind_down_id, WindDownUnknown)
    if journal not in caller.journals:
        raise WindDownUnknown
    async with store.reading(caller.context) as connection:
        offers = await placements.offers_of(connection, journal, wind_down)
        dividends = (
            await placements.dividends_of(connection, journal, wind_down)
            if caller.role is Role.PARENT
            else []
        )
    return OffersOut(
        items=[
            OfferOut.model_validate(
                {
                    **offer_answer(journal, offer),
                    "priced": [*_priced(journal, offer, dividends)],
                }
            )
            for offer in offers
        ]
    )


@post(
    "/placement-offers/{offer_id:str}/withdraw",
    operation_id="withdrawPlacementOffer",
    summary="Close an offer to new choices",
    opt=policy(Role.INSTITUTION, Role.REGULATOR, verb=Verb.PLACE_STUDENTS),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, OfferUnknown, VerbForbidden, WrongState
    ),
    status_code=200,
)
async def withdraw_placement_offer(
    offer_id: FromPath[str], command: NamedDependency[Command]
) -> Response[OfferOut]:
    """Take an offer back; parents who chose it keep their place."""
    journal, offer = object_id("ofr", offer_id, OfferUnknown)
    if journal not in command.caller.journals:
        raise OfferUnknown
    withdrawing = use_cases.WithdrawOffer(journal, offer)
    outcome = await command.run(use_cases.WITHDRAW_OFFER, [withdrawing], journal=journal)
    return command.answer(outcome, OfferOut, 200)


@post(
    "/entitlements/{entitlement_id:str}/choose-offer",
    operation_id="choosePlacementOffer",
    summary="Choose lessons elsewhere instead of the dividend in money",
    opt=policy(Role.PARENT, verb=Verb.CHOOSE_PLACES),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        EntitlementUnknown,
        OfferUnknown,
        WrongState,
        OfferFull,
    ),
)
async def choose_placement_offer(
    entitlement_id: FromPath[str], data: JSONBody[ChooseIn], command: NamedDependency[Command]
) -> Response[PortingOut]:
    """Take a place; the dividend is carried there once the plan is posted, the residual stays."""
    journal, entitlement = object_id("ent", entitlement_id, EntitlementUnknown)
    there, offer = ids.parse("ofr", data.offer_id)
    if journal not in command.caller.journals:
        raise EntitlementUnknown
    if there != journal:
        raise OfferUnknown
    choosing = use_cases.ChooseOffer(
        journal, command.new_id(), entitlement, offer, data.consent_hash
    )
    outcome = await command.run(use_cases.CHOOSE, [choosing], journal=journal)
    return command.answer(outcome, PortingOut)


def _priced(
    journal: int, offer: Record, dividends: Iterable[Mapping[str, Any]]
) -> Iterable[dict[str, Any]]:
    for row in dividends:
        dividend = row["dividend_fen"]
        lessons, gift = placements.lessons_for(dividend, offer.lesson_fen, offer.bonus_percent)
        yield {
            "entitlement_id": ids.public("ent", journal, row["entitlement_id"]),
            "register_number": row["register_number"],
            "plan_id": ids.public("pln", journal, row["plan_id"]),
            "basis": row["basis"],
            "plan_state": row["state"],
            "dividend": str(Money.from_fen(dividend)),
            "lessons": lessons,
            "lessons_gift": gift,
            "rest": str(Money.from_fen(dividend - lessons * offer.lesson_fen)),
        }
