"""Chapter three: contracts signed week by week, each institution uploading its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.demo.client import together
from service.demo.stage import Contract, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeds.records import Enrolment, Family


async def enrol(stage: Stage, enrolments: Sequence[Enrolment]) -> None:
    """Open these enrolments, a batch for each institution."""
    by_school: dict[int, list[Enrolment]] = {}
    for enrolment in enrolments:
        by_school.setdefault(enrolment.institution, []).append(enrolment)
    with stage.chapter("enrolments", len(by_school)) as bar:
        await together((_enrol(stage, school, by_school[school]) for school in by_school), bar)
    stage.counts["enrolments"] += len(enrolments)


async def _enrol(stage: Stage, school: int, enrolments: Sequence[Enrolment]) -> None:
    results = await stage.api.batch(
        "/v1/enrolments/batch",
        stage.cast.institutions[school],
        [_item(stage, enrolment) for enrolment in enrolments],
        key=stage.key("enrol", school, stage.today),
    )
    for enrolment, result in zip(enrolments, results, strict=True):
        stage.contracts[enrolment.contract_no] = contract_of(school, result)


def contract_of(school: int, result: dict[str, Any]) -> Contract:
    """Keep what was answered of a contract."""
    return Contract(
        number=result["contract_number"],
        id=result["id"],
        payment_code=result["payment_code"],
        guardian=result["guardian_id"],
        account=result["custody_account_id"],
        institution=school,
    )


def people_of(family: Family) -> dict[str, Any]:
    """Name guardian and student as a contract does."""
    return {
        "guardian": {"name": family.guardian, "phone": family.phone},
        "student": {"name": family.student},
    }


def _item(stage: Stage, enrolment: Enrolment) -> dict[str, Any]:
    return {
        "course_id": stage.courses[enrolment.course],
        "contract_number": enrolment.contract_no,
        "template_version": "GF-2021-2604",
        **people_of(stage.district.families[enrolment.family - 1]),
        "contract_on": enrolment.contracted_on.isoformat(),
        "charged_on": enrolment.charged_on.isoformat(),
        "starts_on": enrolment.starts_on.isoformat(),
        "ends_on": enrolment.ends_on.isoformat(),
    }
