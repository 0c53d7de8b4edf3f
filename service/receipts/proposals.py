"""Proposals (入账建议): whose a receipt in suspense may be, and why, for a person to judge.

Nothing is matched by them. The weights say how much each reason tells beside the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from service.store import payment_codes
from service.store.receipt_proposals import Candidate, Known

SHOWN_MAX: Final = 10

CODE: Final = "PAYMENT_CODE"
CODE_ALIKE: Final = "PAYMENT_CODE_ALIKE"
PAYER_ACCOUNT: Final = "PAYER_ACCOUNT"
PAYER_NAME: Final = "PAYER_NAME"
NAMED: Final = "NAMED_IN_PURPOSE"
AMOUNT: Final = "AMOUNT_DUE"
WEIGHTS: Final = {
    CODE: 60,
    CODE_ALIKE: 50,
    PAYER_ACCOUNT: 40,
    PAYER_NAME: 25,
    NAMED: 25,
    AMOUNT: 20,
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """One contract that a receipt may be for: what is due on it, and what speaks for it."""

    enrolment: UUID
    due_fen: int
    reasons: tuple[str, ...]

    @property
    def score(self) -> int:
        """How much speaks for it; more is better, and nothing is certain."""
        return sum(WEIGHTS[reason] for reason in self.reasons)


def proposed(known: Known, *, code: str | None, held_fen: int) -> list[Proposal]:
    """Return the contracts that a receipt may be for, the likeliest first.

    `code` is the payment code the bank told, `held_fen` what stands in suspense.
    """
    written = [] if code is None else [code]
    windows = [*written, *_windows(known.purpose)]
    found = [
        Proposal(
            candidate.enrolment, candidate.due_fen, _reasons(candidate, written, windows, held_fen)
        )
        for candidate in known.candidates
    ]
    worthy = [proposal for proposal in found if proposal.reasons]
    worthy.sort(key=lambda proposal: (-proposal.score, proposal.enrolment))
    return worthy[:SHOWN_MAX]


def _reasons(
    candidate: Candidate, written: Sequence[str], windows: Sequence[str], held_fen: int
) -> tuple[str, ...]:
    is_code = candidate.payment_code in written
    applies = (
        (CODE, is_code),
        (CODE_ALIKE, not is_code and any(_alike(candidate.payment_code, w) for w in windows)),
        (PAYER_ACCOUNT, candidate.has_payers_account),
        (PAYER_NAME, candidate.has_payers_name),
        (NAMED, candidate.is_named),
        (AMOUNT, candidate.due_fen == held_fen),
    )
    return tuple(reason for reason, holds in applies if holds)


def _windows(purpose: str) -> list[str]:
    """Return what may have been meant as a code: as long as one, and beginning much like one."""
    plain = payment_codes.plain(purpose)
    length, first, second = payment_codes.LENGTH, *payment_codes.PREFIX
    pieces = (plain[at : at + length] for at in range(len(plain) - length + 1))
    return [piece for piece in pieces if piece[0] == first or piece[1] == second]


def _alike(code: str, written: str) -> bool:
    """Tell whether a code was meant: one character is another, or two neighbours are swapped."""
    if len(code) != len(written):
        return False
    differ = [at for at, (one, other) in enumerate(zip(code, written, strict=True)) if one != other]
    if len(differ) <= 1:
        return True
    first, second = differ[0], differ[-1]
    swapped = code[first] == written[second] and code[second] == written[first]
    return len(differ) == 2 and second == first + 1 and swapped  # noqa: PLR2004 - a pair
