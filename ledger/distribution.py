"""Distribution (分配): sharing the pool of a wind-down over its entitlements, to the fen.

`replay` is the whole of it: inputs in, shares out, by anyone, from the inputs alone. The module
imports nothing but the standard library, so that it can travel beside the inputs and be run there.

Inputs are canonical JSON, amounts in whole fen, and name nobody:

    {"basis": "POOLED" | "TRACED_FIRST", "round": 1,
     "accounts": [{"number": 1, "pool": 1534573, "later": 500000}],
     "entitlements": [{"number": 1, "account": 1, "claim": 499999, "unfunded": 0}]}

`accounts` are the custody accounts by a number of their own; `pool` is the cash that each held for
its students, `later` what came to it from elsewhere (deposit, recoveries, set-off in another
account). `entitlements` stand under their register numbers; `unfunded` is the part of a claim that
was never paid in, so claim − unfunded is traced. From round 2 on, claims are what is left of them.

Shares are [number, tier one, tier two] in register order; a dividend is both tiers together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

POOLED: Final = "POOLED"
TRACED_FIRST: Final = "TRACED_FIRST"
BASES: Final = (POOLED, TRACED_FIRST)

Share = tuple[int, int, int]
"""A register number, and what it gets of tier one and of tier two, in fen."""
Move = tuple[int, int, int]
"""From account, to account, fen."""

_RANKS: Final = 4096
_FUND_FIELDS: Final = frozenset({"number", "pool", "later"})
_CLAIM_FIELDS: Final = frozenset({"number", "account", "claim", "unfunded"})


@dataclass(frozen=True, slots=True)
class Plan:
    """A distribution plan (分配方案): its inputs, shares and hash, and the moves it needs.

    `moves` are (from account, to account, fen): the cash that must change its custody account so
    that every account can pay the dividends of its own entitlements. All amounts are fen.
    """

    inputs: Mapping[str, Any]
    shares: Sequence[Share]
    moves: Sequence[Move]
    digest: bytes
    claimed: int
    pool: int
    distributed: int

    @property
    def residual(self) -> int:
        """What the plan leaves unpaid of all claims."""
        return self.claimed - self.distributed


def planned(inputs: Mapping[str, Any]) -> Plan:
    """Make the plan that follows from the inputs; raises ValueError for impossible inputs."""
    shares = replay(inputs)
    return Plan(
        inputs=inputs,
        shares=shares,
        moves=moves(inputs, shares),
        digest=digest(inputs, shares),
        claimed=sum(entitlement["claim"] for entitlement in inputs["entitlements"]),
        pool=sum(fund["pool"] + fund["later"] for fund in inputs["accounts"]),
        distributed=sum(one + two for _, one, two in shares),
    )


def replay(inputs: Mapping[str, Any]) -> list[Share]:
    """Share the pool of the inputs: (register number, tier one, tier two), in register order.

    POOLED shares all cash rateably over all claims. TRACED_FIRST shares each account's pool over
    its traced claims first, then all that is left over what is left of all claims. Nobody gets
    more than is claimed, and min(pool, claims) is given out to the fen (I-30). Raises ValueError.
    """
    _check(inputs)
    register = sorted(inputs["entitlements"], key=lambda entitlement: entitlement["number"])
    claims = [entitlement["claim"] for entitlement in register]
    cash = sum(fund["pool"] + fund["later"] for fund in inputs["accounts"])
    if inputs["basis"] == POOLED:
        first = rateably(cash, claims)
        second = [0] * len(claims)
    else:
        first = _traced(inputs["accounts"], register)
        left = [claim - given for claim, given in zip(claims, first, strict=True)]
        second = rateably(cash - sum(first), left)
    return [
        (entitlement["number"], one, two)
        for entitlement, one, two in zip(register, first, second, strict=True)
    ]


def rateably(pool: int, claims: Sequence[int]) -> list[int]:
    """Share `pool` fen over claims in proportion: whole fen first, the rest by largest remainder.

    Of equal remainders the earlier claim gets the fen. A pool that suffices pays every claim.
    """
    whole = sum(claims)
    if pool >= whole:
        return list(claims)
    given: list[int] = []
    remainders: list[int] = []
    for claim in claims:
        fen, remainder = divmod(pool * claim, whole)
        given.append(fen)
        remainders.append(remainder)
    for index in _largest(remainders, whole, pool - sum(given)):
        given[index] += 1
    return given


def moves(inputs: Mapping[str, Any], shares: Sequence[Share]) -> list[Move]:
    """Say what must move between custody accounts: (from, to, fen), by account number.

    An account with more cash than the dividends of its own entitlements gives, in order of its
    number, to those with less; what nobody needs stays where it is.
    """
    spare = {fund["number"]: fund["pool"] + fund["later"] for fund in inputs["accounts"]}
    account_of = {entitled["number"]: entitled["account"] for entitled in inputs["entitlements"]}
    for number, one, two in shares:
        spare[account_of[number]] -= one + two
    givers = [[number, spare[number]] for number in sorted(spare) if spare[number] > 0]
    found: list[Move] = []
    for number in sorted(spare):
        lacking = -spare[number]
        while lacking > 0:
            giver = givers[0]
            fen = min(lacking, giver[1])
            found.append((giver[0], number, fen))
            lacking -= fen
            giver[1] -= fen
            if giver[1] == 0:
                givers.pop(0)
    return found


def canonical(value: object) -> str:
    """Write JSON in its one form: keys sorted, no spaces, text unescaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(inputs: Mapping[str, Any], shares: Sequence[Share]) -> bytes:
    """Hash a plan: SHA-256 over the canonical JSON of [inputs, shares]."""
    return sha256(canonical([inputs, shares]).encode()).digest()


