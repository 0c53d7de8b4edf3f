"""What the server itself must say: privileges, guards, row-level security, durability, partitions.

The expected shape comes from the tables as the store describes them and from the roles' purpose;
what is not expected is a break.
"""

from collections.abc import Awaitable, Callable, Container
from typing import Final

from sqlalchemy import CheckConstraint, Table, UniqueConstraint

from service.store.tables import Base, Pii
from service.verify import catalogue, definitions
from service.verify.policy_shapes import is_safe
from service.verify.report import Report
from service.verify.server_settings import WANTED, hides, is_kept
from service.verify.snapshot import Row, Snapshot

SEALED: Final = ("journal_transaction", "entry", "rollup", "audit")
APPEND_ONLY: Final = (
    "account",
    "reversal",
    "stored_answer",
    "closed_day",
    "signed_message",
    "decided_alone",
    "order_report",
    "bank_terms",
    "reconciliation",
    "rule_pack_assignment",
    "rule_pack_version",
    "server_epoch",
)
ROLES: Final = ("escrow_owner", "escrow_migrate", "escrow_app", "escrow_audit", "escrow_pii")

TABLES: Final = [*Base.metadata.sorted_tables, *Pii.metadata.sorted_tables]
TENANT: Final = [table for table in TABLES if "journal_id" in table.primary_key.columns]

_ALL_CHANGES: Final = 2 + 8 + 16 + 32
"""pg_trigger's bits for BEFORE DELETE, UPDATE or TRUNCATE, once a statement."""

_HEAD_COLUMNS: Final = frozenset(
    {
        "seq",
        "hash",
        "recorded_at",
        "effective_on",
        "closed_on",
        "next_account_id",
        "clock_offset_us",
        "audit_seq",
        "audit_hash",
    }
)


async def run(snapshot: Snapshot, report: Report, asked: Container[str]) -> None:
    """Run the checks of the server that are asked; one that cannot be is incomplete."""
    for code, check in _ALL:
        if code not in asked:
            continue
        try:
            async with snapshot.attempt():
                await check(snapshot, report)
            report.done([code])
        except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
            report.not_done([code], repr(error)[:300])


async def check_privileges(snapshot: Snapshot, report: Report) -> None:
    """V-26: no login has a privilege that its purpose does not need."""
    for row in await snapshot.rows(catalogue.GRANTS):
        if row["privilege"] not in allowed(row) or row["is_grantable"]:
            report.broken("V-26", None, **dict(row))
    for row in await snapshot.rows(catalogue.POWERS, list(ROLES)):
        report.broken("V-26", None, **dict(row))
    for query in (
        catalogue.MEMBERS,
        catalogue.OWNERS,
        catalogue.SCHEMAS,
        catalogue.DATABASE,
        catalogue.OPEN_FUNCTIONS,
        catalogue.PARAMETERS,
        catalogue.DEFAULTS,
    ):
        for row in await snapshot.rows(query):
            report.broken("V-26", None, **dict(row))


def allowed(row: Row) -> frozenset[str]:
    """Return the privileges that a grantee may have on a table or column."""
    name, _, column = row["table"].partition(".")
    match row["schema"], row["grantee"], bool(column):
        case "pii", "escrow_pii", False:
            return _WRITES | {"DELETE"} if name == "one_time_code" else _WRITES
        case "escrow", "escrow_audit", False:
            return _NONE if row["leaf"] else _READS
        case "escrow", "escrow_app", False:
            return _of_service(name, leaf=row["leaf"])
        case "escrow", "escrow_app", True:
            moves_head = name == "journal_head" and column in _HEAD_COLUMNS
            return frozenset({"UPDATE"}) if moves_head else _NONE
    return _NONE


def _of_service(name: str, *, leaf: bool) -> frozenset[str]:
    if leaf:
        return frozenset({"INSERT"})
    if name in (*SEALED, "journal_head", "alembic_version"):
        return _READS
    if name == "audit_head":
        return frozenset({"SELECT", "UPDATE"})
    return _APPENDS if name in APPEND_ONLY else _WRITES


async def check_guards(snapshot: Snapshot, report: Report) -> None:
    """V-27: append-only triggers fire, constraints and unique indexes stand, nothing slips past.

    Each says what the migrations made it say.
    """
    triggers = await snapshot.rows(catalogue.TRIGGERS)
    for row in triggers:
        if row["enabled"] != "O":
            report.broken("V-27", None, **dict(row))
    guarded = {
        row["table"]
        for row in triggers
        if (row["name"], row["function"], row["type"])
        == ("append_only", "refuse_change", _ALL_CHANGES)
    }
    leaves = [row["leaf"] for row in await snapshot.rows(catalogue.LEAVES)]
    for name in (*SEALED, *APPEND_ONLY, *leaves):
        if name not in guarded:
            report.broken("V-27", None, table=name, missing="append_only")
    for row in await snapshot.rows(catalogue.UNSAFE):
        report.broken("V-27", None, **dict(row))
    await _check_constraints(snapshot, report)
    said = [kind for kind in definitions.KINDS if kind not in definitions.OF_ROWS]
    await definitions.compare(snapshot, report, "V-27", said)
    await definitions.compare_leaves(snapshot, report, "V-27")


