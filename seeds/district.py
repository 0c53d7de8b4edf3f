"""The demonstration district: 68 institutions, 276 courses and a term's enrolments from a seed.

The same seed number, division and term give the same district for ever. Every name, licence, phone
and account number is invented and says so; prices keep within every cap of the district's rule
pack. Amounts are whole fen. What happens in the term's lessons is in `lessons.py`.
"""

import json
import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from ledger.calendars import add_months
from ledger.policy import Category

from .courses import file_course
from .credit_codes import credit_code
from .records import (
    Course,
    District,
    Enrolment,
    Family,
    Institution,
    LegacyContract,
    StrayReceipt,
)

SEED: Final = 500106
TERM_STARTS_ON: Final = date(2026, 3, 2)
COURSES: Final = 276
ENROLMENTS: Final = 6_600

_HERE: Final = Path(__file__).resolve().parent
_MIX: Final = {
    Category.ART: 30,
    Category.SPORT: 18,
    Category.SCIENCE: 12,
    Category.OTHER: 5,
    Category.SUBJECT: 3,
}
_TWO_BANKS: Final = 0.3
_SIBLINGS: Final = 0.05
_LEGACY: Final[tuple[tuple[int, tuple[tuple[int, int], ...]], ...]] = (
    (900_000, ((1_200_000, 120), (660_000, 66), (240_000, 24))),
    (1_833_333, ((833_333, 50), (1_000_000, 80))),
    (500_000, ((360_000, 36), (480_000, 48), (199_999, 20))),
)
"""Of three institutions: fen brought in; fen and lessons left of each contract, oldest first."""


def generate(
    *, seed: int = SEED, adcode: str = "500106", starts_on: date = TERM_STARTS_ON
) -> District:
    """Build the district of a seed; its term starts on `starts_on`, charged in the month before."""
    names = json.loads((_HERE / "names.json").read_text(encoding="utf-8"))
    banks = [bank["code"] for bank in json.loads((_HERE / "banks.json").read_text("utf-8"))]
    chance = random.Random(f"district/{seed}/{adcode}/{starts_on}")
    institutions = _institutions(chance, names, banks, adcode)
    courses = _courses(chance, names, institutions)
    families = _families(chance, names)
    enrolments = _enrolments(chance, courses, families, starts_on)
    legacy = _legacy(institutions, courses, families, starts_on)
    return District(
        seed=seed,
        adcode=adcode,
        starts_on=starts_on,
        ends_on=_last_day(starts_on),
        banks=tuple(banks),
        institutions=institutions,
        courses=courses,
        families=families,
        enrolments=enrolments,
        legacy=legacy,
        strays=_strays(courses, enrolments, starts_on),
        returned_payout_institution=institutions[chance.randrange(len(institutions))].number,
    )


def _last_day(starts_on: date) -> date:
    return add_months(starts_on, 3) - timedelta(days=1)


def _institutions(
    chance: random.Random, names: dict[str, Any], banks: list[str], adcode: str
) -> tuple[Institution, ...]:
    categories = [category for category, count in _MIX.items() for _ in range(count)]
    chance.shuffle(categories)
    words = chance.sample(names["words"], len(categories))
    return tuple(
        _institution(
            chance,
            names=names,
            banks=banks,
            number=number,
            adcode=adcode,
            category=category,
            word=word,
        )
        for number, (category, word) in enumerate(zip(categories, words, strict=True), start=1)
    )


def _institution(  # noqa: PLR0913 - one value each of the district's lists
    chance: random.Random,
    *,
    names: dict[str, Any],
    banks: list[str],
    number: int,
    adcode: str,
    category: Category,
    word: str,
) -> Institution:
    custody = chance.sample(banks, 2 if chance.random() < _TWO_BANKS else 1)
    settlement = chance.choice(banks)
    department = category.competent
    non_profit = category is Category.SUBJECT
    return Institution(
        number=number,
        name=f"示例{word}{chance.choice(names['kinds'][category])}",
        category=category,
        department=department,
        business_registration=credit_code(
            kind="52" if non_profit else "91", adcode=adcode, organisation=f"DEM{number:05d}"
        ),
        school_licence=f"示例许可{adcode}{number:04d}号",
        licensed_on=date(chance.randint(2015, 2020), chance.randint(1, 12), 1),
        licence_valid_until=date(chance.randint(2027, 2030), 12, 31),
        responsible_officer=f"{names['departments'][department]}第{number % 8 + 1}责任区包保责任人",
        settlement_bank=settlement,
        settlement_account=f"9999{banks.index(settlement):02d}{number:012d}",
        custody_banks=tuple(custody),
    )


