"""A district with something of everything in it, made over HTTP as its real callers would.

One school teaches and is paid, has lessons waiting, confirmed and disputed, a claim, a payout, an
order at the bank, money nobody can place, a statement and legacy contracts; one is wound down, its
plans waiting to be approved; one is frozen, its case waiting for a second person. For campaigns
that ask about what there is.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from service.identity import tokens
from service.identity.callers import Role
from service.store import reference
from service.store.unit import SHANGHAI
from tests.fixtures.service import Service
from tests.fixtures.story import Contract, School, Story

BANK: Final = "ICBC"
NATION: Final = "100000"
ID: Final = re.compile(r"\b([a-z]{3})_[a-z2-7]{16,29}\b")


@dataclass
class Population:
    """Callers of every role, and what they can name."""

    story: Story
    tokens: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Others of the roles that decide as second persons."""

    async def known_to(self, role: str, lists: Sequence[str]) -> Mapping[str, list[str]]:
        """Read lists as a role; return the ids in them by their prefix."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for path in lists:
            answer = await self.story.district.service.get(path, self.tokens[role])
            if answer.is_success:
                for match in ID.finditer(answer.text):
                    found[match[1]][match[0]] = None
        return {prefix: list(ids) for prefix, ids in found.items()}


async def populate(story: Story) -> Population:
    """Let everything happen once."""
    made, higher = Population(story), await _of_the_nation(story.district.service)
    school = await story.school_opens(BANK)
    contract = await _teaches(story, school)
    await _is_paid(story, school)
    await _is_wound_down(story, higher)
    frozen = await _is_frozen(story)
    await story.say(f"wind-downs/{frozen}/open", story.district.regulator, {"reason": "INSOLVENT"})
    district = story.district
    made.tokens = {
        "regulator": district.regulator,
        "operator": district.operator,
        "auditor": district.auditor,
        "bank": district.banks[BANK],
        "institution": school.token,
        "parent": await contract.parent(),
    }
    made.seconds = {
        "regulator": (district.second_regulator, higher),
        "operator": (district.second_operator,),
    }
    return made


async def _of_the_nation(service: Service) -> str:
    """Mint a token of a regulator of a higher level than any district."""
    async with service.engine.begin() as connection:
        nation = reference.NewJurisdiction(NATION, "中华人民共和国", "cn-national")
        await reference.add_jurisdiction(connection, nation, at=datetime.now(UTC))
    return await service.token(Role.REGULATOR, tokens.Scope(NATION))


async def _teaches(story: Story, school: School) -> Contract:
    """Sell, teach and be contested; one family leaves, one has not paid, one paid long ago."""
    course = await school.files("1100.00", 10)
    contract, leaving, _unpaid = [await school.signs(course) for _ in range(3)]
    await story.parent_pays(contract, BANK)
    await story.parent_pays(leaving, BANK)
    await school.takes_on("400.00", 4, "2025-09-01")
    await story.bank_reports(school, BANK, "400.00", kind="TOP_UP")
    await story.bank_reports(school, BANK, "77.00")
    await school.teaches(contract, 3)
    await school.gives(contract, 3)
    parent = await contract.parent()
    lessons = (await story.read("lessons", parent, enrolment_id=contract.id))["items"]
    contested = next(each["id"] for each in lessons if each["slot"] == 5)
    await story.say(f"lessons/{contested}/dispute", parent, {"reason": "NOT_HELD"})
    asked = {"enrolment_id": leaving.id, "reason": "CONSUMER"}
    await story.say("claims", await leaving.parent(), asked)
    await story.say("notices/fetch", parent)
    return contract


async def _is_paid(story: Story, school: School) -> None:
    """Ask for two payouts; the bank pays one, and states its day."""
    order = await school.asks_for_payout(BANK, "110.00")
    await story.bank_pays_out(school, order)
    await school.asks_for_payout(BANK, "50.00")
    came = ("1100.00", "1100.00", "400.00", "77.00")
    await story.bank_states(school, BANK, came=came, went=("110.00",))


async def _is_wound_down(story: Story, higher: str) -> None:
    """Open the case of a school that vanished, and publish what it owes."""
    case = await _is_frozen(story)
    regulator = story.district.regulator
    asked = await story.say(f"wind-downs/{case}/open", regulator, {"reason": "INSOLVENT"})
    approve = {"payload_hash": asked["payload_hash"]}
    await story.say(f"approvals/{asked['id']}/approve", higher, approve)
    published = await story.say(f"wind-downs/{case}/register", regulator)
    over = date.fromisoformat(published["objections_until"]) + timedelta(days=1)
    moved = datetime.combine(over, time(9), SHANGHAI).isoformat()
    await story.say(
        "clock", story.district.operator, {"jurisdiction": story.district.code, "to": moved}
    )
    await story.say(f"wind-downs/{case}/set-off", regulator)
    await story.say(f"wind-downs/{case}/plans", regulator, {})


async def _is_frozen(story: Story) -> str:
    """Open a school, sell a contract, and freeze it; return its case."""
    school = await story.school_opens(BANK)
    contract = await school.signs(await school.files("800.00", 8))
    await story.parent_pays(contract, BANK)
    frozen: dict[str, Any] = {
        "target_type": "INSTITUTION",
        "target_id": school.id,
        "kind": "FREEZE",
        "cause": "RAN_AWAY",
    }
    regulator = story.district.regulator
    await story.say("restraints", regulator, frozen)
    (listed,) = (await story.read("wind-downs", regulator, institution_id=school.id))["items"]
    return str(listed["id"])
