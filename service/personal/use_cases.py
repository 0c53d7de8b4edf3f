"""What can be done with personal data; each has a module of its own."""

from service.personal.correct import ASK as ASK_FOR_CORRECTION
from service.personal.correct import RULE as RULE_ON_CORRECTION
from service.personal.correct import Correct, Rule
from service.personal.erase import ASK as ASK_FOR_ERASURE
from service.personal.erase import CARRY_OUT as CARRY_OUT_ERASURE
from service.personal.erase import CarryOut, Erase
from service.personal.unmask import UNMASK, Unmask

__all__ = [
    "ASK_FOR_CORRECTION",
    "ASK_FOR_ERASURE",
    "CARRY_OUT_ERASURE",
    "RULE_ON_CORRECTION",
    "UNMASK",
    "CarryOut",
    "Correct",
    "Erase",
    "Rule",
    "Unmask",
]
