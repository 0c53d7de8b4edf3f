"""What the journals lack of what others kept, and which custody accounts that is about.

An entry of a bank that is missing leads to its own account. A missing transaction may have been
about any: it leads to every custody account of its journal.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from service.recovery.given import GivenAnswer, GivenEntry, chunks
from service.recovery.reached import reached
from service.statements.import_check import spellings
from service.store import driver, ids
from service.store.server_epochs import Standing
from service.verify.heads import Head, Heads, heads_json, not_standing

_ACCOUNTS: Final = (
    "SELECT account_number, journal_id, custody_account_id FROM escrow.custody_account"
    " WHERE account_number = ANY($1::text[])"
)
_ENTRIES: Final = """
    SELECT given.ord FROM unnest($1::int[], $2::uuid[], $3::text[])
         WITH ORDINALITY AS given(journal, account, ref, ord)
    JOIN escrow.bank_entry AS ours ON ours.journal_id = given.journal
     AND ours.custody_account_id = given.account AND ours.bank_ref = given.ref"""
_ANSWERS: Final = (
    "SELECT caller_id, key FROM escrow.stored_answer"
    " WHERE journal_id = ANY($1::int[]) AND caller_id = ANY($2::text[]) AND key = ANY($3::text[])"
)
_OF_JOURNALS: Final = (
    "SELECT journal_id, custody_account_id FROM escrow.custody_account"
    " WHERE journal_id = ANY($1::int[]) ORDER BY 1, 2"
)


@dataclass(slots=True)
class Missing:
    """What was compared, and what of it is missing here, as it is written for programs."""

    server: Standing
    here: Heads = field(default_factory=Heads)
    """The heads as they are."""
    heads: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    unknown_accounts: list[str] = field(default_factory=list)
    """Accounts of statements that nobody has here: their last four digits."""
    compared: dict[str, int] = field(
        default_factory=lambda: {"heads": 0, "entries": 0, "answers": 0}
    )
    accounts: dict[int, set[UUID]] = field(default_factory=dict)
    """The custody accounts that something missing is about, by journal."""

    listed: set[tuple[UUID, str]] = field(default_factory=set)
    """Account and reference of the entries: one may stand in several files."""

    @property
    def count(self) -> dict[str, int]:
        """How many are known to be missing; an entry is also one of the transactions."""
        lost = sum(head["missing"] for head in self.heads if head["chain"] == "journal")
        return {"transactions": lost, "entries": len(self.entries), "answers": len(self.answers)}

    @property
    def exit_code(self) -> int:
        """0 nothing is missing, 2 something is, 3 nothing was given to compare with."""
        if not any(self.compared.values()):
            return 3
        return 2 if self.heads or self.entries or self.answers or self.unknown_accounts else 0

    def as_json(self) -> dict[str, Any]:
        """Write it as plain JSON, with a digest of all the rest."""
        told = {
            "system_identifier": str(self.server.system),
            "timeline": self.server.timeline,
            "epoch": self.server.epoch,
            "read_only": self.server.reason,
            "journals": heads_json(self.here.journals),
            "compared": self.compared,
            "missing": self.count,
            "heads": self.heads,
            "entries": self.entries,
            "answers": self.answers,
            "unknown_accounts": self.unknown_accounts,
            "fences": [
                {"journal": journal, "custody_account_id": str(account)}
                for journal, accounts in sorted(self.accounts.items())
                for account in sorted(accounts)
            ],
            "exit_code": self.exit_code,
        }
        return {**told, "sha256": digest_of(told)}


def digest_of(told: Mapping[str, Any]) -> str:
    """Return the digest of a report, whatever its own line of it says."""
    rest = {name: value for name, value in told.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


async def read_heads(connection: AsyncConnection, found: Missing) -> None:
    """Note how far the journals reach."""
    found.here = await reached(connection)


async def compare_heads(connection: AsyncConnection, kept: Heads, found: Missing) -> None:
    """Find the heads, of journals and of trails, that are not reached or were written anew.

    `read_heads` has told how far they reach.
    """
    journals, trails = await not_standing(partial(driver.fetch, connection), kept)
    found.compared["heads"] += len(kept.journals) + len(kept.trails)
    for chain, lost, ours in (
        ("journal", journals, found.here.journals),
        ("audit", trails, found.here.trails),
    ):
        reach = {head.journal: head.seq for head in ours}
        found.heads += [
            {"chain": chain, **_told(head, reach.get(head.journal, 0))} for head, _ in lost
        ]


def _told(head: Head, ours: int) -> dict[str, Any]:
    return {
        "journal": head.journal,
        "kept": head.seq,
        "ours": ours,
        "missing": max(0, head.seq - ours),
        "rewritten": head.seq <= ours,
    }


async def compare_entries(
    connection: AsyncConnection, given: Iterable[GivenEntry], found: Missing
) -> None:
    """Find the entries of statements that no bank entry stands for."""
    for chunk in chunks(iter(given)):
        found.compared["entries"] += len(chunk)
        places = await _places(connection, {each.account for each in chunk})
        placed = [(places[e.account], e.entry) for e in chunk if e.account in places]
        for unknown in sorted({each.account for each in chunk} - places.keys()):
            if unknown[-4:] not in found.unknown_accounts:
                found.unknown_accounts.append(unknown[-4:])
        columns = (
            [journal for (journal, _), _ in placed],
            [account for (_, account), _ in placed],
            [entry.bank_ref for _, entry in placed],
        )
        standing = {row[0] for row in await driver.fetch(connection, _ENTRIES, *columns)}
        for number, ((journal, account), entry) in enumerate(placed, start=1):
            if number in standing or (account, entry.bank_ref) in found.listed:
                continue
            found.listed.add((account, entry.bank_ref))
            found.accounts.setdefault(journal, set()).add(account)
            found.entries.append(
                {
                    "journal": journal,
                    "custody_account_id": ids.public("cus", journal, account),
                    "bank_ref": entry.bank_ref,
                    "direction": entry.direction.value,
                    "amount": str(Money.from_fen(entry.amount_fen)),
                    "booked_on": entry.booked_on.isoformat(),
                }
            )


async def _places(
    connection: AsyncConnection, numbers: Iterable[str]
) -> dict[str, tuple[int, UUID]]:
    """Return journal and custody account of each number, as a bank may write it."""
    spelt = {name: number for number in numbers for name in spellings(number)}
    rows = await driver.fetch(connection, _ACCOUNTS, list(spelt))
    return {spelt[row[0]]: (row[1], row[2]) for row in rows}


async def compare_answers(
    connection: AsyncConnection, given: Iterable[GivenAnswer], found: Missing
) -> None:
    """Find the answers that clients were told and that no longer stand under their keys."""
    journals = [0, *(head.journal for head in found.here.journals)]
    for chunk in chunks(iter(given)):
        found.compared["answers"] += len(chunk)
        callers, keys = {each.caller for each in chunk}, {each.key for each in chunk}
        rows = await driver.fetch(connection, _ANSWERS, journals, list(callers), list(keys))
        standing = {(row[0], row[1]) for row in rows}
        found.answers += [
            {
                "caller": each.caller,
                "key": each.key,
                "journal": None if each.position is None else each.position[0],
                "transaction_id": each.transaction_id,
            }
            for each in chunk
            if (each.caller, each.key) not in standing
        ]


async def lead_to_accounts(connection: AsyncConnection, found: Missing) -> None:
    """Take in every custody account of the journals that lack transactions."""
    named: Sequence[dict[str, Any]] = [*found.heads, *found.answers]
    journals = sorted({row["journal"] for row in named if row.get("chain") != "audit"} - {None, 0})
    for journal, account in await driver.fetch(connection, _OF_JOURNALS, journals):
        found.accounts.setdefault(journal, set()).add(account)
