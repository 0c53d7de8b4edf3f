"""The audit trail: one row for each request that decided something, chained as the journal is.

A journal's rows are written under its head lock, in the transaction of what they tell of. Chain 0
takes what happens in no journal: reference data, logins, keys, readings of personal data, what was
denied before it reached one. `hash` is SHA-256 over a domain, the hash of the row before and every
other column in the order of the table, framed by `ledger.chain`: text as it is, instants as
microseconds since 1970 in decimal, digests as bytes. The row before the first is the genesis.
"""

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import chain
from service.store import driver
from service.store.facts import Record, Verdict
from service.store.leaves import copy_into
from service.store.rows import table_of
from service.store.sealed_batches import instant_text
from service.store.tables import AuditRow

APART: Final = 0
"""The chain of what happens in no journal."""
SUBJECTS_MAX: Final = 500
"""Subjects named by one row; more are named by several."""

_ROW_DOMAIN: Final = b"tuition-escrow/audit/1\0"
_GENESIS: Final = b"tuition-escrow/audit-genesis/1\0"
_CHAIN: Final = struct.Struct(">Q")
_APPROVAL: Final = "apr_"
_NO_POSTS: Final = (None, None, None, None)
_NOTHING: Final = chain.encode_field(None)

_HEAD: Final = (
    "SELECT seq, hash, clock_timestamp() AS clock FROM escrow.audit_head WHERE chain = 0 FOR UPDATE"
)
_MOVE: Final = "UPDATE escrow.audit_head SET seq = $1, hash = $2 WHERE chain = 0"
_MOVE_ONLY: Final = (
    "UPDATE escrow.journal_head SET audit_seq = $2, audit_hash = $3 WHERE journal_id = $1"
)

COLUMNS: Final = tuple(column.key for column in table_of(AuditRow).c)
COVERED: Final = COLUMNS[:-2]
"""The columns that a row's hash covers, in their order."""


class Kind(StrEnum):
    """What a row tells of.

    A decision in a journal, one on reference data, another act (a login, a key), a reading, a
    denial, or a number of denials.
    """

    DECIDED = "DECIDED"
    REFERENCE = "REFERENCE"
    ACT = "ACT"
    READ = "READ"
    DENIED = "DENIED"
    COUNTED = "COUNTED"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a request shows of itself: for the trail, never for a decision.

    `operation` is the route's operation id, `object` the public id in its path, `credential` names
    the session or key. `source` is the address of staff and systems; of parents none is kept.
    """

    operation: str
    role: str
    request_id: str | None = None
    duties: str = ""
    credential: str | None = None
    source: str | None = None
    object: str | None = None
    purpose: str | None = None
    request_hash: bytes | None = None


class Noted(NamedTuple):
    """A row of the trail before it has its place in a chain."""

    kind: Kind
    caller_id: str
    attempt: Attempt
    outcome: str
    use_case: str | None = None
    object: str | None = None
    details: str | None = None
    reason: str | None = None
    purpose: str | None = None
    approval: str | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    policy_version: str | None = None
    in_journal: int | None = None


class Posts(NamedTuple):
    """The transactions of one request: from the first to the last, and why the first was."""

    first: int
    last: int
    reason: str | None
    policy_version: str | None


def by_service(name: str) -> Attempt:
    """Return the attempt of what the service does by itself, without any request."""
    return Attempt(operation=name, role="service")


def by_command(name: str, about: str) -> Noted:
    """Note what somebody did at the command line of the server, who has no caller id there."""
    attempt = Attempt(operation=f"escrow {name}", role="operator", object=about)
    return Noted(Kind.ACT, "command-line", attempt, "done")


def decided(  # noqa: PLR0913 - what a request was
    attempt: Attempt,
    caller_id: str,
    use_case: str,
    verdicts: Sequence[Verdict],
    posts: Posts | None,
    *,
    single: bool,
) -> Noted:
    """Note what became of a request in a journal: one row, however many items it has."""
    named = _named(verdicts[0]) if single else None
    approval = None
    for each in (attempt.object, named):
        if approval is None and each is not None and each.startswith(_APPROVAL):
            approval = each
    first, last, reason, policy_version = posts or _NO_POSTS
    return Noted(
        Kind.DECIDED,
        caller_id,
        attempt,
        _code(verdicts[0]) if single else _outcome(verdicts),
        use_case,
        named if attempt.object is None else attempt.object,
        None if single else _counted(verdicts),
        reason,
        None,
        approval,
        first,
        last,
        policy_version,
    )


def readings(
    caller_id: str, attempt: Attempt, *, purpose: str, subjects: Sequence[str], journal: int | None
) -> list[Noted]:
    """Note that somebody read the personal data of these subjects (public ids), and what for."""
    parts = [subjects[i : i + SUBJECTS_MAX] for i in range(0, len(subjects), SUBJECTS_MAX)]
    return [
        Noted(
            Kind.READ,
            caller_id,
            attempt,
            outcome="done",
            object=part[0] if len(part) == 1 else None,
            details=chain.canonical_json({"subjects": list(part)}),
            purpose=purpose,
            in_journal=journal,
        )
        for part in parts or [[]]
    ]


def genesis(journal: int) -> bytes:
    """Return what stands before the first row of a chain; each has its own."""
    return sha256(_GENESIS + _CHAIN.pack(journal)).digest()


def covered_fields(row: Mapping[str, Any]) -> list[chain.Field]:
    """Every stored field of a row but its hashes, as the chain covers them."""
    return [_field(row[name]) for name in COVERED]


def digest(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """Hash a stored row after the hash of the one before it."""
    return sha256(_ROW_DOMAIN + previous + chain.encode(covered_fields(row))).digest()


async def append(
    connection: AsyncConnection, head: Record, noted: Sequence[Noted], at: datetime
) -> tuple[int, bytes | None]:
    """Append to a journal's trail under its locked head; return where the head has to move.

    The head is moved with that of the journal, or by `move_head` where nothing was posted.
    """
    if not noted:
        return head.audit_seq, head.audit_hash
    journal = head.journal_id
    previous = genesis(journal) if head.audit_hash is None else head.audit_hash
    rows = _chained(journal, head.audit_seq, previous, noted, at)
    await copy_into(connection, AuditRow, journal, rows)
    return head.audit_seq + len(rows), rows[-1][-1]


async def move_head(
    connection: AsyncConnection, journal: int, seq: int, digest: bytes | None
) -> None:
    """Move the head of a journal's trail by itself."""
    await driver.execute(connection, _MOVE_ONLY, journal, seq, digest)


