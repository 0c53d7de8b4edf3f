"""Banks' signed messages: each still verifies, and a bank said nothing that it did not sign."""

from datetime import timedelta
from typing import Final

from service.identity.algorithms import algorithms
from service.verify.queries import Check
from service.verify.report import Report
from service.verify.snapshot import Row, Snapshot

CODE: Final = "V-19"
_QUEUED: Final = timedelta(minutes=1)
"""How long a revocation may have waited for messages that came before it took effect."""

CHECKS: Final = (
    Check(
        CODE,
        """SELECT sealed.seq, sealed.kind, sealed.actor FROM escrow.journal_transaction AS sealed
        JOIN escrow.bank ON sealed.actor = 'bank:' || bank.code
        LEFT JOIN escrow.signed_message AS message
          ON message.journal_id = sealed.journal_id AND message.caller_id = sealed.actor
         AND message.key = sealed.idempotency_key
        WHERE sealed.journal_id = $1 AND sealed.idempotency_key IS NOT NULL
          AND message.key IS NULL ORDER BY 1""",
    ),
    Check(
        CODE,
        """SELECT message.seq, message.caller_id, message.key FROM escrow.signed_message AS message
        LEFT JOIN escrow.stored_answer AS answer USING (journal_id, caller_id, key)
        WHERE message.journal_id = $1 AND (answer.key IS NULL OR answer.seq <> message.seq)
        ORDER BY 1, 2, 3""",
    ),
)

_MESSAGES: Final = """
    SELECT message.seq, message.caller_id, message.key, message.bank_code, message.kid,
           message.base, message.signature, message.received_at, held.bank_code AS key_bank,
           held.algorithm, held.public, held.not_before, held.not_after, held.revoked_at
    FROM escrow.signed_message AS message LEFT JOIN escrow.bank_key AS held USING (kid)
    WHERE message.journal_id = $1 ORDER BY message.seq, message.caller_id, message.key"""


async def check(snapshot: Snapshot, journal: int, report: Report) -> None:
    """Verify each kept message's signature again, by a key that was its bank's at the time.

    A signature that nobody here can verify leaves the check undone, which is never clean.
    """
    try:
        async with snapshot.attempt():
            messages = await snapshot.stream(_MESSAGES, journal)
            while rows := await messages.chunk():
                for row in rows:
                    if fault := _fault(row, report):
                        example = {"key": row["key"], "kid": row["kid"], "fault": fault}
                        report.broken(CODE, journal, seq=row["seq"], **example)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], f"journal {journal}: {error!r}"[:300])


def _fault(row: Row, report: Report) -> str | None:
    """Tell what is wrong with a kept message, if anything is."""
    if row["key_bank"] is None or row["key_bank"] != row["bank_code"]:
        return "not the bank's key"
    if f'\n"idempotency-key": {row["key"]}\n' not in row["base"].decode("ascii"):
        return "another message's answer"
    revoked_at, received_at = row["revoked_at"], row["received_at"]
    in_time = row["not_before"] <= received_at <= row["not_after"]
    if not in_time or (revoked_at is not None and received_at > revoked_at + _QUEUED):
        return "not the key's time"
    known = algorithms().get(row["algorithm"])
    if known is None:
        report.not_done([CODE], f"{row['algorithm']} is not installed")
        return None
    right = known.verifies(row["public"], row["base"], row["signature"])
    return None if right else "wrong signature"
