"""Registers and pools to be shared out, drawn by Hypothesis or written in yuan."""

from typing import Any

from hypothesis import strategies as st

from ledger.money import Money

amounts = st.integers(min_value=0, max_value=3) | st.integers(min_value=0, max_value=10**7)


@st.composite
def inputs(draw: st.DrawFn, basis: str | None = None, accounts_max: int = 3) -> dict[str, Any]:
    """Draw a register over some custody accounts; equal claims and small pools are common."""
    accounts = draw(st.integers(min_value=1, max_value=accounts_max))
    claims = draw(st.lists(amounts, max_size=12))
    entitlements = []
    for number, claim in enumerate(claims, start=1):
        unfunded = draw(st.sampled_from([0, claim]) | st.integers(min_value=0, max_value=claim))
        account = draw(st.integers(min_value=1, max_value=accounts))
        entitlements.append(
            {"number": number, "account": account, "claim": claim, "unfunded": unfunded}
        )
    return {
        "basis": basis or draw(st.sampled_from(["POOLED", "TRACED_FIRST"])),
        "round": 1,
        "accounts": [
            {"number": number, "pool": draw(amounts), "later": draw(amounts)}
            for number in range(1, accounts + 1)
        ],
        "entitlements": entitlements,
    }


CLAIMS = ("4999.99", "3229.17", "10000.00", "1250.00", "1250.00", "0.01", "8333.33")
"""C1 to C7 of cases 8.6 and 8.7; C3 is unfunded."""


def collapsed(basis: str) -> dict[str, Any]:
    """Write the inputs of cases 8.6 and 8.7, after set-off and with the deposit drawn."""
    return {
        "basis": basis,
        "round": 1,
        "accounts": [{"number": 1, "pool": fen("15345.73"), "later": fen("5000.00")}],
        "entitlements": [
            {
                "number": number,
                "account": 1,
                "claim": fen(claim),
                "unfunded": fen(claim) if number == 3 else 0,
            }
            for number, claim in enumerate(CLAIMS, start=1)
        ],
    }


def fen(yuan: str) -> int:
    return Money.of(yuan).fen
