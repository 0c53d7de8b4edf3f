"""Plans kept from when a table was small still narrow by what is asked for, when it has grown.

A connection keeps the plans of its statements; until the table is analysed anew they stay. A plan
that narrows by the journal or an account alone would read all that ever came in. (Long lists have
plans of their own, for the table as large as it is.)
"""

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service.bank_entries import suspected
from service.store import statements
from service.store.rows import table_of
from service.store.tables import BankEntry
from tests.fixtures.databases import Database

KEY = ("custody_account_id", "bank_ref")
NOTHING = "'{}'::uuid[], '{}'::text[]"


@pytest.mark.parametrize(
    ("statement", "values", "narrowed_by"),
    [
        (statements.each_among(table_of(BankEntry), KEY), NOTHING, "bank_ref"),
        (suspected.ALIKE, "'{}'::bigint[], '2026-03-01', '2026-03-05'", "likeness"),
    ],
    ids=["of few pairs", "alike"],
)
async def test_a_kept_plan_narrows_by_what_is_asked_for(
    empty_database: Database, statement: str, values: str, narrowed_by: str
) -> None:
    engine = create_async_engine(empty_database.admin_url)
    async with engine.connect() as connection:
        await connection.execute(text("ANALYZE escrow.bank_entry"))
        await connection.execute(text("SET enable_seqscan = off"))
        await connection.execute(text("SET plan_cache_mode = force_generic_plan"))
        await connection.exec_driver_sql(f"PREPARE kept AS {statement}")
        [[plan]] = await connection.exec_driver_sql(
            f"EXPLAIN (FORMAT JSON) EXECUTE kept (1, {values})"
        )
    await engine.dispose()

    told = plan if isinstance(plan, list) else json.loads(plan)
    conditions = " ".join(index_conditions(told[0]["Plan"]))
    assert narrowed_by in conditions, told


def index_conditions(plan: Any) -> list[str]:
    """Collect what the indexes of a plan narrow by."""
    below = [each for part in plan.get("Plans", ()) for each in index_conditions(part)]
    return [plan["Index Cond"], *below] if "Index Cond" in plan else below