def _courses(
    chance: random.Random, names: dict[str, Any], institutions: tuple[Institution, ...]
) -> tuple[Course, ...]:
    owners = [institution for institution in institutions for _ in range(4)]
    owners += chance.sample(institutions, COURSES - len(owners))
    owners.sort(key=lambda institution: institution.number)
    taken: set[tuple[int, str]] = set()
    courses = []
    for number, owner in enumerate(owners, start=1):
        name = subject = ""
        while not name or (owner.number, name) in taken:
            subject = chance.choice(names["subjects"][owner.category])
            name = subject + chance.choice(names["levels"])
        taken.add((owner.number, name))
        courses.append(file_course(chance, number, owner, name, subject))
    return tuple(courses)


def _families(chance: random.Random, names: dict[str, Any]) -> tuple[Family, ...]:
    surnames = chance.choices(names["surnames"], k=ENROLMENTS)
    return tuple(
        Family(
            number=number,
            student=f"{surname}示例学员{number:05d}",
            guardian=f"{surname}示例家长{number:05d}",
            phone=f"100{number:08d}",
        )
        for number, surname in enumerate(surnames, start=1)
    )


def _enrolments(
    chance: random.Random,
    courses: tuple[Course, ...],
    families: tuple[Family, ...],
    starts_on: date,
) -> tuple[Enrolment, ...]:
    weights = [course.popularity for course in courses]
    chosen = [course for course in courses for _ in range(12)]
    chosen += chance.choices(courses, weights, k=ENROLMENTS - len(chosen))
    chance.shuffle(chosen)
    opens_on = add_months(starts_on, -1)
    window = (starts_on - opens_on).days
    enrolments = []
    joined: dict[int, set[int]] = defaultdict(set)
    for number, course in enumerate(chosen, start=1):
        family = families[number - 1]
        if number > 1 and chance.random() < _SIBLINGS:
            # A second school for a student: another institution, so no charge is split.
            other = families[chance.randrange(number - 1)]
            if course.institution not in joined[other.number]:
                family = other
        joined[family.number].add(course.institution)
        charged_on = opens_on + timedelta(days=chance.randrange(2, window))
        enrolments.append(
            Enrolment(
                contract_no=f"HT{starts_on.year}{number:06d}",
                family=family.number,
                institution=course.institution,
                course=course.number,
                price_fen=course.price_fen,
                lessons_paid=course.lessons_paid,
                lessons_gift=course.lessons_gift,
                contracted_on=charged_on - timedelta(days=chance.randrange(3)),
                charged_on=charged_on,
                starts_on=starts_on,
                ends_on=_last_day(starts_on),
            )
        )
    return tuple(enrolments)


def _legacy(
    institutions: tuple[Institution, ...],
    courses: tuple[Course, ...],
    families: tuple[Family, ...],
    starts_on: date,
) -> tuple[LegacyContract, ...]:
    schools = [school for school in institutions if school.category is Category.ART][:3]
    contracts: list[LegacyContract] = []
    for school, (brought, values) in zip(schools, _LEGACY, strict=True):
        course = next(course for course in courses if course.institution == school.number)
        left = brought
        for order, (remaining, lessons) in enumerate(values):
            funded = min(left, remaining)
            left -= funded
            contracts.append(
                LegacyContract(
                    contract_no=f"JY{school.number:03d}{order + 1:02d}",
                    family=families[-1 - len(contracts)].number,
                    institution=school.number,
                    course=course.number,
                    contracted_on=starts_on - timedelta(days=300 - 30 * order),
                    remaining_fen=remaining,
                    remaining_lessons=lessons,
                    brought_fen=funded,
                )
            )
    return tuple(contracts)


def _strays(
    courses: tuple[Course, ...], enrolments: tuple[Enrolment, ...], starts_on: date
) -> tuple[StrayReceipt, ...]:
    first, second = enrolments[0], enrolments[1]
    on = starts_on - timedelta(days=1)
    return (
        StrayReceipt(
            "unmatched",
            first.institution,
            courses[first.course - 1].custody_bank,
            None,
            480_000,
            on,
        ),
        StrayReceipt(
            "excess",
            second.institution,
            courses[second.course - 1].custody_bank,
            second.contract_no,
            10_000,
            on,
        ),
    )
