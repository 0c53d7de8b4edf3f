"""Every route, role and situation of the authorization matrix, called on real objects.

authorization_matrix_scopes.csv is reviewed by hand. A cell has five letters, for the caller's own
object, a sibling's (of another department, bank, family or institution of the same district; of
the next district where the object is a district), one of another jurisdiction, the own one as the
caller of the level above sees it, and one of a collapsed institution:
a(llowed), h(idden: 404, or not in the list), f(orbidden: 403). "-" is fffff. What is allowed of a
sibling or elsewhere says why.
"""

import csv
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text

from service.identity import tokens
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.store import postgres
from tests.fixtures.matrix import (
    OTHER,
    OWN,
    ROLES,
    SIBLING,
    SITUATIONS,
    World,
    cell,
    only_finding,
    opened,
)
from tests.fixtures.operations import Operation
from tests.fixtures.row_security_alone import row_security_alone

FILE = Path(__file__).parent / "authorization_matrix_scopes.csv"
REQUEST_ID = re.compile(r'"request_id":"[0-9a-f]+"')
FORBIDDEN = "f" * len(SITUATIONS)
FOREIGN = {SIBLING: SITUATIONS.index(SIBLING), OTHER: SITUATIONS.index(OTHER)}


def reviewed() -> dict[str, dict[str, str]]:
    """Read the reviewed letters by operation and role."""
    with FILE.open(encoding="utf-8", newline="") as opened_file:
        return {row["operation_id"]: row for row in csv.DictReader(opened_file)}


@pytest.fixture(scope="module")
async def world(
    postgres_server: postgres.Server,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """Open the world once for all its cells."""
    folder = tmp_path_factory.mktemp("matrix")
    async with opened(postgres_server, template_database, folder) as made:
        yield made


async def forget_limits(world: World) -> None:
    """Begin every limit anew."""
    async with world.engine.begin() as connection:
        await connection.execute(text("SELECT escrow.clear_limits(9223372036854775807)"))


def test_what_is_seen_of_others_says_why() -> None:
    unexplained = [
        name
        for name, row in reviewed().items()
        for role in ROLES
        if {row[role][index] for index in FOREIGN.values() if row[role] != "-"} & {"a"}
        and not row["why"]
    ]

    assert not unexplained


@pytest.mark.timeout(900)
async def test_every_cell_answers_as_it_was_reviewed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = reviewed()
    wrong: list[str] = []
    cells = 0

    async with only_finding():
        for operation in world.operations.values():
            if operation.policy.public:
                continue
            seen = dict.fromkeys(ROLES, "")
            for role in ROLES:
                for situation in SITUATIONS:
                    house, token = cell(world, operation, role, situation)
                    answer = await world.call(operation, house, token)
                    seen[role] += operation.letter(answer, house)
                    cells += 1
            letters = [seen[role].replace(FORBIDDEN, "-") for role in ROLES]
            row = expected.get(operation.name)
            if row is None or letters != [row[role] for role in ROLES]:
                wrong.append(",".join([operation.name, *letters]))

    with capsys.disabled():
        sys.stdout.write(f" {cells} cells ")

    assert not wrong, wrong
    assert cells == len(ROLES) * len(SITUATIONS) * len(expected)


async def test_nobody_gets_in_without_a_token_or_with_one_that_is_over(world: World) -> None:
    own = world.houses[OWN]
    scopes = {
        Role.INSTITUTION: tokens.Scope("500106", institution=own.id("institution_id"), journal=1),
        Role.PARENT: tokens.Scope("500106", parent=own.id("parent_id")),
        Role.BANK: tokens.Scope("500106", bank=own.bank),
    }
    over = [""]
    for role in Role:
        scope = scopes.get(role, tokens.Scope("500106"))
        over += [await world.mint(role, scope, lives_s=-1), await world.mint(role, scope)]
        await world.revoke(over[-1])
    wrong: list[str] = []

    for operation in world.operations.values():
        for token in [] if operation.policy.public else over:
            answer = await world.call(operation, own, token)
            if answer.status_code != 401:
                wrong.append(f"{operation.name}: {answer.status_code}")

    assert not wrong


async def test_what_is_anothers_is_answered_as_what_is_not_there(world: World) -> None:
    ghost = replace(world.houses[SIBLING], name="ghost", number=49, ids={})
    expected = reviewed()
    told: list[str] = []
    compared = 0
    # What the cells have used up of anybody's tries would be told apart otherwise.
    await forget_limits(world)

    async with only_finding():
        for operation in world.operations.values():
            for role in ROLES if operation.objects and not operation.policy.public else ():
                if expected[operation.name][role][1:2] != "h" or operation.is_batch:
                    continue
                house, token = cell(world, operation, role, SIBLING)
                theirs = (await world.call(operation, house, token)).text
                nobodys = (await world.call(operation, ghost, token)).text
                compared += 1
                if REQUEST_ID.sub("", theirs) != REQUEST_ID.sub("", nobodys):
                    told.append(f"{operation.name} {role}: {theirs} {nobodys}")

    assert not told, told
    assert compared > len(expected) / 2


PUBLIC = {"institution_id", "course_id", "to_course_id", "custody_account_id", "target_id"}
"""What a district's parents may see of any institution: that it is, its courses, its accounts."""
WITHOUT_LOOKING = {"fileLateEntry", "listBankKeys"}
"""What names an object and does not look at it before the journal's own unit of work; and the
public keys of banks, a reference table."""


def must_hide(operation: Operation, row: dict[str, str], role: str, situation: str) -> bool:
    """Tell whether row-level security has to hide what the operation names.

    Not what is nobody's (places, banks, oneself), and not what was reviewed as public.
    """
    index = SITUATIONS.index(situation)
    if any(row[each][index : index + 1] == "a" for each in ROLES):
        return False
    if operation.policy.verb is Verb.KEEP_OWN_ACCESS or operation.name in WITHOUT_LOOKING:
        return False
    if not operation.is_list and not operation.objects:
        return False
    return not (role == "parent" and situation == SIBLING and operation.objects & PUBLIC)


@pytest.mark.timeout(900)
async def test_row_level_security_alone_shows_nothing_of_others(world: World) -> None:
    expected = reviewed()
    leaks: list[str] = []
    asked = [operation for operation in world.operations.values() if not operation.policy.public]
    shown = 0

    async with only_finding():
        with row_security_alone():
            for number, operation in enumerate(asked):
                row, own_of = expected[operation.name], ROLES[number % len(ROLES)]
                house, token = cell(world, operation, own_of, OWN)
                answer = await world.call(operation, house, token)
                shown += operation.letter(answer, house) == "a"
                for role, situation in product(ROLES, (SIBLING, OTHER)):
                    if not must_hide(operation, row, role, situation):
                        continue
                    house, token = cell(world, operation, role, situation)
                    answer = await world.call(operation, house, token)
                    if operation.letter(answer, house) == "a" or house.mark in answer.text:
                        leaks.append(f"{operation.name} {role} {situation}")

    assert not leaks, leaks
    assert shown > len(asked) / 2, "the checks above are patched out: what is one's own is shown"
