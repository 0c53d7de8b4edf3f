"""The route by which a guardian hands remaining lessons to another student."""

from typing import Annotated

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from pydantic import Field, StringConstraints

from ledger.refusals import (
    EnrolmentBlocked,
    EnrolmentUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionFrozen,
    LessonsUnsettled,
    NoSlotLeft,
    NothingToRefund,
    PartyUnknown,
    WrongState,
)
from service.enrolments.people import People
from service.enrolments.schemas import PEOPLE, PersonIn
from service.enrolments.transfer import TRANSFER, TransferLessons
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.store.parties import PartyKind
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing
from service.web.wire import Amount, WireIn, WireOut, examples

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]


class TransferIn(WireIn):
    """Who receives the lessons, and the SHA-256 of the document in which both sides consent."""

    model_config = examples(
        {
            **PEOPLE,
            "consent_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
    )

    guardian: PersonIn
    student: PersonIn
    consent_hash: Digest


class TransferOut(WireOut):
    """What went over, and to which new enrolment."""

    from_enrolment_id: str
    to_enrolment_id: str
    state: str = Field(description="PORTED: nothing is left of the giving enrolment")
    amount: Amount
    interest: Amount
    lessons_paid: int
    lessons_gift: int
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


@post(
    "/{enrolment_id:str}/transfer",
    operation_id="transferLessons",
    summary="Hand remaining lessons to another student",
    opt=policy(Role.PARENT, verb=Verb.CHOOSE_PLACES),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        EnrolmentUnknown,
        WrongState,
        LessonsUnsettled,
        InstitutionFrozen,
        EnrolmentBlocked,
        PartyUnknown,
        NothingToRefund,
        NoSlotLeft,
    ),
)
async def transfer_lessons(
    enrolment_id: FromPath[str], data: JSONBody[TransferIn], command: NamedDependency[Command]
) -> Response[TransferOut]:
    """Give all that is left of an own enrolment to another student of the same institution."""
    journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
    people = People(
        data.guardian.person(PartyKind.GUARDIAN, journal, command),
        data.student.person(PartyKind.STUDENT, journal, command),
    )
    given = TransferLessons(journal, enrolment, command.new_id(), people, data.consent_hash)
    outcome = await command.run(TRANSFER, [given], journal=journal)
    return command.answer(outcome, TransferOut)
