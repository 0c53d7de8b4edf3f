"""The authorization matrix, reviewed by hand in authorization_matrix.csv, tested cell by cell."""

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from service.app import create_app
from service.identity import tokens
from service.identity.callers import Role
from service.settings import Settings
from service.web.policy import Policy, routes
from tests.fixtures.service import District, fresh_id

FILE = Path(__file__).parent / "authorization_matrix.csv"
ROLES = [role.value for role in Role]


def rows() -> list[dict[str, str]]:
    """Read the matrix."""
    with FILE.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


@cache
def declared() -> dict[str, tuple[str, str, Policy]]:
    """Read what the application's routes declare, by operation id."""
    app = create_app(create_async_engine("postgresql+asyncpg://nobody@/none"), Settings(demo=True))
    return {
        handler.operation_id: (method, path, handler.opt["policy"])
        for method, path, handler in routes(app)
        if isinstance(handler.operation_id, str) and handler.include_in_schema is not False
    }


def test_the_matrix_and_the_routes_name_the_same_operations() -> None:
    in_matrix = {row["operation_id"]: (row["method"], row["path"]) for row in rows()}
    in_routes = {name: (method, path) for name, (method, path, _) in declared().items()}

    assert in_matrix == in_routes


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["operation_id"])
def test_each_route_is_for_the_roles_of_its_row(row: dict[str, str]) -> None:
    _, _, policy = declared()[row["operation_id"]]

    assert policy.public is (row["public"] == "y")
    assert {role.value for role in policy.roles} == {role for role in ROLES if row[role] == "y"}


async def test_every_cell_answers_as_the_matrix_says(district: District) -> None:
    callers = {
        "regulator": district.regulator,
        "bank": district.banks["ICBC"],
        "institution": await district.institution_token(await district.plant_institution()),
        "parent": await district.parent_token(fresh_id()),
        "operator": district.operator,
        "auditor": district.auditor,
    }
    expired = await district.service.token(Role.OPERATOR, tokens.Scope(district.code))
    async with district.service.engine.begin() as connection:
        caller = await tokens.caller_of(connection, expired)
    async with district.service.engine.begin() as connection:
        await tokens.revoke(connection, caller_id=caller.id, at=datetime.now(UTC))
    wrong: list[str] = []

    for row in rows():
        path = row["path"]
        while "{" in path:
            head, _, tail = path.partition("{")
            name, _, rest = tail.partition("}")
            path = f"{head}{'2026-03-02' if name == 'day' else 'x'}{rest}"
        for role, token in [*callers.items(), ("anonymous", ""), ("revoked", expired)]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await district.service.http.request(row["method"], path, headers=headers)
            allowed = row["public"] == "y" or row.get(role) == "y"
            unknown = role in ("anonymous", "revoked") and row["public"] != "y"
            seen = {401: "unknown", 403: "forbidden"}.get(answer.status_code, "allowed")
            # What proves somebody there, or not, is asked for by the public route itself.
            seen = "allowed" if row["public"] == "y" else seen
            expected = "unknown" if unknown else "allowed" if allowed else "forbidden"
            if seen != expected or answer.status_code >= 500:
                wrong.append(f"{role} {row['operation_id']}: {answer.status_code}, not {expected}")

    assert not wrong
