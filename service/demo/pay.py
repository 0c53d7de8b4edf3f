"""Chapter four: what the banks saw coming in, each bank in batches, strays among them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from service.demo.bank_books import line
from service.demo.client import together
from service.demo.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeds.records import Enrolment, StrayReceipt


async def pay(
    stage: Stage, enrolments: Sequence[Enrolment], strays: Sequence[StrayReceipt] = ()
) -> None:
    """Let guardians pay these enrolments today; every bank reports what it booked."""
    by_bank: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for enrolment in enrolments:
        contract = stage.contracts[enrolment.contract_no]
        family = stage.district.families[enrolment.family - 1]
        by_bank[stage.books[contract.account].bank].append(
            _payment(stage, contract.account, enrolment.price_fen, contract.payment_code)
            | {"payer_name": family.guardian, "payer_account": f"6222{family.number:012d}"}
        )
    for stray in strays:
        by_bank[stray.bank].append(_stray(stage, stray))
    with stage.chapter("receipts", len(by_bank)) as bar:
        answers = await together((_report(stage, bank, by_bank[bank]) for bank in by_bank), bar)
    for results in answers:
        stage.counts["receipts"] += len(results)
        held = [result for result in results if result["outcome"] == "SUSPENSE"]
        excess = [r for r in results if r["outcome"] == "ENROLMENT" and r["suspense_reason"]]
        stage.told += [{"told": "suspense", **result} for result in held + excess]


async def _report(stage: Stage, bank: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return await stage.api.batch(
        "/v1/receipts/batch",
        stage.cast.banks[bank],
        items,
        key=stage.key("receipts", bank, stage.today),
    )


def _payment(stage: Stage, account: str, fen: int, code: str | None) -> dict[str, Any]:
    book = stage.books[account]
    reference = book.credited(fen, stage.today)
    named = {} if code is None else {"payment_code": code}
    return line(book, fen, reference, stage.today, "PAYMENT") | named


def _stray(stage: Stage, stray: StrayReceipt) -> dict[str, Any]:
    """Money that fits nothing: without a code, or once more what was paid already."""
    account = stage.accounts[(stray.institution, stray.bank)]
    code = None
    if stray.contract_no is not None:
        code = stage.contracts[stray.contract_no].payment_code
    return _payment(stage, account, stray.amount_fen, code) | {
        "payer_name": "示例付款人",
        "payer_account": "6222999999999999",
    }
