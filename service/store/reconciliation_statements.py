"""Statements beside the ledger, closing by closing, and the entries that stand in doubt.

The last statement is always compared. Where it differs, where a statement of late did, or where a
break is open, all the statements since then are compared again, back to the oldest break.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from ledger.breaks import Doubt, Item, Span, Subject
from ledger.calendars import WorkingCalendar
from service.store import ids
from service.store import reconciliation_sql as sql
from service.store.facts import Record
from service.store.reconciliation_facts import Compared, Looked, Sought
from service.store.unit import Unit

LOOKS_BACK: Final = timedelta(days=31)
"""How far back statements are compared again, and further where a break is still open."""

Key = tuple[UUID, date]


async def with_statements(
    unit: Unit, sought: Sought, looked: Sequence[Looked]
) -> dict[UUID, Looked]:
    """Add to each account its statements as compared, and what is in doubt where they differ."""
    found = {each.account.custody_account_id: each for each in looked}
    last = await _last_compared(unit, sought)
    kept = await _kept(unit, sought)
    for custody, each in found.items():
        told = kept.get(custody, [])
        compared = (last[custody],) if custody in last else ()
        found[custody] = replace(each, kept=len(told), compared=compared)
    cuts = await _troubled(unit, last, kept)
    if cuts:
        await _look_back(unit, sought, found, cuts, kept)
    return found


async def _last_compared(unit: Unit, sought: Sought) -> dict[UUID, Compared]:
    statements = await unit.query(
        sql.LAST_STATEMENT,
        journal=unit.facts.journal,
        custodies=sought.custodies,
        days=sought.days,
        known=sought.known,
    )
    rows = [Record(row) for row in statements]
    moved = await _moved(unit, sql.MOVED, rows, sought.known)
    compared: dict[UUID, Compared] = {}
    for row in rows:
        custody, move = row.custody_account_id, moved[row.custody_account_id, row.day]
        closing = sought.bank[custody] - move["later_fen"]
        compared[custody] = Compared(row, closing, move["inside_fen"], _same_entries(row, move))
    return compared


async def _kept(unit: Unit, sought: Sought) -> dict[UUID, list[Item]]:
    found = await unit.query(
        sql.KEPT, journal=unit.facts.journal, custodies=sought.custodies, known=sought.known
    )
    kept: dict[UUID, list[Item]] = {}
    for row in found:
        item = Item(
            Subject.BANK_ENTRY,
            ids.public("bke", unit.facts.journal, row["bank_entry_id"]),
            row["book_on"],
            Doubt.KEPT,
            row["amount"],
            0,
            fee=row["kind"] == "CHARGE",
        )
        kept.setdefault(row["custody"], []).append(item)
    return kept


async def _troubled(
    unit: Unit,
    last: Mapping[UUID, Compared],
    kept: Mapping[UUID, Sequence[Item]],
) -> dict[UUID, date]:
    """Return the accounts of which more must be compared, and from which day on."""
    asked = {custody: compared.statement.day for custody, compared in last.items()}
    if not asked:
        return {}
    found = await unit.query(
        sql.TROUBLED,
        journal=unit.facts.journal,
        custodies=list(asked),
        days=list(asked.values()),
        cuts=[day - LOOKS_BACK for day in asked.values()],
    )
    cuts: dict[UUID, date] = {}
    for row in found:
        custody, oldest = row["custody"], row["oldest"]
        of_late = asked[custody] - LOOKS_BACK
        if row["differs"] or oldest or custody in kept or not last[custody].agrees:
            cuts[custody] = of_late if oldest is None else min(oldest, of_late)
    return cuts


async def _look_back(
    unit: Unit,
    sought: Sought,
    found: dict[UUID, Looked],
    cuts: Mapping[UUID, date],
    kept: Mapping[UUID, Sequence[Item]],
) -> None:
    """Compare every statement since the cut, and read what may explain the differences."""
    journal, known = unit.facts.journal, sought.known
    ends = {custody: _last_day(found[custody]) for custody in cuts}
    asked = {
        "journal": journal,
        "known": known,
        "custodies": list(cuts),
        "days": [ends[custody] for custody in cuts],
        "cuts": list(cuts.values()),
    }
    statements: dict[UUID, list[Record]] = {custody: [] for custody in cuts}
    rows = [Record(row) for row in await unit.query(sql.STATEMENTS, **asked)]
    for row in rows:
        statements[row.custody_account_id].append(row)
    moved = await _moved(unit, sql.MOVED_WITHIN, rows, known)
    books = await unit.query(sql.BOOKS, journal=journal, custodies=list(cuts), known=known)
    posted = {row["custody"]: row["fen"] for row in books}
    doubts = await _doubts(unit, sought, asked)
    for custody in cuts:
        compared = _backwards(found[custody], statements[custody], moved)
        books_fen = posted[custody] - sought.bank[custody]
        found[custody] = replace(
            found[custody],
            compared=compared,
            spans=_spans(compared, books_fen),
            items=(*kept.get(custody, ()), *doubts.get(custody, ())),
            books_fen=books_fen,
        )


def _last_day(looked: Looked) -> date:
    assert looked.last is not None, "only accounts with a statement are looked back at"
    day: date = looked.last.statement.day
    return day


async def _moved(
    unit: Unit,
    statement: Any,  # noqa: ANN401 - one of the module's statements
    rows: Sequence[Record],
    known: int,
) -> dict[Key, Mapping[str, Any]]:
    found = await unit.query(
        statement,
        journal=unit.facts.journal,
        custodies=[row.custody_account_id for row in rows],
        days=[row.day for row in rows],
        known=known,
    )
    return {(row["custody"], row["day"]): row for row in found}


def _backwards(
    looked: Looked, rows: Sequence[Record], moved: Mapping[Key, Mapping[str, Any]]
) -> tuple[Compared, ...]:
    """Work out the ledger's closing of every statement from that of the last one."""
    last = looked.last
    assert last is not None, "only accounts with a statement are looked back at"
    closing, compared = last.ledger_closing_fen, []
    for row in reversed(rows):
        move = moved[row.custody_account_id, row.day]
        change = move["inside_fen"]
        compared.append(Compared(row, closing, change, _same_entries(row, move)))
        closing -= change
    return tuple(reversed(compared))