def _largest(remainders: Sequence[int], whole: int, wanted: int) -> list[int]:
    """Find the indexes of the `wanted` largest of remainders below `whole`; of equals the earlier.

    Remainders are put into ranks first, so that only one rank has to be sorted.
    """
    ranks: list[list[int]] = [[] for _ in range(_RANKS)]
    for index, remainder in enumerate(remainders):
        ranks[remainder * _RANKS // whole].append(index)
    found: list[int] = []
    while wanted > len(found):
        rank = ranks.pop()
        if len(found) + len(rank) > wanted:
            # A sort is stable, reversed as well: of equal remainders the earlier stands first.
            rank.sort(key=remainders.__getitem__, reverse=True)
        found += rank[: wanted - len(found)]
    return found


def _traced(
    accounts: Sequence[Mapping[str, int]], register: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Share each account's own pool over what is traced to it; no account pays for another."""
    given = [0] * len(register)
    places: dict[int, list[int]] = {fund["number"]: [] for fund in accounts}
    for place, entitlement in enumerate(register):
        places[entitlement["account"]].append(place)
    for fund in accounts:
        own = places[fund["number"]]
        traced = [register[place]["claim"] - register[place]["unfunded"] for place in own]
        for place, fen in zip(own, rateably(fund["pool"], traced), strict=True):
            given[place] = fen
    return given


def _check(inputs: Mapping[str, Any]) -> None:
    """Refuse inputs that no register and no account could have given."""
    if inputs["basis"] not in BASES:
        raise ValueError("the basis is POOLED or TRACED_FIRST")
    funds, register = inputs["accounts"], inputs["entitlements"]
    for rows, fields in ((funds, _FUND_FIELDS), (register, _CLAIM_FIELDS)):
        for row in rows:
            if row.keys() != fields or not all(type(n) is int and n >= 0 for n in row.values()):
                raise ValueError("amounts and numbers are whole and not negative")
        if len({row["number"] for row in rows}) != len(rows):
            raise ValueError("a number stands once")
    known = {fund["number"] for fund in funds}
    for row in register:
        if row["account"] not in known or row["unfunded"] > row["claim"]:
            raise ValueError("an entitlement stands in a known account, unfunded at most whole")
