"""The JSON contract of statement files and of the mappings by which CSV is read."""

from typing import Any, Final, Literal

from pydantic import Field

from service.statement_files.csv_mapping import Column, Figure
from service.store import statement_file_reads as reads
from service.web.wire import (
    Amount,
    Day,
    Instant,
    Page,
    Reference,
    WireIn,
    WireOut,
    example_id,
    examples,
)

States = Literal["ACCEPTED", "POSTED", "REFUSED", "QUARANTINED"]
Names = list[str]

EXAMPLE: dict[str, Any] = {
    "id": example_id(reads.PREFIX),
    "bank": "ICBC",
    "sha256": "ab" * 32,
    "size_bytes": 4096,
    "format": "CAMT",
    "state": "POSTED",
    "statements": 1,
    "lines": 3,
    "lines_done": 3,
    "matched": 2,
    "posted": 1,
    "contradicted": 0,
    "received_at": "2026-03-03T08:30:00+08:00",
    "completed_at": "2026-03-03T08:30:01+08:00",
}


class StatementFileOut(WireOut):
    """A statement file: what became of it as a whole, and how many of its lines are taken."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    bank: str
    sha256: str = Field(description="Digest of the file, hexadecimal")
    size_bytes: int
    format: str | None = Field(default=None, description="CAMT, MT940 or CSV")
    state: States = Field(
        description="ACCEPTED while lines are being posted, POSTED when all are; REFUSED and"
        " QUARANTINED files were taken in no part"
    )
    reason: str | None = Field(default=None, description="Why not, as docs/statement-files.md has")
    line: int | None = Field(default=None, description="Line of the file, from 1, where known")
    entry: int | None = Field(default=None, description="Entry of its statement, from 1")
    statements: int
    lines: int
    lines_done: int
    matched: int = Field(description="Lines that confirmed an entry that was pushed before")
    posted: int = Field(description="Lines that nobody had pushed")
    contradicted: int = Field(description="Lines whose entry was pushed with other content")
    received_at: Instant
    completed_at: Instant | None = None
    transaction_id: str | None = None


class FileStatementOut(WireOut):
    """One statement of a file, as it chained."""

    number: int
    custody_account_id: str
    institution_id: str
    kind: Literal["STATEMENT", "REPORT", "NOTIFICATION"]
    sequence: int | None = None
    from_on: Day | None = None
    to_on: Day | None = None
    opening: Amount | None = None
    closing: Amount | None = None
    credit_count: int
    credit_sum: Amount
    debit_count: int
    debit_sum: Amount
    after_gap: bool = Field(description="Something between it and the statement before is missing")
    sequence_repeated: bool = Field(
        description="Another statement of the account and year bears the same number"
    )


class StatementFileDetail(StatementFileOut):
    """A statement file with its statements."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {"examples": [EXAMPLE | {"contents": []}]}
    }

    contents: list[FileStatementOut]


class StatementFilePage(Page[StatementFileOut]):
    """A page of statement files, the oldest first."""


EXAMPLE_MAPPING: Final[dict[str, Any]] = {
    "encoding": "gb18030",
    "references": ["交易流水号"],
    "columns": {
        "记账日期": "booked_on",
        "贷方金额": "credit",
        "借方金额": "debit",
        "摘要": "purpose",
    },
    "figures": {"账号": "account", "期初余额": "opening", "期末余额": "closing"},
}


class CsvMappingIn(WireIn):
    """How a bank writes its CSV: headings and labels as they stand in the file."""

    encoding: Literal["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"]
    references: Names = Field(min_length=1, max_length=4)
    columns: dict[str, Column] = Field(min_length=2, max_length=40)
    figures: dict[str, Figure] = Field(min_length=2, max_length=40)
    date_format: str = Field(default="%Y%m%d", max_length=40)
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    unit: Literal["YUAN", "FEN"] = "YUAN"
    ignored: Names = Field(default_factory=list, max_length=40)
    credit_words: Names = Field(default=["贷", "C", "CRDT"], max_length=20)
    debit_words: Names = Field(default=["借", "D", "DBIT"], max_length=20)
    reversal_words: Names = Field(default=["冲正", "冲账", "Y"], max_length=20)
    currency_words: Names = Field(default=["CNY", "RMB", "人民币", "156"], max_length=20)
    newest_first: bool = False
    ends_with_newline: bool = True
    lines_before_heading_max: int = Field(default=30, strict=True, ge=0, le=100)


class StatementMappingIn(WireIn):
    """A bank's mapping, as a new version."""

    model_config = examples({"bank": "ICBC", "mapping": EXAMPLE_MAPPING})

    bank: Reference
    mapping: CsvMappingIn


class StatementMappingOut(WireOut):
    """The mapping by which a bank's CSV is read now."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "bank": "ICBC",
                    "version": 1,
                    "set_at": "2026-03-01T10:00:00+08:00",
                    "mapping": EXAMPLE_MAPPING,
                }
            ]
        }
    }

    bank: str
    version: int
    set_at: Instant
    mapping: dict[str, Any]
