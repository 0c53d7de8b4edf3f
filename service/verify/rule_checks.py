"""What rule packs must be: no version judges a day before it otherwise, and each had two people."""

from itertools import pairwise
from typing import Final

from ledger import rule_packs
from ledger.pack_changes import require_past_kept
from ledger.refusals import PastRejudged
from service.verify.report import Report
from service.verify.snapshot import Snapshot

_VERSIONS: Final = """
    SELECT pack.code, pack.version, pack.content, pack.effective_on, pack.proposal_id,
           asked.state, asked.maker, asked.checker
    FROM escrow.rule_pack_version AS pack
    LEFT JOIN escrow.rule_pack_proposal AS asked ON asked.proposal_id = pack.proposal_id
    ORDER BY pack.code, pack.version"""

_ASSIGNED: Final = """
    SELECT given.jurisdiction_code, given.from_on, given.rule_pack, asked.state
    FROM escrow.rule_pack_assignment AS given
    LEFT JOIN escrow.rule_pack_proposal AS asked ON asked.proposal_id = given.proposal_id
    WHERE asked.state IS DISTINCT FROM 'APPROVED' OR asked.code <> given.rule_pack
       OR asked.jurisdiction_code <> given.jurisdiction_code OR asked.effective_on <> given.from_on
    ORDER BY 1, 2"""

CODE: Final = "I-41"


async def check(snapshot: Snapshot, report: Report) -> None:
    """I-41 over all rule packs: versions, who agreed to them, and assignments."""
    try:
        async with snapshot.attempt():
            await _check(snapshot, report)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], repr(error)[:300])


async def _check(snapshot: Snapshot, report: Report) -> None:
    rows = await snapshot.rows(_VERSIONS)
    for row in rows:
        two = row["state"] == "APPROVED" and row["checker"] not in (None, row["maker"])
        if row["proposal_id"] is not None and not two:
            report.broken(CODE, None, pack=row["code"], version=row["version"], two_people=False)
    for before, after in pairwise(rows):
        if before["code"] != after["code"] or after["effective_on"] is None:
            continue
        try:
            require_past_kept(
                rule_packs.parse(before["content"]),
                rule_packs.parse(after["content"]),
                since=after["effective_on"],
            )
        except PastRejudged as refusal:
            report.broken(CODE, None, pack=after["code"], version=after["version"], **refusal.facts)
    for row in await snapshot.rows(_ASSIGNED):
        report.broken(CODE, None, **dict(row))
