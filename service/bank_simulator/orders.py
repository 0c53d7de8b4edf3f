"""The bank's payment desk: orders fetched, refused, left in doubt, paid, and come back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from service.bank_simulator.books import Account, Side, fen
from service.bank_simulator.disturbances import Disturbance

if TYPE_CHECKING:
    from service.bank_simulator.bank import Bank

FETCH: Final = "/v1/payment-orders/fetch"
ACKNOWLEDGE: Final = "/v1/payment-orders/acknowledge"
QUERIES: Final = "/v1/payment-orders/queries"
AT_ONCE: Final = 500
_DAY: Final = timedelta(days=1)
_SETTLED: Final = frozenset({"EXECUTED", "REJECTED", "RETURNED", "REVERSED", "CANCELLED"})

Order = Mapping[str, Any]


@dataclass(slots=True)
class Orders:
    """What this bank has to pay, and what comes back of what it paid."""

    bank: "Bank"
    seen: set[str] = field(default_factory=set)
    doubtful: list[tuple[date, Order]] = field(default_factory=list)
    """Orders of unknown fate, with the day on which the bank knows."""
    returning: list[tuple[date, Order, str]] = field(default_factory=list)
    """Payments that come back on a day, returned by the payee's bank or reversed by this one."""

    async def carry_out(self) -> None:
        """Fetch what is new and pay it, and pay what was in doubt."""
        if self.doubtful:
            await self._answer_queries()
        for order in await self._fetched():
            await self._take(order)

    def come_back(self) -> None:
        """Book what comes back today."""
        due = [each for each in self.returning if each[0] <= self.bank.today]
        self.returning = [each for each in self.returning if each[0] > self.bank.today]
        for _, order, kind in due:
            self.bank.booked(
                order["custody_account_id"],
                Side.CREDIT,
                fen(order["amount"]),
                kind,
                order=order["id"],
                end_to_end_id=order["end_to_end_id"],
                purpose="退汇" if kind == "RETURN" else "冲账",
            )

    async def _answer_queries(self) -> None:
        """Tell of every order that the service asks about: in hand, or not known yet."""
        today, asked = self.bank.today, await self.bank.line.get(f"{QUERIES}?limit=100")
        self.bank.noted("queries", asked)
        wanted = {query["order_id"] for query in asked.body["items"]}
        known = {order["id"]: order for on, order in self.doubtful if on <= today}
        for order in [known[each] for each in sorted(wanted & known.keys())]:
            await self._report(order, {"status": "ACCEPTED"})
            self._pay(order)
            self.doubtful = [each for each in self.doubtful if each[1] is not order]

    async def _fetched(self) -> list[Order]:
        """Take the orders of this bank; one that it has seen before is not paid again."""
        body, key = {"limit": AT_ONCE}, uuid.uuid4().hex
        answer = await self.bank.line.post(FETCH, body, key=key)
        self.bank.noted("fetch", answer)
        if answer.body["orders"]:
            lease = {"lease_id": answer.body["lease_id"]}
            kept = await self.bank.line.post(ACKNOWLEDGE, lease, key=uuid.uuid4().hex)
            self.bank.noted("acknowledge", kept)
        new = [order for order in answer.body["orders"] if order["id"] not in self.seen]
        self.seen |= {order["id"] for order in new}
        return new

    async def _take(self, order: Order) -> None:
        happens = self.bank.disturbances.happens
        if happens(Disturbance.REJECT):
            await self._report(order, {"status": "REJECTED", "reason": "AC04"})
        elif happens(Disturbance.UNSURE):
            await self._report(order, {"status": "UNKNOWN"})
            self.doubtful.append((self.bank.today + _DAY, order))
        else:
            await self._report(order, {"status": "ACCEPTED"})
            self._pay(order)

    async def _report(self, order: Order, body: dict[str, str]) -> None:
        path = f"/v1/payment-orders/{order['id']}/report"
        answer = await self.bank.line.post(path, body, key=uuid.uuid4().hex)
        self.bank.noted(f"order {body['status']}", answer)

    def _pay(self, order: Order) -> None:
        account: Account = self.bank.accounts[order["custody_account_id"]]
        amount = fen(order["amount"])
        assert account.balance >= amount, "the service orders no more than there is"
        named = {"order": order["id"], "end_to_end_id": order["end_to_end_id"]}
        self.bank.booked(account.id, Side.DEBIT, amount, "ORDER", **named)
        happens = self.bank.disturbances.happens
        if happens(Disturbance.RETURN):
            self.returning.append((self.bank.today + _DAY, order, "RETURN"))
        elif happens(Disturbance.REVERSE):
            self.returning.append((self.bank.today + _DAY, order, "REVERSAL"))
