"""Files that were broken off are finished by the worker, from the signed message they came in.

A bank that got no answer sends its file again, and that finishes it at once; what nobody sends
again must not stay half posted. The body is read as it was signed, and its digest compared.
"""

import asyncio
import zlib
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final, cast

import structlog
from sqlalchemy import select

from ledger.refusals import Unavailable
from service.statements import importing
from service.store import ids, rows
from service.store import statement_file_reads as reads
from service.store.context import Context
from service.store.driver import is_lost
from service.store.facts import Record
from service.store.spooled import Spooled
from service.store.tables import SignedBody
from service.store.transact import Store

ACTOR: Final = "service.statement_files"
AFTER: Final = timedelta(minutes=20)
"""How long an upload may take before the worker looks after it: longer than any answer may."""
_PIECE: Final = 256 * 1024

log = structlog.get_logger("service.statements")


async def finish_files(store: Store, journal: int, after: timedelta = AFTER) -> int:
    """Post what is left of files whose upload ended long ago; return how many were finished.

    A file that cannot be finished is told in the log and keeps up none of the others.
    """
    context = Context((journal,))
    async with store.reading(context) as connection:
        since = datetime.now(UTC) - after
        left = await reads.broken_off(connection, journal, since)
    done = 0
    for one in left:
        try:
            done += await _finish(store, context, one)
        except Unavailable:
            raise
        except Exception as error:
            if is_lost(error):
                raise
            log.error(  # noqa: TRY400 - a trace might show what is in the file
                "statement_file.not_finished",
                file=ids.public(reads.PREFIX, journal, one.statement_file_id),
                error=type(error).__name__,
            )
    return done


async def _finish(store: Store, context: Context, one: Record) -> bool:
    """Post what is left of a file; tell whether its body was still there to be read."""
    body = await _body_of(store, context, one)
    if body is None:
        return False
    try:
        source = cast("BinaryIO", body.file)
        posting = importing.Posting(one.journal_id, one.statement_file_id, ACTOR, source)
        await importing.post(store, posting)
    finally:
        body.close()
    return True


async def _body_of(store: Store, context: Context, one: Record) -> Spooled | None:
    """Unpack the file as it was signed; None where its body was destroyed or is another."""
    source = rows.table_of(SignedBody)
    statement = select(source).where(
        source.c.journal_id == one.journal_id, source.c.message_id == one.message_id
    )
    async with store.reading(context) as connection:
        found = await rows.fetch_opened(connection, SignedBody, statement)
    if not found or found[0]["body"] is None:
        return None
    body = await asyncio.to_thread(_unpacked, found[0]["body"])
    if body.sha256 == one.content_sha256:
        return body
    body.close()
    log.error(
        "statement_file.another_body",
        file=ids.public(reads.PREFIX, one.journal_id, one.statement_file_id),
    )
    return None


def _unpacked(kept: str) -> Spooled:
    body, packed = Spooled(), zlib.decompressobj()
    whole = memoryview(b64decode(kept))
    for at in range(0, len(whole), _PIECE):
        rest: bytes | memoryview = whole[at : at + _PIECE]
        while rest:
            body.add(packed.decompress(rest, _PIECE))
            rest = packed.unconsumed_tail
    body.add(packed.flush())
    return body
