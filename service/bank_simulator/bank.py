"""A bank at work: money comes in, orders go out, and every day ends with a statement."""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from service.bank_simulator import orders, statement_texts
from service.bank_simulator.books import Account, Side, yuan
from service.bank_simulator.disturbances import Disturbances
from service.bank_simulator.line import Answer, Line
from service.bank_simulator.outbox import Delivery, Outbox
from service.bank_simulator.profiles import SUMS, Profile, Tells

STATEMENTS: Final = "/v1/statements"
FILES: Final = "/v1/statement-files"
TRIES: Final = 12
_DAY: Final = timedelta(days=1)
_BAD: Final = 400


@dataclass(slots=True)
class Bank:
    """A bank with the custody accounts it keeps, its line to the service, and its days."""

    profile: Profile
    line: Line
    disturbances: Disturbances
    today: date
    accounts: dict[str, Account] = field(default_factory=dict)
    down_until: date | None = None
    """It says nothing and hears nothing before this day."""
    answers: Counter[str] = field(default_factory=Counter)
    contradicted: list[str] = field(default_factory=list)
    """References of lines of which the service knows something else."""
    outbox: Outbox = field(init=False)
    desk: orders.Orders = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.profile, self.disturbances)
        self.desk = orders.Orders(self)

    @property
    def is_down(self) -> bool:
        """Tell whether nothing goes over the line today."""
        return self.down_until is not None and self.today < self.down_until

    def opened(self, account: str, number: str) -> None:
        """Keep a custody account; `number` is the one that statements are under."""
        self.accounts[account] = Account(account, number)

    def booked(self, account: str, side: Side, fen: int, kind: str, **told: str) -> str:
        """Book a line and have it reported; return the bank's reference."""
        kept = self.accounts[account]
        entry = kept.book(side, fen, self.today, kind, **told)
        self.outbox.report(kept, entry)
        return entry.ref

    def goes_down(self, days: int) -> None:
        """Go off the line for so many days, today among them."""
        self.down_until = self.today + _DAY * days

    async def morning(self, on: date) -> None:
        """Begin a day: what payees' banks sent back is booked, what is due is said."""
        assert on >= self.today, "a bank books forward"
        self.today = on
        self.desk.come_back()
        await self.work()

    async def work(self) -> None:
        """Say what is due, take orders and carry them out."""
        if self.is_down:
            return
        await self._report()
        await self.desk.carry_out()
        await self._report()
        await self._deliver()

    async def evening(self) -> None:
        """End the day: each account is stated."""
        for account in self.accounts.values():
            self.outbox.state(account, self.today)
        if not self.is_down:
            await self._deliver()

    def told(self) -> dict[str, Any]:
        """Tell how the books stand and how it went."""
        return {
            "bank": self.profile.bank,
            "today": self.today.isoformat(),
            "accounts": [
                {
                    "id": a.id,
                    "number": a.number,
                    "balance": yuan(a.balance),
                    "lines": len(a.entries),
                }
                for a in self.accounts.values()
            ],
            "lies": {account: yuan(fen) for account, fen in self.outbox.lies.items()},
            "contradicted": self.contradicted,
            "unsaid": len(self.outbox.reports) + len(self.outbox.deliveries),
            "disturbed": dict(self.disturbances.happened),
            "answers": dict(sorted(self.answers.items())),
            "requests": self.line.requests,
        }

    def noted(self, what: str, answer: Answer) -> None:
        """Count an answer."""
        self.answers[f"{what} {answer.status} {answer.code}"] += 1

    async def _report(self) -> None:
        for path, bodies in self.outbox.reports_due(self.today):
            answer = await self._told_of(path, bodies)
            self.noted(path, answer)
            alone = [{"status": answer.status, "code": answer.code}]
            for body, result in zip(bodies, answer.body.get("results", alone), strict=True):
                self.answers[f"line {result['code']}"] += 1
                if result["code"] == "bank_entry_contradicted":
                    line = body.get("receipt") or body.get("debit") or body
                    self.contradicted.append(line["bank_ref"])

    async def _told_of(self, path: str, bodies: list[dict[str, Any]]) -> Answer:
        """Tell of lines as this bank does: one, a batch, or a notification of both kinds."""
        tells, key = self.profile.tells, fresh_key()
        if tells is Tells.LINES:
            return await self.line.post(path, bodies[0], key=key)
        if tells is Tells.NOTIFICATIONS:
            body = {"reference": f"N-{key[:16]}", "items": bodies}
            return await self.line.post(path, body, key=key)
        body = {"mode": "independent", "items": bodies}
        return await self.line.post(f"{path}/batch", body, key=key)

    async def _deliver(self) -> None:
        send: Callable[[Delivery], Any] = self._upload
        if self.profile.statement == SUMS:
            send = self._sums
        for delivery in self.outbox.deliveries_due(self.today):
            answer: Answer = await send(delivery)
            name = "statement" if delivery.cut is None else f"statement, {delivery.cut}"
            state = answer.body.get("state") or (answer.body.get("facts") or {}).get("reason", "")
            self.answers[f"{name}: {answer.status} {answer.code} {state}".strip()] += 1
            tomorrow, is_refused = self.today + _DAY, answer.status >= _BAD
            if is_refused and delivery.cut is None and delivery.tries < TRIES:
                self.outbox.again(delivery, tomorrow)
            if delivery.recut and not is_refused:
                self.outbox.recut(delivery, tomorrow)

    async def _sums(self, delivery: Delivery) -> Answer:
        body = statement_texts.sums(delivery.statement, delivery.account.id)
        return await self.line.post(STATEMENTS, body, key=fresh_key())

    async def _upload(self, delivery: Delivery) -> Answer:
        content_type = statement_texts.FILES[self.profile.statement][0]
        return await self.line.upload(FILES, delivery.file, content_type, key=fresh_key())


def fresh_key() -> str:
    """Make an idempotency key."""
    return uuid.uuid4().hex
