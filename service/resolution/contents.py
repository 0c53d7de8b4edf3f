"""What stands in a resolution pack, file by file, read from one snapshot at one position.

A pack is a pure function of the journal up to its position, the institution's rows and the keys:
the same position gives the same bytes. Names, phones and account numbers stand in
`identities.sealed.json` alone.
"""

import asyncio
import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

import ledger
from ledger import distribution
from ledger.accounts import CHART
from ledger.chain import canonical_json
from service.resolution import reckoning
from service.resolution.archive import Archive, Member
from service.resolution.guide import FORMAT, README, SAYS
from service.resolution.sealing import Keys
from service.store import pack_reads, paper_reads, positions
from service.store.positions import Positions
from service.store.sealed_batches import instant_text

_HERE: Final = Path(__file__).parent
SCRIPTS: Final = {
    "replay.py": _HERE / "replay.py",
    "ed25519.py": _HERE / "ed25519.py",
    "reckoning.py": _HERE / "reckoning.py",
    "distribution.py": Path(ledger.__file__).parent / "distribution.py",
}
"""Copied as they are: the pack is opened with nothing but Python."""

LISTS: Final = {
    "institution/institution.jsonl": "institution",
    "institution/areas.jsonl": "areas",
    "institution/agreements.jsonl": "agreements",
    "institution/courses.jsonl": "courses",
    "institution/restraints.jsonl": "restraints",
    "bank/statement_days.jsonl": "statement_days",
    "bank/interest.jsonl": "interest",
    "bank/unposted_and_suspense.jsonl": "bank_entries",
    "pending/lessons.jsonl": "lessons",
    "pending/orders.jsonl": "orders",
    "pending/claims.jsonl": "claims",
    "pending/refunds.jsonl": "refunds",
    "pending/portings.jsonl": "portings",
    "wind_down/cases.jsonl": "wind_downs",
    "wind_down/statement_requests.jsonl": "statement_requests",
    "wind_down/entitlements.jsonl": "entitlements",
    "wind_down/objections.jsonl": "objections",
    "wind_down/assets.jsonl": "assets",
    "wind_down/plans.jsonl": "plans",
}
"""Files that are rows as they stand, by their name in `pack_reads.ROWS`."""

_AS_IS: Final = frozenset({str, int, bool, type(None)})
SEALED: Final = (
    *("journal_id", "seq", "kind", "transfers", "opened", "refs", "actor", "reason"),
    *("policy_version", "effective_on", "idempotency_key"),
)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the position it is true at, and the manifest's signature."""

    at: Positions
    seq: int
    signature: dict[str, str]


@dataclass(slots=True)
class Source:
    """Whose pack is written, from where, and into which archive."""

    connection: AsyncConnection
    journal: int
    institution: UUID
    archive: Archive
    values: dict[str, Any]


async def write(
    connection: AsyncConnection, journal: int, institution: UUID, keys: Keys, target: IO[bytes]
) -> Written:
    """Write the pack of an institution that the connection sees, from its one snapshot."""
    at = await positions.resolve(connection, [journal])
    seq = at.seq(journal)
    custodies = await pack_reads.rows_of(connection, journal, institution, "custody_accounts")
    numbers = [row["custody_account_id"] for row in custodies]
    values = {"journal": journal, "seq": seq, "custodies": numbers}
    source = Source(connection, journal, institution, Archive(target), values)
    for name, script in SCRIPTS.items():
        source.archive.add(name, script.read_bytes())
    source.archive.add("README.txt", README.encode())
    source.archive.add("chart.json", _json(_chart()))
    for path, what in LISTS.items():
        found = await pack_reads.rows_of(connection, journal, institution, what)
        await _lines(source, path, (_plain(row) for row in found))
    accounts = await _accounts(source)
    enrolments = await _enrolments(source, accounts)
    await _custodies(source, custodies, accounts)
    await _ledger(source)
    simulated = await asyncio.to_thread(_simulation, accounts, enrolments, custodies)
    source.archive.add("simulation.json", _json(simulated))
    await _identities(source, keys, seq)
    index = await _index(source, keys, at, enrolments)
    source.archive.add("index.json", _json(index))
    signature = await asyncio.to_thread(source.archive.close, keys.signed)
    return Written(at, seq, signature)


async def _accounts(source: Source) -> list[dict[str, Any]]:
    """Write every account with its balance, and the enrolment whose money it holds."""
    given = {"journal": source.journal, "institution": source.institution}
    owned = await source.connection.execute(pack_reads.OWNED, given)
    enrolment_of = {row.owner_id: str(row.enrolment_id) for row in owned}
    accounts: list[dict[str, Any]] = []
    async for part in pack_reads.partitions(source.connection, pack_reads.ACCOUNTS, source.values):
        accounts += [
            {**_plain(row), "enrolment_id": enrolment_of.get(row["owner_id"])} for row in part
        ]
    await _lines(source, "ledger/accounts.jsonl", accounts)
    return accounts


