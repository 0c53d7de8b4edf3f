"""What this bank has still to tell: lines and statements with the day on which each leaves."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from service.bank_simulator import statement_texts
from service.bank_simulator.books import Account, Entry, Side, Statement, pushed, yuan
from service.bank_simulator.disturbances import Disturbance, Disturbances
from service.bank_simulator.profiles import SUMS, Profile, Tells

LATEST_PUSH: Final = 4
LATEST_STATEMENT: Final = 3
SMALLEST_PART: Final = 2
_LIE_FEN: Final = 100
_WHOSE: Final = frozenset({"payment_code", "payer_name", "payer_account", "purpose"})
_DAY: Final = timedelta(days=1)
RECEIPTS: Final = "/v1/receipts"
DEBITS: Final = "/v1/debits"
NOTIFICATIONS: Final = "/v1/notifications"
_FACT: Final = {RECEIPTS: "receipt", DEBITS: "debit"}


@dataclass(frozen=True, slots=True)
class Report:
    """A line to report on a day; `body` is what is said of it."""

    on: date
    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A statement to deliver on a day; `file` is what is sent, `cut` what was done to it."""

    on: date
    account: Account
    statement: Statement
    file: bytes = b""
    cut: Disturbance | None = None
    tries: int = 0
    recut: bool = False
    """Once it was taken, the same comes again with other content."""


@dataclass(slots=True)
class Outbox:
    """A bank's messages, and what is done to them on the way."""

    profile: Profile
    disturbances: Disturbances
    reports: list[Report] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    lies: Counter[str] = field(default_factory=Counter)
    """What was said falsely, in fen by account: reported less booked."""

    def report(self, account: Account, entry: Entry) -> None:
        """Have a booked line reported: at once, late, twice or falsely; or not at all."""
        if self.profile.tells is Tells.NOTHING:
            return
        path = RECEIPTS if entry.side is Side.CREDIT else DEBITS
        told, on, chance = pushed(account, entry), entry.book_on, self.disturbances
        if chance.happens(Disturbance.DELAY):
            on += _DAY * chance.days(LATEST_PUSH)
        truth = Report(on, path, told)
        if entry.kind == "PAYMENT" and chance.happens(Disturbance.LIE):
            self.lies[account.id] += _LIE_FEN
            self.reports.append(Report(on, path, told | {"amount": yuan(entry.fen + _LIE_FEN)}))
            truth = replace(truth, on=on + _DAY)
        self.reports.append(truth)
        if chance.happens(Disturbance.DUPLICATE):
            self.reports.append(replace(truth, on=truth.on + _DAY * chance.days(LATEST_PUSH)))
        if entry.kind == "PAYMENT" and chance.happens(Disturbance.ALIAS):
            self.lies[account.id] += entry.fen
            self.reports.append(replace(truth, body=told | {"bank_ref": f"A{entry.ref}"}))
        if entry.kind == "PAYMENT" and chance.happens(Disturbance.PHANTOM):
            self.lies[account.id] += entry.fen
            never = {name: told[name] for name in told if name not in _WHOSE}
            self.reports.append(Report(on, path, never | {"bank_ref": f"X{entry.ref}"}))

    def state(self, account: Account, day: date) -> None:
        """Have an account's day stated: at once or late, whole or cut, once or twice."""
        statement, chance = account.close(day), self.disturbances
        on = day + _DAY * chance.days(LATEST_STATEMENT) * chance.happens(Disturbance.DELAY)
        whole = Delivery(on, account, statement, self._file(statement))
        if whole.file and statement.entries and chance.happens(Disturbance.TRUNCATE):
            size = chance.chance.randrange(len(whole.file) // 3, len(whole.file) * 2 // 3)
            cut = replace(whole, file=whole.file[:size], cut=Disturbance.TRUNCATE)
            self.deliveries.append(cut)
            whole = replace(whole, on=on + _DAY)
        recut = bool(statement.entries) and chance.happens(Disturbance.RECUT)
        self.deliveries.append(replace(whole, recut=recut))
        if chance.happens(Disturbance.DUPLICATE):
            again = replace(whole, on=whole.on + _DAY, cut=Disturbance.DUPLICATE)
            self.deliveries.append(again)

    def reports_due(self, on: date) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Take the lines that leave by a day, in the messages they leave in."""
        due = [report for report in self.reports if report.on <= on]
        self.reports = [report for report in self.reports if report.on > on]
        if self.disturbances.happens(Disturbance.REORDER):
            self.disturbances.chance.shuffle(due)
        if self.profile.tells is Tells.NOTIFICATIONS:
            items = [{_FACT[report.path]: report.body} for report in due]
            yield from ((NOTIFICATIONS, part) for part in self._parts(items))
            return
        for path in (RECEIPTS, DEBITS):
            yield from (
                (path, part) for part in self._parts([r.body for r in due if r.path == path])
            )

    def deliveries_due(self, on: date) -> list[Delivery]:
        """Take the statements that leave by a day; out of order now and then."""
        due = [delivery for delivery in self.deliveries if delivery.on <= on]
        self.deliveries = [delivery for delivery in self.deliveries if delivery.on > on]
        due.sort(key=lambda delivery: (delivery.statement.day, delivery.tries))
        if self.disturbances.happens(Disturbance.REORDER):
            due.reverse()
        return due

    def again(self, delivery: Delivery, on: date) -> None:
        """Have a statement sent once more on a day."""
        self.deliveries.append(replace(delivery, on=on, tries=delivery.tries + 1))

    def recut(self, whole: Delivery, on: date) -> None:
        """Have the same statement come again without its last line: it chains, and is another."""
        statement = replace(whole.statement, entries=whole.statement.entries[:-1])
        self.deliveries.append(
            Delivery(on, whole.account, statement, self._file(statement), Disturbance.RECUT)
        )

    def _parts(self, bodies: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """Cut what is reported into messages: one each, all in one, or the batch split."""
        if not bodies:
            return
        size = 1 if self.profile.tells is Tells.LINES else len(bodies)
        if size > SMALLEST_PART and self.disturbances.happens(Disturbance.SPLIT):
            size = self.disturbances.chance.randint(SMALLEST_PART, size - 1)
        for start in range(0, len(bodies), size):
            yield list(bodies[start : start + size])

    def _file(self, statement: Statement) -> bytes:
        if self.profile.statement == SUMS:
            return b""
        return statement_texts.FILES[self.profile.statement][1](statement)
