"""After refunds of every kind a journal verifies clean; what is changed by hand is named."""

import pytest

from tests.fixtures.academies import academy_in
from tests.fixtures.databases import Database
from tests.fixtures.service import District
from tests.nouns.claim_calls import approved, filed, gifts, looked_at, taught

CLAIM = "UPDATE escrow.claim SET {} WHERE journal_id = {} AND scope = 'WHOLE'"

RAISED = "UPDATE escrow.enrolment SET schedule_fen = schedule_fen + 1 WHERE journal_id = {}"


async def refunded(district: District) -> None:
    """Let contracts end for several reasons, one be cut down, and one claim stay open."""
    academy = await gifts(district)
    for reason, lessons in (("CONSUMER", 12), ("CONSUMER", 22), ("INSTITUTION", 5)):
        enrolment = await academy.enrolled()
        await taught(academy, enrolment, lessons)
        await approved(academy, enrolment, reason=reason)
    legacy = academy.legacy("2400.00", 24, gift_in_schedule=True)
    carried = (await academy.post("enrolments/legacy", academy.token, legacy)).json()
    await taught(academy, carried, 3)
    await approved(academy, carried)
    other = await academy_in(district, price_fen=100_001, lessons=7)
    cut_down = await other.enrolled()
    await taught(other, cut_down, 2)
    await approved(other, cut_down, scope="PARTIAL", lessons_given_up=2)
    await filed(other, await other.enrolled())


async def test_a_journal_with_refunds_of_every_kind_is_clean(
    database: Database, district: District
) -> None:
    await refunded(district)

    report = await looked_at(database, district.journal)

    assert report.findings == []


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ("refund_fen = refund_fen + 1", {"I-27"}),
        ("interest_fen = interest_fen + 1", {"I-27"}),
        ("breakdown = '[]'", {"I-27"}),
    ],
)
async def test_a_claim_priced_otherwise_is_named(
    database: Database, district: District, values: str, broken: set[str]
) -> None:
    academy = await gifts(district)
    enrolment = await academy.enrolled()
    await taught(academy, enrolment, 12)
    await approved(academy, enrolment)

    report = await looked_at(database, district.journal, CLAIM.format(values, district.journal))

    assert set(report.violated) == broken


async def test_a_lesson_recorded_under_an_open_claim_is_named(
    database: Database, district: District
) -> None:
    academy = await gifts(district)
    enrolment = await academy.enrolled()
    claim = await filed(academy, enrolment)
    withdrawn = await academy.post(
        f"claims/{claim['id']}/withdraw", await academy.parent(enrolment)
    )
    await academy.recorded(enrolment)
    reopened = CLAIM.format("state = 'FILED'", district.journal)

    report = await looked_at(database, district.journal, reopened)

    assert withdrawn.status_code == 200
    assert report.violated == ["I-28"]


async def test_a_schedule_rewritten_by_hand_is_named(
    database: Database, district: District
) -> None:
    academy = await academy_in(district, price_fen=100_001, lessons=7)
    enrolment = await academy.enrolled()
    await approved(academy, enrolment, scope="PARTIAL", lessons_given_up=2)
    raised = RAISED.format(district.journal)

    report = await looked_at(database, district.journal, raised)

    assert set(report.violated) == {"I-15", "V-11"}
