"""How a bank writes its CSV, as JSON that an operator sets: checked, kept by version, read back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import BankUnknown, ParameterInvalid
from service.statement_files.csv_mapping import Column, CsvMapping, Figure
from service.store import custodians, rows
from service.store import statement_file_reads as reads
from service.store.facts import Insert, Record, Verdict
from service.store.tables import StatementMapping

_SETS: Final = ("ignored", "credit_words", "debit_words", "reversal_words", "currency_words")


def mapping_from(written: Mapping[str, Any]) -> CsvMapping:
    """Make a mapping of its JSON; raises `ParameterInvalid` for one that cannot be right."""
    given = dict(written)
    try:
        given["references"] = tuple(given["references"])
        given["columns"] = {k: Column(v) for k, v in given["columns"].items()}
        given["figures"] = {k: Figure(v) for k, v in given["figures"].items()}
        for name in _SETS:
            if name in given:
                given[name] = frozenset(given[name])
        return CsvMapping(**given)
    except (ValueError, TypeError, KeyError) as wrong:
        raise ParameterInvalid(reason=str(wrong)[:200]) from None


async def mapping_of(connection: AsyncConnection, bank: str) -> CsvMapping | None:
    """Return the bank's mapping, None when none was set."""
    row = await reads.mapping_of(connection, bank)
    return None if row is None else mapping_from(json.loads(row.mapping))


async def set_mapping(
    connection: AsyncConnection, bank: str, written: Mapping[str, Any], *, actor: str
) -> Verdict:
    """Keep a new version of a bank's mapping; what stands already is a duplicate.

    Raises `BankUnknown` and `ParameterInvalid`.
    """
    if bank not in {known.code for known in await custodians.banks(connection)}:
        raise BankUnknown
    mapping_from(written)
    text = json.dumps(written, ensure_ascii=False, sort_keys=True)
    standing = await reads.mapping_of(connection, bank)
    if standing is not None and standing.mapping == text:
        return Verdict(answer=answer_of(standing), duplicate=True)
    row = {
        "bank_code": bank,
        "version": 1 if standing is None else standing.version + 1,
        "mapping": text,
        "set_by": actor,
        "set_at": datetime.now(UTC),
    }
    await rows.write(connection, 0, [Insert(StatementMapping, row)])
    return Verdict(answer=answer_of(Record(row)))


def answer_of(row: Record) -> dict[str, Any]:
    """Tell of a version of a mapping."""
    return {
        "bank": row.bank_code,
        "version": row.version,
        "set_at": row.set_at.isoformat(),
        "mapping": json.loads(row.mapping),
    }
