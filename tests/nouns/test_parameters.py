"""Rule packs over HTTP: proposed, read in words, approved by another; the past stays judged."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from service.app import create_app
from service.identity import tokens
from service.identity.callers import Role
from service.settings import Settings
from service.store import reference
from tests.fixtures.databases import Database
from tests.fixtures.levels import BASIS, SOURCE, Level, open_level
from tests.fixtures.service import Service

CAP = {"parameter": "amount_cap", "value": "4000.00"}


async def test_a_change_is_proposed_read_in_words_and_approved_by_another_person(
    level: Level,
) -> None:
    asked = await level.propose(CAP, on=level.day(30))
    proposal = asked.json()
    before = await level.rule("amount_cap", level.day(40))
    read = await level.service.get(f"/v1/rule-pack-proposals/{proposal['id']}", level.second)

    done = await level.answer(read.json())

    assert asked.status_code == 202, asked.text
    said = "\n".join(line["zh"] for line in proposal["words"])
    assert f"{level.pack}@2 单次收费上限:自 {level.day(30)} 起" in said
    assert "由 5000.00 元(人民币伍仟元整) 改为 4000.00 元(人民币肆仟元整)" in said
    assert f"适用辖区:{level.code}" in said
    assert read.json()["payload_hash"] == proposal["payload_hash"]
    assert before == "5000.00"
    assert (done.status_code, done.json()["state"], done.json()["version"]) == (200, "APPROVED", 2)


async def test_a_version_is_judged_by_from_its_day_on_and_the_days_before_stay(
    level: Level,
) -> None:
    await level.changed(CAP, on=level.day(30))

    now = await level.service.get(f"/v1/jurisdictions/{level.code}/rules", level.regulator)
    await level.service.store.move_clock(
        level.journal, datetime.now(UTC) + timedelta(days=30, minutes=1)
    )
    then = await level.service.get(f"/v1/jurisdictions/{level.code}/rules", level.regulator)

    assert now.json()["rule_pack"] == f"{level.pack}@1"
    assert then.json()["rule_pack"] == f"{level.pack}@2"
    assert await level.rule("amount_cap", level.day(29)) == "5000.00"
    assert await level.rule("amount_cap", level.day(30)) == "4000.00"


async def test_the_history_names_versions_people_and_documents(level: Level) -> None:
    done = await level.changed(CAP, on=level.day(0))

    read = (await level.service.get(f"/v1/rule-packs/{level.pack}", level.regulator)).json()
    first = await level.service.get(f"/v1/rule-packs/{level.pack}", level.regulator, version=1)
    listed = (await level.service.get("/v1/rule-packs", level.regulator)).json()

    newest, oldest = read["versions"]
    assert (read["version"], newest["proposal_id"]) == (2, done["id"])
    assert (newest["proposed_by"], newest["approved_by"]) == (done["maker"], done["checker"])
    assert newest["document_id"] == "YJJG-2026-3"
    assert oldest["proposal_id"] is None
    caps = [v for v in read["values"] if v["parameter"] == "amount_cap"]
    assert [(v["value"], v["source"], v["unit"]) for v in caps][-1] == ("4000.00", SOURCE, "CNY")
    assert len([v for v in first.json()["values"] if v["parameter"] == "amount_cap"]) == 1
    own = next(item for item in listed["items"] if item["code"] == level.pack)
    assert (own["version"], own["jurisdictions"]) == (2, [level.code])


@pytest.mark.parametrize(
    ("value", "days", "code"),
    [
        ({"parameter": "amount_cap", "value": "5000.01"}, 1, "rule_loosened"),
        ({"parameter": "lessons_max", "value": 61, "scope": "subject"}, 1, "rule_loosened"),
        ({"parameter": "amount_cap", "value": "5000.00"}, 1, "nothing_changed"),
        ({"parameter": "amount_cap", "value": 4000}, 1, "parameter_invalid"),
        ({"parameter": "no_such_rule", "value": 1}, 1, "parameter_invalid"),
        ({"parameter": "lessons_max", "value": 0}, 1, "parameter_invalid"),
        ({"parameter": "amount_cap", "value": "4000.00"}, -1, "past_rejudged"),
    ],
)
async def test_what_may_not_be_is_refused_when_it_is_proposed(
    level: Level, value: dict[str, Any], days: int, code: str
) -> None:
    answer = await level.propose(value, on=level.day(days))

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_nobody_of_another_or_a_lower_level_proposes_rules(level: Level) -> None:
    other = await open_level(level.service)

    foreign = await level.propose(CAP, on=level.day(1), token=other.regulator)
    national = await level.propose(CAP, on=level.day(1), pack="cn-national")
    unknown = await level.propose(CAP, on=level.day(1), pack="no-such-pack")

    assert (foreign.status_code, foreign.json()["code"]) == (422, "level_too_low")
    assert national.json()["code"] == "level_too_low"
    assert (unknown.status_code, unknown.json()["code"]) == (404, "rule_pack_unknown")


async def test_nobody_approves_their_own_proposal_and_what_was_read_is_what_is_made(
    level: Level,
) -> None:
    proposal = (await level.propose(CAP, on=level.day(1))).json()
    other = await open_level(level.service)

    own = await level.answer(proposal, token=level.regulator)
    unread = await level.answer(proposal, payload_hash="0" * 64)
    stranger = await level.answer(proposal, token=other.second)

    assert (own.status_code, own.json()["code"]) == (409, "maker_is_checker")
    assert (unread.status_code, unread.json()["code"]) == (409, "version_stale")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "proposal_unknown")


async def test_of_two_changes_of_one_version_the_second_has_to_be_proposed_again(
    level: Level,
) -> None:
    first = (await level.propose(CAP, on=level.day(1))).json()
    second = (
        await level.propose({"parameter": "lessons_max", "value": 48}, on=level.day(1))
    ).json()
    await level.answer(first)

    stale = await level.answer(second)

    assert (stale.status_code, stale.json()["code"]) == (409, "proposal_stale")


async def test_of_two_approvals_at_once_one_makes_the_version(level: Level) -> None:
    proposal = (await level.propose(CAP, on=level.day(1))).json()
    third = await level.service.token(Role.REGULATOR, tokens.Scope(level.code))

    answers = await asyncio.gather(level.answer(proposal), level.answer(proposal, token=third))
    read = (await level.service.get(f"/v1/rule-packs/{level.pack}", level.regulator)).json()

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [version["version"] for version in read["versions"]] == [2, 1]


async def test_a_proposal_is_declined_by_another_or_withdrawn_by_its_maker(level: Level) -> None:
    one = (await level.propose(CAP, on=level.day(1))).json()
    two = (await level.propose(CAP, on=level.day(2))).json()

    declined = await level.answer(one, "decline", reason="UNFOUNDED")
    foreign = await level.answer(two, "withdraw", reason="MISTAKE")
    withdrawn = await level.answer(two, "withdraw", token=level.regulator, reason="MISTAKE")
    late = await level.answer(one)
    listed = await level.service.get(
        "/v1/rule-pack-proposals", level.regulator, rule_pack=level.pack, state="DECLINED"
    )

    assert (declined.status_code, declined.json()["state"]) == (200, "DECLINED")
    assert foreign.json()["code"] == "proposal_unknown"
    assert withdrawn.json()["state"] == "WITHDRAWN"
    assert late.json()["code"] == "wrong_state"
    assert [item["id"] for item in listed.json()["items"]] == [one["id"]]


async def test_the_change_of_a_maker_who_was_revoked_is_not_made(level: Level) -> None:
    proposal = (await level.propose(CAP, on=level.day(1))).json()
    async with level.service.engine.begin() as connection:
        await tokens.revoke(connection, caller_id=proposal["maker"], at=datetime.now(UTC))

    refused = await level.answer(proposal)

    assert (refused.status_code, refused.json()["code"]) == (409, "maker_revoked")


async def test_a_jurisdiction_gets_another_pack_from_a_day_on(level: Level) -> None:
    made = await level.propose(
        CAP,
        on=level.day(0),
        pack=f"{level.pack}-own",
        derived_from=level.pack,
        jurisdiction=level.code,
    )
    await level.answer(made.json())
    body = {"jurisdiction": level.code, "from_on": level.day(10), **BASIS}
    asked = await level.service.post(
        f"/v1/rule-packs/{level.pack}-own/assignments", level.regulator, body
    )

    done = await level.answer(asked.json())
    before = await level.rule("amount_cap", level.day(10))
    await level.service.store.move_clock(
        level.journal, datetime.now(UTC) + timedelta(days=10, minutes=1)
    )

    assert made.status_code == 202, made.text
    assert (done.status_code, done.json()["version"]) == (200, None)
    assert before == "5000.00"
    assert await level.rule("amount_cap", level.day(9)) == "5000.00"
    assert await level.rule("amount_cap", level.day(10)) == "4000.00"
    assert asked.json()["words"][0]["zh"] == f"辖区 {level.code} 改用规则包 {level.pack}-own"


async def test_the_nation_becoming_stricter_takes_the_levels_below_with_it(
    empty_database: Database,
) -> None:
    engine = create_async_engine(empty_database.url("escrow_app"))
    app = create_app(engine, Settings(demo=True, bank_tokens=True))
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
        level = await open_level(Service(engine, app.state.store, client))
        nation = tokens.Scope("100000")
        async with engine.begin() as connection:
            await reference.add_jurisdiction(
                connection,
                reference.NewJurisdiction(code="100000", name="全国", rule_pack="cn-national"),
                at=datetime.now(UTC),
            )
        ministry = replace(
            level,
            pack="cn-national",
            regulator=await level.service.token(Role.REGULATOR, nation),
            second=await level.service.token(Role.REGULATOR, nation),
        )

        lessons = {"parameter": "lessons_max", "value": 48}
        above = await level.propose(lessons, on=level.day(1), token=ministry.regulator)
        done = await ministry.changed(CAP, on=level.day(5))
        read = (await level.service.get(f"/v1/rule-packs/{level.pack}", level.regulator)).json()

    await engine.dispose()
    assert above.status_code == 202, above.text
    said = "\n".join(line["zh"] for line in done["words"])
    assert f"{level.pack}@2 单次收费上限(学科类):自 {level.day(5)} 起" in said
    assert read["version"] == 2
    assert {v["source"] for v in read["values"] if v["value"] == "4000.00"} == {"cn-national@4"}


async def test_another_instance_of_the_service_knows_a_new_version_at_once(
    level: Level, database: Database
) -> None:
    engine = create_async_engine(database.url("escrow_app"), pool_size=2)
    app = create_app(engine, Settings(demo=True))
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
        other = replace(level, service=Service(engine, app.state.store, client))
        before = await other.rule("amount_cap", level.day(0))

        await level.changed(CAP, on=level.day(0))
        after = await other.rule("amount_cap", level.day(0))

    await engine.dispose()
    assert (before, after) == ("5000.00", "4000.00")
