"""The reference data and the demonstration district: whole, lawful, and the same each time."""

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from ledger.calendars import WorkingCalendar
from ledger.money import Money
from ledger.parameters import AMOUNT_CAP, NEW_LICENCES, SILENCE_WORKING_DAYS
from ledger.policy import Category, check_charge, check_price, check_timetable
from ledger.rule_packs import RulePackInvalid
from seeds import backlog, credit_codes, district, lessons, rule_packs
from seeds.calendar import calendar_of
from seeds.records import District, Reaction

SEEDS = Path(district.__file__).parent
PACK = rule_packs.load("chongqing-500106")
KNOWN = calendar_of(range(2025, 2028))
CALENDAR = WorkingCalendar(KNOWN.exceptions, KNOWN.provisional_years)


@pytest.fixture(scope="module")
def shapingba() -> District:
    return district.generate()


@pytest.fixture(scope="module")
def adcodes() -> dict[str, dict[str, str]]:
    with (SEEDS / "adcodes.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len({row["code"] for row in rows}) == len(rows)
    return {row["code"]: row for row in rows}


def test_the_district_has_the_shape_its_regulator_described(shapingba: District) -> None:
    assert len(shapingba.banks) == 6
    assert len(shapingba.institutions) == 68
    assert len(shapingba.courses) == 276
    assert len(shapingba.enrolments) >= 6_200
    assert shapingba.charged_fen >= 31_500_000_00
    assert {course.institution for course in shapingba.courses} == set(range(1, 69))
    assert set(Counter(taken.course for taken in shapingba.enrolments)) == set(range(1, 277))


def test_the_same_seed_gives_the_same_district_and_another_seed_another(
    shapingba: District,
) -> None:
    assert district.generate() == shapingba
    assert district.generate(seed=1).enrolments != shapingba.enrolments


def test_every_charge_keeps_within_the_caps_of_the_pack(shapingba: District) -> None:
    for taken in shapingba.enrolments:
        check_charge(
            PACK,
            price=Money.from_fen(taken.price_fen),
            lessons_paid=taken.lessons_paid,
            lessons_gift=taken.lessons_gift,
            starts_on=taken.starts_on,
            ends_on=taken.ends_on,
            charged_on=taken.charged_on,
            category=shapingba.courses[taken.course - 1].category,
        )


def test_no_student_is_twice_at_one_institution_and_nobody_pays_before_the_contract(
    shapingba: District,
) -> None:
    pairs = Counter((taken.family, taken.institution) for taken in shapingba.enrolments)

    assert max(pairs.values()) == 1
    assert all(taken.contracted_on <= taken.charged_on for taken in shapingba.enrolments)


def test_every_subject_course_keeps_the_guide_price(shapingba: District) -> None:
    subject = [course for course in shapingba.courses if course.category is Category.SUBJECT]

    assert {course.online for course in subject} == {True, False}
    for course in subject:
        check_price(
            PACK,
            category=course.category,
            online=course.online,
            class_size=course.class_size,
            lesson_minutes=course.lesson_minutes,
            lessons=course.lessons,
            price=Money.from_fen(course.price_fen),
            on=shapingba.starts_on,
        )


def test_a_course_is_backed_by_a_custody_bank_of_its_institution(shapingba: District) -> None:
    for course in shapingba.courses:
        owner = shapingba.institutions[course.institution - 1]
        assert course.custody_bank in owner.custody_banks
        assert course.category is owner.category
    used = {bank for school in shapingba.institutions for bank in school.custody_banks}
    assert used == set(shapingba.banks)


def test_registrations_are_valid_and_nobody_else_has_them(shapingba: District) -> None:
    numbers = [school.business_registration for school in shapingba.institutions]

    assert all(credit_codes.is_valid(number) for number in numbers)
    assert len(set(numbers)) == 68
    assert len({school.name for school in shapingba.institutions}) == 68


def test_credit_codes_agree_with_the_example_of_the_standard() -> None:
    assert credit_codes.is_valid("91350100M000100Y43")
    assert not credit_codes.is_valid("91350100M000100Y44")
    assert not credit_codes.is_valid("91350100M000100Y4")
    assert not credit_codes.is_valid("9135O100M000100Y43")


def test_names_and_phones_are_plainly_invented(shapingba: District) -> None:
    assert all(school.name.startswith("示例") for school in shapingba.institutions)
    assert all("示例" in family.student for family in shapingba.families)
    assert all(family.phone.startswith("100") for family in shapingba.families)


def test_four_weeks_hold_about_sixty_thousand_lessons_with_every_reaction(
    shapingba: District,
) -> None:
    played = [lesson for _, day in lessons.term(shapingba, CALENDAR) for lesson in day]
    reactions = Counter(lesson.reaction for lesson in played)

    assert 55_000 <= len(played) <= 65_000
    assert reactions[Reaction.SILENT] > 1_000
    assert reactions[Reaction.DISPUTES] > 10
    assert len({lesson.upheld for lesson in played}) == 2
    assert any(not lesson.attended for lesson in played)


def test_the_whole_term_begins_with_the_same_four_weeks_and_gives_no_lesson_too_many(
    shapingba: District,
) -> None:
    short = dict(lessons.term(shapingba, CALENDAR))
    whole = dict(lessons.term(shapingba, CALENDAR, weeks=None))

    assert {on: whole[on] for on in short} == short
    consumed = Counter(
        lesson.contract_no
        for day in whole.values()
        for lesson in day
        if lesson.attended and not lesson.upheld
    )
    assert all(consumed[taken.contract_no] <= taken.lessons for taken in shapingba.enrolments)
    assert sum(consumed.values()) > 150_000
    assert max(whole) <= shapingba.ends_on


def test_every_lesson_is_held_within_the_timetable_rules(shapingba: District) -> None:
    for on, day in lessons.term(shapingba, CALENDAR, weeks=None):
        for lesson in day:
            course = shapingba.courses[lesson.course - 1]
            assert lesson.starts_at.date() == on
            check_timetable(
                PACK,
                CALENDAR,
                category=course.category,
                online=course.online,
                starts_at=lesson.starts_at,
                ends_at=lesson.ends_at,
            )


def test_legacy_contracts_are_partly_funded_oldest_first(shapingba: District) -> None:
    schools = {contract.institution for contract in shapingba.legacy}
    short = sum(contract.remaining_fen - contract.brought_fen for contract in shapingba.legacy)

    assert len(schools) == 3
    assert short == 12_000_00 + 5_399_99
    for number in schools:
        contracts = [old for old in shapingba.legacy if old.institution == number]
        unfunded = [old.remaining_fen > old.brought_fen for old in contracts]
        assert unfunded == sorted(unfunded)


@pytest.mark.parametrize(
    ("code", "name", "successor"),
    [
        ("500106", "沙坪坝区", ""),
        ("500100", "市辖区", ""),
        ("500200", "县", ""),
        ("500229", "城口县", ""),
        ("510502", "江阳区", ""),
        ("330113", "临平区", ""),
        ("330114", "钱塘区", ""),
        ("371003", "文登区", ""),
        ("371081", "文登市", "371003"),
        ("500234", "开县", "500154"),
    ],
)
def test_the_division_table_knows(
    adcodes: dict[str, dict[str, str]], code: str, name: str, successor: str
) -> None:
    assert adcodes[code]["name"] == name
    assert adcodes[code]["successor"] == successor
    assert (adcodes[code]["valid_to"] == "") == (successor == "")


def test_the_division_table_is_whole_and_consistent(adcodes: dict[str, dict[str, str]]) -> None:
    in_force = {code for code, row in adcodes.items() if not row["valid_to"]}
    provinces = {code for code in in_force if code.endswith("0000")}

    assert len(in_force) == 3_221
    assert len(provinces) == 34
    for code, row in adcodes.items():
        begins = date.fromisoformat(row["valid_from"])
        assert not row["valid_to"] or begins <= date.fromisoformat(row["valid_to"])
        assert not row["successor"] or row["successor"] in adcodes
        assert code in in_force or row["valid_to"]
        assert f"{code[:2]}0000" in provinces


def test_the_calendar_of_2026_is_the_notice_and_2027_is_provisional() -> None:
    made_up = {day.on for day in KNOWN.days if day.working and day.on.year == 2026}

    assert made_up == {
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    }
    assert not CALENDAR.is_working_day(date(2026, 2, 23))
    assert KNOWN.provisional_years == {2027}
    assert all(day.source for day in KNOWN.days)


@pytest.mark.parametrize("code", rule_packs.codes())
def test_every_pack_that_comes_with_the_service_can_be_read(code: str) -> None:
    pack = rule_packs.load(code)
    on = date(2026, 3, 2)

    assert pack.code == code
    assert pack.value(AMOUNT_CAP, on=on, category=Category.ART) == Money.of("5000.00")
    assert pack.value(SILENCE_WORKING_DAYS, on=on) == 15
    assert not pack.value(NEW_LICENCES, on=on, category=Category.SUBJECT)
    assert pack.value(NEW_LICENCES, on=date(2019, 1, 1), category=Category.SUBJECT)


def test_a_pack_is_read_from_a_path_and_an_unknown_parameter_is_refused(tmp_path: Path) -> None:
    document = json.loads(rule_packs.text_of("cn-national"))
    document["values"][0]["parameter"] = "amount_capp"
    path = tmp_path / "pack.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(RulePackInvalid, match="amount_capp"):
        rule_packs.load(path)
    with pytest.raises(FileNotFoundError, match="cn-national"):
        rule_packs.load("../secrets")


def test_the_backlog_is_what_the_district_had_to_settle() -> None:
    failed = backlog.generate()
    contracts = failed.district.legacy

    assert len(failed.district.institutions) == 10
    assert len({contract.family for contract in contracts}) == len(contracts) == 4_300
    assert failed.owed_fen == sum(contract.remaining_fen for contract in contracts) == 4_400_000_000
    assert all(contract.remaining_fen > 0 for contract in contracts)
    assert all(contract.contracted_on < failed.district.starts_on for contract in contracts)


def test_what_was_found_of_a_failed_institution_never_exceeds_its_debt() -> None:
    failed = backlog.generate()
    owed = Counter[int]()
    for contract in failed.district.legacy:
        owed[contract.institution] += contract.remaining_fen

    for found in failed.found:
        assert found.before_fen + found.after_fen <= owed[found.institution]
    assert any(found.before_fen == 0 for found in failed.found)
    assert any(found.after_fen > 0 for found in failed.found)
    assert any(found.before_fen == owed[found.institution] for found in failed.found)


def test_a_part_of_the_backlog_keeps_every_institution() -> None:
    part = backlog.generate(share=20)

    assert len(part.district.legacy) == 215
    assert {each.institution for each in part.district.legacy} == set(range(1, 11))
    assert part.district.legacy == backlog.generate(share=20).district.legacy