async def _enrolments(
    source: Source, accounts: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Write every enrolment with its balances by account kind."""
    held: dict[str, dict[str, int]] = {}
    for row in accounts:
        if row["enrolment_id"] is not None and row["balance"]:
            kinds = held.setdefault(row["enrolment_id"], {})
            kinds[row["kind"]] = kinds.get(row["kind"], 0) + row["balance"]
    found = await pack_reads.rows_of(
        source.connection, source.journal, source.institution, "enrolments"
    )
    enrolments = [
        {**_plain(row), "balances": held.get(str(row["enrolment_id"]), {})} for row in found
    ]
    await _lines(source, "enrolments.jsonl", enrolments)
    return enrolments


async def _custodies(
    source: Source,
    custodies: Sequence[Mapping[str, Any]],
    accounts: Iterable[Mapping[str, Any]],
) -> None:
    """Write every custody account with its totals and its last agreed closing."""
    agreed = await pack_reads.rows_of(
        source.connection, source.journal, source.institution, "last_agreed"
    )
    last = {row["custody_account_id"]: _plain(row) for row in agreed}
    totals: dict[str, dict[str, int]] = {}
    for row in accounts:
        if row["balance"]:
            name = f"{row['kind']}/{row['reason']}" if row["reason"] else row["kind"]
            held = totals.setdefault(row["custody_account_id"], {})
            held[name] = held.get(name, 0) + row["balance"]
    rows = [
        {
            **_plain(row),
            "last_agreed": last.get(row["custody_account_id"]),
            "totals": totals.get(str(row["custody_account_id"]), {}),
        }
        for row in custodies
    ]
    await _lines(source, "custody_accounts.jsonl", rows)


async def _ledger(source: Source) -> None:
    """Write every entry, then every transaction that moved anything, as they were sealed."""
    with source.archive.member("ledger/entries.csv") as member:
        member.write(b"account_id,seq,amount,balance_after\n")
        await _stream(source, member, pack_reads.ENTRIES, _csv)
    with source.archive.member("ledger/transactions.jsonl") as member:
        await _stream(source, member, pack_reads.TRANSACTIONS, _transactions)


async def _stream(
    source: Source,
    member: Member,
    statement: TextClause,
    written: Callable[[Sequence[Mapping[str, Any]]], bytes],
) -> None:
    """Write a stream off the event loop, so that nobody else waits for its compression."""
    async for part in pack_reads.partitions(source.connection, statement, source.values):
        await asyncio.to_thread(lambda rows=part: member.write(written(rows)))  # type: ignore[misc]


def _simulation(
    accounts: Sequence[Mapping[str, Any]],
    enrolments: Sequence[Mapping[str, Any]],
    custodies: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Share the pool under both bases, as it stands, unless a plan was posted."""
    places = [str(row["custody_account_id"]) for row in custodies if row["purpose"] == "CUSTODY"]
    made = not reckoning.posted(accounts)
    bases: dict[str, Any] = {}
    for basis in distribution.BASES if made else ():
        inputs = reckoning.simulation_inputs(accounts, enrolments, places, basis)
        plan = distribution.planned(inputs)
        bases[basis] = {
            "inputs": inputs,
            "shares": [list(share) for share in plan.shares],
            "plan_hash": plan.digest.hex(),
            "claimed_fen": plan.claimed,
            "pool_fen": plan.pool,
            "distributed_fen": plan.distributed,
            "residual_fen": plan.residual,
        }
    return {"made": made, "custodies": places, "bases": bases}


async def _identities(source: Source, keys: Keys, seq: int) -> None:
    """Seal who stands behind the opaque ids."""
    told = await pack_reads.identities(
        source.connection, source.journal, source.institution, source.values["custodies"]
    )
    plain = {what: [_plain(row) for row in found] for what, found in told.items()}
    context = f"{source.journal}:{seq}/{source.institution}"
    sealed = await asyncio.to_thread(keys.sealed, _json(plain), context=context)
    source.archive.add("identities.sealed.json", _json(sealed))


async def _index(
    source: Source, keys: Keys, at: Positions, enrolments: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    seq = at.seq(source.journal)
    return {
        "format": FORMAT,
        "institution_id": str(source.institution),
        "position": {
            "journal": source.journal,
            "seq": seq,
            "hash": await paper_reads.sealed_hash(source.connection, source.journal, seq),
            "as_of": at.as_of.isoformat(),
            "known_at": at.known_at.isoformat(),
        },
        "enrolments": len(enrolments),
        "signing_key": {"id": keys.id, "public_key": keys.public.hex()},
        "recipient_key": keys.recipient_id,
        "units": "amounts are whole fen (分), lessons whole lessons",
        "files": [
            {"path": each["path"], **SAYS[each["path"]]}
            for each in sorted(source.archive.files, key=lambda each: str(each["path"]))
        ],
    }


def _chart() -> dict[str, Any]:
    return {
        kind.value: {
            "code": chart.code,
            "side": chart.side.value,
            "unit": chart.unit.value,
            "zh": chart.zh,
            "en": chart.en,
        }
        for kind, chart in CHART.items()
    }


async def _lines(source: Source, path: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON, one a line, off the event loop."""

    def written() -> None:
        with source.archive.member(path) as member:
            for row in rows:
                member.write(_json(row))

    await asyncio.to_thread(written)


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(tuple(row.values()) for row in rows)
    return text.getvalue().encode()


def _transactions(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(
        _json(
            _plain({name: row[name] for name in SEALED})
            | {
                "recorded_us": instant_text(row["recorded_at"]),
                "previous_hash": row["previous_hash"].hex(),
                "hash": row["hash"].hex(),
            }
        )
        for row in rows
    )


def _json(value: object) -> bytes:
    return f"{canonical_json(value)}\n".encode()


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if value.__class__ in _AS_IS else _text(value) for name, value in row.items()
    }


def _text(value: Any) -> str:  # noqa: ANN401 - a row's column
    """Write a column's value that JSON does not have."""
    if isinstance(value, date):  # and so an instant
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
