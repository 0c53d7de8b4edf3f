"""The district that is played: the seeds' own, or the first institutions of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ledger.calendars import WorkingCalendar
from service.store import seeding

if TYPE_CHECKING:
    from datetime import date

    from seeds.backlog import Backlog
    from seeds.records import District


def district_of(seed: int | None, *, schools: int | None = None) -> District:
    """Build the district of a seed number, the usual one without; or so many schools of it."""
    module: Any = seeding.module("district")
    found: District = module.generate() if seed is None else module.generate(seed=seed)
    return found if schools is None else _first(found, schools)


def backlog_of(seed: int | None, *, share: int = 1) -> Backlog:
    """Build the backlog of a seed number, or one n-th of its contracts (`share` n)."""
    module: Any = seeding.module("backlog")
    found: Backlog = module.generate(share=share, **({} if seed is None else {"seed": seed}))
    return found


def calendar_of(starts_on: date) -> WorkingCalendar:
    """Return the working days of the term's year, as the service has them."""
    found: Any = seeding.module("calendar").calendar_of([starts_on.year])
    return WorkingCalendar(exceptions=found.exceptions, provisional_years=found.provisional_years)


def _first(district: District, schools: int) -> District:
    """Keep the first institutions with all that is theirs; strays fall on the first contracts."""
    enrolments = tuple(each for each in district.enrolments if each.institution <= schools)
    strays = tuple(
        replace(
            stray,
            institution=paid.institution,
            bank=district.courses[paid.course - 1].custody_bank,
            contract_no=None if stray.contract_no is None else paid.contract_no,
        )
        for stray, paid in zip(district.strays, enrolments, strict=False)
    )
    return replace(
        district,
        institutions=district.institutions[:schools],
        courses=tuple(each for each in district.courses if each.institution <= schools),
        enrolments=enrolments,
        legacy=tuple(each for each in district.legacy if each.institution <= schools),
        strays=strays,
        returned_payout_institution=min(district.returned_payout_institution, schools),
    )
