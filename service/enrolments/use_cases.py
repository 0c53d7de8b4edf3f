"""What can be done with enrolments: opened, taken on with money missing, lapsed when unpaid."""

from service.enrolments.carried import DIVERSION, LEGACY, TAKE_ON, CarriedContract
from service.enrolments.lapse import LAPSE, LapseEnrolment
from service.enrolments.open import OPEN_ENROLMENT, OpenEnrolment
from service.enrolments.transfer import TRANSFER, TransferLessons

__all__ = [
    "DIVERSION",
    "LAPSE",
    "LEGACY",
    "OPEN_ENROLMENT",
    "TAKE_ON",
    "TRANSFER",
    "CarriedContract",
    "LapseEnrolment",
    "OpenEnrolment",
    "TransferLessons",
]
