"""Bank messages in any order, each twice: the final balances are those of the proper order (I-39).

Two like schools in one district: at one the bank tells everything once and as it happened, at the
other in another order, everything twice and cut into other batches, with a statement of the whole
day among it or without. ESCROW_ORDERS says how often.
"""

import os
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.bank_entries.retry import retry_kept
from service.bank_simulator import statement_texts
from service.bank_simulator.books import Account, Side, fen
from service.store.context import Context
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.payouts import settled
from tests.fixtures.service import District

ORDERS = int(os.environ.get("ESCROW_ORDERS", "3"))
DAY = "2026-03-05"

BALANCES = text(
    """
    SELECT kind, reason, balance FROM (
        SELECT DISTINCT ON (kind, reason) kind, reason, balance FROM escrow.rollup
        WHERE journal_id = :journal AND unit_type = 'CUSTODY_ACCOUNT' AND unit_id = :unit
        ORDER BY kind, reason, seq DESC) AS last
    WHERE balance <> 0
    """
)


@dataclass(frozen=True)
class Message:
    """One thing a bank tells: of money in, of money out, or of an order."""

    path: str
    body: dict[str, Any]
    file: bytes = b""

    @property
    def is_line(self) -> bool:
        """Tell a line of an account, which may be one of a batch."""
        return self.path in {"receipts", "debits"}


@dataclass(frozen=True)
class World:
    """A school with two orders at its bank, and everything that the bank has to tell of it."""

    academy: Academy
    contracts: tuple[dict[str, Any], ...]
    orders: tuple[str, ...]
    messages: tuple[Message, ...]

    @property
    def token(self) -> str:
        """The bank's token."""
        return self.academy.district.banks["ICBC"]

    async def tell(self, message: Message) -> None:
        """Deliver a message under a key of its own; a word on an order at its end is refused."""
        if message.file:
            await self._upload(message)
            return
        answer = await self.academy.post(message.path, self.token, message.body)
        on_order = message.path.endswith("/report")
        assert answer.is_success or (on_order and answer.status_code == 409), answer.text

    async def tell_at_once(self, path: str, messages: list[Message]) -> None:
        """Deliver messages as one batch."""
        body = {"mode": "independent", "items": [message.body for message in messages]}
        answer = await self.academy.post(f"{path}/batch", self.token, body)
        assert all(item["status"] < 400 for item in answer.json()["results"]), answer.text

    async def _upload(self, message: Message) -> None:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": uuid.uuid4().hex,
            "Content-Type": "application/xml",
        }
        http = self.academy.district.service.http
        answer = await http.post(f"/v1/{message.path}", content=message.file, headers=headers)
        assert answer.is_success, answer.text

    async def standing(self) -> dict[str, Any]:
        """Read every balance of the custody account, and where contracts and orders are."""
        district = self.academy.district
        # As the worker does: what was kept is tried again until nothing more can be posted.
        while await retry_kept(district.service.store, district.journal):
            pass
        async with district.service.engine.begin() as connection:
            await Context.writer(district.journal).enter(connection, statement_timeout="10s")
            found = await connection.execute(
                BALANCES, {"journal": district.journal, "unit": self.academy.custody.hex}
            )
            balances = {(row.kind, row.reason): int(row.balance) for row in found}
        school = self.academy
        enrolments = [
            await school.get(f"enrolments/{contract['id']}", school.token)
            for contract in self.contracts
        ]
        orders = [await school.get(f"payment-orders/{o}", school.token) for o in self.orders]
        return {
            "balances": balances,
            "enrolments": [(e["state"], e["money"]) for e in enrolments],
            "orders": [order["state"] for order in orders],
        }


async def world_in(district: District, amounts: tuple[int, int, int], *, stated: bool) -> World:
    """Open a school that has earned a lesson and asked for two payouts that its bank fetched."""
    academy = await academy_in(district, price_fen=48_000, lessons=1)
    await settled(academy)
    taught, open_, other, refused = [await academy.opened() for _ in range(4)]
    await academy.receipt("480.00", payment_code=taught["payment_code"], bank_ref="0")
    await academy.confirmed(taught)
    custody = district.public("cus", academy.custody)
    orders = []
    for amount in ("200.00", "280.00"):
        body = {"custody_account_id": custody, "amount": amount}
        answer = await academy.post("payouts", academy.token, body)
        assert answer.status_code == 201, answer.text
        orders.append(answer.json()["id"])
    await academy.post("payment-orders/fetch", district.banks["ICBC"], {"limit": 100})
    codes = tuple(contract["payment_code"] for contract in (open_, other, refused))
    messages = _messages(custody, codes, orders, amounts)
    if stated:
        messages.append(_statement(academy.custody.hex, messages))
    return World(academy, (taught, open_, other, refused), tuple(orders), tuple(messages))


