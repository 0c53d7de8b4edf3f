"""The lesson price schedule written a second time: a running debt of fractions, no division.

Each lesson adds P to a debt counted in N-ths of a fen; whole fen are paid off at once. Nothing of
`ledger.entitlement` is used here, so that both being wrong alike is unlikely.
"""

from collections.abc import Iterator


def values(price: int, lessons: int, worthless: int = 0) -> list[int]:
    """Return what each slot is worth in fen: `lessons` priced ones, then `worthless` gifts."""
    return [*_priced(price, lessons), *([0] * worthless)]


def released(price: int, lessons: int, taken: int) -> int:
    """Return what the first `taken` priced lessons are worth together."""
    return sum(values(price, lessons)[:taken])


def _priced(price: int, lessons: int) -> Iterator[int]:
    whole = 0
    while (whole + 1) * lessons <= price:  # the fen that every lesson is worth at least
        whole += _stride(price, lessons, whole)
    left, debt = price - whole * lessons, 0
    for _ in range(lessons):
        debt += left
        extra = 1 if debt >= lessons else 0
        debt -= extra * lessons
        yield whole + extra


def _stride(price: int, lessons: int, whole: int) -> int:
    """Double the step as long as it stays below the price."""
    step = 1
    while (whole + 2 * step) * lessons <= price:
        step *= 2
    return step
