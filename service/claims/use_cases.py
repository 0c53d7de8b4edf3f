"""What can be done with claims; each step has a module of its own."""

from service.claims.answer import (
    AGREE,
    AGREE_BY_SILENCE,
    CONTEST,
    WITHDRAW,
    AgreeBySilence,
    AgreeClaim,
    ContestClaim,
    WithdrawClaim,
)
from service.claims.approve import APPROVE, ApproveClaim
from service.claims.decide import DECIDE, DecideClaim
from service.claims.evidence import ADD_EVIDENCE, AddEvidence, Evidence
from service.claims.file import FILE, QUOTE, FileClaim
from service.claims.held import PAY_HELD, PayHeldClaim

__all__ = [
    "ADD_EVIDENCE",
    "AGREE",
    "AGREE_BY_SILENCE",
    "APPROVE",
    "CONTEST",
    "DECIDE",
    "FILE",
    "PAY_HELD",
    "QUOTE",
    "WITHDRAW",
    "AddEvidence",
    "AgreeBySilence",
    "AgreeClaim",
    "ApproveClaim",
    "ContestClaim",
    "DecideClaim",
    "Evidence",
    "FileClaim",
    "PayHeldClaim",
    "WithdrawClaim",
]
