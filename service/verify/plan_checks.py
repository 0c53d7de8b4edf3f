"""Plans (I-30): every one that was approved follows from its inputs, replayed once more."""

import json
from hashlib import sha256
from typing import Final

from ledger import distribution
from service.verify.report import Report
from service.verify.snapshot import Row, Snapshot

_PLANS: Final = """
    SELECT plan_id, inputs, inputs_hash, plan_hash, claimed_fen, pool_fen, distributed_fen
    FROM escrow.distribution_plan
    WHERE journal_id = $1 AND state IN ('APPROVED', 'POSTED') ORDER BY plan_id"""
_SHARES: Final = """
    SELECT register_number, tier_one_fen, tier_two_fen FROM escrow.plan_share
    WHERE journal_id = $1 AND plan_id = $2 ORDER BY register_number"""


async def check(snapshot: Snapshot, journal: int, report: Report) -> None:
    """Replay every approved plan, and compare shares, totals and hashes with what is stored."""
    try:
        async with snapshot.attempt():
            for row in await snapshot.rows(_PLANS, journal):
                await _check(snapshot, journal, row, report)
        report.done(["I-30"])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done(["I-30"], f"journal {journal}: {error!r}"[:300])


async def _check(snapshot: Snapshot, journal: int, row: Row, report: Report) -> None:
    stored = [
        (share["register_number"], share["tier_one_fen"], share["tier_two_fen"])
        for share in await snapshot.rows(_SHARES, journal, row["plan_id"])
    ]
    plan = distribution.planned(json.loads(row["inputs"]))
    said = (row["plan_hash"], row["claimed_fen"], row["pool_fen"], row["distributed_fen"])
    hashed = sha256(row["inputs"].encode()).digest() == row["inputs_hash"]
    if not hashed or (plan.digest, plan.claimed, plan.pool, plan.distributed) != said:
        report.broken("I-30", journal, plan_id=row["plan_id"], plan_hash=plan.digest.hex())
    if plan.distributed != min(plan.pool, plan.claimed):
        report.broken("I-30", journal, plan_id=row["plan_id"], distributed=plan.distributed)
    for share, replayed in zip(stored, plan.shares, strict=False):
        if share != replayed:
            report.broken("I-30", journal, plan_id=row["plan_id"], stored=share, shared=replayed)
            return
    if len(stored) != len(plan.shares):
        report.broken("I-30", journal, plan_id=row["plan_id"], stored=len(stored))
