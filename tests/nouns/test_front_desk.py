"""The front desk: many tokens in one look-up, each its own answer, none remembered."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.refusals import NotAuthenticated
from service.identity import tokens
from service.identity.callers import Caller, Role
from service.identity.front_desk import FrontDesk
from tests.fixtures.service import District


def desk_of(district: District) -> FrontDesk:
    """Open a desk on the test's database."""
    engine = district.service.engine
    return FrontDesk(engine.execution_options(isolation_level="AUTOCOMMIT"))


async def asked(desk: FrontDesk, *shown: str) -> list[Any]:
    """Ask for all of them at once; a refusal is an answer."""
    return await asyncio.gather(*map(desk.caller_of, shown), return_exceptions=True)


async def test_who_come_at_once_are_each_told_apart(district: District) -> None:
    desk, known = desk_of(district), [district.regulator, district.auditor, district.regulator]

    told = await asked(desk, known[0], "esk_nobody", known[1], "Bearer", known[2])

    callers = [each for each in told if isinstance(each, Caller)]
    assert [caller.role for caller in callers] == [Role.REGULATOR, Role.AUDITOR, Role.REGULATOR]
    assert [type(told[1]), type(told[3])] == [NotAuthenticated] * 2


async def test_a_token_revoked_a_moment_ago_is_refused(district: District) -> None:
    desk = desk_of(district)
    shown = await district.service.token(
        Role.AUDITOR, tokens.Scope(district.code), caller_id=f"leaving-{district.journal}"
    )
    before = await desk.caller_of(shown)

    async with district.service.engine.begin() as connection:
        await tokens.revoke(connection, caller_id=before.id, at=datetime.now(UTC))

    with pytest.raises(NotAuthenticated):
        await desk.caller_of(shown)


async def test_one_who_goes_away_takes_nobody_along(district: District) -> None:
    desk = desk_of(district)
    leaving = asyncio.create_task(desk.caller_of(district.regulator))
    staying = asyncio.create_task(desk.caller_of(district.regulator))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).role is Role.REGULATOR