def _spans(compared: Sequence[Compared], books_fen: int) -> tuple[Span, ...]:
    """Cut the account's time at its closings; the first span is everything up to its closing.

    By the entries the ledger's closing would be higher by `books_fen`.
    """
    spans: list[Span] = []
    before = 0
    for n, each in enumerate(compared):
        ledger = each.change_fen if n else each.ledger_closing_fen + books_fen
        statement = each.statement
        bank = statement.closing_fen - before
        spans.append(Span(statement.day, bank, ledger, each.same_entries))
        before = statement.closing_fen
    return tuple(spans)


def _same_entries(row: Record, move: Mapping[str, Any]) -> bool:
    names = ("credit_count", "credit_fen", "debit_count", "debit_fen")
    return all(row[name] == move[name] for name in names)


async def _doubts(unit: Unit, sought: Sought, asked: Mapping[str, Any]) -> dict[UUID, list[Item]]:
    """Read which entries no line confirms, and which a line contradicts."""
    doubts: dict[UUID, list[Item]] = {}
    calendar: WorkingCalendar = unit.facts.extra["calendar"]
    journal = unit.facts.journal
    for row in await unit.query(sql.UNCONFIRMED, **asked):
        item = Item(
            Subject.BANK_ENTRY,
            ids.public("bke", journal, row["bank_entry_id"]),
            row["book_on"],
            Doubt.SUSPECTED if row["suspected"] else Doubt.UNCONFIRMED,
            0,
            row["amount"],
            age=calendar.working_days_between(row["book_on"], sought.today),
        )
        doubts.setdefault(row["custody"], []).append(item)
    wanted = {name: asked[name] for name in ("journal", "known", "custodies", "cuts")}
    for row in await unit.query(sql.CONTRADICTED, **wanted):
        doubts.setdefault(row["custody"], []).extend(_contradiction(journal, row))
    return doubts


def _contradiction(journal: int, row: Mapping[str, Any]) -> list[Item]:
    """Make one item of line and entry of one day, two where the days differ."""
    entry = ids.public("bke", journal, row["bank_entry_id"])
    bank, ledger, doubt = row["line_fen"], row["amount"], Doubt.CONTRADICTED
    if row["line_on"] == row["book_on"]:
        return [Item(Subject.BANK_ENTRY, entry, row["book_on"], doubt, bank, ledger)]
    return [
        Item(Subject.STATEMENT_LINE, entry, row["line_on"], doubt, bank, 0),
        Item(Subject.BANK_ENTRY, entry, row["book_on"], doubt, 0, ledger),
    ]
