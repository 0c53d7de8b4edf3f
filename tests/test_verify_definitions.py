"""The reference that guards are compared with is what the migrations make, word for word."""

import os

from service import paths
from service.verify import definitions
from service.verify.snapshot import snapshot
from tests.fixtures.databases import Database

WRITTEN = os.environ.get("ESCROW_DEFINITIONS") == "write"
SHIPPED = paths.migrations_dir().parent / "service" / "verify" / definitions.FILE


async def test_the_definitions_are_those_of_a_freshly_migrated_database(
    empty_database: Database,
) -> None:
    async with snapshot(empty_database.url("escrow_audit")) as opened:
        made = definitions.rendered(await definitions.read(opened))
    if WRITTEN:
        SHIPPED.write_text(made, encoding="utf-8")

    shipped = SHIPPED.read_text(encoding="utf-8")

    assert shipped == made, f"{SHIPPED.name} is stale: run `poe definitions`"
