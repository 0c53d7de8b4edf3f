"""What is known that may say whose a receipt in suspense is: open contracts, names, earlier payers.

Names are compared by their blind indexes, so nobody's name is opened for it; of earlier receipts
the payers' accounts are.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows, vault_rows
from service.store.facts import Record
from service.store.tables import BankNarrative
from service.store.vault import Vault, normalised
from service.store.vault_rows import vault_of

CANDIDATES_MAX: Final = 500
EARLIER_MAX: Final = 1_000
ALIKE_DAYS: Final = 2
_HAN: Final = re.compile(r"[\u3400-\u9fff·]{2,}")
_NAME_LENGTHS: Final = (2, 3, 4)
_READ_OF_PURPOSE: Final = 120
"""Characters of a purpose in which names are looked for."""

_OPEN: Final = text(
    """
    SELECT enrolment.enrolment_id, enrolment.payment_code, enrolment.guardian_id,
           enrolment.price_fen - enrolment.received_fen AS due_fen,
           coalesce(guardian.name_index = ANY(:payer), false) AS is_payer,
           coalesce(guardian.name_index = ANY(:named), false)
             OR coalesce(student.name_index = ANY(:named), false) AS is_named
    FROM escrow.enrolment
    LEFT JOIN pii.party AS guardian
      ON guardian.journal_id = :journal AND guardian.party_id = enrolment.guardian_id
    LEFT JOIN pii.party AS student
      ON student.journal_id = :journal AND student.party_id = enrolment.student_id
    WHERE enrolment.journal_id = :journal AND enrolment.custody_account_id = :custody
      AND enrolment.state IN ('AWAITING_PAYMENT', 'ACTIVE')
      AND enrolment.received_fen < enrolment.price_fen
    ORDER BY (enrolment.price_fen - enrolment.received_fen = :fen) DESC, 5 DESC, 6 DESC,
             enrolment.charged_on DESC, enrolment.enrolment_id
    LIMIT :most
    """
).bindparams(
    bindparam("payer", type_=ARRAY(LargeBinary)), bindparam("named", type_=ARRAY(LargeBinary))
)

_EARLIER: Final = text(
    """
    SELECT enrolment.guardian_id, told.*
    FROM escrow.enrolment
    JOIN escrow.bank_entry AS entry
      ON entry.journal_id = :journal AND entry.enrolment_id = enrolment.enrolment_id
     AND entry.direction = 'CRDT'
    JOIN pii.bank_narrative AS told
      ON told.journal_id = :journal AND told.bank_entry_id = entry.bank_entry_id
     AND told.payer_named
    WHERE enrolment.journal_id = :journal AND enrolment.guardian_id = ANY(:guardians)
    ORDER BY entry.seq DESC LIMIT :most
    """
)

_ALIKE: Final = text(
    """
    SELECT entry.bank_entry_id, told.*
    FROM escrow.bank_entry AS entry
    JOIN pii.bank_narrative AS told
      ON told.journal_id = :journal AND told.bank_entry_id = entry.bank_entry_id
    WHERE entry.journal_id = :journal AND entry.custody_account_id = :custody
      AND entry.book_on BETWEEN :first AND :last AND entry.direction = 'CRDT'
      AND entry.amount_fen = :fen AND entry.bank_entry_id <> :entry
    ORDER BY entry.seq LIMIT 50
    """
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open contract in the receipt's custody account, and what speaks for it."""

    enrolment: UUID
    payment_code: str
    due_fen: int
    has_payers_name: bool
    is_named: bool
    has_payers_account: bool


@dataclass(frozen=True, slots=True)
class Known:
    """All that may say whose a receipt is; `purpose` as it is looked through for codes."""

    candidates: Sequence[Candidate]
    purpose: str
    alike: Sequence[UUID]


async def known_of(connection: AsyncConnection, entry: Record) -> Known:
    """Read what may say whose a receipt in suspense is; in the caller's own scope."""
    journal, vault = entry.journal_id, vault_of(connection)
    [told] = await rows.fetch_opened(
        connection,
        BankNarrative,
        rows.keyed(BankNarrative, journal, [entry.bank_entry_id], "bank_entry_id"),
    ) or [{"payer_name": None, "payer_account": None, "purpose": None}]
    name, purpose = told["payer_name"], told["purpose"] or ""
    found = await connection.execute(
        _OPEN,
        {
            "journal": journal,
            "custody": entry.custody_account_id,
            "fen": entry.suspense_fen,
            "payer": [] if name is None else [vault.blind("name", name)],
            "named": _names_in(vault, purpose),
            "most": CANDIDATES_MAX,
        },
    )
    open_contracts = [Record(row) for row in found.mappings()]
    payer = _account(told["payer_account"])
    paying = await _paying(connection, journal, open_contracts, payer)
    candidates = [
        Candidate(
            row.enrolment_id,
            row.payment_code,
            row.due_fen,
            row.is_payer,
            row.is_named,
            row.guardian_id in paying,
        )
        for row in open_contracts
    ]
    return Known(candidates, purpose, await _alike(connection, entry, payer))


async def _paying(
    connection: AsyncConnection, journal: int, contracts: Sequence[Record], payer: str | None
) -> set[UUID]:
    """Return the guardians for whom this account paid before."""
    if payer is None or not contracts:
        return set()
    found = await connection.execute(
        _EARLIER,
        {
            "journal": journal,
            "guardians": list({row.guardian_id for row in contracts}),
            "most": EARLIER_MAX,
        },
    )
    earlier = [dict(row) for row in found.mappings()]
    opened = vault_rows.opened(connection, BankNarrative, earlier)
    return {row["guardian_id"] for row in opened if _account(row["payer_account"]) == payer}


async def _alike(connection: AsyncConnection, entry: Record, payer: str | None) -> list[UUID]:
    """Return other receipts of the same amount and payer, booked at most two days apart."""
    if payer is None:
        return []
    near = timedelta(days=ALIKE_DAYS)
    found = await connection.execute(
        _ALIKE,
        {
            "journal": entry.journal_id,
            "custody": entry.custody_account_id,
            "first": entry.book_on - near,
            "last": entry.book_on + near,
            "fen": entry.amount_fen,
            "entry": entry.bank_entry_id,
        },
    )
    opened = vault_rows.opened(connection, BankNarrative, [dict(row) for row in found.mappings()])
    return [row["bank_entry_id"] for row in opened if _account(row["payer_account"]) == payer]


def _names_in(vault: Vault, purpose: str) -> list[bytes]:
    """Return the blind indexes of all that may be a name in a purpose, whatever stands beside it.

    The name of a school, its former one too, is noise like any other.
    """
    plain = normalised("name", unicodedata.normalize("NFKC", purpose)[:_READ_OF_PURPOSE])
    pieces = {
        run[at : at + length]
        for run in _HAN.findall(plain)
        for length in _NAME_LENGTHS
        for at in range(len(run) - length + 1)
    }
    return [vault.blind("name", piece) for piece in sorted(pieces)]


def _account(account: str | None) -> str | None:
    return None if account is None else normalised("account", account)