def _statement(number: str, messages: list[Message]) -> Message:
    """Write the bank's statement of the day with every line of it."""
    book = Account("", number)
    book.book(Side.CREDIT, 48_000, date(2026, 3, 1), "PAYMENT")
    book.close(date(2026, 3, 1))
    for message in messages:
        if message.is_line:
            told = message.body
            side = Side.CREDIT if message.path == "receipts" else Side.DEBIT
            names = ("payer_name", "purpose", "end_to_end_id")
            more = {name: told[name] for name in names if name in told}
            day, amount = date.fromisoformat(DAY), fen(told["amount"])
            book.book(side, amount, day, told["kind"], ref=told["bank_ref"], **more)
    file = statement_texts.camt(book.close(date.fromisoformat(DAY)), 8)
    return Message("statement-files", {}, file)


def _messages(
    custody: str, codes: tuple[str, ...], orders: list[str], amounts: tuple[int, int, int]
) -> list[Message]:
    """Write all that the bank tells, as it happened."""
    first, second, third = (f"{fen // 100}.{fen % 100:02d}" for fen in amounts)
    [kept, returned] = orders
    lines: list[tuple[str, str, str, dict[str, Any]]] = [
        ("receipts", "PAYMENT", first, _of(codes[0], "张三")),
        ("receipts", "PAYMENT", second, {"purpose": f"学费{codes[0]}谢谢"}),
        ("receipts", "PAYMENT", third, _of(codes[0], "李四")),
        # What a statement cannot tell: the code is not in the purpose, nor that it is a top-up.
        ("receipts", "PAYMENT", third, _of(codes[1], "王五") | {"purpose": "学费"}),
        ("receipts", "PAYMENT", "88.00", {"purpose": "学费"}),
        ("receipts", "TOP_UP", "70.00", {}),
        ("debits", "CHARGE", "5.00", {}),
        ("debits", "CHARGE", "90.00", {}),
        ("receipts", "CHARGE_REIMBURSED", "5.00", {}),
        ("debits", "ORDER", "200.00", {"end_to_end_id": kept}),
        ("receipts", "RETURN", "200.00", {"end_to_end_id": kept}),
        ("debits", "ORDER", "280.00", {"end_to_end_id": returned}),
        ("receipts", "REVERSAL", "280.00", {"end_to_end_id": returned}),
        ("receipts", "INTEREST", "1.23", {"from_on": "2026-01-01", "to_on": "2026-02-28"}),
        ("debits", "OTHER", "1.00", {}),
        ("receipts", "PAYMENT", "100.00", _of(codes[2], "赵六")),
        ("receipts", "PAYMENT", "50.00", {"payment_code": codes[2], "purpose": "学费"}),
        ("debits", "CHARGEBACK", "120.00", {"payment_code": codes[2]}),
        ("debits", "CHARGEBACK", "25.00", {"payment_code": codes[2]}),
    ]
    told = [
        Message(
            path,
            {
                "custody_account_id": custody,
                "bank_ref": f"M-{number}",
                "amount": amount,
                "book_on": DAY,
                "value_on": DAY,
                "kind": kind,
                **more,
            },
        )
        for number, (path, kind, amount, more) in enumerate(lines)
    ]
    words = [Message(f"payment-orders/{order}/report", {"status": "ACCEPTED"}) for order in orders]
    return [*words, *told]


def _of(code: str, payer: str) -> dict[str, str]:
    return {"payment_code": code, "payer_name": payer, "purpose": f"{code} 学费"}


@given(data=st.data(), stated=st.booleans(), amounts=st.tuples(*[st.integers(1, 40_000)] * 3))
@settings(
    max_examples=ORDERS,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_order_of_bank_messages_twice_gives_the_same_balances(
    district: District, data: st.DataObject, stated: bool, amounts: tuple[int, int, int]
) -> None:
    proper, other = [await world_in(district, amounts, stated=stated) for _ in range(2)]
    twice = data.draw(st.permutations([*range(len(other.messages))] * 2))

    for message in proper.messages:
        await proper.tell(message)
    rest = [other.messages[number] for number in twice]
    while rest:
        path = rest[0].path
        alike = [i for i, m in enumerate(rest) if m.path == path]
        run = next((n for n, i in enumerate(alike) if n != i), len(alike))
        size = data.draw(st.integers(1, run))
        together, rest = rest[:size], rest[size:]
        if size > 1 and together[0].is_line:
            await other.tell_at_once(path, together)
        else:
            for message in together:
                await other.tell(message)

    assert await other.standing() == await proper.standing()
