"""What can be done with wind-downs; each step has a module of its own."""

from service.wind_downs.admit import Admission
from service.wind_downs.decide import DECIDE, DecideObjection
from service.wind_downs.found import CaseCommand
from service.wind_downs.lessons import ANSWER as ANSWER_LESSON
from service.wind_downs.lessons import CONFIRMED, DENIED, SETTLE, SILENT, LessonAnswer
from service.wind_downs.object import ENTER, OBJECT, Enter, Object
from service.wind_downs.open import REQUEST_OPEN, OpenCase
from service.wind_downs.register import REGISTER
from service.wind_downs.statements import ANSWER as ANSWER_REQUEST
from service.wind_downs.statements import AnswerRequest

__all__ = [
    "ANSWER_LESSON",
    "ANSWER_REQUEST",
    "CONFIRMED",
    "DECIDE",
    "DENIED",
    "ENTER",
    "OBJECT",
    "REGISTER",
    "REQUEST_OPEN",
    "SETTLE",
    "SILENT",
    "Admission",
    "AnswerRequest",
    "CaseCommand",
    "DecideObjection",
    "Enter",
    "LessonAnswer",
    "Object",
    "OpenCase",
]
