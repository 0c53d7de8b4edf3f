"""One institution fails in the middle of the term, with contracts from before custody unfunded.

Frozen in one act, opened by two levels, its pending lessons settled, its register published; after
the days for objections what it holds is shared out and paid. One guardian pays after the freeze,
and gets it back in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from service.demo import cast, task_force
from service.demo.bank_books import line
from service.demo.client import together
from service.demo.stage import Stage
from service.demo.task_force import Case

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_LATE_FEN: Final = 88_800


@dataclass(slots=True)
class Collapse:
    """Which institution fails, and how far its case is; none where all legacy is funded."""

    school: int | None
    case: Case | None = None
    objections_until: date | None = None
    paid: bool = False

    @classmethod
    def of(cls, stage: Stage) -> Collapse:
        """Choose the first institution whose legacy contracts are not funded."""
        for contract in stage.district.legacy:
            if contract.brought_fen < contract.remaining_fen:
                return cls(contract.institution)
        return cls(None)

    @property
    def is_over(self) -> bool:
        """Tell whether there is nothing left to do: the dividends are paid."""
        return self.school is None or self.paid

    async def strike(self, stage: Stage) -> None:
        """Freeze the institution and open its case; somebody pays it all the same."""
        if self.school is None:
            return
        with stage.chapter("collapse", 1) as bar:
            self.case = await task_force.freeze(stage, self.school)
            stage.failed.add(self.school)
            await task_force.open_case(stage, self.case)
            await _pay_too_late(stage, self.school)
            bar()

    async def advance(self, stage: Stage, engine: AsyncEngine) -> None:
        """Do what the day allows: the register, the plan with its posting, the payees."""
        if self.case is None or self.paid:
            return
        found = await task_force.read(stage, self.case)
        if found["state"] == "LESSONS_SETTLED":
            with stage.chapter("collapse", 1) as bar:
                made = await task_force.register(stage, self.case)
                self.objections_until = date.fromisoformat(made["objections_until"])
                bar()
        elif self.objections_until is not None and stage.today > self.objections_until:
            if found["state"] == "REGISTER_PUBLISHED":
                await self._distribute(stage, engine)
            elif found["state"] in ("PAYING", "RESIDUAL", "POSTED"):
                self.paid = found["state"] == "RESIDUAL"

    async def _distribute(self, stage: Stage, engine: AsyncEngine) -> None:
        assert self.case is not None, "the case is open"
        with stage.chapter("collapse", 1) as bar:
            await task_force.set_off(stage, self.case)
            plans = await task_force.simulate(stage, self.case)
            await task_force.approve(stage, self.case, plans[(await self._read(stage))["basis"]])
            await task_force.post(stage, self.case)
            await _name_accounts(stage, engine, stage.institutions[self.case.institution])
            bar()

    async def _read(self, stage: Stage) -> dict[str, Any]:
        assert self.case is not None, "the case is open"
        return await task_force.read(stage, self.case)

    async def close(self, stage: Stage) -> None:
        """Keep what came of the case."""
        if self.case is not None and self.case.plan is not None:
            stage.collapse = await self._read(stage) | {"pool": self.case.plan["pool"]}


async def _pay_too_late(stage: Stage, school: int) -> None:
    """One guardian's payment arrives after the freeze."""
    contract = next(each for each in stage.contracts.values() if each.institution == school)
    book = stage.books[contract.account]
    reference = book.credited(_LATE_FEN, stage.today)
    answer = await stage.api.post(
        "/v1/receipts",
        stage.cast.banks[book.bank],
        line(book, _LATE_FEN, reference, stage.today, "PAYMENT")
        | {
            "payment_code": contract.payment_code,
            "payer_name": "示例付款人",
            "payer_account": "6222999999999998",
        },
        key=stage.key("too-late", school),
    )
    stage.counts["receipts"] += 1
    stage.told.append({"told": "suspense", **answer})


async def _name_accounts(stage: Stage, engine: AsyncEngine, institution: str) -> None:
    """Let guardians without a known payer name their accounts, and a regulator agree."""
    waiting = await stage.api.get(
        "/v1/refunds",
        stage.cast.regulator,
        institution_id=institution,
        waiting_for="PAYEE",
        limit=500,
    )
    guardian_of = {contract.id: contract.guardian for contract in stage.contracts.values()}
    asking = [(guardian_of[refund["enrolment_id"]], refund["id"]) for refund in waiting["items"]]
    unknown = {guardian for guardian, _ in asking} - set(stage.cast.parents)
    await cast.admit_parents(engine, stage.cast, sorted(unknown))
    await together(
        _name_account(stage, number, *each) for number, each in enumerate(sorted(asking))
    )


async def _name_account(stage: Stage, number: int, guardian: str, refund: str) -> None:
    asked = await stage.api.post(
        f"/v1/refunds/{refund}/payee-account",
        stage.cast.parents[guardian],
        {
            "name": "示例家长",
            "account_number": f"6277{number:012d}",
            "bank_name": "示例银行",
        },
        key=stage.key("payee", number),
        of="/v1/refunds/{id}/payee-account",
    )
    await stage.api.post(
        f"/v1/approvals/{asked['id']}/approve",
        stage.cast.regulator,
        {"payload_hash": asked["payload_hash"]},
        key=stage.key("payee", number, "second"),
        of="/v1/approvals/{id}/approve",
    )
