"""What can be done with wind-downs; each step has a module of its own."""

from service.wind_downs.admit import Admission
from service.wind_downs.assets import END as END_ASSET
from service.wind_downs.assets import RECORD as RECORD_ASSET
from service.wind_downs.assets import EndAsset, RecordAsset
from service.wind_downs.decide import DECIDE, DecideObjection
from service.wind_downs.draw import DRAW, DrawDeposit
from service.wind_downs.found import CaseCommand
from service.wind_downs.lessons import ANSWER as ANSWER_LESSON
from service.wind_downs.lessons import CONFIRMED, DENIED, SETTLE, SILENT, LessonAnswer
from service.wind_downs.object import ENTER, OBJECT, Enter, Object
from service.wind_downs.open import REQUEST_OPEN, OpenCase
from service.wind_downs.register import REGISTER
from service.wind_downs.set_off import SET_OFF_CASE as SET_OFF
from service.wind_downs.statements import ANSWER as ANSWER_REQUEST
from service.wind_downs.statements import AnswerRequest

__all__ = [
    "ANSWER_LESSON",
    "ANSWER_REQUEST",
    "CONFIRMED",
    "DECIDE",
    "DENIED",
    "DRAW",
    "END_ASSET",
    "ENTER",
    "OBJECT",
    "RECORD_ASSET",
    "REGISTER",
    "REQUEST_OPEN",
    "SETTLE",
    "SET_OFF",
    "SILENT",
    "Admission",
    "AnswerRequest",
    "CaseCommand",
    "DecideObjection",
    "DrawDeposit",
    "EndAsset",
    "Enter",
    "LessonAnswer",
    "Object",
    "OpenCase",
    "RecordAsset",
]