async def append_apart(connection: AsyncConnection, noted: Sequence[Noted]) -> None:
    """Append to chain 0 in the running transaction, which holds its head until it ends.

    Call it last: nobody else is recorded there meanwhile.
    """
    [head] = await driver.records(connection, _HEAD)
    rows = _chained(APART, head.seq, head.hash, noted, head.clock)
    await copy_into(connection, AuditRow, APART, rows)
    await driver.execute(connection, _MOVE, head.seq + len(rows), rows[-1][-1])


def _chained(
    journal: int, seq: int, previous: bytes, noted: Sequence[Noted], at: datetime
) -> list[tuple[Any, ...]]:
    """Chain rows after `previous`; what many a row has in common is encoded once."""
    shared, encode = _Encoded(), chain.encode_field
    place = encode(journal)
    recorded = encode(instant_text(at))
    rows: list[tuple[Any, ...]] = []
    for each in noted:
        seq += 1
        kind, caller_id, attempt, outcome, use_case, named, details, *others = each
        reason, purpose, approval, first, last, policy, in_journal = others
        who = (
            caller_id,
            attempt.role,
            attempt.duties,
            attempt.credential,
            attempt.source,
            attempt.operation,
            use_case,
        )
        about = named or attempt.object
        purpose = purpose or attempt.purpose
        encoded = b"".join(
            (
                _ROW_DOMAIN,
                previous,
                place,
                encode(seq),
                recorded,
                shared[kind.value,],
                _NOTHING if attempt.request_id is None else encode(attempt.request_id),
                shared[who],
                _NOTHING if about is None else encode(about),
                _NOTHING if attempt.request_hash is None else encode(attempt.request_hash),
                shared[outcome, details, reason, purpose, approval],
                _NOTHING if first is None else encode(first),
                _NOTHING if last is None else encode(last),
                shared[policy, in_journal],
            )
        )
        digest = sha256(encoded).digest()
        rows.append(
            (
                journal,
                seq,
                at,
                kind.value,
                attempt.request_id,
                *who,
                about,
                attempt.request_hash,
                outcome,
                details,
                reason,
                purpose,
                approval,
                first,
                last,
                policy,
                in_journal,
                previous,
                digest,
            )
        )
        previous = digest
    return rows


class _Encoded(dict[tuple[chain.Field, ...], bytes]):
    """Encodings of fields next to each other that rows written together have in common."""

    def __missing__(self, fields: tuple[chain.Field, ...]) -> bytes:
        encoded = self[fields] = chain.encode(fields)
        return encoded


def _field(value: Any) -> chain.Field:  # noqa: ANN401 - a column's value
    if isinstance(value, datetime):
        return instant_text(value)
    field: chain.Field = value
    return field


def _outcome(verdicts: Sequence[Verdict]) -> str:
    codes = {_code(verdict) for verdict in verdicts}
    if len(codes) == 1:
        return codes.pop()
    return "mixed" if any(verdict.refusal is None for verdict in verdicts) else "refused"


def _counted(verdicts: Sequence[Verdict]) -> str:
    counted = Counter(_code(verdict) for verdict in verdicts)
    return chain.canonical_json({"items": len(verdicts), "verdicts": dict(counted)})


def _code(verdict: Verdict) -> str:
    if verdict.refusal is not None:
        return verdict.refusal.code
    return "duplicate" if verdict.duplicate else "done"


def _named(verdict: Verdict) -> str | None:
    """Public id of what a single command made or changed: `id`, or the first of its other ids."""
    answer = verdict.answer or {}
    found = answer.get("id") or next(
        (value for name, value in answer.items() if name.endswith("_id")), None
    )
    return found if isinstance(found, str) else None
