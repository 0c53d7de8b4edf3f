"""Chapter two: contracts from before custody (存量合同), and the money schools bring for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.demo.bank_books import line, yuan
from service.demo.enrol import contract_of, people_of
from service.demo.stage import Stage

if TYPE_CHECKING:
    from seeds.records import LegacyContract


async def carry_over(stage: Stage) -> None:
    """Take on every legacy contract, then let each school bring what it has (E01, E02)."""
    by_school: dict[int, list[LegacyContract]] = {}
    for contract in stage.district.legacy:
        by_school.setdefault(contract.institution, []).append(contract)
    with stage.chapter("legacy contracts", len(by_school)) as bar:
        for school, contracts in by_school.items():
            results = await stage.api.batch(
                "/v1/enrolments/legacy/batch",
                stage.cast.institutions[school],
                [_item(stage, contract) for contract in contracts],
                key=stage.key("legacy", school),
            )
            for contract, result in zip(contracts, results, strict=True):
                stage.contracts[contract.contract_no] = contract_of(school, result)
            await _bring(stage, school, sum(contract.brought_fen for contract in contracts))
            bar()
    stage.counts["legacy_contracts"] += len(stage.district.legacy)


async def _bring(stage: Stage, school: int, fen: int) -> None:
    """Pay the institution's own money into its default account."""
    bank = stage.district.institutions[school - 1].custody_banks[0]
    book = stage.books[stage.accounts[(school, bank)]]
    reference = book.credited(fen, stage.today)
    await stage.api.post(
        "/v1/receipts",
        stage.cast.banks[bank],
        line(book, fen, reference, stage.today, "TOP_UP"),
        key=stage.key("brought", school),
    )
    stage.counts["receipts"] += 1


def _item(stage: Stage, contract: LegacyContract) -> dict[str, Any]:
    course = stage.district.courses[contract.course - 1]
    return {
        "institution_id": stage.institutions[contract.institution],
        "contract_number": contract.contract_no,
        **people_of(stage.district.families[contract.family - 1]),
        "category": course.category.value,
        "subject": "LEGACY",
        "contract_on": contract.contracted_on.isoformat(),
        "starts_on": contract.contracted_on.isoformat(),
        "ends_on": stage.district.ends_on.isoformat(),
        "remaining_value": yuan(contract.remaining_fen),
        "remaining_lessons": contract.remaining_lessons,
    }
