"""What a resolution pack (处置包) holds of one institution, read from one snapshot in streams.

All of it is read for the whole journal, up to one position; lists that may be long come in
partitions, so that a pack of hundreds of thousands of entries is never in memory at once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, TextClause, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows, vault_rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.paper_reads import OWNERS
from service.store.tables import BankNarrative, ClaimNote, Party, ResolutionPack
from service.store.unit import rollup_slots

PARTITION: Final = 2_000
_CUSTODIES: Final = bindparam("custodies", type_=ARRAY(Uuid))

ACCOUNTS: Final = text(
    """
    SELECT account.account_id, account.kind, account.owner_id, account.custody_account_id,
           account.reason, account.unit, head.balance_after AS balance
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
          AND entry.seq <= :seq ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE account.journal_id = :journal AND account.custody_account_id = ANY(:custodies)
    ORDER BY account.account_id
    """
).bindparams(_CUSTODIES)
"""Accounts that the position knows, with their balance there."""

ENTRIES: Final = text(
    """
    SELECT account.account_id, entry.seq, entry.amount, entry.balance_after
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = :journal AND entry.account_id = account.account_id
     AND entry.seq <= :seq
    WHERE account.journal_id = :journal AND account.custody_account_id = ANY(:custodies)
    ORDER BY account.account_id, entry.seq
    """
).bindparams(_CUSTODIES)

TRANSACTIONS: Final = text(
    """
    SELECT sealed.* FROM (
        SELECT DISTINCT entry.seq FROM escrow.account
        JOIN escrow.entry ON entry.journal_id = :journal AND entry.account_id = account.account_id
         AND entry.seq <= :seq
        WHERE account.journal_id = :journal AND account.custody_account_id = ANY(:custodies)
        ) AS moved
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = :journal AND sealed.seq = moved.seq
    ORDER BY sealed.seq
    """
).bindparams(_CUSTODIES)
"""Transactions that moved anything of the institution; none of them moved another's (I-24)."""

_OWN = "institution_id = :institution"
OWNED: Final = text(OWNERS.format(enrolment=_OWN, refund=_OWN, entitlement=_OWN, porting=_OWN))
"""Which enrolment an owner of accounts belongs to, over the whole institution."""

ROWS: Final[dict[str, str]] = {
    "institution": "SELECT * FROM escrow.institution WHERE {own}",
    "areas": "SELECT * FROM escrow.institution_area WHERE {own} ORDER BY valid_from",
    "agreements": "SELECT * FROM escrow.agreement WHERE {own} ORDER BY valid_from, agreement_id",
    "custody_accounts": (
        "SELECT * FROM escrow.custody_account WHERE {own} ORDER BY opened_on, custody_account_id"
    ),
    "statement_days": (
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY custody_account_id"
        " ORDER BY day DESC) AS age FROM escrow.statement_day WHERE {own}) AS days"
        " WHERE age <= 30 OR state = 'DIFFERENT' ORDER BY custody_account_id, day"
    ),
    "last_agreed": (
        "SELECT DISTINCT ON (custody_account_id) custody_account_id, day, closing_fen,"
        " ledger_closing_fen FROM escrow.statement_day WHERE {own} AND state = 'AGREED'"
        " ORDER BY custody_account_id, day DESC"
    ),
    "courses": "SELECT * FROM escrow.course WHERE {own} ORDER BY course_id",
    "enrolments": (
        "SELECT * FROM escrow.enrolment WHERE {own} ORDER BY contract_on, contract_number"
    ),
    "lessons": (
        "SELECT * FROM escrow.lesson WHERE {own} AND state IN ('RECORDED', 'DISPUTED')"
        " ORDER BY lesson_id"
    ),
    "orders": (
        "SELECT * FROM escrow.payment_order WHERE {own}"
        " AND state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN') ORDER BY order_id"
    ),
    "bank_entries": (
        "SELECT * FROM escrow.bank_entry WHERE {own} AND (suspense_fen > 0 OR outcome = 'KEPT')"
        " ORDER BY bank_entry_id"
    ),
    "claims": (
        "SELECT * FROM escrow.claim WHERE {own}"
        " AND state NOT IN ('PAID', 'WITHDRAWN', 'DISMISSED') ORDER BY claim_id"
    ),
    "refunds": (
        "SELECT * FROM escrow.refund WHERE {own}"
        " AND amount_fen > paid_fen + lodged_fen + taken_back_fen ORDER BY refund_id"
    ),
    "portings": (
        "SELECT * FROM escrow.porting WHERE {own} AND state IN ('CHOSEN', 'INSTRUCTED', 'SENT')"
        " ORDER BY porting_id"
    ),
    "restraints": (
        "SELECT * FROM escrow.restraint WHERE {own} AND to_seq IS NULL ORDER BY restraint_id"
    ),
    "interest": "SELECT * FROM escrow.interest_credit WHERE {own} ORDER BY interest_id",
    "wind_downs": "SELECT * FROM escrow.wind_down WHERE {own} ORDER BY wind_down_id",
    "entitlements": (
        "SELECT * FROM escrow.entitlement WHERE {own} ORDER BY wind_down_id, register_number"
    ),
    "objections": "SELECT * FROM escrow.objection WHERE {own} ORDER BY objection_id",
    "assets": "SELECT * FROM escrow.asset WHERE {own} ORDER BY asset_id",
    "plans": "SELECT * FROM escrow.distribution_plan WHERE {own} ORDER BY plan_id",
    "statement_requests": (
        "SELECT * FROM escrow.statement_request WHERE {own} ORDER BY request_id"
    ),
}
"""Rows of the institution by what they are, in a stable order; `{own}` narrows to it."""

