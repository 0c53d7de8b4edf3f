"""Papers and packs of real cases: a claim that was priced, a collapse from freeze to dividend."""

from pathlib import Path

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.registers import Collapse, collapsed
from tests.fixtures.service import District
from tests.nouns.claim_calls import approved, gifts, taught
from tests.nouns.packs_opened import replayed, unpacked
from tests.nouns.papers_read import read

pytestmark = pytest.mark.usefixtures("official_calendar")


@pytest.fixture
async def collapse(academy: Academy) -> Collapse:
    """Case 8.6 after set-off, with 5,000.00 more recovered in place of the deposit."""
    found = await collapsed(academy)
    await found.credited("5000.00", "RECOVERY")
    return found


async def words(collapse: Collapse, path: str) -> str:
    answer = await collapse.district.service.get(f"/v1/{path}", collapse.district.regulator)
    assert answer.status_code == 200, answer.text
    return read(answer.text).words


async def test_a_decision_shows_the_price_that_was_approved(district: District) -> None:
    school = await gifts(district)
    enrolment = await school.enrolled()
    await taught(school, enrolment, 12)
    claim = await approved(school, enrolment, reason="CONSUMER")

    answer = await district.service.get(
        f"/v1/claims/{claim['id']}/paper", await school.parent(enrolment)
    )

    told = read(answer.text).words
    for word in ("第十九条", "3,000.00", "−1,800.00", "1,200.00", "300.00", "消费者原因"):
        assert word in told, word
    assert "人民币壹仟贰佰元整" in told
    assert claim["transaction_id"] in told


async def test_the_pack_of_a_frozen_school_simulates_what_the_plan_will_give(
    collapse: Collapse, tmp_path: Path
) -> None:
    folder = await unpacked(collapse.academy, tmp_path)

    code, said = replayed(folder)

    assert code == 0, said
    assert "POOLED shares 20345.73 of 29062.50 yuan" in said
    assert (folder / "wind_down/entitlements.jsonl").read_text().count("\n") == 7


async def test_a_pack_after_the_distribution_replays_the_plan_it_was_made_by(
    collapse: Collapse, higher: str, tmp_path: Path
) -> None:
    await collapse.approved(higher)
    await collapse.posted()

    code, said = replayed(await unpacked(collapse.academy, tmp_path))

    assert code == 0, said
    assert "1 plans follow from their own inputs" in said
    assert "POOLED" not in said


async def test_certificates_follow_the_entitlement_from_register_to_dividend(
    collapse: Collapse, higher: str
) -> None:
    register = await collapse.get("entitlements", wind_down_id=collapse.case["id"])
    [entitlement] = [each["id"] for each in register["items"] if each["register_number"] == 1]
    before = await words(collapse, f"entitlements/{entitlement}/certificate")
    await collapse.approved(higher)
    await collapse.posted()

    after = await words(collapse, f"entitlements/{entitlement}/certificate")
    dividends = await words(collapse, f"entitlements/{entitlement}/dividend-statement")

    assert "人民币肆仟玖佰玖拾玖元玖角玖分" in before
    assert "人民币肆仟叁佰捌拾元肆角陆分" in after
    assert "人民币陆佰壹拾玖元伍角叁分" in after
    for word in ("先归属后按比例", "4,380.46", "619.53", "张* ****"):
        assert word in dividends, word
