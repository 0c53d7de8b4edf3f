"""Distribution written a second time, slowly and differently: exact fractions, fen by fen.

Nothing of `ledger.distribution` is used here, so that both being wrong alike is unlikely.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any


def shares(inputs: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """Return (register number, tier one, tier two) of the same inputs."""
    register = {e["number"]: e for e in inputs["entitlements"]}
    cash = sum(f["pool"] for f in inputs["accounts"]) + sum(f["later"] for f in inputs["accounts"])
    first = dict.fromkeys(register, 0)
    if inputs["basis"] == "TRACED_FIRST":
        for fund in inputs["accounts"]:
            traced = {
                number: e["claim"] - e["unfunded"]
                for number, e in register.items()
                if e["account"] == fund["number"]
            }
            first |= awarded(fund["pool"], traced)
    left = {number: e["claim"] - first[number] for number, e in register.items()}
    second = awarded(cash - sum(first.values()), left)
    if inputs["basis"] == "POOLED":
        first, second = second, first
    return [(number, first[number], second[number]) for number in sorted(register)]


def awarded(pool: int, claims: Mapping[int, int]) -> dict[int, int]:
    """Give everybody the whole fen of the exact share, then a fen at a time to the neediest.

    The neediest is who is furthest below the exact share; among equals, the lower number.
    """
    whole = sum(claims.values())
    payable = min(pool, whole)
    exact = {n: Fraction(payable * claim, whole or 1) for n, claim in claims.items()}
    given = {number: int(share) for number, share in exact.items()}
    while sum(given.values()) < payable:
        neediest = max(given, key=lambda number: (exact[number] - given[number], -number))
        given[neediest] += 1
    return given


def moved(inputs: Mapping[str, Any], moves: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the cash of every account once the moves are carried out."""
    cash = {f["number"]: f["pool"] + f["later"] for f in inputs["accounts"]}
    for source, target, fen in moves:
        cash[source] -= fen
        cash[target] += fen
    return cash
