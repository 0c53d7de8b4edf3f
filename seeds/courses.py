"""Courses of the demonstration district: how long, how dear and on which evenings.

Subject tutoring keeps the guide price, working-day evenings and its closing hours; other courses
cost close to the cap, as they do, and are taught at weekends too.
"""

import random
from typing import Final

from ledger.policy import Category

from .records import Course, Institution

_LESSONS: Final = {8: 8, 10: 8, 12: 16, 16: 9, 20: 10, 24: 14, 30: 7, 32: 4, 36: 8, 40: 4, 48: 7}
_LESSONS_MAX: Final = 60
_AT_THE_CAP: Final = 5
_WITH_GIFT: Final = 0.1
_CHEAP: Final = 0.03
_IS_ONLINE: Final = 0.3
_PRICES_FEN: Final = {500_000: 40, 499_999: 8, 498_000: 20, 496_000: 14, 488_000: 12, 480_000: 6}
_CHEAPER_FEN: Final = (298_000, 360_000, 420_000)
_WEEKS: Final = 12
_EVENING: Final = (18 * 60, 18 * 60 + 50, 19 * 60 + 40)
_DAYTIME: Final = (9 * 60, 10 * 60, 11 * 60, 14 * 60, 15 * 60, 16 * 60, 17 * 60)
_ONLINE: Final = (19 * 60, 19 * 60 + 40, 20 * 60 + 20)


def file_course(
    chance: random.Random, number: int, owner: Institution, name: str, subject: str
) -> Course:
    """Draw one course of an institution."""
    if owner.category is Category.SUBJECT:
        return _subject_course(chance, number, owner, name, subject)
    choices = _LESSONS | {_LESSONS_MAX: _AT_THE_CAP}
    lessons = chance.choices(list(choices), list(choices.values()))[0]
    gift = 0
    if lessons < _LESSONS_MAX and chance.random() < _WITH_GIFT:
        gift = chance.choice((1, 2, 4))
    price = chance.choices(list(_PRICES_FEN), list(_PRICES_FEN.values()))[0]
    if chance.random() < _CHEAP:
        price = chance.choice(_CHEAPER_FEN)
    week = [(day, start) for day in range(5) for start in _EVENING]
    week += [(day, start) for day in (5, 6) for start in _DAYTIME]
    return Course(
        number=number,
        institution=owner.number,
        name=name,
        category=owner.category,
        subject=subject,
        price_fen=price,
        lessons_paid=lessons,
        lessons_gift=gift,
        lesson_minutes=45,
        class_size=chance.choice((1, 4, 6, 8, 12, 15, 20)),
        online=False,
        custody_bank=chance.choice(owner.custody_banks),
        pattern=_pattern(chance, week, lessons + gift),
        popularity=chance.randint(1, 5),
    )


def _subject_course(
    chance: random.Random, number: int, owner: Institution, name: str, subject: str
) -> Course:
    online = chance.random() < _IS_ONLINE
    lessons = chance.choice((24, 36, 48))
    # By lesson: 22.00 online for 30 minutes; 49.00 up to nine in a class, 33.00 above.
    minutes, size, fen = (
        (30, 30, 2_200) if online else chance.choice(((45, 8, 4_900), (45, 20, 3_300)))
    )
    week = [(day, start) for day in range(5) for start in (_ONLINE if online else _EVENING)]
    return Course(
        number=number,
        institution=owner.number,
        name=name,
        category=owner.category,
        subject=subject,
        price_fen=lessons * fen,
        lessons_paid=lessons,
        lessons_gift=0,
        lesson_minutes=minutes,
        class_size=size,
        online=online,
        custody_bank=chance.choice(owner.custody_banks),
        pattern=_pattern(chance, week, lessons),
        popularity=1,
    )


def _pattern(
    chance: random.Random, week: list[tuple[int, int]], lessons: int
) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(chance.sample(week, -(-lessons // _WEEKS))))
