"""Claims in a test: what guardians, schools and regulators do with them, and expect to."""

from datetime import datetime
from typing import Any

import httpx

from service import verify
from service.verify.snapshot import Snapshot
from service.worker import run_due
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.service import District

PROOF = {"kind": "ATTENDANCE", "document_hash": "cd" * 32}


async def gifts(district: District) -> Academy:
    """Plant the school of case 8.3: 20 lessons and 4 given for 3,000.00."""
    return await academy_in(
        district, price_fen=300_000, lessons=20, lessons_gift=4, gift_in_schedule=True
    )


async def taught(academy: Academy, enrolment: dict[str, Any], lessons: int) -> None:
    """Hold and confirm lessons."""
    items = [
        {
            "enrolment_id": enrolment["id"],
            "reference": f"T-{next(academy.numbers)}",
            "starts_at": "2026-03-03T16:30:00+08:00",
            "ends_at": "2026-03-03T17:30:00+08:00",
        }
        for _ in range(lessons)
    ]
    named = [{"enrolment_id": i["enrolment_id"], "reference": i["reference"]} for i in items]
    held = [n | {"attendance": "PRESENT", "evidence_hash": "ab" * 32} for n in named]
    parent = await academy.parent(enrolment)
    for path, token, sent in (
        ("lessons/batch", academy.token, items),
        ("lessons/record/batch", academy.token, held),
        ("lessons/confirm/batch", parent, named),
    ):
        answer = await academy.post(path, token, {"items": sent})
        assert {r["code"] for r in answer.json()["results"]} == {"done"}, answer.text


async def file(
    academy: Academy, enrolment: dict[str, Any], reason: str = "CONSUMER", **values: Any
) -> httpx.Response:
    """File a claim as the guardian."""
    body = {"enrolment_id": enrolment["id"], "reason": reason} | values
    return await academy.post("claims", await academy.parent(enrolment), body)


async def filed(academy: Academy, enrolment: dict[str, Any], **values: Any) -> dict[str, Any]:
    """File a claim, and expect to."""
    answer = await file(academy, enrolment, **values)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def step(academy: Academy, claim: dict[str, Any], verb: str, token: str, **body: Any) -> Any:
    """Take a claim one step on, and expect to."""
    answer = await academy.post(f"claims/{claim['id']}/{verb}", token, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def approved(academy: Academy, enrolment: dict[str, Any], **values: Any) -> dict[str, Any]:
    """File, agree and approve."""
    claim = await filed(academy, enrolment, **values)
    await step(academy, claim, "agree", academy.token)
    return dict(await step(academy, claim, "approve", academy.district.regulator))


async def move_to(academy: Academy, instant: datetime) -> None:
    """Move business time on."""
    await academy.district.service.store.move_clock(academy.district.journal, instant)


async def swept(academy: Academy) -> dict[str, int]:
    """Run every sweep that is due."""
    return await run_due(academy.district.service.store, academy.district.journal)


async def looked_at(database: Database, journal: int, statement: str | None = None) -> Any:
    """Verify a journal as it is, or as a statement would leave it."""
    async with insider(database) as connection:
        if statement is not None:
            await connection.execute(statement)
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        return await verify.verify_snapshot(Snapshot(connection), journals=[journal])
