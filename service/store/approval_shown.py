"""Approvals as a second person sees them: with the words of now and the hash that covers them.

The words come from deciding the command again without locks and writing nothing (a dry run), by
the same functions that carry it out; so what is read and what is done cannot drift apart unseen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import ApprovalUnknown, Refusal
from service.store import approval_reads, approval_words, approvals, ids, masks, rows
from service.store.approval_words import Told
from service.store.approvals import Approvable
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import Institution, Party
from service.store.transact import Mode, Outcome, Request, Store, UseCase
from service.store.unit import Unit

_NAMES: Final = "approval_institutions"
_CHECKER: Final = "checker_path"
_PAYEES: Final = ("settlement_party_id", "payee_party_id", "payer_party_id")
_ANYONE: Final = "reader"


@dataclass(frozen=True, slots=True)
class Show:
    """Show an approval with the words of now."""

    journal: int
    approval: UUID


@dataclass(frozen=True, slots=True)
class FoundShown:
    """A waiting approval, and the command it holds back."""

    row: Record
    command: Approvable


async def find_shown(
    connection: AsyncConnection, caller: Context, commands: Sequence[Show]
) -> list[FoundShown | Refusal]:
    """Find the approvals in the caller's scope."""
    seen = await approval_reads.approvals_seen(
        connection, caller, commands[0].journal, [command.approval for command in commands]
    )
    return [
        FoundShown(seen[c.approval], approvals.known(seen[c.approval].command))
        if c.approval in seen
        else ApprovalUnknown()
        for c in commands
    ]


async def load_shown(unit: Unit, found: Sequence[FoundShown]) -> None:
    """Read what the commands name, each command's own way; no locks are taken."""
    # Which level the second person has is not known yet; words are read at any.
    unit.facts.extra[_CHECKER] = ""
    for command, payloads in _by_command(found):
        await command.load(unit, payloads)


async def read_shown(unit: Unit, found: Sequence[FoundShown]) -> None:
    """Read what the commands need, and who the words name."""
    for command, payloads in _by_command(found):
        await command.read(unit, payloads)
    await read_named(unit, [item.row for item in found])


def decide_shown(facts: Facts, found: FoundShown) -> Decision:
    """Tell of the approval with its words; posts nothing."""
    row = found.row
    outcome = attempted(facts, found.command, row)
    said = approval_words.lines(facts, row, told(facts, row, outcome), mask_of(facts, outcome))
    shown = Record(
        {
            **row,
            "shown": approval_words.written(said),
            "shown_hash": approval_words.covered(row.payload_hash, said),
        }
    )
    return Decision(answer=approvals.answer_of(facts.journal, shown, facts.moment.now))


SHOW: Final = UseCase[Show, FoundShown](
    "show_approval", find_shown, load_shown, decide_shown, read_shown
)


async def shown(
    store: Store, caller: Context, journal: int, found: Sequence[Record]
) -> dict[UUID, Mapping[str, Any]]:
    """Return what is shown of approvals of a journal, by id; only those that wait have new words.

    One dry run for the approvals of each command.
    """
    async with store.reading(caller) as connection:
        clocks = await approvals.business_clocks(connection, [journal])
    told_of: dict[UUID, Mapping[str, Any]] = {
        row.approval_id: approvals.answer_of(journal, row, clocks[journal]) for row in found
    }
    waiting: dict[str, list[UUID]] = {}
    for row in found:
        if told_of[row.approval_id]["state"] == "PENDING":
            waiting.setdefault(row.command, []).append(row.approval_id)
    for group in waiting.values():
        outcome = await store.transact(
            Request(
                use_case=SHOW,
                commands=[Show(journal, approval) for approval in group],
                caller=caller,
                actor=_ANYONE,
                journal=journal,
                mode=Mode.INDEPENDENT,
                dry_run=True,
            )
        )
        for approval, verdict in zip(group, outcome.verdicts, strict=True):
            if verdict.answer is not None:
                told_of[approval] = verdict.answer
    return told_of


