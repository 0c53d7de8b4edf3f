"""Districts to measure in: schools, accounts and contracts, made as their callers make them."""

import itertools
import json
import random
import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.benchmarks.ground import Bench
from tests.benchmarks.line import Ask, posts, say_all
from tests.fixtures.service import District, open_district
from tests.fixtures.story import School, Story
from tests.processes.bank_load import signed

BANK = "ICBC"
BOOK_ON = "2026-03-05"
GROWING = 8_000
AT_ONCE = 8


@dataclass
class Town:
    """A district, its schools, and the contracts signed at each."""

    bench: Bench
    district: District
    schools: list[School] = field(default_factory=list)
    contracts: list[list[dict[str, Any]]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(20260302))
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    instants: list[datetime] = field(default_factory=list)
    """When its batches were recorded; read when first asked for."""

    @property
    def journal(self) -> int:
        """The district's journal."""
        return self.district.journal

    def receipt(self, school: int, contract: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write one receipt for a contract of a school, drawn evenly unless given.

        Of so many amounts that a contract seldom pays the same twice a day: that is suspected.
        """
        contract = contract or self.chance.choice(self.contracts[school])
        yuan, fen = divmod(self.chance.randint(1, 4_999), 100)
        return {
            "custody_account_id": self.schools[school].accounts[BANK],
            "bank_ref": f"P-{next(self.numbers)}",
            "amount": f"{yuan}.{fen:02d}",
            "book_on": BOOK_ON,
            "value_on": BOOK_ON,
            "payment_code": contract["payment_code"],
            "payer_name": contract["guardian"],
        }

    def receipts(self, count: int, *, hot: bool = False) -> list[dict[str, Any]]:
        """Write receipts drawn evenly over all schools, or all for the first."""
        return [
            self.receipt(0 if hot else self.chance.randrange(len(self.schools)))
            for _ in range(count)
        ]

    async def pay_each(self) -> None:
        """Let every contract receive something, so that its account stands."""
        items = [self.receipt(n, row) for n, rows in enumerate(self.contracts) for row in rows]
        for start in range(0, len(items), GROWING):
            body = {"mode": "independent", "items": items[start : start + GROWING]}
            run = f"each-{next(self.numbers)}"
            token = self.district.banks[BANK]
            asks = posts("/v1/receipts/batch", token, [json.dumps(body).encode()], run)
            await say_all(self.bench.address, asks, 1)

    def batches(self, count: int, size: int, *, hot: bool = False) -> list[Ask]:
        """Write so many batches of receipts."""
        bodies = [
            json.dumps({"mode": "independent", "items": self.receipts(size, hot=hot)}).encode()
            for _ in range(count)
        ]
        run = f"batch-{next(self.numbers)}"
        return posts("/v1/receipts/batch", self.district.banks[BANK], bodies, run)

    def singles(self, count: int) -> list[Ask]:
        """Write so many receipts, a request each."""
        bodies = [json.dumps(each).encode() for each in self.receipts(count)]
        run = f"single-{next(self.numbers)}"
        return posts("/v1/receipts", self.district.banks[BANK], bodies, run)

    async def grow(self, receipts: int) -> None:
        """Fill the journal with so many receipts; two callers, so that it never waits for one."""
        whole, rest = divmod(receipts, GROWING)
        if rest:
            await say_all(self.bench.address, self.batches(1, rest), 1)
        for done in range(0, whole, AT_ONCE):
            asks = self.batches(min(AT_ONCE, whole - done), GROWING)
            await say_all(self.bench.address, asks, 2)
            if whole > AT_ONCE:
                grown = min(done + AT_ONCE, whole) * GROWING + rest
                sys.stderr.write(f"\rgrown by {grown:,} of {receipts:,} receipts ")
        sys.stderr.write("\n" if whole > AT_ONCE else "")


async def town(bench: Bench, *, schools: int, contracts: int) -> Town:
    """Open a district with so many schools and, over all of them, so many contracts."""
    district = await open_district(bench.service)
    made = Town(bench, district)
    story = Story(district)
    for _ in range(schools):
        school = await story.school_opens(BANK)
        course = await school.files("4999.99", 48)
        made.schools.append(school)
        signed_here = await signed(school, course, max(1, contracts // schools))
        for row in signed_here:
            row["guardian"] = "张三"
        made.contracts.append(signed_here)
    return made
