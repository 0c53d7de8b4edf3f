"""The backlog district: ten institutions that failed before supervision, and whom they owe.

4,300 students hold contracts with lessons worth 44,000,000.00 yuan that were never taught, as one
district really had to settle. No money stood behind them; some assets were found since. The same
seed gives the same district for ever; every name, phone and account number is invented.
"""

import json
import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from ledger.calendars import add_months
from ledger.policy import Category

from .credit_codes import credit_code
from .records import District, Family, Institution, LegacyContract

SEED: Final = 4_300
OPENS_ON: Final = date(2026, 3, 2)
STUDENTS: Final = 4_300
UNCONSUMED_FEN: Final = 4_400_000_000

_HERE: Final = Path(__file__).resolve().parent
_SIZES: Final = (1_180, 860, 640, 480, 360, 280, 200, 140, 100, 60)
"""Contracts of each institution, largest first."""
_FOUND: Final = (1_900, 0, 3_300, 700, 2_450, 0, 1_250, 5_100, 400, 10_000)
"""Of each institution's debt, how much was found before the plan, in parts of 10,000."""
_LATER: Final = (350, 0, 0, 900, 0, 0, 0, 0, 0, 0)
"""And how much was recovered after it, for a second round."""
_CATEGORIES: Final = (Category.ART, Category.SPORT, Category.SCIENCE, Category.OTHER)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of an institution's assets, in fen: before the plan, and after it."""

    institution: int
    before_fen: int
    after_fen: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """The district with its failed institutions, and what was found of each."""

    district: District
    found: tuple[Found, ...]

    @property
    def opens_on(self) -> date:
        """The day on which the task force begins."""
        return self.district.starts_on

    @property
    def owed_fen(self) -> int:
        """What all contracts are worth together."""
        return sum(contract.remaining_fen for contract in self.district.legacy)


def generate(*, seed: int = SEED, adcode: str = "500106", share: int = 1) -> Backlog:
    """Build the backlog of a seed; `share` of n plays one n-th of the contracts of each."""
    names = json.loads((_HERE / "names.json").read_text(encoding="utf-8"))
    banks = [bank["code"] for bank in json.loads((_HERE / "banks.json").read_text("utf-8"))]
    chance = random.Random(f"backlog/{seed}/{adcode}")
    institutions = _institutions(chance, names, banks, adcode)
    contracts = _contracts(chance, institutions)
    if share > 1:
        contracts = tuple(each for at, each in enumerate(contracts) if at % share == 0)
    district = District(
        seed=seed,
        adcode=adcode,
        starts_on=OPENS_ON,
        ends_on=add_months(OPENS_ON, 6),
        banks=tuple(banks),
        institutions=institutions,
        courses=(),
        families=_families(chance, names),
        enrolments=(),
        legacy=contracts,
        strays=(),
        returned_payout_institution=0,
    )
    return Backlog(district, tuple(_found(contracts)))


def _institutions(
    chance: random.Random, names: dict[str, Any], banks: list[str], adcode: str
) -> tuple[Institution, ...]:
    words = chance.sample(names["words"], len(_SIZES))
    made = []
    for number, word in enumerate(words, start=1):
        category = _CATEGORIES[number % len(_CATEGORIES)]
        bank = banks[number % len(banks)]
        department = category.competent
        made.append(
            Institution(
                number=number,
                name=f"示例{word}{chance.choice(names['kinds'][category])}(已停业)",
                category=category,
                department=department,
                business_registration=credit_code(
                    kind="91", adcode=adcode, organisation=f"BCK{number:05d}"
                ),
                school_licence=f"示例许可{adcode}{9_000 + number:04d}号",
                licensed_on=date(2016 + number % 5, 1 + number, 1),
                licence_valid_until=date(2027, 12, 31),
                responsible_officer=f"{names['departments'][department]}风险处置专班",
                settlement_bank=bank,
                settlement_account=f"9999{banks.index(bank):02d}{9_000 + number:012d}",
                custody_banks=(bank,),
            )
        )
    return tuple(made)


def _contracts(
    chance: random.Random, institutions: tuple[Institution, ...]
) -> tuple[LegacyContract, ...]:
    """Part the debt over the contracts: by chance, to the fen, none without value."""
    owners = [
        school for school, size in zip(institutions, _SIZES, strict=True) for _ in range(size)
    ]
    weights = [chance.randint(20, 300) for _ in owners]
    whole, cut, made = sum(weights), 0, []
    before = 0
    for number, (owner, weight) in enumerate(zip(owners, weights, strict=True), start=1):
        cut += weight
        upto = UNCONSUMED_FEN * cut // whole
        lessons = chance.randint(8, 160)
        made.append(
            LegacyContract(
                contract_no=f"BL{owner.number:02d}{number:05d}",
                family=number,
                institution=owner.number,
                course=0,
                contracted_on=OPENS_ON - timedelta(days=chance.randint(60, 900)),
                remaining_fen=upto - before,
                remaining_lessons=lessons,
                brought_fen=0,
            )
        )
        before = upto
    return tuple(made)


def _families(chance: random.Random, names: dict[str, Any]) -> tuple[Family, ...]:
    surnames = chance.choices(names["surnames"], k=STUDENTS)
    return tuple(
        Family(
            number=number,
            student=f"{surname}示例学员{number:05d}",
            guardian=f"{surname}示例家长{number:05d}",
            phone=f"101{number:08d}",
        )
        for number, surname in enumerate(surnames, start=1)
    )


def _found(contracts: tuple[LegacyContract, ...]) -> list[Found]:
    owed: dict[int, int] = {}
    for contract in contracts:
        owed[contract.institution] = owed.get(contract.institution, 0) + contract.remaining_fen
    return [
        Found(
            number,
            fen * _FOUND[number - 1] // 10_000,
            fen * _LATER[number - 1] // 10_000,
        )
        for number, fen in sorted(owed.items())
    ]