async def as_it_stands(store: Store, journal: int, outcome: Outcome) -> Outcome:
    """Answer a maker with the approval as it stands now: of a replay, what became of it.

    A dry run left nothing to look at and is answered as it is.
    """
    answer, context = outcome.single(), Context((journal,))
    approval = ids.parse("apr", answer["id"])[1]
    async with store.reading(context) as connection:
        found = await approval_reads.approvals_seen(connection, context, journal, [approval])
    if approval not in found:
        return outcome
    current = (await shown(store, context, journal, [found[approval]]))[approval]
    verdict = outcome.verdicts[0]._replace(answer={**answer, **current})
    return Outcome([verdict], replayed=outcome.replayed)


def attempted(facts: Facts, command: Approvable, row: Record) -> Decision | Refusal:
    """Decide a command as it would be decided now; a refusal is an outcome as well."""
    try:
        return command.decide(facts, approvals.payload_of(row))
    except Refusal as refusal:
        return refusal


async def read_named(unit: Unit, found: Iterable[Record]) -> None:
    """Read the names of the approvals' institutions, and whom their commands may pay."""
    held = list(found)
    institution = rows.table_of(Institution)
    named = await unit.connection.execute(
        select(institution.c.institution_id, institution.c.name).where(
            institution.c.journal_id == unit.facts.journal,
            institution.c.institution_id.in_({r.institution_id for r in held} - {None}),
        )
    )
    unit.facts.extra[_NAMES] = {row.institution_id: row.name for row in named}
    wanted = {party for row in held for party in _parties_of(approvals.payload_of(row))}
    wanted |= _payees_known(unit.facts)
    if wanted:
        await unit.read(Party, rows.keyed(Party, unit.facts.journal, wanted, "party_id"))


def told(facts: Facts, row: Record, outcome: Decision | Refusal) -> Told:
    """Put together what words are made of; `read_named` has run."""
    names: Mapping[UUID, str] = facts.extra[_NAMES]
    return Told(names.get(row.institution_id), outcome)


def mask_of(facts: Facts, outcome: Decision | Refusal) -> approval_words.NameOf:
    """Name payees by their masks: 张*三 ****1234, and the bank they are paid at.

    A payee may be written down by the decision itself.
    """
    changes = outcome.changes if isinstance(outcome, Decision) else ()
    fresh = {
        change.values["party_id"]: change.values
        for change in changes
        if isinstance(change, Insert) and change.table is Party
    }

    def named(party: UUID) -> str:
        row = fresh.get(party) or facts.get(Party, party)
        if row is None:
            return ids.public("pty", facts.journal, party)
        said = (masks.name(row["name"]), masks.account(row["account_number"]), row["bank_name"])
        return " ".join(part for part in said if part) or "*"

    return named


def id_of(facts: Facts) -> approval_words.NameOf:
    """Name payees by their public ids, as words are kept: nobody's name rests beside them."""
    return lambda party: ids.public("pty", facts.journal, party)


def _parties_of(payload: Mapping[str, Any]) -> set[UUID]:
    return {
        ids.parse("pty", str(value))[1]
        for key, value in payload.items()
        if key.endswith("party_id") and value is not None
    }


def _payees_known(facts: Facts) -> set[UUID]:
    """Whom the rows that were loaded name as payees."""
    return {
        row[name]
        for table in approval_words.PAYING_ROWS
        for row in facts.all(table)
        for name in _PAYEES
        if row.get(name) is not None
    }


def _by_command(
    found: Sequence[FoundShown],
) -> list[tuple[Approvable, list[Mapping[str, Any]]]]:
    grouped: dict[str, tuple[Approvable, list[Mapping[str, Any]]]] = {}
    for item in found:
        _, payloads = grouped.setdefault(item.command.name, (item.command, []))
        payloads.append(approvals.payload_of(item.row))
    return list(grouped.values())
