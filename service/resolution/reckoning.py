"""What a distribution would share today, reckoned from balances alone (分配模拟的输入).

It travels inside every resolution pack: the service makes the simulation with it, and whoever
opens the pack makes it again from balances that were recomputed from the transactions.

Earned money and own funds first make good what the institution owes in the same custody account:
charges and the like, then contracts, oldest first (E48, E57). Pending and disputed lessons are
still the student's here. Own funds left over fill gaps elsewhere (E60), and with the risk deposit
they are shared in the second tier. Once a plan was posted there is nothing left to simulate.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

CONTRACT_DEBTS: Final = ("LEGACY", "DIVERSION")
CLAIMED: Final = (
    "STUDENT_PREPAID",
    "LESSON_PENDING",
    "LESSON_DISPUTED",
    "STUDENT_INTEREST",
    "REFUND_PAYABLE",
)
"""L1, L2, L3, L11 and L6: what an enrolment would claim today, before pending lessons settle."""
NAMED: Final = (
    "PAYOUT_IN_TRANSIT",
    "REFUND_IN_TRANSIT",
    "SUSPENSE_RECEIPT",
    "RETURNED_REFUND_HELD",
    "INTEREST_UNALLOCATED",
    "BANK_ERROR_CREDIT",
    "PORTING_IN_TRANSIT",
)
"""L5, L7, L8, L9, L10, L14, L15: cash that is on its way to somebody by name."""

Row = Mapping[str, Any]
Held = dict[tuple[str, str], int]
"""Fen by (custody account, account kind)."""


class Standing:
    """Balances by account kind, claims and unfunded parts by enrolment."""

    def __init__(self, accounts: Sequence[Row], enrolments: Sequence[Row]) -> None:
        """Sort what stands where; `accounts` name the enrolment they belong to, or none."""
        self.enrolments = enrolments
        self.held: Held = {}
        self.claims: dict[str, int] = {}
        self.unfunded: dict[str, dict[str, int]] = {}
        for row in accounts:
            kind, custody, enrolment = row["kind"], row["custody_account_id"], row["enrolment_id"]
            fen = row["balance"]
            self.held[custody, kind] = self.at(custody, kind) + fen
            if enrolment is None:
                continue
            if kind in CLAIMED:
                self.claims[enrolment] = self.claims.get(enrolment, 0) + fen
            if kind == "DUE_FROM_INSTITUTION" and row["reason"] in CONTRACT_DEBTS:
                owed = self.unfunded.setdefault(custody, {})
                owed[enrolment] = owed.get(enrolment, 0) + fen

    def at(self, custody: str, kind: str) -> int:
        """Return what stands on one kind of account in a custody account."""
        return self.held.get((custody, kind), 0)

    def over_all(self, kind: str) -> int:
        """Return what stands on one kind of account anywhere."""
        return sum(fen for (_, each), fen in self.held.items() if each == kind)

    def make_good(self, custody: str, fen: int) -> None:
        """Make good contracts that were never paid in, oldest first."""
        owed = self.unfunded.get(custody, {})
        for row in self.enrolments:
            given = min(fen, owed.get(row["enrolment_id"], 0))
            if given:
                owed[row["enrolment_id"]] -= given
                fen -= given


def posted(accounts: Sequence[Row]) -> bool:
    """Tell whether a plan was posted: residual claims (L13) stand for what it left."""
    return any(row["kind"] == "RESIDUAL_CLAIM" for row in accounts)


def simulation_inputs(
    accounts: Sequence[Row], enrolments: Sequence[Row], custodies: Sequence[str], basis: str
) -> dict[str, Any]:
    """Write the inputs of `distribution.replay`; amounts in fen, nobody named.

    `enrolments` stand in order of contract date and number, `custodies` in order of opening.
    """
    standing = Standing(accounts, enrolments)
    funds, spare, gap = [], 0, 0
    for number, custody in enumerate(custodies, start=1):
        own_funds = standing.at(custody, "INSTITUTION_OWN_FUNDS")
        own = standing.at(custody, "INSTITUTION_PAYABLE") + own_funds
        owed = standing.at(custody, "DUE_FROM_INSTITUTION")
        good = min(own, owed)
        contracts = sum(standing.unfunded.get(custody, {}).values())
        standing.make_good(custody, max(0, good - (owed - contracts)))
        named = sum(standing.at(custody, kind) for kind in NAMED)
        cash = standing.at(custody, "CUSTODY_BANK") - named - own + good
        funds.append({"number": number, "pool": max(0, cash), "later": 0})
        spare += min(own - good, own_funds)
        gap += owed - good
    if funds:
        deposit = min(
            standing.over_all("RISK_DEPOSIT_BANK"), standing.over_all("RISK_DEPOSIT_HELD")
        )
        funds[0]["later"] = min(spare, gap) + deposit
    return {
        "basis": basis,
        "round": 1,
        "accounts": funds,
        "entitlements": _register(standing, custodies),
    }


def _register(standing: Standing, custodies: Sequence[str]) -> list[dict[str, int]]:
    """Number the claims by contract date and number, as a register would."""
    numbers = {custody: number for number, custody in enumerate(custodies, start=1)}
    unfunded: dict[str, int] = {}
    for owed in standing.unfunded.values():
        for enrolment, fen in owed.items():
            unfunded[enrolment] = unfunded.get(enrolment, 0) + fen
    claiming = [row for row in standing.enrolments if standing.claims.get(row["enrolment_id"], 0)]
    return [
        {
            "number": number,
            "account": numbers[row["custody_account_id"]],
            "claim": standing.claims[row["enrolment_id"]],
            "unfunded": min(
                standing.claims[row["enrolment_id"]], unfunded.get(row["enrolment_id"], 0)
            ),
        }
        for number, row in enumerate(claiming, start=1)
    ]