_PARTIES: Final = text(
    """
    SELECT party.party_id, party.kind, party.name, party.phone, party.account_number,
           party.bank_name, party.sealed, party.wrapped_key
    FROM (
        SELECT guardian_id AS party_id FROM escrow.enrolment
        WHERE journal_id = :journal AND institution_id = :institution
        UNION SELECT student_id FROM escrow.enrolment
        WHERE journal_id = :journal AND institution_id = :institution
        UNION SELECT payee_party_id FROM escrow.payment_order
        WHERE journal_id = :journal AND institution_id = :institution
        UNION SELECT payee_party_id FROM escrow.refund
        WHERE journal_id = :journal AND institution_id = :institution
        UNION SELECT settlement_party_id FROM escrow.institution
        WHERE journal_id = :journal AND institution_id = :institution) AS named
    JOIN pii.party ON party.journal_id = :journal AND party.party_id = named.party_id
    ORDER BY party.party_id
    """
)
_PAYERS: Final = text(
    """
    SELECT told.bank_entry_id, entry.enrolment_id, told.payer_name, told.payer_account,
           told.purpose, told.sealed, told.wrapped_key
    FROM escrow.bank_entry AS entry
    JOIN pii.bank_narrative AS told
      ON told.journal_id = :journal AND told.bank_entry_id = entry.bank_entry_id
    WHERE entry.journal_id = :journal AND entry.custody_account_id = ANY(:custodies)
    ORDER BY told.bank_entry_id
    """
).bindparams(_CUSTODIES)
_NOTES: Final = text(
    """
    SELECT note_id, subject_id, guardian_id, party, text, written_at, sealed, wrapped_key
    FROM pii.claim_note
    WHERE journal_id = :journal AND institution_id = :institution ORDER BY note_id
    """
)

_DUE: Final = text(
    """
    SELECT institution.institution_id, last.position_seq, last.made_on,
           EXISTS (SELECT 1 FROM escrow.wind_down AS frozen
                   WHERE frozen.journal_id = :journal AND frozen.state NOT IN ('CLOSED', 'LIFTED')
                     AND frozen.institution_id = institution.institution_id
                     AND frozen.frozen_seq > coalesce(last.position_seq, 0)) AS frozen
    FROM escrow.institution
    LEFT JOIN LATERAL (
        SELECT position_seq, made_on FROM escrow.resolution_pack AS pack
        WHERE pack.journal_id = :journal AND pack.institution_id = institution.institution_id
        ORDER BY pack_id DESC LIMIT 1) AS last ON true
    WHERE institution.journal_id = :journal
    ORDER BY institution.institution_id
    """
)
_CHANGED: Final = text(
    """
    SELECT given.unit_id FROM unnest(:units, :seqs) AS given(unit_id, seq)
    WHERE EXISTS (
        SELECT 1 FROM unnest(:kinds, :reasons) AS slot(kind, reason)
        CROSS JOIN LATERAL (
            SELECT seq FROM escrow.rollup
            WHERE journal_id = :journal AND unit_type = 'INSTITUTION'
              AND rollup.unit_id = given.unit_id AND rollup.kind = slot.kind
              AND rollup.reason = slot.reason
            ORDER BY seq DESC LIMIT 1) AS last
        WHERE last.seq > given.seq)
    """
).bindparams(
    bindparam("units", type_=ARRAY(Text)),
    bindparam("seqs", type_=ARRAY(BigInteger)),
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("reasons", type_=ARRAY(Text)),
)
_SLICE: Final = text(
    "SELECT substring(content FROM :start FOR :size) FROM escrow.resolution_pack"
    " WHERE journal_id = :journal AND pack_id = :pack"
)


