"""How a bank writes its CSV, as JSON that an operator sets: checked, kept by version, read back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import BankUnknown, ParameterInvalid
from service.statement_files.csv_mapping import Column, CsvMapping, Figure
from service.statements.import_check import Hints
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


async def hints_of(
    connection: AsyncConnection,
    bank: str | None,
    encoding: str,
    account: str,
    *,
    derives: bool,
) -> Hints:
    """Return what a sender says of a file, with its bank's newest mapping if there is one."""
    row = None if bank is None else await reads.mapping_of(connection, bank)
    return _hints(row, encoding, account, derives=derives)


async def hints_kept(connection: AsyncConnection, file: Record) -> Hints:
    """Return what a file was read with when it was accepted, whatever was set since."""
    version = file.mapping_version
    row = None if version is None else await reads.mapping_of(connection, file.bank_code, version)
    return _hints(row, file.encoding, file.account_number, derives=file.derives_references)


def _hints(row: Record | None, encoding: str, account: str, *, derives: bool) -> Hints:
    if row is None:
        return Hints(encoding=encoding, account=account, derives=derives)
    mapping = mapping_from(json.loads(row.mapping))
    return Hints(mapping, row.version, encoding, account, derives)


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