async def _check_constraints(snapshot: Snapshot, report: Report) -> None:
    unique = {(row["table"], row["columns"]) for row in await snapshot.rows(catalogue.UNIQUE)}
    bound = {(row["table"], row["name"]) for row in await snapshot.rows(catalogue.CONSTRAINTS)}
    for table in TABLES:
        name = table.fullname
        for columns in unique_columns(table):
            if (name, columns) not in unique:
                report.broken("V-27", None, table=name, missing_unique=columns)
        checks = [str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)]
        for check in checks:
            if (name, check) not in bound:
                report.broken("V-27", None, table=name, missing_check=check)


def unique_columns(table: Table) -> list[str]:
    """Return the column lists that must be unique in a table, each as "a,b"."""
    found = [list(table.primary_key.columns)]
    found += [list(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)]
    found += [list(index.columns) for index in table.indexes if index.unique]
    return [",".join(column.name for column in columns) for columns in found]


async def check_row_security(snapshot: Snapshot, report: Report) -> None:
    """V-28: every tenant table is guarded, for its owner too, by exactly the policies it needs.

    They say, word for word, what the migrations made them say.
    """
    secured = {
        row["table"]: row["enabled"] and row["forced"]
        for row in await snapshot.rows(catalogue.SECURITY)
    }
    standing: dict[str, set[str]] = {}
    for row in await snapshot.rows(catalogue.POLICIES):
        standing.setdefault(row["table"], set()).add(row["name"])
        if not is_safe(row):
            report.broken("V-28", None, **dict(row))
    for table in TENANT:
        if not secured.get(table.fullname):
            report.broken("V-28", None, table=table.fullname, row_security="off or not forced")
        missing = {"reads", "audits", "inserts", "updates"} - standing.get(table.fullname, set())
        if missing:
            report.broken("V-28", None, table=table.fullname, missing=sorted(missing))
    await definitions.compare(snapshot, report, "V-28", definitions.OF_ROWS)


async def check_settings(snapshot: Snapshot, report: Report) -> None:
    """V-29: what was acknowledged is on the disk, and no login is exempt from that."""
    for name, wanted in WANTED.items():
        value = await snapshot.value("SELECT current_setting($1, true)", name)
        if value is None:
            report.not_done(["V-29"], f"{name} cannot be read")
        elif value not in wanted:
            report.broken("V-29", None, setting=name, value=value)
    for row in await snapshot.rows(catalogue.OVERRIDDEN):
        if not is_kept(row["role"], row["setting"], row["value"]):
            report.broken("V-29", None, **dict(row))
        elif hides(row["role"], row["setting"]):
            report.not_done(["V-29"], f"{row['setting']} is the auditor's own, not the server's")


async def check_indexes(snapshot: Snapshot, report: Report) -> None:
    """V-33: no invalid index, no page whose checksum failed."""
    for row in await snapshot.rows(catalogue.DAMAGED):
        report.broken("V-33", None, **dict(row))


async def check_counters(snapshot: Snapshot, report: Report) -> None:
    """V-37: transaction ids are frozen in time, and no sequence is half used."""
    for row in await snapshot.rows(catalogue.COUNTERS):
        report.broken("V-37", None, **dict(row))


async def check_partitions(snapshot: Snapshot, report: Report) -> None:
    """V-34: every journal has a head and a leaf of each sealed table, and there is no default."""
    leaves = {
        (row["parent"], row["leaf"]): row["bound"] for row in await snapshot.rows(catalogue.LEAVES)
    }
    for (parent, leaf), bound in leaves.items():
        if bound == "DEFAULT":
            report.broken("V-34", None, parent=parent, leaf=leaf, bound=bound)
    if leaves.get(("audit", "audit_0")) != "FOR VALUES IN (0)":
        report.broken("V-34", None, parent="audit", missing="partition")
    for row in await snapshot.rows(catalogue.JOURNALS):
        journal = row["journal_id"]
        if not row["has_head"]:
            report.broken("V-34", journal, missing="journal_head")
        for parent in SEALED:
            if leaves.get((parent, f"{parent}_{journal}")) != f"FOR VALUES IN ({journal})":
                report.broken("V-34", journal, parent=parent, missing="partition")


_NONE: Final[frozenset[str]] = frozenset()
_READS: Final = frozenset({"SELECT"})
_APPENDS: Final = frozenset({"SELECT", "INSERT"})
_WRITES: Final = frozenset({"SELECT", "INSERT", "UPDATE"})

_ALL: Final[tuple[tuple[str, Callable[[Snapshot, Report], Awaitable[None]]], ...]] = (
    ("V-26", check_privileges),
    ("V-27", check_guards),
    ("V-28", check_row_security),
    ("V-29", check_settings),
    ("V-33", check_indexes),
    ("V-34", check_partitions),
    ("V-37", check_counters),
)