async def partitions(
    connection: AsyncConnection,
    statement: TextClause,
    values: Mapping[str, Any],
) -> AsyncIterator[list[Mapping[str, Any]]]:
    """Stream the rows of a statement in partitions, through a cursor of the server."""
    result = await connection.stream(statement, values)
    async for part in result.mappings().partitions(PARTITION):
        yield [dict(row) for row in part]


async def rows_of(
    connection: AsyncConnection, journal: int, institution: UUID, what: str
) -> list[Mapping[str, Any]]:
    """Return the institution's rows of one kind, named as in `ROWS`."""
    own = "journal_id = :journal AND institution_id = :institution"
    statement = text(ROWS[what].format(own=own))
    found = await connection.execute(statement, {"journal": journal, "institution": institution})
    return [dict(row) for row in found.mappings()]


async def identities(
    connection: AsyncConnection, journal: int, institution: UUID, custodies: Sequence[UUID]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return who stands behind the opaque ids: parties, payers as banks named them, notes."""
    values = {"journal": journal, "institution": institution}
    named = {
        "parties": (Party, _PARTIES, values),
        "payers": (BankNarrative, _PAYERS, {"journal": journal, "custodies": list(custodies)}),
        "notes": (ClaimNote, _NOTES, values),
    }
    told: dict[str, list[Mapping[str, Any]]] = {}
    for what, (table, statement, given) in named.items():
        found = await connection.execute(statement, given)
        sealed = [dict(row) for row in found.mappings()]
        told[what] = list(vault_rows.opened(connection, table, sealed))
    return told


async def standing(connection: AsyncConnection, journal: int) -> list[Record]:
    """Return every institution with its last pack, and whether it was frozen since."""
    found = await connection.execute(_DUE, {"journal": journal})
    return [Record(row) for row in found.mappings()]


async def changed(
    connection: AsyncConnection, journal: int, since: Mapping[UUID, int]
) -> frozenset[UUID]:
    """Return the institutions of which anything moved after their position in `since`."""
    kinds, reasons = rollup_slots()
    found = await connection.execute(
        _CHANGED,
        {
            "journal": journal,
            "units": [str(institution) for institution in since],
            "seqs": list(since.values()),
            "kinds": kinds,
            "reasons": reasons,
        },
    )
    return frozenset(UUID(row.unit_id) for row in found)


async def packs(  # noqa: PLR0913 - a page of a list, or one
    connection: AsyncConnection,
    caller: Context,
    journal: int,
    *,
    institution: UUID | None = None,
    pack: UUID | None = None,
    after: tuple[int, UUID] | None = None,
    limit: int = 1,
) -> Sequence[Record]:
    """Return packs in the caller's scope without their content, oldest first."""
    source = rows.table_of(ResolutionPack)
    shown = [column for column in source.c if column.key != "content"]
    statement = select(*shown).where(source.c.journal_id == journal)
    if institution is not None:
        statement = statement.where(source.c.institution_id == institution)
    if pack is not None:
        statement = statement.where(source.c.pack_id == pack)
    narrowed = in_departments(statement, ResolutionPack, caller)
    found = await rows.fetch(connection, rows_after(narrowed, ResolutionPack, after, limit))
    return [Record(row) for row in found]


async def content(
    connection: AsyncConnection, journal: int, pack: UUID, *, start: int, size: int
) -> bytes:
    """Return a slice of a pack's content; `start` counts from 0."""
    values = {"journal": journal, "pack": pack, "start": start + 1, "size": size}
    found: bytes = await connection.scalar(_SLICE, values)
    return found
