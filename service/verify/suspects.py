"""Which custody accounts a broken check of money is about: those a FENCE belongs on.

A break names a transaction, an account, a row or a custody account. One that leads to no custody
account (a chain cut short, a head moved) is about every one of its journal, and so are more breaks
than were kept: stop rather than go on wrong. Nothing is fenced here; a verification only reads.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import UUID

from service.verify.checks import MONEY
from service.verify.report import Finding, Report
from service.verify.snapshot import Snapshot

_EVERY: Final = """
    SELECT custody_account_id FROM escrow.custody_account WHERE journal_id = $1"""
_TRANSFERS: Final = """
    SELECT seq, transfers, refs FROM escrow.journal_transaction
    WHERE journal_id = $1 AND seq = ANY($2::bigint[])"""
_BY_NUMBER: Final = """
    SELECT account_id, custody_account_id FROM escrow.account
    WHERE journal_id = $1 AND account_id = ANY($2::bigint[])"""
_BY_ID: Final = """
    SELECT custody_account_id AS id, custody_account_id FROM escrow.custody_account
    WHERE journal_id = $1 AND custody_account_id = ANY($2)
    UNION SELECT institution_id, custody_account_id FROM escrow.custody_account
    WHERE journal_id = $1 AND institution_id = ANY($2)
    UNION SELECT enrolment_id, custody_account_id FROM escrow.enrolment
    WHERE journal_id = $1 AND enrolment_id = ANY($2)
    UNION SELECT owner_id, custody_account_id FROM escrow.account
    WHERE journal_id = $1 AND owner_id = ANY($2)
    UNION SELECT order_id, custody_account_id FROM escrow.payment_order
    WHERE journal_id = $1 AND order_id = ANY($2)
    UNION SELECT bank_entry_id, custody_account_id FROM escrow.bank_entry
    WHERE journal_id = $1 AND bank_entry_id = ANY($2)
    UNION SELECT refund_id, custody_account_id FROM escrow.refund
    WHERE journal_id = $1 AND refund_id = ANY($2)
    UNION SELECT approval.approval_id, custody.custody_account_id FROM escrow.approval
    JOIN escrow.custody_account AS custody USING (journal_id, institution_id)
    WHERE approval.journal_id = $1 AND approval.approval_id = ANY($2)
    UNION SELECT lesson.lesson_id, enrolment.custody_account_id FROM escrow.lesson
    JOIN escrow.enrolment USING (journal_id, enrolment_id)
    WHERE lesson.journal_id = $1 AND lesson.lesson_id = ANY($2)
    UNION SELECT claim.claim_id, enrolment.custody_account_id FROM escrow.claim
    JOIN escrow.enrolment USING (journal_id, enrolment_id)
    WHERE claim.journal_id = $1 AND claim.claim_id = ANY($2)"""

_Checks = dict[UUID, set[str]]


async def fences(snapshot: Snapshot, report: Report) -> None:
    """Note in the report which custody accounts are to be fenced, and for which checks."""
    found: dict[int, list[Finding]] = defaultdict(list)
    flooded: dict[int, set[str]] = defaultdict(set)
    for check in sorted(MONEY):
        for finding in report.results[check].suspects:
            if finding.journal is not None:
                found[finding.journal].append(finding)
        for journal in report.results[check].flooded:
            flooded[journal].add(check)
    for journal in sorted(found.keys() | flooded.keys()):
        fenced = await _fenced(snapshot, journal, found[journal], flooded[journal])
        report.fences += [
            {"journal": journal, "custody_account_id": custody, "checks": sorted(checks)}
            for custody, checks in sorted(fenced.items())
        ]


async def _fenced(
    snapshot: Snapshot, journal: int, findings: Iterable[Finding], everywhere: set[str]
) -> _Checks:
    checks: _Checks = defaultdict(set)
    try:
        async with snapshot.attempt():
            places = await _places(snapshot, journal, findings)
    except Exception:  # noqa: BLE001 - what cannot be narrowed down is about the whole journal
        places = {}
    for finding in findings:
        about = {place for key in _keys(finding) for place in places.get(key, ())}
        if not about:
            everywhere.add(finding.check)
        for custody in about:
            checks[custody].add(finding.check)
    if everywhere:
        for row in await snapshot.rows(_EVERY, journal):
            checks[row["custody_account_id"]] |= everywhere
    return checks


async def _places(
    snapshot: Snapshot, journal: int, findings: Iterable[Finding]
) -> dict[object, set[UUID]]:
    """Return the custody accounts that each transaction, account or row is about."""
    places: dict[object, set[UUID]] = defaultdict(set)
    keys = {key for finding in findings for key in _keys(finding)}
    seqs = [key[1] for key in keys if isinstance(key, tuple) and key[0] == "seq"]
    moved = await snapshot.rows(_TRANSFERS, journal, seqs)
    named = {row["seq"]: set(_numbers(row["transfers"])) for row in moved}
    told = {row["seq"]: set(_told(row["refs"])) for row in moved if row["transfers"] == "[]"}
    ids = {key for key in keys if isinstance(key, UUID)}.union(*told.values())
    for row in await snapshot.rows(_BY_ID, journal, sorted(ids)):
        places[row["id"]].add(row["custody_account_id"])
    for seq, about in told.items():
        places["seq", seq] |= {place for one in about for place in places.get(one, ())}
    numbers = {key[1] for key in keys if isinstance(key, tuple) and key[0] == "account_id"}
    wanted = sorted(numbers.union(*named.values()))
    custodies = {
        row["account_id"]: row["custody_account_id"]
        for row in await snapshot.rows(_BY_NUMBER, journal, wanted)
    }
    for seq, used in named.items():
        places["seq", seq] |= {custodies[number] for number in used & custodies.keys()}
    for number in numbers & custodies.keys():
        places["account_id", number].add(custodies[number])
    return places


def _keys(finding: Finding) -> Iterator[Any]:
    """Yield what a break names that can lead to a custody account."""
    for name, value in finding.example.items():
        if name in {"seq", "account_id"} and isinstance(value, int):
            yield name, value
        for one in value if isinstance(value, list | tuple) else (value,):
            if (found := _id_of(one)) is not None:
                yield found


def _id_of(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return UUID(int=value.int)  # A driver's own kind of UUID is not equal to ours in a set.
    if not isinstance(value, str):
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def _told(refs: str) -> Iterator[UUID]:
    """Yield the ids that a transaction refers to, as far as they can be read."""
    try:
        found = json.loads(refs).values()
    except (ValueError, AttributeError):
        return
    yield from (one for one in map(_id_of, found) if one is not None)


def _numbers(transfers: str) -> Iterator[int]:
    """Yield the account numbers of stored transfers, as far as they can be read."""
    try:
        for debit, credit, _ in json.loads(transfers):
            yield from (number for number in (debit, credit) if isinstance(number, int))
    except (ValueError, TypeError):
        return
