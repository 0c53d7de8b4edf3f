"""Idempotency: the outcome given under a caller's key, kept for ever and replayed (I-08).

A key belongs to (caller, key) in one journal. Stored are successes and refusals that read state
(409 and 422); never syntax, caller, unknown objects or faults, which may change by themselves.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    BalanceTooLow,
    IdempotencyKeyReused,
    Refusal,
    Restrained,
    RuleBroken,
    StateConflict,
    all_refusals,
)
from service.store import driver, rows
from service.store.facts import Facts, Insert, Moment, Verdict
from service.store.sheets import Written
from service.store.tables import StoredAnswer

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
STORED_REFUSALS = (StateConflict, Restrained, BalanceTooLow, RuleBroken)
_STANDING: Final = (
    "SELECT caller_id, key, request_hash, outcome FROM escrow.stored_answer"
    " WHERE journal_id = $1 AND caller_id = ANY($2::text[]) AND key = ANY($3::text[])"
)

_ANYWHERE: Final = (
    "SELECT journal_id, seq, answered_at, outcome FROM escrow.stored_answer"
    " WHERE journal_id = ANY($1::int[]) AND caller_id = $2 AND key = $3 ORDER BY journal_id"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key with its caller and the hash of the request it came with."""

    caller_id: str
    key: str
    request_hash: bytes


async def find(connection: AsyncConnection, journal: int, key: Key) -> list[Verdict] | None:
    """Return the verdicts stored under the key, None when it is new.

    Raises `IdempotencyKeyReused` when it was used with another request.
    """
    stood = (await find_all(connection, journal, [key])).get(key)
    if isinstance(stood, IdempotencyKeyReused):
        raise stood
    return stood


async def find_all(
    connection: AsyncConnection, journal: int, keys: Sequence[Key]
) -> dict[Key, list[Verdict] | IdempotencyKeyReused]:
    """Return the verdicts stored under the keys that are not new.

    A key that was used with another request has the refusal instead.
    """
    asked = {(key.caller_id, key.key): key for key in keys}
    callers, named = {key.caller_id for key in keys}, {key.key for key in keys}
    stood: dict[Key, list[Verdict] | IdempotencyKeyReused] = {}
    for caller, name, request_hash, outcome in await driver.fetch(
        connection, _STANDING, journal, list(callers), list(named)
    ):
        key = asked.get((caller, name))
        if key is None:
            continue
        stood[key] = IdempotencyKeyReused()
        if request_hash == key.request_hash:
            stood[key] = [_read(item) for item in json.loads(outcome)]
    return stood


class Standing(NamedTuple):
    """An outcome as it stands under a key in one journal."""

    journal: int
    seq: int
    answered_at: datetime
    verdicts: Sequence[Verdict]


async def standing(
    connection: AsyncConnection, journals: Sequence[int], caller: str, key: str
) -> list[Standing]:
    """Return what stands under a caller's key in each of these journals, whatever was asked."""
    found = await driver.fetch(connection, _ANYWHERE, list(journals), caller, key)
    return [
        Standing(journal, seq, answered_at, [_read(item) for item in json.loads(outcome)])
        for journal, seq, answered_at, outcome in found
    ]


def is_stored(verdicts: Sequence[Verdict], *, single: bool) -> bool:
    """Tell whether the outcome is kept: a batch always, a single refusal only if it read state."""
    if not single:
        return True
    refusal = verdicts[0].refusal
    return refusal is None or isinstance(refusal, STORED_REFUSALS)


async def store(
    connection: AsyncConnection, facts: Facts, key: Key, verdicts: Sequence[Verdict], seq: int
) -> None:
    """Keep the outcome under the key, in the transaction that made it."""
    await rows.write(connection, facts.journal, [row(facts.moment, key, verdicts, seq)])


def row(moment: Moment, key: Key, verdicts: Sequence[Verdict], seq: int) -> Insert:
    """Make the row that keeps the outcome under the key."""
    return Insert(
        StoredAnswer,
        {
            "caller_id": key.caller_id,
            "key": key.key,
            "request_hash": key.request_hash,
            "outcome": f"[{','.join([text_of(verdict) for verdict in verdicts])}]",
            "seq": seq,
            "answered_at": moment.now,
        },
    )


def text_of(verdict: Verdict) -> str:
    """Write JSON whose keys keep their order, so that a replay is the same answer to the byte."""
    if type(verdict.answer) is Written:
        duplicate = "true" if verdict.duplicate else "false"
        return f'{{"answer":{verdict.answer.text},"duplicate":{duplicate}}}'
    return _JSON.encode(_written(verdict))


def _written(verdict: Verdict) -> dict[str, Any]:
    if verdict.refusal is not None:
        return {"code": verdict.refusal.code, "facts": verdict.refusal.facts}
    return {"answer": dict(verdict.answer or {}), "duplicate": verdict.duplicate}


def _read(item: Mapping[str, Any]) -> Verdict:
    if "code" in item:
        refusal = refusal_by_code()[item["code"]]
        return Verdict(refusal=refusal(**item["facts"]))
    return Verdict(answer=item["answer"], duplicate=item["duplicate"])


def refusal_by_code() -> dict[str, type[Refusal]]:
    """Every refusal class by its stable code."""
    return {refusal.code: refusal for refusal in all_refusals()}
