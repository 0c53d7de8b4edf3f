"""A service that the database's guards would not bind does not start."""

import pytest

from tests.fixtures.started import Machine


@pytest.mark.parametrize("login", ["escrow_admin", "escrow_migrate"])
async def test_a_login_that_row_level_security_does_not_bind_is_refused(
    machine: Machine, login: str
) -> None:
    process = machine.start(login)

    code = await process.ended()

    assert code != 0
    assert f"must not log in as {login}" in process.said
    assert "serving" not in process.said
