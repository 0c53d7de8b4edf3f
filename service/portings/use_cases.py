"""Use cases of portings: asked and accepted, ended; offers made, chosen, and carried."""

from service.portings.carry import CARRY, CarryPlacement
from service.portings.choose import CHOOSE, ChooseOffer
from service.portings.end import END, EndPorting
from service.portings.live import ACCEPT, ASK, AcceptPorting, AskPorting
from service.portings.offers import OFFER, WITHDRAW_OFFER, MakeOffer, WithdrawOffer

__all__ = [
    "ACCEPT",
    "ASK",
    "CARRY",
    "CHOOSE",
    "END",
    "OFFER",
    "WITHDRAW_OFFER",
    "AcceptPorting",
    "AskPorting",
    "CarryPlacement",
    "ChooseOffer",
    "EndPorting",
    "MakeOffer",
    "WithdrawOffer",
]
