"""What stands of statement files when another one comes, and files as they are read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Date, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import driver, ids, rows
from service.store.enrolment_reads import rows_after
from service.store.facts import Record
from service.store.tables import CustodyAccount, StatementFile, StatementMapping

PREFIX: Final = "stf"
_RANGES: Final = (
    bindparam("custodies", type_=ARRAY(Uuid)),
    bindparam("firsts", type_=ARRAY(Date)),
    bindparam("lasts", type_=ARRAY(Date)),
)

DAYS_AROUND: Final = text(
    """
    SELECT DISTINCT near.*
    FROM unnest(:custodies, :firsts, :lasts) AS given(custody, first, last)
    CROSS JOIN LATERAL (
        SELECT * FROM escrow.statement_day AS inside
        WHERE inside.journal_id = :journal AND inside.custody_account_id = given.custody
          AND inside.day BETWEEN given.first AND given.last
        UNION ALL
        (SELECT * FROM escrow.statement_day AS before
         WHERE before.journal_id = :journal AND before.custody_account_id = given.custody
           AND before.day < given.first ORDER BY before.day DESC LIMIT 1)
        UNION ALL
        (SELECT * FROM escrow.statement_day AS after
         WHERE after.journal_id = :journal AND after.custody_account_id = given.custody
           AND after.day > given.last ORDER BY after.day LIMIT 1)) AS near
    """
).bindparams(*_RANGES)
"""The days that stand within these ranges, and the nearest before and after each."""

LINES_WITHIN: Final = text(
    """
    SELECT DISTINCT line.custody_account_id, line.book_on, line.bank_ref, line.direction,
           line.amount_fen
    FROM unnest(:custodies, :firsts, :lasts) AS given(custody, first, last)
    JOIN escrow.statement_line AS line
      ON line.journal_id = :journal AND line.custody_account_id = given.custody
     AND line.book_on BETWEEN given.first AND given.last
    JOIN escrow.bank_statement AS brought
      ON brought.journal_id = :journal AND brought.statement_file_id = line.statement_file_id
     AND brought.number = line.statement AND brought.kind = 'STATEMENT'
    """
).bindparams(*_RANGES)
"""What statements already said of the days within these ranges, each entry once."""

NUMBERED: Final = text(
    """
    SELECT DISTINCT stands.*
    FROM unnest(:custodies, :firsts, :lasts) AS given(custody, first, last)
    JOIN escrow.bank_statement AS stands
      ON stands.journal_id = :journal AND stands.custody_account_id = given.custody
     AND stands.to_on BETWEEN given.first AND given.last
     AND stands.sequence = ANY(:sequences) AND stands.kind = 'STATEMENT'
    """
).bindparams(*_RANGES, bindparam("sequences", type_=ARRAY(BigInteger)))
"""Statements that bear these numbers, closing within these ranges."""

PUSHED: Final = text(
    """
    SELECT DISTINCT entry.custody_account_id
    FROM unnest(:custodies, :firsts, :lasts) AS given(custody, first, last)
    JOIN escrow.bank_entry AS entry
      ON entry.journal_id = :journal AND entry.custody_account_id = given.custody
     AND entry.book_on BETWEEN given.first AND given.last
     AND entry.source IS DISTINCT FROM 'STATEMENT' AND entry.direction <> 'PEND'
    """
).bindparams(*_RANGES)
"""Custody accounts whose bank itself told of entries within these ranges, by its references."""

SEQUENCES: Final = text(
    """
    SELECT stands.custody_account_id, stands.to_on, max(stands.sequence) AS sequence
    FROM unnest(:custodies, :firsts, :lasts) AS given(custody, first, last)
    JOIN escrow.bank_statement AS stands
      ON stands.journal_id = :journal AND stands.custody_account_id = given.custody
     AND stands.to_on BETWEEN given.first AND given.last
     AND stands.sequence IS NOT NULL AND stands.kind = 'STATEMENT'
    GROUP BY stands.custody_account_id, stands.to_on
    """
).bindparams(*_RANGES)
"""The last number of each day on which a statement closed, within these ranges."""

UNFINISHED: Final = text(
    """
    SELECT DISTINCT brought.custody_account_id, file.statement_file_id
    FROM escrow.statement_file AS file
    JOIN escrow.bank_statement AS brought
      ON brought.journal_id = :journal AND brought.statement_file_id = file.statement_file_id
    WHERE file.journal_id = :journal AND file.bank_code = :bank AND file.state = 'ACCEPTED'
    """
)
"""Custody accounts of files whose lines are still being posted."""


def ranges(given: Iterable[tuple[UUID, date, date]]) -> dict[str, list[Any]]:
    """Make the array parameters of ranges of days."""
    listed = sorted(set(given))
    return {
        "custodies": [custody for custody, _, _ in listed],
        "firsts": [first for _, first, _ in listed],
        "lasts": [last for _, _, last in listed],
    }


async def accounts_numbered(
    connection: AsyncConnection, journal: int, bank: str, numbers: Iterable[str]
) -> dict[str, Record]:
    """Return the bank's custody accounts in a journal, by account number, in the caller's scope."""
    source = rows.table_of(CustodyAccount)
    found = await rows.fetch(
        connection,
        rows.keyed(CustodyAccount, journal, numbers, "account_number").where(
            source.c.bank_code == bank
        ),
    )
    return {row["account_number"]: Record(row) for row in found}


async def places_of(
    connection: AsyncConnection, journals: Iterable[int], numbers: Iterable[str]
) -> set[tuple[int, str]]:
    """Return in which journals and at which banks the caller sees accounts of these numbers."""
    found = await driver.fetch(connection, _PLACES, list(journals), list(numbers))
    return {(row[0], row[1]) for row in found}


_PLACES: Final = (
    "SELECT DISTINCT journal_id, bank_code FROM escrow.custody_account"
    " WHERE journal_id = ANY($1::int[]) AND account_number = ANY($2::text[])"
)


async def file_of(connection: AsyncConnection, journal: int, file: UUID) -> Record | None:
    """Return a file that the caller sees, None when there is none."""
    source = rows.table_of(StatementFile)
    statement = select(source).where(
        source.c.journal_id == journal, source.c.statement_file_id == file
    )
    found = await rows.fetch(connection, statement)
    return Record(found[0]) if found else None


async def statements_of(connection: AsyncConnection, journal: int, file: UUID) -> list[Record]:
    """Return the statements of a file that the caller sees, in order, each with its account's use.

    `purpose` and `account_number` are the custody account's; `sequence_repeated` says that another
    statement of the account and year bears the same number.
    """
    return await driver.records(connection, _STATEMENTS, journal, file)


_STATEMENTS: Final = """
    SELECT brought.*, account.purpose, account.account_number,
           brought.kind = 'STATEMENT' AND brought.sequence > 0 AND EXISTS (
               SELECT FROM escrow.bank_statement AS other
               WHERE other.journal_id = brought.journal_id
                 AND other.custody_account_id = brought.custody_account_id
                 AND other.kind = 'STATEMENT' AND other.sequence = brought.sequence
                 AND other.to_on <> brought.to_on
                 AND date_trunc('year', other.to_on) = date_trunc('year', brought.to_on)
           ) AS sequence_repeated
    FROM escrow.bank_statement AS brought
    JOIN escrow.custody_account AS account
      ON account.journal_id = brought.journal_id
     AND account.custody_account_id = brought.custody_account_id
    WHERE brought.journal_id = $1 AND brought.statement_file_id = $2
    ORDER BY brought.number
    """


async def broken_off(connection: AsyncConnection, journal: int, before: datetime) -> list[Record]:
    """Return the signed messages that brought files which are not posted to their end.

    `before` is by the machine's clock. A file taken from disk has no message.
    """
    return await driver.records(connection, _BROKEN_OFF, journal, before)


_BROKEN_OFF: Final = """
    SELECT file.journal_id, file.statement_file_id, file.bank_code, file.content_sha256,
           message.message_id
    FROM escrow.statement_file AS file
    JOIN escrow.signed_message AS message
      ON message.journal_id = file.journal_id AND message.seq = file.seq
     AND message.bank_code = file.bank_code AND message.has_body
    WHERE file.journal_id = $1 AND file.state = 'ACCEPTED' AND message.received_at < $2
    ORDER BY file.statement_file_id
    """


async def page(
    connection: AsyncConnection,
    *,
    narrowed: Mapping[str, object],
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the files that the caller sees after a key, by journal and time of arrival.

    `narrowed` gives columns their values; None does not narrow.
    """
    source = rows.table_of(StatementFile)
    statement = select(source)
    for column, value in narrowed.items():
        if value is not None:
            statement = statement.where(source.c[column] == value)
    found = await rows.fetch(connection, rows_after(statement, StatementFile, after, limit))
    return [Record(row) for row in found]


async def mapping_of(
    connection: AsyncConnection, bank: str, version: int | None = None
) -> Record | None:
    """Return a version of a bank's mapping of CSV, the newest unless said; None without any."""
    source = rows.table_of(StatementMapping)
    statement = (
        select(source).where(source.c.bank_code == bank).order_by(source.c.version.desc()).limit(1)
    )
    if version is not None:
        statement = statement.where(source.c.version == version)
    found = await rows.fetch(connection, statement)
    return Record(found[0]) if found else None


def answer_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of a file."""
    completed = row["completed_at"]
    return {
        "id": ids.public(PREFIX, row["journal_id"], row["statement_file_id"]),
        "bank": row["bank_code"],
        "sha256": row["content_sha256"].hex(),
        "size_bytes": row["size_bytes"],
        "format": row["format"],
        "state": row["state"],
        "reason": row["reason"],
        "line": row["at_line"],
        "entry": row["at_entry"],
        "statements": row["statements"],
        "lines": row["lines"],
        "lines_done": row["lines_done"],
        "matched": row["matched"],
        "posted": row["posted"],
        "contradicted": row["contradicted"],
        "received_at": row["received_at"].isoformat(),
        "completed_at": None if completed is None else completed.isoformat(),
    }
